"""sign_in, sync and async, against the service and against servers that misbehave."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
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
    AccountBlocked,
    CertificateRejected,
    Command,
    ConnectionFailed,
    LocalProtocolError,
    MemoryTicketCache,
    NoCommonDialect,
    RemoteProtocolError,
    Secret,
    Servers,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    SignInTimeout,
    TooManyRedirects,
    WrongCredentials,
    aio,
)
from msnpauth.core.client import conversation
from msnpauth.service import Account, Service, run
from wire import (
    PASSPORT,
    PASSWORD,
    TICKET,
    Peer,
    Script,
    Server,
    answers,
    granted,
    http,
    opening,
    stays,
)

Driver = SyncDriver | AioDriver


@pytest.fixture
def login(authority: Authority) -> Iterator[Server]:
    """Return a login server that grants each request a ticket."""
    with Server(answers(*[granted()] * 20), authority.server_tls) as server:
        yield server


def attempt(
    driver: Driver, script: Script, login: Server, authority: Authority, **settings: Any
) -> None:
    """Sign in at a notification server that follows a script, and out again."""
    with Server(script) as server:
        servers = Servers(notification=server.address, login=login.url)
        settings = {"ca_file": authority.ca_file, "timeout": 20} | settings
        with driver.sign_in(PASSPORT, PASSWORD, servers, **settings) as session:
            assert session.ticket.reveal() == TICKET


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
    servers = Servers(notification=str(every.servers.notification), **{way: url})
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
        assert set(before) == {"messengerclear.live.com", "contacts.msn.com"}
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
    assert repr(cache) == "<MemoryTicketCache of 6>"


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
    with pytest.raises(CertificateRejected):
        with driver.sign_in(PASSPORT, PASSWORD, service.servers):
            pass


def test_the_login_address_is_remembered(driver: Driver, service: Service) -> None:
    cache = MemoryTicketCache()
    for _ in range(2):
        with driver.sign_in(PASSPORT, PASSWORD, twn(service), ca_file=service.ca_file, cache=cache):
            pass
    assert cache.get(f"login of {service.servers.nexus}") == service.login_urls[0]


# --- notification servers that misbehave -------------------------------------------------------


def says(*lines: str) -> Script:
    """Return a script that says lines without listening, and waits for the client to go."""

    def script(peer: Peer) -> None:
        peer.send("".join(f"{line}\r\n" for line in lines))
        peer.until_closed()

    return script


@pytest.mark.parametrize(
    ("lines", "kind", "code"),
    [
        (["VER 1 0"], NoCommonDialect, None),
        (["VER 1 MSNP18"], NoCommonDialect, None),
        (["500 1"], ServiceUnavailable, 500),
        (["VER 1 MSNP12", "710 2"], RemoteProtocolError, 710),
        (["VER 1 MSNP12", "CVR 2 1", "600 3"], ServiceUnavailable, 600),
        (["VER 1 MSNP12", "CVR 2 1", "911 3"], WrongCredentials, 911),
        (["VER 1 MSNP12", "CVR 2 1", "923 3"], AccountBlocked, 923),
        (["VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S lc=1", "911 4"], WrongCredentials, 911),
        (["VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S lc=1", "777 4"], ServiceUnavailable, 777),
        (["VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S"], RemoteProtocolError, None),
        (["VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S lc=1", "USR 4 NO"], RemoteProtocolError, None),
        (["VER 1 MSNP12", "CVR 2 1", "XFR 3 NS nowhere..example:1"], RemoteProtocolError, None),
        (["VER 1 MSNP12", "MSG a b x"], RemoteProtocolError, None),
        (["VER 1 MSNP12", "GCF 0 99999999"], RemoteProtocolError, None),
        (["HTTP/1.1 400 Bad Request"], RemoteProtocolError, None),
        (["x" * 70000], RemoteProtocolError, None),
        (["OUT OTH"], SessionEnded, None),
        (["OUT SSD"], ServiceUnavailable, None),
        (["XFR 0 NS 0"] * 6, TooManyRedirects, None),
    ],
)
def test_what_it_says(
    driver: Driver,
    login: Server,
    authority: Authority,
    lines: list[str],
    kind: type[SignInError],
    code: int | None,
) -> None:
    with pytest.raises(kind) as caught:
        attempt(driver, says(*lines), login, authority)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.server


@pytest.mark.parametrize(
    "said", ["", "VER 1 MSNP12\r\n", "VER 1 MSNP12\r\nCVR 2 1\r\nUSR 3 TWN S lc=1\r\n", "VER 1 MS"]
)
def test_it_closes(driver: Driver, login: Server, authority: Authority, said: str) -> None:
    with pytest.raises(ConnectionFailed, match="closed|reset"):
        attempt(driver, lambda peer: peer.send(said), login, authority)


def opens_and_stops(peer: Peer) -> None:
    opening(peer)
    peer.silence()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Peer.silence, id="silence"),
        pytest.param(lambda peer: peer.drip(b"NLN NLN a@b A\r\n"), id="a byte at a time"),
        pytest.param(opens_and_stops, id="no USR OK"),
    ],
)
def test_the_deadline_holds(
    driver: Driver, login: Server, authority: Authority, script: Script
) -> None:
    with pytest.raises(SignInTimeout, match="within 0.6 seconds"):
        attempt(driver, script, login, authority, timeout=0.6)


def test_a_login_server_that_is_silent(driver: Driver, authority: Authority) -> None:
    with Server(Peer.silence, authority.server_tls) as silent:
        with pytest.raises(SignInTimeout) as caught:
            attempt(driver, stays, silent, authority, timeout=0.6)
    assert caught.value.server == silent.url


def test_it_closes_while_the_login_server_is_asked(driver: Driver, authority: Authority) -> None:
    """The time-out is far away: nothing waits for it."""
    with Server(Peer.silence, authority.server_tls) as silent:
        with pytest.raises(ConnectionFailed, match="closed"):
            attempt(driver, opening, silent, authority)


def test_nobody_listens(driver: Driver, login: Server, authority: Authority) -> None:
    with Server(Peer.silence) as server:
        pass
    with (
        pytest.raises(ConnectionFailed) as caught,
        driver.sign_in(
            PASSPORT,
            PASSWORD,
            Servers(notification=server.address, login=login.url),
            ca_file=authority.ca_file,
        ),
    ):
        pass
    assert caught.value.server == server.address


def test_the_login_server_does_not_listen(driver: Driver, authority: Authority) -> None:
    with Server(Peer.silence) as gone:
        pass
    with pytest.raises(ConnectionFailed):
        attempt(driver, stays, gone, authority)


@pytest.mark.parametrize("status", [500, 302])
def test_the_login_server_refuses(driver: Driver, authority: Authority, status: int) -> None:
    with Server(answers(http(status)), authority.server_tls) as server:
        with pytest.raises(SignInError) as caught:
            attempt(driver, stays, server, authority)
    assert caught.value.code == status


def test_one_byte_at_a_time(driver: Driver, login: Server, authority: Authority) -> None:
    def script(peer: Peer) -> None:
        send = peer.send
        peer.send = lambda data: [send(data[at : at + 1]) for at in range(len(data))]  # type: ignore[method-assign,assignment]
        stays(peer)

    attempt(driver, script, login, authority)


def test_all_that_nobody_asked_for(driver: Driver, login: Server, authority: Authority) -> None:
    def script(peer: Peer) -> None:
        peer.send("CHL 0 15570131571988941333\r\nGCF 0 4\r\n<P/>NOT 2\r\nhi")
        opening(peer)
        peer.send("MSG Hotmail Hotmail 3\r\nabcUBX a@b 0\r\n")
        assert peer.line().startswith("USR 4 ")
        peer.send(f"SBS 0 null\r\nUSR 4 OK {PASSPORT} 1 0\r\nILN 5 NLN a@b A\r\nXYZ")
        heard.append(peer.line())
        peer.until_closed()

    heard: list[str] = []
    with Server(script) as server:
        servers = Servers(notification=server.address, login=login.url)
        with driver.sign_in(PASSPORT, PASSWORD, servers, ca_file=authority.ca_file) as session:
            verbs = [session.receive(20).verb for _ in range(6)]
            assert verbs == ["GCF", "NOT", "MSG", "UBX", "SBS", "ILN"]
    assert heard == ["QRY 5 PROD0101{0RM?UBW 32"]


def test_cvr_that_is_never_answered(
    driver: Driver, login: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "CVR_PATIENCE", 0.05)

    def script(peer: Peer) -> None:
        assert peer.line().startswith("VER 1 ")
        peer.send("VER 1 MSNP9\r\n")
        peer.line()
        assert peer.line() == f"USR 3 TWN I {PASSPORT}"
        peer.send("USR 3 TWN S lc=1\r\n")
        peer.line()
        peer.send(f"USR 4 OK {PASSPORT} Me 1 0\r\n")
        peer.until_closed()

    attempt(driver, script, login, authority, pipeline=False)


# --- XFR ---------------------------------------------------------------------------------------


def transfers(*lines: str) -> Script:
    return says("VER 1 MSNP12", "CVR 2 1", *lines)


@pytest.mark.parametrize(
    "form", ["XFR 3 NS {}", "XFR 3 NS {} 0", "XFR 0 NS {} 0 1.2.3.4:1863", "XFR 3 NS {} U D"]
)
def test_transfer(driver: Driver, login: Server, authority: Authority, form: str) -> None:
    def script(peer: Peer) -> None:
        assert peer.line().startswith("VER 4 ")
        peer.send("VER 4 MSNP12\r\nCVR 5 1\r\nUSR 6 TWN S lc=1\r\n")
        peer.line()
        peer.line()
        assert peer.line() == f"USR 7 TWN S {TICKET}"
        peer.send(f"USR 7 OK {PASSPORT} 1 0\r\n")
        peer.until_closed()

    with Server(script) as home:
        attempt(driver, transfers(form.format(home.address)), login, authority)


def test_the_legs_run_beside_each_other(driver: Driver, authority: Authority) -> None:
    """Each waits for the other: whoever ran one after the other would wait for ever."""
    asked, prepared = threading.Event(), threading.Event()

    def nexus(peer: Peer) -> None:
        assert peer.request().startswith("GET /n ")
        assert asked.wait(20)
        peer.send(http(200, f"PassportURLs: DALogin=127.0.0.1:{other.port}/l"))

    def login(peer: Peer) -> None:
        prepared.set()  # the TLS handshake is done, and nothing was asked yet
        assert peer.request().startswith("GET /l ")
        peer.send(granted())

    def notification(peer: Peer) -> None:
        lines = [peer.line() for _ in range(3)]
        assert [line[:3] for line in lines] == ["VER", "CVR", "USR"]
        asked.set()
        assert prepared.wait(20)
        peer.send("VER 1 MSNP12\r\nCVR 2 1\r\nUSR 3 TWN S lc=1033,id=507\r\n")
        assert peer.line() == f"USR 4 TWN S {TICKET}"
        peer.send(f"USR 4 OK {PASSPORT} 1 0\r\n")
        peer.until_closed()

    with (
        Server(login, authority.server_tls) as other,
        Server(nexus, authority.server_tls) as first,
        Server(notification) as server,
    ):
        servers = Servers(notification=server.address, nexus=f"{first.url}/n")
        with driver.sign_in(PASSPORT, PASSWORD, servers, ca_file=authority.ca_file) as session:
            assert session.dialect == 12
        assert (first.connections, other.connections, server.connections) == (1, 1, 1)


def test_nexus_and_login_of_one_host_share_a_connection(
    driver: Driver, authority: Authority
) -> None:
    def both(peer: Peer) -> None:
        assert peer.request().startswith("GET /n ")
        peer.send(http(200, f"PassportURLs: DALogin=127.0.0.1:{web.port}/l"))
        assert peer.request().startswith("GET /l ")
        peer.send(granted())

    with Server(both, authority.server_tls) as web, Server(stays) as server:
        servers = Servers(notification=server.address, nexus=f"{web.url}/n")
        with driver.sign_in(PASSPORT, PASSWORD, servers, ca_file=authority.ca_file):
            assert web.connections == 1


def test_transfer_in_a_circle(driver: Driver, login: Server, authority: Authority) -> None:
    def back(peer: Peer) -> None:
        says(f"XFR 0 NS {first.address}")(peer)

    with Server(back) as second:
        with Server(says(f"XFR 0 NS {second.address}")) as first:
            servers = Servers(notification=first.address, login=login.url)
            with pytest.raises(TooManyRedirects, match="circle"):
                with driver.sign_in(PASSPORT, PASSWORD, servers, ca_file=authority.ca_file):
                    pass


def test_transfer_to_nobody(driver: Driver, login: Server, authority: Authority) -> None:
    with Server(Peer.silence) as gone:
        pass
    with pytest.raises(ConnectionFailed) as caught:
        attempt(driver, transfers(f"XFR 3 NS {gone.address}"), login, authority)
    assert caught.value.server == gone.address


def test_what_was_read_and_not_yet_looked_at(
    driver: Driver, login: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the bytes are read: none of an old connection counts, none of the new one is lost."""
    for module in ("msnpauth.aio.connection", "msnpauth.sync.connection"):
        monkeypatch.setattr(f"{module}._CHUNK", 7)

    def script(peer: Peer) -> None:
        peer.send("VER 4 MSNP12\r\nCVR 5 1\r\nUSR 6 TWN S lc=1\r\n")
        while not peer.line().startswith("USR 7"):
            pass
        peer.send(f"USR 7 OK {PASSPORT} 1 0\r\nSBS 0 null\r\nNLN NLN x@y Somebody 0\r\n")
        peer.until_closed()

    with Server(script) as home, Server(transfers(f"XFR 3 NS {home.address}", "911 3")) as server:
        servers = Servers(notification=server.address, login=login.url)
        with driver.sign_in(PASSPORT, PASSWORD, servers, ca_file=authority.ca_file) as session:
            assert session.receive(20) == Command("SBS", 0, ("null",))
            assert session.receive(20) == Command("NLN", None, ("NLN", "x@y", "Somebody", "0"))


def test_a_connection_that_breaks(driver: Driver, login: Server, authority: Authority) -> None:
    def script(peer: Peer) -> None:
        peer.line()
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sock.close()

    with pytest.raises(ConnectionFailed):
        attempt(driver, script, login, authority)


def looked_up(*ports: int) -> Any:
    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    return lambda *arguments, **settings: places


def test_a_host_with_two_addresses(
    driver: Driver, login: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first refuses, the second is taken."""
    with Server(Peer.silence) as gone:
        pass
    with Server(stays) as server:
        real = socket.getaddrinfo

        def resolve(host: Any, *arguments: Any, **settings: Any) -> Any:
            if host == "two.example":
                return looked_up(gone.port, server.port)()
            return real(host, *arguments, **settings)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        servers = Servers(notification="two.example", login=login.url)
        with driver.sign_in(PASSPORT, PASSWORD, servers, ca_file=authority.ca_file):
            pass


def test_a_host_without_an_address(
    driver: Driver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", looked_up())
    with pytest.raises(ConnectionFailed, match="no address"):
        with driver.sign_in(PASSPORT, PASSWORD, Servers("x.example"), ca_file=authority.ca_file):
            pass


def test_a_host_that_does_not_answer(
    driver: Driver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full backlog: the system neither takes nor refuses the connection."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        servers = Servers(notification=f"127.0.0.1:{port}", login=f"https://127.0.0.1:{port}")
        with pytest.raises(SignInTimeout):
            with driver.sign_in(
                PASSPORT, PASSWORD, servers, ca_file=authority.ca_file, timeout=0.4
            ):
                pass
        for sock in waiting:
            sock.close()


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
        with driver.sign_in("bob@hotmail.com", "x", Servers.named("microsoft")):
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
