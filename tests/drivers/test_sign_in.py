"""sign_in, sync and async, against the service, and what is around it."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

import msnpauth
from both import AioDriver, SyncDriver
from conftest import Authority
from leaks import assert_no_secret
from msnpauth import (
    CertificateRejected,
    ConnectionFailed,
    LocalProtocolError,
    MemoryTicketCache,
    Secret,
    Servers,
    SignInTimeout,
    WrongCredentials,
    aio,
)
from msnpauth.networks import find
from msnpauth.service import Account, Service, run
from wire import (
    PASSPORT,
    PASSWORD,
    Peer,
    Server,
    opening,
    stays,
)

Driver = SyncDriver | AioDriver


@pytest.fixture(scope="session")
def every() -> Iterator[Service]:
    """Return a service in which Alice may sign in by every scheme."""
    with run(
        [
            Account(PASSPORT, Secret(PASSWORD), allow_md5=True),
            Account("bob@hotmail.com", Secret("s3cret")),
        ]
    ) as s:
        yield s


def twn(service: Service) -> Servers:
    """Return the service's servers without RST: Passport 1.4 is all there is."""
    return Servers(notification=str(service.servers.notification), nexus=str(service.servers.nexus))


# --- the service -------------------------------------------------------------------------------


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("version", range(8, 15))
def test_every_dialect(driver: Driver, service: Service, version: int, pipeline: bool) -> None:
    with driver.sign_in(
        "Bob@Hotmail.com", "s3cret", twn(service),
        dialects=[version], pipeline=pipeline, ssl_context=service.ssl_context,
    ) as session:  # fmt: skip
        assert session.dialect == version
        assert session.passport == "Bob@Hotmail.com"
        assert session.server == service.notification
        assert session.ticket.server == service.login_urls[1].removesuffix("/login2.srf")
        assert session.profile["preferredEmail"] == "bob@hotmail.com"
        assert session.request("CHG", "NLN", "0").args == ("NLN", "0")


ALL = [*range(2, 20), 21]


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("way", ["rst", "rst2"])
def test_every_dialect_of_every_scheme(
    driver: Driver, every: Service, version: int, way: str, pipeline: bool
) -> None:
    url = str(every.servers.rst if way == "rst" else every.servers.rst2)
    known: dict[str, Any] = {way: url}
    servers = Servers(notification=str(every.servers.notification), **known)
    with driver.sign_in(
        PASSPORT, PASSWORD, servers, dialects=[version], pipeline=pipeline, ca_file=every.ca_file
    ) as session:
        assert session.dialect == version
        assert session.request("CHG", "NLN", "0").verb == "CHG"
        assert (session.ticket is None) is (version < 8)
        assert list(session.tickets) == [
            [], ["messenger.msn.com"], ["messengerclear.live.com"]
        ][(version >= 8) + (version >= 15)]  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "version"), [("SSO", 18), ("TWN", 14), ("MD5", 7), (None, 18), ("sso", 18)]
)
def test_by_scheme(driver: Driver, every: Service, scheme: str | None, version: int) -> None:
    with driver.sign_in(
        PASSPORT, PASSWORD, every.servers, scheme=scheme, ca_file=every.ca_file
    ) as session:
        assert session.dialect == version


def test_the_next_scheme_where_the_network_has_none_of_the_best(driver: Driver) -> None:
    with run({PASSPORT: PASSWORD}, dialects=[8, 9]) as old:
        with driver.sign_in(PASSPORT, PASSWORD, old.servers, ca_file=old.ca_file) as session:
            assert session.dialect == 9


def test_md5_where_the_network_is_said_to_have_it(driver: Driver, every: Service) -> None:
    servers = Servers(notification=str(every.servers.notification), schemes=["MD5"])
    with driver.sign_in(PASSPORT, PASSWORD, servers) as session:
        assert session.dialect == 7
    with pytest.raises(WrongCredentials):
        with driver.sign_in(PASSPORT, "not this one", servers):
            pass
    with pytest.raises(WrongCredentials):
        with driver.sign_in("bob@hotmail.com", "s3cret", servers):
            pass


def test_more_tickets_and_new_ones(driver: Driver, every: Service) -> None:
    with driver.sign_in(
        PASSPORT, PASSWORD, every.servers, tickets=["Contacts.msn.com"], ca_file=every.ca_file
    ) as session:
        before = session.tickets
        assert set(before) == {"messengerclear.live.com", "contacts.msn.com", "messenger.msn.com"}
        assert before["messengerclear.live.com"].proof_key
        assert before["contacts.msn.com"].expires
        after = session.renew()
        assert set(after) == set(before)
        assert after["contacts.msn.com"] != before["contacts.msn.com"]
        assert session.tickets == after


@pytest.mark.parametrize("version", [12, 15, 18])
def test_a_cached_ticket_is_used_until_it_is_refused(driver: Driver, version: int) -> None:
    """Another ring of keys refuses it; it is dropped, and the full way is gone once."""
    cache = MemoryTicketCache()
    settings: dict[str, Any] = {"dialects": [version], "cache": cache}
    with run({PASSPORT: PASSWORD}) as first:
        assert first.servers.notification is not None
        assert first.servers.rst is not None
        ports = {
            "dispatch": first.servers.notification.port,
            "login": first.servers.rst.address.port,
        }
        tickets = []
        for _ in range(2):
            with driver.sign_in(
                PASSPORT, PASSWORD, first.servers, ca_file=first.ca_file, **settings
            ) as session:
                tickets.append(session.ticket)
        assert tickets[0] == tickets[1]
        with pytest.raises(WrongCredentials):
            with driver.sign_in(
                PASSPORT, "not this one", first.servers, ca_file=first.ca_file, dialects=[version]
            ):
                pass
    with run({PASSPORT: PASSWORD}, ports=ports) as second:
        with driver.sign_in(
            PASSPORT, PASSWORD, second.servers, ca_file=second.ca_file, **settings
        ) as session:
            assert session.ticket != tickets[0]


def test_what_is_cached_is_for_one_account(driver: Driver, every: Service) -> None:
    cache = MemoryTicketCache()
    settings: dict[str, Any] = {"ca_file": every.ca_file, "cache": cache}
    for passport, password in ((PASSPORT, PASSWORD), ("bob@hotmail.com", "s3cret")):
        for scheme in ("SSO", "TWN"):
            with driver.sign_in(
                passport, password, every.servers, scheme=scheme, **settings
            ) as session:
                assert session.passport == passport
    assert repr(cache) == "<MemoryTicketCache of 12>"


def test_what_cannot_be_renewed(driver: Driver, every: Service) -> None:
    with driver.sign_in(PASSPORT, PASSWORD, twn(every), ca_file=every.ca_file) as session:
        with pytest.raises(LocalProtocolError, match="renewed"):
            session.renew()


def test_two_places_at_once(driver: Driver, every: Service) -> None:
    """Another GUID lives beside, the same one replaces."""
    settings = {"ca_file": every.ca_file, "dialects": [16]}
    one, two = (f"{n}2345678-1234-1234-1234-123456789abc" for n in "ab")
    with driver.sign_in(PASSPORT, PASSWORD, every.servers, guid=one, **settings) as first:
        with driver.sign_in(PASSPORT, PASSWORD, every.servers, guid=two, **settings):
            assert first.request("CHG", "NLN", "0").verb == "CHG"
            with driver.sign_in(PASSPORT, PASSWORD, every.servers, guid=one, **settings):
                assert [command.verb for command in first][-1] == "OUT"
                assert first.ended.reason == "OTH"


def test_the_best_common_dialect(driver: Driver, service: Service) -> None:
    with driver.sign_in(PASSPORT, PASSWORD, twn(service), ca_file=service.ca_file) as session:
        assert session.dialect == 14
        assert session.display_name == PASSPORT


@pytest.mark.parametrize("carrier", ["sockets", "curl", "httpx"])
def test_every_carrier(driver: Driver, service: Service, carrier: str) -> None:
    with driver.sign_in(
        "bob@hotmail.com", "s3cret", twn(service), transport=carrier, ca_file=service.ca_file
    ) as session:
        assert session.ticket.t


def test_wrong_password(driver: Driver, service: Service) -> None:
    with pytest.raises(WrongCredentials) as caught:
        with driver.sign_in(PASSPORT, "not this one", twn(service), ca_file=service.ca_file):
            pass
    assert (
        caught.value.server_text == "The e-mail address or the password is wrong. Please try again."
    )


def test_a_certificate_that_nobody_vouches_for(driver: Driver, service: Service) -> None:
    known = service.servers
    servers = Servers(notification=str(known.notification), rst=str(known.rst))  # no ca_file
    with pytest.raises(CertificateRejected):
        with driver.sign_in(PASSPORT, PASSWORD, servers):
            pass


def test_the_login_address_is_remembered(driver: Driver, service: Service) -> None:
    cache = MemoryTicketCache()
    for _ in range(2):
        with driver.sign_in(PASSPORT, PASSWORD, twn(service), ca_file=service.ca_file, cache=cache):
            pass
    assert cache.get(f"login of {service.servers.nexus}") == service.login_urls[0]


# --- around it ---------------------------------------------------------------------------------


def test_a_resolver_that_hangs(
    driver: Driver, login: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()
    real = socket.getaddrinfo

    def hang(host: Any, *arguments: Any, **settings: Any) -> Any:
        if host == "slow.example":
            done.wait()
            raise socket.gaierror
        return real(host, *arguments, **settings)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    servers = Servers(notification="slow.example", login=login.url)
    with pytest.raises(SignInTimeout):
        with driver.sign_in(PASSPORT, PASSWORD, servers, ca_file=authority.ca_file, timeout=0.4):
            pass
    done.set()


def test_no_such_host(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    def fail(*arguments: Any, **settings: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with (
        pytest.raises(ConnectionFailed, match="no such host name"),
        driver.sign_in(PASSPORT, PASSWORD, Servers("nowhere.example"), ca_file=authority.ca_file),
    ):
        pass


def test_where_microsoft_used_to_be(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **settings: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ConnectionFailed, match="switched .* off.*escargot"):
        with driver.sign_in("bob@hotmail.com", "x", find("microsoft").servers()):
            pass


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 0},
        {"timeout": "5"},
        {"dialects": [20]},
        {"transport": "smoke"},
        {"reconnect": "often"},
        {"timeout": float("inf")},
    ],
)
def test_wrong_arguments(driver: Driver, service: Service, settings: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        with driver.sign_in(PASSPORT, PASSWORD, service.servers, **settings):
            pass


class Broken(msnpauth.Transport):
    """A transport of somebody's own with a fault in it."""

    def fetch(self, request: Any, timeout: float) -> Any:
        raise ZeroDivisionError

    def close(self) -> None:
        raise AssertionError("it is not ours to close")


class AsyncBroken(msnpauth.AsyncTransport):
    async def fetch(self, request: Any, timeout: float) -> Any:
        raise ZeroDivisionError

    async def close(self) -> None:
        raise AssertionError("it is not ours to close")


def test_a_fault_in_a_transport_of_ones_own_is_not_lost(
    driver: Driver, authority: Authority
) -> None:
    own = Broken() if isinstance(driver, SyncDriver) else AsyncBroken()
    with Server(stays) as server:
        servers = Servers(notification=server.address, login="https://l.example/")
        with pytest.raises(ConnectionFailed, match="ZeroDivisionError") as caught:
            with driver.sign_in(PASSPORT, PASSWORD, servers, transport=own):
                pass
    assert_no_secret(caught.value, PASSWORD)


def test_nothing_secret_is_told(
    driver: Driver, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    other = (
        f"p,a=ss {caplog.handler.name or 'another'}"  # not in the source, as tracebacks quote it
    )
    caplog.set_level(logging.DEBUG)
    with driver.sign_in(PASSPORT, PASSWORD, twn(service), ca_file=service.ca_file) as session:
        key = session.ticket.reveal()
        session.request("CHG", "NLN", "0")
        shown = repr(session) + repr(session.ticket) + repr(session.profile)
    with pytest.raises(WrongCredentials) as caught:
        with driver.sign_in(PASSPORT, other, twn(service), ca_file=service.ca_file):
            pass
    told = caplog.text + shown + "".join(traceback.format_exception(caught.value))
    assert "USR 7 TWN S ***" in told
    for secret in (PASSWORD, "p%2Ca%3Dss", key, other):
        assert secret not in told


def test_ten_at_once(service: Service) -> None:
    async def one() -> int:
        async with aio.sign_in(
            PASSPORT, PASSWORD, twn(service), ca_file=service.ca_file
        ) as session:
            return session.dialect

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*[one() for _ in range(10)])

    assert asyncio.run(all_of_them()) == [14] * 10


def test_awaited_without_a_block(service: Service) -> None:
    async def main() -> str:
        session = await aio.sign_in(PASSPORT, PASSWORD, twn(service), ca_file=service.ca_file)
        await session.close()
        return session.passport

    assert asyncio.run(main()) == PASSPORT


def test_cancelling_lets_go(authority: Authority, login: Server) -> None:
    """A cancelled sign-in closes its connections: the server hears the end."""
    heard = threading.Event()

    def script(peer: Peer) -> None:
        opening(peer)
        peer.line()
        opened.set()
        peer.until_closed()
        heard.set()

    opened = threading.Event()

    async def main() -> None:
        task = asyncio.ensure_future(_hold(server, login, authority))
        await asyncio.to_thread(opened.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Server(script) as server:
        asyncio.run(main())
        assert heard.wait(20)


async def _hold(server: Server, login: Server, authority: Authority) -> None:
    servers = Servers(notification=server.address, login=login.url)
    async with aio.sign_in(PASSPORT, PASSWORD, servers, ca_file=authority.ca_file):
        pass


def test_no_thread_is_left_behind(service: Service) -> None:
    before = set(threading.enumerate())
    with msnpauth.sign_in(PASSPORT, PASSWORD, twn(service), ca_file=service.ca_file):
        pass
    with pytest.raises(WrongCredentials):
        msnpauth.sign_in(PASSPORT, "not this one", twn(service), ca_file=service.ca_file)
    for thread in set(threading.enumerate()) - before:
        thread.join(20)
        assert not thread.is_alive()
