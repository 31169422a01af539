from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from msnpauth import machine


def machine_guid() -> str:
    """Return what another process would be told."""
    machine._guid_at.cache_clear()
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
    assert machine_guid() == machine_guid()


def test_a_file_that_holds_something_else(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("nonsense", "ascii")
    assert machine_guid() == machine_guid()
    assert path.read_text("ascii") == "nonsense"


def test_in_the_usual_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MSNPAUTH_MACHINE_GUID_FILE")
    monkeypatch.setattr("platformdirs.user_data_path", lambda *a, **k: tmp_path)
    assert (tmp_path / "machine-guid").exists() is False
    assert machine_guid() == (tmp_path / "machine-guid").read_text("ascii").strip()


def test_it_is_read_once(path: Path) -> None:
    first = machine_guid()
    path.unlink()
    assert machine.machine_guid() == first
