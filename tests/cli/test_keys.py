"""`msnpauth keys`: the ring that seals tickets, and never what is in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from command import invoke
from msnpauth.service import TicketVerifier
from msnpauth.service.data_folder import DataFolder
from msnpauth.service.tickets import TicketOffice


@pytest.fixture(autouse=True)
def _no_audit_is_left_behind() -> Iterator[None]:
    """A command ends with its process; here several run in one."""
    logger = logging.getLogger("msnpauth.audit")
    before = logger.handlers[:]
    yield
    for handler in set(logger.handlers) - set(before):
        logger.removeHandler(handler)
        handler.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a service that has begun once."""
    path = tmp_path / "data"
    DataFolder(path).keys.make_missing()
    return path


def keys(folder: Path, word: str, *further: str) -> Result:
    result = invoke("keys", word, "--data", str(folder), *further)
    assert result.exit_code == 0, result.stderr
    return result


def ring(folder: Path) -> list[str]:
    return [key.key.reveal() for key in DataFolder(folder).keys.ring()]


def test_how_many_there_are_and_how_old(folder: Path) -> None:
    lines = keys(folder, "list").stdout.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(" UTC seals and opens")
    keys(folder, "rotate")
    keys(folder, "rotate")
    lines = keys(folder, "list").stdout.splitlines()
    assert [line.partition(" UTC ")[2] for line in lines] == ["seals and opens", "opens", "opens"]


def test_a_new_key_seals_and_the_older_ones_open(folder: Path) -> None:
    before = TicketOffice(ring(folder)).issue("a@b")[0]
    told = keys(folder, "rotate").stdout
    assert told.splitlines() == [
        "New tickets are sealed by a new key.",
        "Older keys that still open tickets: 1.",
    ]
    after = TicketOffice(ring(folder)).issue("a@b")[0]
    assert TicketVerifier(ring(folder)).check_twn(before, "a@b")
    assert TicketVerifier(ring(folder)[:1]).check_twn(after, "a@b")
    assert not TicketVerifier(ring(folder)[1:]).check_twn(after, "a@b")


def test_no_key_is_told(folder: Path) -> None:
    said = [keys(folder, word) for word in ("list", "rotate", "list", "rotate", "list")]
    output = "".join(result.output for result in said) + (folder / "audit.log").read_text()
    assert len(ring(folder)) == 3
    for key in ring(folder):
        assert key not in output
        assert key[:8] not in output


def test_it_is_in_the_audit(folder: Path) -> None:
    keys(folder, "rotate")
    (line,) = (folder / "audit.log").read_text().splitlines()
    told = json.loads(line)
    assert (told["event"], told["keys"]) == ("ticket keys rotated", "2")


@pytest.mark.parametrize("word", ["list", "rotate"])
def test_a_ring_that_is_damaged(folder: Path, word: str) -> None:
    keys(folder, "list")
    (key,) = ring(folder)
    content = f"2026-11-22T12:00:00+00:00 {key[:-2]}\n"
    (folder / "ticket-keys").write_text(content)
    result = invoke("keys", word, "--data", str(folder))
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "ticket-keys is damaged" in result.stderr
    assert key[:8] not in result.stderr
    assert (folder / "ticket-keys").read_text() == content, "it may still be put right"


def test_stolen_keys_are_replaced(folder: Path) -> None:
    before = TicketOffice(ring(folder)).issue("a@b")[0]
    told = keys(folder, "replace", "--yes").stdout
    assert told == "There is one new key. Tickets of before are not taken any more.\n"
    assert len(ring(folder)) == 1
    assert not TicketVerifier(ring(folder)).check_twn(before, "a@b")
    assert '"ticket keys replaced"' in (folder / "audit.log").read_text()


def test_who_is_not_sure_keeps_the_keys(folder: Path) -> None:
    before = ring(folder)
    assert invoke("keys", "replace", "--data", str(folder), stdin="n\n").exit_code != 0
    assert ring(folder) == before


@pytest.mark.parametrize("word", ["list", "rotate"])
def test_no_service_has_begun_there(tmp_path: Path, word: str) -> None:
    result = invoke("keys", word, "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "ticket-keys is not there" in result.stderr
    assert not (tmp_path / "ticket-keys").exists()


def test_without_a_folder() -> None:
    result = invoke("keys", "list")
    assert result.exit_code == 2
    assert "--data" in result.stderr


@pytest.mark.parametrize("words", [["keys", "list"], ["keys", "rotate"], ["account", "list"]])
def test_without_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr("msnpauth.service.extras.find_spec", lambda _name: None)
    result = invoke(*words, "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "pip install 'msnpauth[service]'" in result.stderr
    assert list(tmp_path.iterdir()) == []
