"""`msnpauth send`, `contacts` and `listen`, against the embedded service."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Iterator

import pytest
from click.testing import Result

import msnpauth
from command import invoke, running
from msnpauth.service import Account, Service, run

ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture(scope="module")
def network() -> Iterator[Service]:
    accounts = [
        Account(ALICE, "a", display_name="Alice", contacts={"Fri ends": (BOB,)}),
        Account(BOB, "b", display_name='=B"ob', contacts=(ALICE,)),
        Account("nobody@example.com", "n"),
    ]
    with run(accounts, chat_limit=None) as running_service:
        yield running_service


def where(network: Service) -> list[str]:
    servers = network.servers
    return [
        "--notification",
        str(servers.notification),
        "--rst",
        str(servers.rst),
        "--contacts",
        str(servers.contacts),
        "--ca-file",
        str(network.ca_file),
    ]


def asked(network: Service, command: str, *arguments: str, stdin: str = "") -> Result:
    return invoke(command, *arguments, *where(network), password="a", stdin=stdin)


@pytest.fixture
def bob(network: Service) -> Iterator[msnpauth.Session]:
    with msnpauth.sign_in(BOB, "b", network.servers, ca_file=network.ca_file) as session:
        session.go_online("on the phone", personal_message="later")
        yield session


def heard(session: msnpauth.Session) -> str:
    for event in session.events():
        if isinstance(event, msnpauth.MessageReceived):
            return event.text
    raise AssertionError("the session ended")


@pytest.mark.parametrize(
    ("arguments", "stdin", "text"),
    [
        (["hello there"], "", "hello there"),
        ([], "two\nlines\n", "two\nlines"),
        (["hello", "--json"], "", "hello"),
        (["hello", "--dialect", "9"], "", "hello"),
    ],
)
def test_send(
    network: Service, bob: msnpauth.Session, arguments: list[str], stdin: str, text: str
) -> None:
    more = ["--nexus", str(network.servers.nexus)] if "9" in arguments else []
    done = asked(network, "send", ALICE, BOB, *arguments, *more, stdin=stdin)
    assert (done.exit_code, done.stderr) == (0, "")
    if "--json" in arguments:
        assert json.loads(done.stdout) == {"sent": True, "to": [BOB]}
    else:
        assert done.stdout == f"Sent to {BOB}.\n"
    assert heard(bob) == text


def test_send_to_nobody(network: Service, bob: msnpauth.Session) -> None:
    done = asked(network, "send", ALICE, BOB, "hello", "--and", "nobody@example.com")
    assert done.exit_code == 3
    assert "nobody@example.com: the person is not there (217)" in done.stderr
    assert network.said(ALICE)[-1:] != ["hello to both"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        ([], "", "there is no text to send"),
        ([""], "", "there is no text to send"),
        (["--password-stdin"], "a", "standard input cannot be the password and the text"),
    ],
)
def test_send_nothing(network: Service, arguments: list[str], stdin: str, complaint: str) -> None:
    done = asked(network, "send", ALICE, BOB, *arguments, stdin=stdin)
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_contacts(network: Service, bob: msnpauth.Session) -> None:
    table = asked(network, "contacts", ALICE)
    assert table.stdout.splitlines() == [
        "passport         name   status        groups    lists",
        'bob@example.com  =B"ob  on the phone  Fri ends  allow, forward, reverse',
    ]
    assert json.loads(asked(network, "contacts", ALICE, "--json").stdout) == {
        "passport": BOB,
        "name": '=B"ob',
        "status": "on the phone",
        "groups": ["Fri ends"],
        "lists": ["allow", "forward", "reverse"],
        "personal_message": "later",
    }
    rows = list(csv.reader(asked(network, "contacts", ALICE, "--csv").stdout.splitlines()))
    assert rows == [
        ["passport", "name", "status", "groups", "lists"],
        [BOB, "'=B\"ob", "on the phone", "Fri ends", "allow, forward, reverse"],
    ]
    assert asked(network, "contacts", ALICE, "--csv", "--json").exit_code == 2


def test_contacts_of_nobody(network: Service) -> None:
    done = invoke("contacts", "nobody@example.com", *where(network), password="n")
    assert (done.exit_code, done.stdout) == (0, "The contact list is empty.\n")


@pytest.mark.parametrize("as_json", [False, True])
def test_listen(network: Service, bob: msnpauth.Session, as_json: bool) -> None:
    options = ["--json"] if as_json else []
    with running("listen", ALICE, *where(network), *options, MSNPAUTH_PASSWORD="a") as process:
        assert process.stdout is not None
        first = process.stdout.readline().decode()
        changed = process.stdout.readline().decode()
        chat = bob.open_chat(ALICE)
        chat.typing()
        chat.send("hello\nAlice \x1b[31m")
        chat.leave()
        lines = [changed, *(process.stdout.readline().decode() for _ in range(4))]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(10) == 130
    if as_json:
        events = [json.loads(line) for line in lines]
        assert json.loads(first)["event"] == "ContactOnline"
        assert [event["event"] for event in events] == [
            "ContactChanged",
            "ChatOpened",
            "Typing",
            "MessageReceived",
            "LeftChat",
        ]
        assert events[0]["contact"]["status"] == "on the phone"
        assert events[0]["before"]["personal_message"] == ""
        assert events[1]["members"] == [BOB]
        assert (events[3]["sender"], events[3]["text"]) == (BOB, "hello\nAlice \x1b[31m")
    else:
        assert first == f'{BOB} (=B"ob) is on the phone\n'
        assert lines == [
            f'{BOB} (=B"ob) is on the phone – later\n',
            f"a chat with {BOB}\n",
            f"{BOB} is typing\n",
            f"{BOB}: hello Alice  [31m\n",
            f"{BOB} has left the chat\n",
        ]
    assert rest == b""


def test_listen_until_the_end(network: Service, bob: msnpauth.Session) -> None:
    with running("listen", ALICE, *where(network), MSNPAUTH_PASSWORD="a") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(BOB.encode())  # it is online
        network.put_out(ALICE, "SSD")
        told = process.stderr.read().decode()
        assert process.wait(10) == 0
    assert told.endswith("The session is over: the server is going down\n")
