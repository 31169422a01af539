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
from msnpauth.service.data import DataFolder
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


def keys(folder: Path, word: str) -> Result:
    result = invoke("keys", word, "--data", str(folder))
    assert result.exit_code == 0, result.stderr
    return result


def ring(folder: Path) -> list[str]:
    return [key.key for key in DataFolder(folder).ring()]


def test_how_many_there_are_and_how_old(tmp_path: Path) -> None:
    lines = keys(tmp_path, "list").stdout.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(" UTC seals and opens")
    keys(tmp_path, "rotate")
    keys(tmp_path, "rotate")
    lines = keys(tmp_path, "list").stdout.splitlines()
    assert [line.partition(" UTC ")[2] for line in lines] == ["seals and opens", "opens", "opens"]


def test_a_new_key_seals_and_the_older_ones_open(tmp_path: Path) -> None:
    before = TicketOffice(ring(tmp_path)).issue("a@b")[0]
    told = keys(tmp_path, "rotate").stdout
    assert told == "New tickets are sealed by a new key; 1 older ones still open theirs.\n"
    after = TicketOffice(ring(tmp_path)).issue("a@b")[0]
    assert TicketVerifier(ring(tmp_path)).check_twn(before, "a@b")
    assert TicketVerifier(ring(tmp_path)[:1]).check_twn(after, "a@b")
    assert not TicketVerifier(ring(tmp_path)[1:]).check_twn(after, "a@b")


def test_no_key_is_told(tmp_path: Path) -> None:
    said = [keys(tmp_path, word) for word in ("list", "rotate", "list", "rotate", "list")]
    output = "".join(result.output for result in said) + (tmp_path / "audit.log").read_text()
    assert len(ring(tmp_path)) == 3
    for key in ring(tmp_path):
        assert key not in output
        assert key[:8] not in output


def test_it_is_in_the_audit(tmp_path: Path) -> None:
    keys(tmp_path, "rotate")
    (line,) = (tmp_path / "audit.log").read_text().splitlines()
    told = json.loads(line)
    assert (told["event"], told["keys"]) == ("ticket keys rotated", "2")


@pytest.mark.parametrize("word", ["list", "rotate"])
def test_a_ring_that_is_damaged(tmp_path: Path, word: str) -> None:
    keys(tmp_path, "list")
    (key,) = ring(tmp_path)
    content = f"2026-11-22T12:00:00+00:00 {key[:-2]}\n"
    (tmp_path / "ticket-keys").write_text(content)
    result = invoke("keys", word, "--data", str(tmp_path))
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "ticket-keys is damaged" in result.stderr
    assert key[:8] not in result.stderr
    assert (tmp_path / "ticket-keys").read_text() == content, "it may still be put right"


def test_without_a_folder() -> None:
    result = invoke("keys", "list")
    assert result.exit_code == 2
    assert "--data" in result.stderr


@pytest.mark.parametrize("words", [["keys", "list"], ["keys", "rotate"], ["account", "list"]])
def test_without_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr("msnpauth.service.embedded._LIBRARIES", ("no_such_library",))
    result = invoke(*words, "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "pip install 'msnpauth[service]'" in result.stderr
    assert list(tmp_path.iterdir()) == []
