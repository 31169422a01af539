"""sign_in, sync and async, against notification servers that misbehave or send on."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest

from both import AioDriver, SyncDriver
from conftest import Authority
from msnpauth import (
    AccountBlocked,
    Command,
    ConnectionFailed,
    LocalProtocolError,
    NoCommonDialect,
    RemoteProtocolError,
    Servers,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    SignInTimeout,
    TooManyRedirects,
    WrongCredentials,
)
from msnpauth.core.client import conversation
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


def attempt(
    driver: Driver, script: Script, login: Server, authority: Authority, **settings: Any
) -> None:
    """Sign in at a notification server that follows a script, and out again."""
    with Server(script) as server:
        servers = Servers(notification=server.address, login=login.url)
        settings = {"ca_file": authority.ca_file, "timeout": 20} | settings
        with driver.sign_in(PASSPORT, PASSWORD, servers, **settings) as session:
            assert session.ticket.reveal() == TICKET


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


def test_the_networks_own_certificates(driver: Any, authority: Authority) -> None:
    with Server(stays) as server, Server(answers(granted()), authority.server_tls) as login:
        where = {"notification": server.address, "login": login.url}
        servers = Servers(**where, ca_file=authority.ca_file)  # type: ignore[arg-type]
        with driver.sign_in(PASSPORT, PASSWORD, servers, dialects=[12]) as session:
            assert session.dialect == 12


def test_the_keyword_comes_before_the_networks_own(
    driver: Any, authority: Authority, tmp_path: Path
) -> None:
    with Server(stays) as server, Server(answers(granted()), authority.server_tls) as login:
        servers = Servers(
            notification=server.address, login=login.url, ca_file=tmp_path / "missing.pem"
        )
        given = {"dialects": [12], "ca_file": authority.ca_file}
        with driver.sign_in(PASSPORT, PASSWORD, servers, **given) as session:
            assert session.dialect == 12
        with pytest.raises(LocalProtocolError, match="missing.pem"):
            with driver.sign_in(PASSPORT, PASSWORD, servers, dialects=[12]):
                pass
