from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest

from msnpauth import FileTicketCache, LocalProtocolError, PlainCacheWarning

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Kept(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring has no types there
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.passwords[service, username]


class Locked(Kept):
    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked


@pytest.fixture
def ring() -> Iterator[Kept]:
    before = keyring.get_keyring()
    made = Kept()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own" / "tickets"


def test_kept_over_processes(path: Path, ring: Kept) -> None:
    cache = FileTicketCache(path)
    assert cache.get("a") is None
    cache.put("a", "secret")
    cache.put("b", "other")
    assert FileTicketCache(path).get("a") == "secret"
    cache.forget("a")
    cache.forget("a")
    assert FileTicketCache(path).get("a") is None
    assert FileTicketCache(path).get("b") == "other"
    assert repr(cache) == f"<FileTicketCache {str(path)!r}, sealed>"


def test_private_and_sealed(path: Path, ring: Kept) -> None:
    FileTicketCache(path).put("passport", "secret")
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"secret" not in path.read_bytes()
    assert b"passport" not in path.read_bytes()
    assert sorted(file.name for file in path.parent.iterdir()) == ["tickets", "tickets.lock"]


def test_another_key_opens_nothing(path: Path, ring: Kept) -> None:
    FileTicketCache(path).put("a", "secret")
    ring.passwords.clear()
    again = FileTicketCache(path)
    assert again.get("a") is None
    again.put("b", "x")
    assert again.get("b") == "x"


@pytest.mark.parametrize("without", ["no extra", "locked", "nonsense"])
def test_plain_with_a_loud_word(
    path: Path, ring: Kept, monkeypatch: pytest.MonkeyPatch, without: str
) -> None:
    if without == "no extra":
        monkeypatch.setitem(sys.modules, "keyring", None)
    elif without == "locked":
        keyring.set_keyring(Locked())
    else:
        ring.passwords["msnpauth", str(path.resolve())] = "nonsense"
    with pytest.warns(PlainCacheWarning, match="pip install 'msnpauth") as caught:
        cache = FileTicketCache(path)
    assert caught[0].filename == __file__
    cache.put("a", "secret")
    assert cache.get("a") == "secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "plain" in repr(cache)


def test_what_has_ended_is_gone(path: Path, ring: Kept) -> None:
    now = NOW
    cache = FileTicketCache(path, now=lambda: now)
    cache.put("a", "x", NOW + timedelta(seconds=5))
    assert cache.get("a") == "x"
    now = NOW + timedelta(seconds=5)
    assert cache.get("a") is None
    size = path.stat().st_size
    cache.put("b", "x")
    assert path.stat().st_size <= size


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"[]", b'{"a": 1}', b'{"a": ["x", "never"]}', b"\xff"]
)
def test_a_file_that_holds_something_else(
    path: Path, ring: Kept, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cache = FileTicketCache(path)
    path.write_bytes(content)
    assert cache.get("a") is None
    cache.put("a", "x")
    assert cache.get("a") == "x"


def test_no_folder(tmp_path: Path, ring: Kept) -> None:
    (tmp_path / "file").write_text("x", "ascii")
    with pytest.raises(LocalProtocolError, match="no folder"):
        FileTicketCache(tmp_path / "file" / "tickets")


def test_a_disk_that_is_full(
    path: Path, ring: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The sign-in goes on; the file of before stays."""
    cache = FileTicketCache(path)
    cache.put("a", "x")

    def fail(*arguments: Any, **settings: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    cache.put("a", "y")
    assert cache.get("a") == "x"
    assert "No space left" in caplog.text
    assert len(list(path.parent.iterdir())) == 2


def test_many_at_once(path: Path, ring: Kept) -> None:
    def put(number: int) -> None:
        FileTicketCache(path).put(f"key {number}", "x")

    threads = [threading.Thread(target=put, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    cache = FileTicketCache(path)
    assert all(cache.get(f"key {number}") == "x" for number in range(10))


def test_two_processes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('ignore'); sys.modules['keyring'] = None;"
        "from msnpauth import FileTicketCache; cache = FileTicketCache(sys.argv[1]);"
        "[cache.put(f'{sys.argv[2]} {n}', 'x') for n in range(10)]"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "abc"]
    assert [process.wait(50) for process in running] == [0, 0, 0]
    monkeypatch.setitem(sys.modules, "keyring", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cache = FileTicketCache(path)
    assert all(cache.get(f"{name} {n}") for name in "abc" for n in range(10))
