"""`msnpauth services`: the networks that are known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command import invoke, run


def test_services() -> None:
    done = invoke("services")
    assert done.exit_code == 0
    assert re.search(r"^escargot +living +ds\.escargot\.nina\.chat:1863", done.stdout, re.MULTILINE)
    assert "no-services.toml" in done.stdout


def test_one_service() -> None:
    done = invoke("services", "microsoft")
    assert "hotmail. https://loginnet.passport.com/login2.srf" in done.stdout
    assert "evidence:" in done.stdout


def test_services_as_json() -> None:
    done = json.loads(invoke("services", "--json").stdout)
    assert {service["name"] for service in done} >= {"escargot", "crosstalk", "microsoft"}
    assert all(service["evidence"] for service in done)


def test_a_persons_own_networks_do_not_drive_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[home]\nhost = "h.example"\ntitle = "\\u001B]0;owned\\u0007Home"\n'
        'evidence = ["one\\nmicrosoft living", "\\u009B2J"]\n',
        "utf-8-sig",
    )
    monkeypatch.setenv("MSNPAUTH_SERVICES", str(own))
    done = run("services", "home")
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert [line.split()[0] for line in text.splitlines()] == ["home", "evidence:", "evidence:"]
    assert json.loads(run("services", "--json").stdout)[-1]["evidence"][1] == "\x9b2J"


def test_columns() -> None:
    lines = invoke("services").stdout.splitlines()[:4]
    assert len({line.index(" living " if " living " in line else " gone ") for line in lines}) == 1
