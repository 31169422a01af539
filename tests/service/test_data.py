"""The data folder: files of its own, that are whole or not there at all."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from msnpauth import LocalProtocolError
from msnpauth.service.data import DataFolder, open_directory
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.sql.database import Database
from msnpauth.service.tickets import LONGEST_LIFE, TicketOffice, TicketVerifier, new_key

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "msnpauth"


@pytest.fixture
def folder(path: Path) -> DataFolder:
    return DataFolder(path)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def told_by(error: BaseException | None) -> Iterator[str]:
    """Yield what an error and all that came before it say, with what decoders keep of a file."""
    while error is not None:
        yield f"{error} {error!r} {error.args!r} {vars(error)!r} {getattr(error, 'object', '')!r}"
        error = error.__cause__ or error.__context__


# --- the folder ----------------------------------------------------------------------------------


def test_every_file_is_its_owner_s_alone(path: Path) -> None:
    before = os.umask(0o002)
    try:
        folder = DataFolder(path)
        folder.ring()
        folder.rotate()
        folder.app_password_key()
        folder.verify_keys()
        folder.authority()
        folder.authority("legacy-ca", trustme.KeyType.RSA)
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
        *("ca-key.pem", "legacy-ca-key.pem"),
    }
    assert set(modes.values()) == {0o600}, modes


def test_nothing_temporary_is_left(path: Path, folder: DataFolder) -> None:
    folder.ring()
    folder.rotate()
    folder.authority()
    assert sorted(file.name for file in path.iterdir()) == [
        *("ca-key.pem", "ca.pem", "files.lock", "ticket-keys"),
    ]


def test_where_what_is(path: Path, folder: DataFolder) -> None:
    assert folder.database == path / "accounts.sqlite3"
    assert folder.audit_log == path / "audit.log"
    assert folder.ticket_keys == path / "ticket-keys"
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
        "import sys; from msnpauth.service.data import DataFolder\n"
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


# --- keys ----------------------------------------------------------------------------------------


def test_a_ring_is_made_once_and_lasts(path: Path) -> None:
    clock = Clock()
    first = DataFolder(path, now=clock).ring()
    assert [key.made for key in first] == [NOW]
    clock.now = NOW + timedelta(days=1)
    folder = DataFolder(path, now=clock)
    assert folder.ring() == folder.ring() == first
    ticket, _ = TicketOffice([first[0].key]).issue("a@b")
    assert TicketVerifier(key.key for key in folder.ring()).check_twn(ticket, "a@b")


def at_the_same_time(work: Callable[[], object], times: int) -> list[object]:
    """Do some work in many threads, which all begin together."""
    begin = threading.Barrier(times)
    found: list[object] = []

    def one() -> None:
        begin.wait()
        found.append(work())

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == times
    return found


def test_many_at_the_same_time_make_one_ring(path: Path) -> None:
    rings = at_the_same_time(lambda: DataFolder(path).ring(), 8)
    assert all(ring == rings[0] for ring in rings)


def test_somebody_else_was_quicker(path: Path, folder: DataFolder) -> None:
    """The other one makes the ring after this one has looked, and before it writes."""
    other: list[object] = []

    def now() -> datetime:
        other.append(folder.ring())
        return NOW

    assert DataFolder(path, now=now).ring() == other[0]
    assert sorted(file.name for file in path.iterdir()) == ["files.lock", "ticket-keys"]


def test_a_new_key_is_put_in_front(path: Path) -> None:
    clock = Clock()
    folder = DataFolder(path, now=clock)
    before = folder.ring()
    clock.now = NOW + timedelta(days=1)
    after = folder.rotate()
    assert after[1:] == before
    assert after[0].made == clock.now
    assert after[0].key != before[0].key
    assert DataFolder(path).ring() == after


def test_a_key_is_dropped_when_its_last_ticket_is_of_no_use(path: Path) -> None:
    clock = Clock()
    folder = DataFolder(path, now=clock)
    first = folder.ring()[0]
    clock.now = NOW + timedelta(days=100)
    second = folder.rotate()[0]  # until now, the first sealed tickets
    clock.now += LONGEST_LIFE - timedelta(seconds=1)
    third = folder.rotate()[0]
    assert folder.ring() == [third, second, first]
    clock.now += timedelta(seconds=1)
    fourth = folder.rotate()[0]
    assert folder.ring() == [fourth, third, second]
    clock.now += LONGEST_LIFE
    assert folder.rotate()[1:] == [fourth]


def test_nobody_is_signed_out_by_a_new_key(path: Path) -> None:
    clock = Clock()
    folder = DataFolder(path, now=clock)

    def ring() -> list[str]:
        return [key.key for key in folder.ring()]

    ticket, expires = TicketOffice(ring(), now=clock).issue("a@b", "messenger.msn.com")
    for days in range(1, 31):
        clock.now = NOW + timedelta(days=days)
        folder.rotate()
        assert TicketVerifier(ring(), now=clock).read(ticket), days
    assert clock.now > expires


def test_a_time_without_a_zone_is_utc(path: Path, folder: DataFolder) -> None:
    key = new_key()
    (path / "ticket-keys").write_text(f"2026-11-22T12:00:00 {key}\n\n")
    assert folder.ring() == [(NOW, key)]


KEY = new_key()
DAMAGED = {
    "empty": b"",
    "blank": b"\n\n",
    "cut": f"{NOW.isoformat()} {KEY[:-3]}".encode(),
    "no time": KEY.encode(),
    "the key for a time": f"{KEY} {KEY}".encode(),
    "one good line": f"{NOW.isoformat()} {KEY}\nx".encode(),
    "not ASCII": f"{NOW.isoformat()} {KEY}ä".encode(),
    "binary": KEY.encode() + bytes(range(256)),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_ring_that_is_damaged(path: Path, folder: DataFolder, data: bytes) -> None:
    (path / "ticket-keys").write_bytes(data)
    for work in (folder.ring, folder.rotate):
        with pytest.raises(LocalProtocolError, match="damaged") as caught:
            work()
        assert str(path / "ticket-keys") in caught.value.text
        assert KEY[:20] not in " ".join(told_by(caught.value))
    assert (path / "ticket-keys").read_bytes() == data, "a person may bring it back"


def test_the_key_of_app_passwords_lasts(path: Path) -> None:
    sealed = DataFolder(path).app_password_key().encrypt(b"secret")
    assert DataFolder(path).app_password_key().decrypt(sealed) == b"secret"


@pytest.mark.parametrize(
    "data",
    [b"", b"x", KEY[:-3].encode(), KEY.encode() + b"\xe4"],
    ids=["empty", "short", "cut", "not ASCII"],
)
def test_a_key_of_app_passwords_that_is_damaged(
    path: Path, folder: DataFolder, data: bytes
) -> None:
    (path / "app-password-key").write_bytes(data)
    with pytest.raises(LocalProtocolError, match="damaged") as caught:
        folder.app_password_key()
    assert KEY[:20] not in " ".join(told_by(caught.value))
    with pytest.raises(LocalProtocolError):
        open_directory(path)
    assert (path / "app-password-key").read_bytes() == data


def test_what_may_be_shown_at_verify(path: Path) -> None:
    first = DataFolder(path).verify_keys()
    assert len(first) == 1
    assert len(first[0]) >= 32
    assert DataFolder(path).verify_keys() == first
    with (path / "verify-key").open("a") as file:
        file.write("\n another \n")
    assert DataFolder(path).verify_keys() == [*first, "another"]


def test_a_file_that_cannot_be_read(path: Path, folder: DataFolder) -> None:
    (path / "verify-key").mkdir()
    with pytest.raises(LocalProtocolError, match="cannot be read: Is a directory"):
        folder.verify_keys()


def test_a_disk_that_is_full_leaves_the_old_ring(
    path: Path, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = folder.ring()

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LocalProtocolError, match="No space left"):
        folder.rotate()
    assert folder.ring() == before
    assert sorted(file.name for file in path.iterdir()) == ["files.lock", "ticket-keys"]


def test_two_that_rotate_at_once_lose_no_key(folder: DataFolder) -> None:
    before = folder.ring()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: DataFolder(folder.path).rotate()[0], range(8)))
    assert {key.key for key in folder.ring()} == {key.key for key in [*before, *made]}


# --- the authority -------------------------------------------------------------------------------


def test_the_authority_lasts(path: Path) -> None:
    first = DataFolder(path).authority()
    pem = (path / "ca.pem").read_bytes()
    assert first.cert_pem.bytes() == pem
    again = DataFolder(path).authority()
    assert (path / "ca.pem").read_bytes() == pem == again.cert_pem.bytes()
    assert again.private_key_pem.bytes() == first.private_key_pem.bytes()


def test_a_certificate_of_a_later_run_is_trusted(path: Path) -> None:
    DataFolder(path).authority()
    client = ssl.create_default_context(cafile=str(path / "ca.pem"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    DataFolder(path).authority().issue_cert("localhost").configure_cert(server)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (here, there, here):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert here.version()


def test_two_authorities_of_one_folder(path: Path, folder: DataFolder) -> None:
    first, legacy = folder.authority(), folder.authority("legacy-ca", trustme.KeyType.RSA)
    assert first.cert_pem.bytes() != legacy.cert_pem.bytes()
    assert (path / "legacy-ca.pem").read_bytes() == legacy.cert_pem.bytes()
    assert b"EC PRIVATE KEY" in (path / "ca-key.pem").read_bytes()
    assert b"RSA PRIVATE KEY" in (path / "legacy-ca-key.pem").read_bytes()


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
@pytest.mark.parametrize("data", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nxxxx\n", b"\xff"])
def test_an_authority_that_is_damaged(
    path: Path, folder: DataFolder, name: str, data: bytes
) -> None:
    key = folder.authority().private_key_pem.bytes().decode()
    (path / name).write_bytes(data)
    with pytest.raises(LocalProtocolError, match="are no certificate authority") as caught:
        folder.authority()
    assert key.splitlines()[1] not in " ".join(told_by(caught.value))
    assert (path / name).read_bytes() == data


def test_a_key_of_another_authority(path: Path, folder: DataFolder) -> None:
    folder.authority()
    (path / "ca-key.pem").write_bytes(trustme.CA().private_key_pem.bytes())
    with pytest.raises(LocalProtocolError, match="are no certificate authority"):
        folder.authority()


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
def test_half_an_authority_is_made_anew(path: Path, folder: DataFolder, name: str) -> None:
    before = folder.authority()
    (path / name).unlink()
    after = folder.authority()
    assert after.cert_pem.bytes() != before.cert_pem.bytes()
    assert folder.authority().cert_pem.bytes() == after.cert_pem.bytes()


# --- the accounts of a folder --------------------------------------------------------------------


def test_the_accounts_of_a_folder(path: Path) -> None:
    with open_directory(path, Argon2(memory=64, passes=1)) as accounts:
        accounts.add("Alice@example.com", "secret")
        assert "m=64,t=1,p=1" in accounts.get("alice@example.com").hash
    with open_directory(str(path)) as accounts:
        assert [account.passport for account in accounts.all()] == ["Alice@example.com"]
    with closing(Database(DataFolder(path).database)) as database:
        assert database.changes() == 1
