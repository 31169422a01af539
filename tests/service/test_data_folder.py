"""The data folder: files of its own, that are whole or not there at all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, Secret
from msnpauth.service import open_directory
from msnpauth.service.data_folder import DataFolder
from msnpauth.service.settings import Argon2
from msnpauth.service.tickets import new_key

ONE, TWO = Secret("geheim-1"), Secret("geheim-2")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "msnpauth"


@pytest.fixture
def folder(path: Path) -> DataFolder:
    return DataFolder(path)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# --- the folder ----------------------------------------------------------------------------------


def test_every_file_is_its_owner_s_alone(path: Path) -> None:
    before = os.umask(0o002)
    try:
        folder = DataFolder(path)
        folder.keys.make_missing()
        folder.keys.rotate()
        folder.service_key(make=True)
        folder.keys.authority()
        folder.keys.authority("legacy-ca", trustme.KeyType.RSA)
        folder.lock()
        folder.unlock()
        with open_directory(path, Argon2(64, 1)) as accounts:
            accounts.add("a@b", "x")
            modes = {file.name: mode(file) for file in path.iterdir()}
    finally:
        os.umask(before)
    assert mode(path) == 0o700
    assert modes.pop("ca.pem") == modes.pop("legacy-ca.pem") == 0o644
    modes.pop("lock", None)  # some systems take it away again
    assert set(modes) >= {
        *("accounts.sqlite3", "ticket-keys", "app-password-key", "verify-key"),
        *("ca-key.pem", "legacy-ca-key.pem", "service-key"),
    }
    assert set(modes.values()) == {0o600}, modes


def test_nothing_temporary_is_left(path: Path, folder: DataFolder) -> None:
    folder.keys.make_missing()
    folder.keys.rotate()
    folder.keys.authority()
    assert sorted(file.name for file in path.iterdir()) == [
        *("app-password-key", "ca-key.pem", "ca.pem", "files.lock", "ticket-keys", "verify-key"),
    ]


def test_where_what_is(path: Path, folder: DataFolder) -> None:
    assert folder.database == path / "accounts.sqlite3"
    assert folder.audit_log == path / "audit.log"
    assert folder.called("ticket-keys") == str(path / "ticket-keys")
    assert DataFolder(str(path)).path == path


def test_a_place_where_no_folder_can_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for place in (file, file / "folder"):
        with pytest.raises(LocalProtocolError, match="cannot be used for data") as caught:
            DataFolder(place)
        assert str(place) in caught.value.text


def test_a_folder_that_takes_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_about: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(LocalProtocolError, match="Permission denied"):
        DataFolder(path)


def test_one_service_runs_on_a_folder(path: Path, folder: DataFolder) -> None:
    other = DataFolder(path)
    folder.lock()
    with pytest.raises(LocalProtocolError, match="another service runs on"):
        other.lock()
    folder.unlock()
    other.lock()
    with pytest.raises(LocalProtocolError):
        folder.lock()
    other.unlock()


def test_a_process_that_is_killed_lets_go_of_the_folder(path: Path, folder: DataFolder) -> None:
    program = (
        "import sys; from msnpauth.service.data_folder import DataFolder\n"
        "folder = DataFolder(sys.argv[1]); folder.lock(); print('locked', flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(LocalProtocolError):
            folder.lock()
        process.kill()
    folder.lock()
    folder.unlock()


def test_whether_a_service_runs_on_it(path: Path, folder: DataFolder) -> None:
    other = DataFolder(path)
    assert [one.is_locked for one in (folder, other)] == [False, False]
    folder.lock()
    assert [one.is_locked for one in (folder, other)] == [True, True]
    folder.unlock()
    assert [one.is_locked for one in (folder, other)] == [False, False]
    other.lock()
    other.unlock()


# --- as a shelf ----------------------------------------------------------------------------------


def test_what_is_not_there_is_nothing(folder: DataFolder) -> None:
    assert folder.read("a-key") is None


def test_several_things_are_changed(folder: DataFolder) -> None:
    folder.change(("one",), lambda found: {"one": ONE if found["one"] is None else TWO})

    def change(found: Mapping[str, Secret | None]) -> Mapping[str, Secret]:
        assert found == {"one": ONE, "two": None}
        return {"two": TWO}

    folder.change(("one", "two"), change)
    assert (folder.read("one"), folder.read("two")) == (ONE, TWO)


def test_a_file_that_cannot_be_read(path: Path, folder: DataFolder) -> None:
    (path / "verify-key").mkdir()
    with pytest.raises(LocalProtocolError, match="cannot be read: Is a directory"):
        folder.read("verify-key")


def test_a_disk_that_is_full_leaves_what_was_there(
    path: Path, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.change(("one",), lambda _: {"one": ONE})

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LocalProtocolError, match="No space left") as caught:
        folder.change(("one",), lambda _: {"one": TWO})
    assert_no_secret(caught.value, ONE.reveal(), TWO.reveal())
    assert folder.read("one") == ONE
    assert sorted(file.name for file in path.iterdir()) == ["files.lock", "one"]


# --- the key of a network's nodes ----------------------------------------------------------------


def test_the_key_of_the_nodes_is_made_by_the_first_of_them_alone(folder: DataFolder) -> None:
    with pytest.raises(LocalProtocolError, match="service-key is damaged, or not there"):
        folder.service_key(make=False)
    sealed = folder.service_key(make=True).encrypt(b"secret")
    for make in (True, False):
        assert folder.service_key(make=make).decrypt(sealed) == b"secret"


@pytest.mark.parametrize(
    "data", [b"", b"geheim-3", new_key()[:-3].encode()], ids=["", "no key", "cut"]
)
def test_a_key_of_the_nodes_that_is_damaged(path: Path, folder: DataFolder, data: bytes) -> None:
    (path / "service-key").write_bytes(data)
    for make in (True, False):
        with pytest.raises(LocalProtocolError, match="damaged") as caught:
            folder.service_key(make=make)
        assert_no_secret(caught.value, *filter(None, [data.decode()]))
    assert (path / "service-key").read_bytes() == data, "a person may bring it back"
