"""The PHP classes, run by php against the embedded service: `python -m pytest contrib/php`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import msnpauth
from msnpauth.service import Service, run

HERE = Path(__file__).parent
ALICE, BOB, PASSWORD = "alice@example.com", "bob@example.com", "p'a\"s $s\\ü"
CHALLENGE = "lc=1033,id=507,tw=40,ct=1"


@pytest.fixture
def network() -> Iterator[Service]:
    with run({ALICE: PASSWORD, BOB: PASSWORD}, chat_limit=None) as running:
        yield running


def php(network: Service, code: str, **variables: str) -> object:
    """Run PHP code; return what it prints as JSON."""
    servers = network.servers
    where = [
        *("--notification", str(servers.notification), "--nexus", str(servers.nexus)),
        *("--rst", str(servers.rst), "--contacts", str(servers.contacts)),
        *("--ca-file", str(network.ca_file)),
    ]
    program = f"""
        error_reporting(E_ALL);
        set_error_handler(function ($n, $text) {{ fwrite(STDERR, $text); exit(9); }});
        require {json.dumps(str(HERE / "msnpauth.php"))};
        MSNPAuthCommand::$command = {json.dumps(str(Path(sys.executable).with_name("msnpauth")))};
        MSNPAuthCommand::$network = json_decode(getenv('NETWORK'));
        list($me, $password, $friend, $challenge) = json_decode(getenv('WORDS'));
        {code}
    """
    words = [ALICE, PASSWORD, BOB, CHALLENGE]
    given = {"NETWORK": json.dumps(where), "WORDS": json.dumps(words), **variables}
    done = subprocess.run(
        ["php", "-r", program],
        capture_output=True,
        env={**os.environ, **given},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return json.loads(done.stdout)


def test_the_old_three_lines(network: Service) -> None:
    key = php(
        network,
        """
        $auth = new MSNPAuth($me, $password, $challenge);
        $key = $auth->getKey();
        echo json_encode(array($key, $auth->result, $auth->error));
        """,
    )
    assert isinstance(key, list)
    assert key[0].startswith("t=")
    assert key[1:] == ["OK", ""]


def test_a_refusal_is_false(network: Service) -> None:
    found = php(
        network,
        """
        $auth = new MSNPAuth($me, 'wrong', $challenge);
        echo json_encode(array($auth->getKey(), $auth->error));
        """,
    )
    assert found == [False, "the login server refused the passport or the password"]


def test_a_message(network: Service) -> None:
    with msnpauth.sign_in(BOB, PASSWORD, network.servers, ca_file=network.ca_file) as bob:
        bob.go_online()
        code = """
            $sendMsg = new sendMsg();
            $sent = $sendMsg->simpleSend($me, $password, $friend, "--it's \\"ü\\"\\nyes");
            echo json_encode(array($sent, $sendMsg->result, $sendMsg->error));
        """
        assert php(network, code) == [True, "OK", ""]
        for event in bob.events():
            if isinstance(event, msnpauth.MessageReceived):
                assert event.text == '--it\'s "ü"\nyes'
                break


def test_nobody_is_there(network: Service) -> None:
    code = """
        $sendMsg = new sendMsg();
        $sent = $sendMsg->simpleSend($me, $password, array($friend, $me), 'hello');
        echo json_encode(array($sent, $sendMsg->result, $sendMsg->error));
    """
    assert php(network, code) == [False, 217, "bob@example.com: the person is not there"]


def test_without_the_command(network: Service) -> None:
    code = """
        MSNPAuthCommand::$command = '/no/such/msnpauth';
        $auth = new MSNPAuth($me, $password, $challenge);
        echo json_encode(array($auth->getKey(), $auth->result));
    """
    assert php(network, code) == [False, "status 127"]


def test_the_password_is_in_no_argument(network: Service, tmp_path: Path) -> None:
    spy = tmp_path / "msnpauth"
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\ncat > /dev/null\n')
    spy.chmod(0o755)
    code = """
        MSNPAuthCommand::$command = getenv('SPY');
        $sendMsg = new sendMsg();
        echo json_encode($sendMsg->simpleSend($me, $password, $friend, 'hello'));
    """
    assert php(network, code, SPY=str(spy)) is False
    arguments = (tmp_path / "arguments").read_text("utf-8")
    assert "hello" in arguments
    assert PASSWORD not in arguments
