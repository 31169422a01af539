from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from msnpauth import Secret
from msnpauth.store import machine
from msnpauth.store.machine import password_tag


def machine_guid() -> str:
    """Return what another process would be told."""
    machine._guid.cache_clear()
    return machine.machine_guid()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "deep" / "guid"
    monkeypatch.setenv("MSNPAUTH_MACHINE_GUID_FILE", str(path))
    return path


def test_it_stays_the_same(path: Path) -> None:
    first = machine_guid()
    assert str(uuid.UUID(first)) == first
    assert machine_guid() == first
    assert path.read_text("ascii").strip() == first
    assert path.stat().st_mode & 0o077 == 0


def test_where_nothing_can_be_written(path: Path) -> None:
    path.parent.write_text("a file, not a folder", "ascii")
    assert machine_guid() == machine.machine_guid()


@pytest.mark.parametrize("content", ["nonsense", "", "é", "f52973b6-c926-4bad-9ba8"])
def test_a_file_that_holds_something_else_is_replaced(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content, "utf-8")
    first = machine_guid()
    assert machine_guid() == first == path.read_text("ascii").strip()
    assert path.stat().st_mode & 0o077 == 0


def test_who_comes_second_takes_what_is_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process places its own between our look and our writing."""
    link, theirs = os.link, str(uuid.uuid4())

    def slow(source: str, target: str) -> None:
        Path(target).write_text(theirs, "ascii")
        link(source, target)

    monkeypatch.setattr(os, "link", slow)
    assert machine_guid() == theirs
    assert [file.name for file in path.parent.iterdir()] == ["guid"]


def test_a_disk_that_is_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    assert str(uuid.UUID(machine_guid()))
    monkeypatch.undo()
    assert list(path.parent.iterdir()) == []


def test_nobodys_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """No HOME and no entry in passwd: containers under any user id."""

    def nowhere(*_: object, **__: object) -> Any:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("MSNPAUTH_MACHINE_GUID_FILE")
    monkeypatch.delenv("MSNPAUTH_CACHE_KEY_FILE")
    monkeypatch.setattr("platformdirs.user_data_path", nowhere)
    first = machine_guid()
    assert machine.machine_guid() == first
    machine._cache_key.cache_clear()
    assert password_tag(Secret("a")) == password_tag(Secret("a")) != password_tag(Secret("b"))


def test_processes_that_start_together_agree(path: Path) -> None:
    code = "from msnpauth.store.machine import machine_guid; print(machine_guid())"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(5)
    ]
    assert len({process.communicate(timeout=25)[0] for process in running}) == 1


def test_a_password_has_a_tag_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tag is a hash under a key that lies apart; another key makes another tag."""
    tags = []
    for name in ("one", "two", "one"):
        monkeypatch.setenv("MSNPAUTH_CACHE_KEY_FILE", str(tmp_path / name))
        machine._cache_key.cache_clear()
        tags.append(password_tag(Secret("hunter2")))
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
        assert "hunter2" not in (tmp_path / name).read_text("ascii") + tags[-1]
    assert tags[0] == tags[2] != tags[1]


def test_in_the_usual_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MSNPAUTH_MACHINE_GUID_FILE")
    monkeypatch.setattr("platformdirs.user_data_path", lambda *a, **k: tmp_path)
    assert (tmp_path / "machine-guid").exists() is False
    assert machine_guid() == (tmp_path / "machine-guid").read_text("ascii").strip()


def test_it_is_read_once(path: Path) -> None:
    first = machine_guid()
    path.unlink()
    assert machine.machine_guid() == first
