"""Keys: made once, never while a service runs; damaged ones are told and left as they are."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, Secret
from msnpauth.service import open_directory
from msnpauth.service.data_folder import DataFolder
from msnpauth.service.keys import Keys
from msnpauth.service.tickets import LONGEST_LIFE, TicketOffice, TicketVerifier, new_key

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "msnpauth"


def keys_in(path: Path, now: Callable[[], datetime] = lambda: NOW) -> Keys:
    """Return the keys of a folder, after those that lacked were made."""
    keys = DataFolder(path, now=now).keys
    keys.make_missing()
    return keys


@pytest.fixture
def keys(path: Path) -> Keys:
    return keys_in(path)


ALL = ["ticket-keys", "app-password-key", "verify-key"]


def test_what_is_not_there_is_made_when_a_service_begins(path: Path) -> None:
    keys = DataFolder(path).keys
    assert keys.make_missing() == ALL
    ring = keys.ring()
    assert keys.make_missing() == []
    (path / "verify-key").unlink()
    assert keys.make_missing() == ["verify-key"]
    assert keys.ring() == ring


@pytest.mark.parametrize("name", ALL)
def test_what_is_deleted_is_not_made_by_reading(path: Path, keys: Keys, name: str) -> None:
    (path / name).unlink()
    ways = {"ticket-keys": (keys.ring, keys.rotate), "app-password-key": (keys.app_password_key,)}
    for read in ways.get(name, (keys.verify_keys,)):
        with pytest.raises(LocalProtocolError, match=f"{name} is not there") as caught:
            read()
        assert "backup" in caught.value.hint
    assert not (path / name).exists()


# --- the ring ------------------------------------------------------------------------------------


def test_a_ring_is_made_once_and_lasts(path: Path) -> None:
    clock = Clock()
    first = keys_in(path, clock).ring()
    assert [key.made for key in first] == [NOW]
    clock.now = NOW + timedelta(days=1)
    keys = keys_in(path, clock)
    assert keys.ring() == keys.ring() == first
    ticket, _ = TicketOffice([first[0].key]).issue("a@b")
    assert TicketVerifier(key.key for key in keys.ring()).check_twn(ticket, "a@b")


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
    rings = at_the_same_time(lambda: keys_in(path).ring(), 8)
    assert all(ring == rings[0] for ring in rings)


def test_somebody_else_was_quicker(path: Path) -> None:
    """The other one makes the ring after this one has looked, and before it writes."""
    other: list[object] = []

    class Slow(DataFolder):
        def read(self, name: str) -> Secret | None:
            found = super().read(name)
            if not other:
                other.append(keys_in(path).ring())
            return found

    keys = Slow(path).keys
    keys.make_missing()
    assert [keys.ring()] == other


def test_a_new_key_is_put_in_front(path: Path) -> None:
    clock = Clock()
    keys = keys_in(path, clock)
    before = keys.ring()
    clock.now = NOW + timedelta(days=1)
    after = keys.rotate()
    assert after[1:] == before
    assert after[0].made == clock.now
    assert after[0].key != before[0].key
    assert keys_in(path).ring() == after


def test_a_key_is_dropped_when_its_last_ticket_is_of_no_use(path: Path) -> None:
    clock = Clock()
    keys = keys_in(path, clock)
    first = keys.ring()[0]
    clock.now = NOW + timedelta(days=100)
    second = keys.rotate()[0]  # until now, the first sealed tickets
    clock.now += LONGEST_LIFE - timedelta(seconds=1)
    third = keys.rotate()[0]
    assert keys.ring() == [third, second, first]
    clock.now += timedelta(seconds=1)
    fourth = keys.rotate()[0]
    assert keys.ring() == [fourth, third, second]
    clock.now += LONGEST_LIFE
    assert keys.rotate()[1:] == [fourth]


def test_nobody_is_signed_out_by_a_new_key(path: Path) -> None:
    clock = Clock()
    keys = keys_in(path, clock)

    def ring() -> list[Secret]:
        return [key.key for key in keys.ring()]

    ticket, expires = TicketOffice(ring(), now=clock).issue("a@b", "messenger.msn.com")
    for days in range(1, 31):
        clock.now = NOW + timedelta(days=days)
        keys.rotate()
        assert TicketVerifier(ring(), now=clock).read(ticket), days
    assert clock.now > expires


def test_a_time_without_a_zone_is_utc(path: Path, keys: Keys) -> None:
    key = new_key()
    (path / "ticket-keys").write_text(f"2026-11-22T12:00:00 {key}\n\n")
    assert keys.ring() == [(NOW, Secret(key))]
    assert key not in repr(keys.ring())


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
def test_a_ring_that_is_damaged(path: Path, keys: Keys, data: bytes) -> None:
    (path / "ticket-keys").write_bytes(data)
    for work in (keys.ring, keys.rotate):
        with pytest.raises(LocalProtocolError, match="damaged") as caught:
            work()
        assert str(path / "ticket-keys") in caught.value.text
        assert_no_secret(caught.value, KEY[:20])
    assert (path / "ticket-keys").read_bytes() == data, "a person may bring it back"


def test_stolen_keys_are_replaced(keys: Keys) -> None:
    stolen = TicketOffice(key.key for key in keys.ring())
    keys.rotate()
    keys.replace()
    (only,) = keys.ring()
    assert TicketVerifier([only.key]).read(stolen.issue("a@b")[0]) is None


@pytest.mark.parametrize("data", [None, b"", b"nonsense"])
def test_a_ring_that_is_gone_or_damaged_is_replaced(
    path: Path, keys: Keys, data: bytes | None
) -> None:
    if data is None:
        (path / "ticket-keys").unlink()
    else:
        (path / "ticket-keys").write_bytes(data)
    keys.replace()
    assert len(keys.ring()) == 1


def test_the_key_of_app_passwords_lasts(path: Path) -> None:
    sealed = keys_in(path).app_password_key().encrypt(b"secret")
    assert keys_in(path).app_password_key().decrypt(sealed) == b"secret"


@pytest.mark.parametrize(
    "data",
    [b"", b"x", KEY[:-3].encode(), KEY.encode() + b"\xe4"],
    ids=["empty", "short", "cut", "not ASCII"],
)
def test_a_key_of_app_passwords_that_is_damaged(path: Path, keys: Keys, data: bytes) -> None:
    (path / "app-password-key").write_bytes(data)
    with pytest.raises(LocalProtocolError, match="damaged") as caught:
        keys.app_password_key()
    assert_no_secret(caught.value, KEY[:20])
    with pytest.raises(LocalProtocolError):
        open_directory(path)
    assert (path / "app-password-key").read_bytes() == data


def test_what_may_be_shown_at_verify(path: Path) -> None:
    first = keys_in(path).verify_keys()
    assert len(first) == 1
    assert len(first[0].reveal()) >= 32
    assert keys_in(path).verify_keys() == first
    with (path / "verify-key").open("a") as file:
        file.write("\n another \n")
    assert keys_in(path).verify_keys() == [*first, Secret("another")]


def test_a_disk_that_is_full_leaves_the_old_ring(
    path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys.ring()

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LocalProtocolError, match="No space left") as caught:
        keys.rotate()
    assert_no_secret(caught.value, before[0].key.reveal())
    assert keys.ring() == before


def test_two_that_rotate_at_once_lose_no_key(path: Path, keys: Keys) -> None:
    before = keys.ring()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: keys_in(path).rotate()[0], range(8)))
    assert {key.key for key in keys.ring()} == {key.key for key in [*before, *made]}


# --- the authority -------------------------------------------------------------------------------


def test_the_authority_lasts(path: Path) -> None:
    first = keys_in(path).authority()
    pem = (path / "ca.pem").read_bytes()
    assert first.cert_pem.bytes() == pem
    again = keys_in(path).authority()
    assert (path / "ca.pem").read_bytes() == pem == again.cert_pem.bytes()
    assert again.private_key_pem.bytes() == first.private_key_pem.bytes()


def test_a_certificate_of_a_later_run_is_trusted(path: Path) -> None:
    keys_in(path).authority()
    client = ssl.create_default_context(cafile=str(path / "ca.pem"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    keys_in(path).authority().issue_cert("localhost").configure_cert(server)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (here, there, here):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert here.version()


def test_two_authorities_of_one_folder(path: Path, keys: Keys) -> None:
    first, legacy = keys.authority(), keys.authority("legacy-ca", trustme.KeyType.RSA)
    assert first.cert_pem.bytes() != legacy.cert_pem.bytes()
    assert (path / "legacy-ca.pem").read_bytes() == legacy.cert_pem.bytes()
    assert b"EC PRIVATE KEY" in (path / "ca-key.pem").read_bytes()
    assert b"RSA PRIVATE KEY" in (path / "legacy-ca-key.pem").read_bytes()


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
@pytest.mark.parametrize("data", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nxxxx\n", b"\xff"])
def test_an_authority_that_is_damaged(path: Path, keys: Keys, name: str, data: bytes) -> None:
    key = keys.authority().private_key_pem.bytes().decode()
    (path / name).write_bytes(data)
    with pytest.raises(
        LocalProtocolError, match="are no certificate authority|is damaged"
    ) as caught:
        keys.authority()
    assert_no_secret(caught.value, key.splitlines()[1])
    assert (path / name).read_bytes() == data


def test_a_key_of_another_authority(path: Path, keys: Keys) -> None:
    keys.authority()
    (path / "ca-key.pem").write_bytes(trustme.CA().private_key_pem.bytes())
    with pytest.raises(LocalProtocolError, match="are no certificate authority"):
        keys.authority()


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
def test_half_an_authority_is_made_anew(path: Path, keys: Keys, name: str) -> None:
    before = keys.authority()
    (path / name).unlink()
    after = keys.authority()
    assert after.cert_pem.bytes() != before.cert_pem.bytes()
    assert keys.authority().cert_pem.bytes() == after.cert_pem.bytes()
