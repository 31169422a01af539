"""`msnpauth services`: the networks that are known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command import invoke, run
from conftest import Authority
from msnpauth.service import Service
from wire import Server, answers, http


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


# --- whether they answer, and newer addresses ----------------------------------------------------


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "services.toml"
    monkeypatch.setenv("MSNPAUTH_SERVICES", str(path))
    return path


def test_check(own: Path, service: Service) -> None:
    with Server(lambda peer: None) as gone:
        pass
    own.write_text(
        f'[home]\nnotification = "{service.servers.notification}"\n'
        f'nexus = "{service.servers.nexus}"\n'
        f'[down]\nnotification = "{gone.address}"\n'
    )
    done = invoke(
        "services", "home", "down", "microsoft", "--check", "--ca-file", str(service.ca_file)
    )
    assert done.exit_code == 3, "one of them is down"
    assert done.stdout.splitlines() == [
        "home             notification, nexus, login answer (MSNP21)",
        "down             nothing answers",
        f"                 connection to {gone.address}: connection refused",
        "microsoft        not asked: Switched off in 2013; Passport 1.4 from April 2006 on, account"
        " by account.",
    ]
    lines = invoke(
        "services", "home", "microsoft", "--check", "--json", "--ca-file", str(service.ca_file)
    )
    assert lines.exit_code == 0
    first, second = json.loads(lines.stdout)
    assert first["answers"] == ["notification", "nexus", "login"]
    assert (first["version"], first["problems"]) == ("MSNP21", [])
    assert second["state"] == "gone"


PUBLISHED = '[Home]\ntitle = "New"\nnotification = "new.example"\n[escargot]\nhost = "e.example"\n'


def publish(authority: Authority, text: str = PUBLISHED) -> Server:
    return Server(answers(http(200, body=text.encode())), authority.server_tls)


def test_update_shows_and_keeps(own: Path, authority: Authority) -> None:
    own.write_text('[home]\nnotification = "old.example"\n')
    with publish(authority) as server:
        done = invoke(
            "services", "--update", server.url, "--yes", "--ca-file", str(authority.ca_file)
        )
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "home (changed) New"
    assert "  - notification:   old.example" in lines
    assert "  + notification:   new.example" in lines
    assert "escargot (changed) " in done.stdout
    assert lines[-1] == f"Kept in {own.with_name('published.toml')}."
    assert "e.example" in invoke("services", "escargot").stdout
    assert "old.example" in invoke("services", "home").stdout, "a person's own file comes last"
    with publish(authority) as server:
        own.unlink()
        again = invoke("services", "--update", server.url, "--ca-file", str(authority.ca_file))
    assert again.stdout == f"{server.url}/ has nothing that is not known.\n"


def test_nobody_agreed(own: Path, authority: Authority) -> None:
    with publish(authority) as server:
        done = invoke("services", "--update", server.url, "--ca-file", str(authority.ca_file))
    assert done.exit_code == 2
    assert "add --yes" in done.stderr
    assert not own.with_name("published.toml").exists()


@pytest.mark.parametrize(("said", "kept"), [("y", True), ("n", False)])
def test_the_person_is_asked(
    own: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, said: str, kept: bool
) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    with publish(authority) as server:
        done = invoke(
            "services",
            "--update",
            server.url,
            "--ca-file",
            str(authority.ca_file),
            stdin=f"{said}\n",
        )
    assert done.exit_code == 0, done.stderr
    assert own.with_name("published.toml").exists() is kept
    assert ("Nothing was kept." in done.stderr) is not kept


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--yes"], "--yes has no effect"),
        (["--ca-file", __file__], "--ca-file has no effect"),
        (["--update", "h.example", "--check"], "--update stands alone"),
        (["--update", "h.example", "--json"], "--json has no effect with --update"),
        (["escargot", "--update", "h.example"], "--update stands alone"),
        (["--update", "http://h.example/x"], "not https"),
        (["--update", "no host"], "not where a file can be fetched"),
    ],
)
def test_wrong_usage(arguments: list[str], says: str) -> None:
    done = invoke("services", *arguments)
    assert done.exit_code == 2
    assert says in (done.stdout if "--json" in arguments else done.stderr)


def test_a_damaged_file_of_fetched_networks_stops_nothing(own: Path) -> None:
    own.with_name("published.toml").write_text("[escargot\n")
    done = invoke("services", "escargot")
    assert done.exit_code == 0
    assert "published.toml is not TOML" in done.stderr
    assert "passed over" in done.stderr
