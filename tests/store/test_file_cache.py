from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import filelock
import keyring
import keyring.backend
import keyring.errors
import pytest

from msnpauth import FileTicketCache, LocalProtocolError, PlainCacheWarning
from msnpauth.store import file_cache as cache_module

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
    assert cache.get("b") is None


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


def test_a_file_of_an_older_version(path: Path, ring: Kept) -> None:
    """It is as good as none, and is replaced at the first change."""
    cache = FileTicketCache(path)
    path.write_bytes(b'{"a": ["x", "2026-12-01T00:00:00"]}')
    assert cache.get("a") is None
    cache.put("b", "y")
    assert cache.get("b") == "y"
    assert b'"a"' not in path.read_bytes()


def test_a_line_that_a_crash_cut_off(path: Path, ring: Kept) -> None:
    cache = FileTicketCache(path)
    cache.put("a", "one")
    cache.put("a", "two")
    path.write_bytes(path.read_bytes()[:-5])
    assert cache.get("a") is None
    cache.put("b", "x")
    assert cache.get("b") == "x"


@pytest.mark.parametrize("damage", [b" ", b"x", b"\n", b"9", b"\xff"])
def test_any_damage_is_borne(path: Path, ring: Kept, damage: bytes) -> None:
    cache = FileTicketCache(path)
    cache.put("a", "one", NOW)
    cache.put("b", "two")
    content = path.read_bytes()
    for at in range(0, len(content), 7):
        path.write_bytes(content[:at] + damage + content[at + 1 :])
        assert cache.get("b") in (None, "two")
        assert cache.get("a") is None
        cache.put("c", "three")
        assert cache.get("c") == "three"


def test_the_file_is_written_anew_when_most_of_it_no_longer_counts(path: Path, ring: Kept) -> None:
    now = NOW
    cache = FileTicketCache(path, now=lambda: now)
    cache.put("ended", "x" * 1000, NOW + timedelta(seconds=5))
    cache.put("kept", "y")
    cache.put("gone", "y")
    cache.forget("gone")
    now = NOW + timedelta(seconds=6)
    for number in range(200):
        cache.put("often", f"{number} " + "z" * 1000)
    assert path.stat().st_size < 100_000
    assert [cache.get(key) for key in ("ended", "kept", "gone")] == [None, "y", None]
    assert str(cache.get("often")).startswith("199 ")
    assert len(path.read_bytes().splitlines()) < 60


def test_names_and_values_that_lines_could_not_hold(path: Path, ring: Kept) -> None:
    cache = FileTicketCache(path)
    for text in ("a\nb", "a b", "é", "", "\0", "x" * 5000):
        cache.put(f"key {text}", f"value {text}")
    for text in ("a\nb", "a b", "é", "", "\0", "x" * 5000):
        assert FileTicketCache(path).get(f"key {text}") == f"value {text}"


def test_a_symbolic_link_stays_one(path: Path, ring: Kept, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "real")
    for number in range(200):
        FileTicketCache(path).put("a", f"{number} " + "z" * 1000)
    assert path.is_symlink()
    assert str(FileTicketCache(tmp_path / "real").get("a")).startswith("199 ")


def test_no_folder(tmp_path: Path, ring: Kept, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("x", "ascii")
    cache = FileTicketCache(tmp_path / "file" / "tickets")
    cache.put("a", "x")
    cache.forget("a")
    assert cache.get("a") is None
    assert "was not written" in caplog.text


@pytest.mark.parametrize("path", [None, 5, "a\0b"])
def test_what_is_no_path(path: Any) -> None:
    with pytest.raises(LocalProtocolError, match="the path of a file"):
        FileTicketCache(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(LocalProtocolError, match="the path of a file"):
        FileTicketCache(tmp_path)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EACCES, errno.EROFS])
def test_a_file_system_without_locks(
    path: Path,
    ring: Kept,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: int,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)
    cache = FileTicketCache(path)
    cache.put("a", "x")
    assert cache.get("a") is None
    assert os.strerror(code) in caplog.text


def test_a_lock_that_another_process_holds(
    path: Path, ring: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cache_module, "_LOCK_SECONDS", 0.01)
    cache = FileTicketCache(path)
    cache.put("a", "x")
    with filelock.FileLock(f"{path}.lock"):
        cache.put("a", "y")
        FileTicketCache(path)
    assert cache.get("a") == "x"
    assert "was not written" in caplog.text


def test_a_disk_that_is_full(
    path: Path, ring: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The sign-in goes on; what was kept before stays, and nothing of the new line."""
    cache = FileTicketCache(path)
    cache.put("a", "x")
    size, write = path.stat().st_size, os.write

    def half(descriptor: int, data: bytes) -> int:
        return write(descriptor, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    cache.put("a", "y")
    assert cache.get("a") == "x"
    assert path.stat().st_size == size
    assert "No space left" in caplog.text
    assert len(list(path.parent.iterdir())) == 2


class Broken(Kept):
    """Raises whatever its libraries raise."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error


@pytest.mark.parametrize(
    "error", [RuntimeError("no backend"), ConnectionRefusedError(), KeyError("x"), TypeError("x")]
)
def test_a_keyring_that_is_broken(path: Path, ring: Kept, error: Exception) -> None:
    keyring.set_keyring(Broken(error))
    with pytest.warns(PlainCacheWarning):
        cache = FileTicketCache(path)
    cache.put("a", "x")
    assert cache.get("a") == "x"


def test_a_keyring_that_asks_somebody(
    path: Path, ring: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_KEYRING_SECONDS", 0.05)
    answered = threading.Event()

    class Asks(Kept):
        def get_password(self, service: str, username: str) -> str | None:
            answered.wait(20)
            return None

    keyring.set_keyring(Asks())
    with pytest.warns(PlainCacheWarning):
        cache = FileTicketCache(path)
    answered.set()
    cache.put("a", "x")
    assert cache.get("a") == "x"


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
