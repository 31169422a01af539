"""Targets of the client's end: parsers, the whole sign-in over each of its routes, a session."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from contract import NOW, PASSPORT, PASSWORD, check_error, is_safe, now
from feed import Feed
from msnpauth import ConnectionFailed, Reconnect, Servers, SignIn, SignInError
from msnpauth.core.client.actions import Action, Done, Failed, Fetch
from msnpauth.core.client.engine import Engine, SessionState
from msnpauth.core.client.inbox import MAX_UNREAD
from msnpauth.core.client.policies import Policies
from msnpauth.core.client.session_actions import Enter
from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.exchange import Exchange, Request, Response, describe_response
from msnpauth.core.tickets.http import ClientConnection
from msnpauth.core.tickets.passport14 import find_login, request_ticket
from msnpauth.core.tickets.proof import answer, is_answer
from msnpauth.core.tickets.rst import Soap, request_tickets
from msnpauth.core.tickets.xml import BadXml, parse
from msnpauth.core.urls import Address, BadAddress, Url
from msnpauth.core.wire.commands import Command, Role, unescape
from msnpauth.core.wire.lines import LineReader, NeedData

__all__ = ["TARGETS", "response_to"]

_LOGIN = Url.parse("https://login.example/login2.srf")
_SERVERS = Servers("messenger.example", login="https://login.example/login2.srf")
_GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"


def lines(data: bytes) -> None:
    """Read a stream whole and byte by byte: the same commands, or the same fault."""
    feed = Feed(data)
    sender = (Role.SERVER, Role.CLIENT)[feed.number(2)]
    whole, single = LineReader(sender), LineReader(sender)
    whole.feed(feed.rest())
    found = [_next(whole) for _ in range(200)]
    singly: list[str] = []
    for byte in feed.rest():
        single.feed(bytes([byte]))
        while (said := _next(single)) != "more" and len(singly) < 400:
            singly.append(said)
            if said == "fault":
                break
    upto = [said for said in found if said != "more"]
    upto = upto[: upto.index("fault") + 1] if "fault" in upto else upto
    assert len(upto) >= 200 or upto == singly[: len(upto)], (upto, singly)


def _next(reader: LineReader) -> str:
    said = reader.next_command()
    if isinstance(said, NeedData):
        return "more"
    if not isinstance(said, Command):
        check_error(said)
        return "fault"
    with suppress(SignInError):  # not every word that was read may be sent
        said.encode()
    assert is_safe(said.describe())
    "".join(unescape(word) for word in said.args).encode()
    return f"{said.verb} {said.trid} {said.args} {said.payload!r}"


def addresses(data: bytes) -> None:
    """Read `host:port`, and a URL alone and behind another."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(BadAddress):
        address = Address.parse(text)
        assert Address.parse(str(address)) == address
    for base in (None, _LOGIN):
        with suppress(BadAddress):
            url = Url.parse(text, base=base)
            assert Url.parse(str(url)) == url
    with suppress(BadAddress):
        Url.parse_login(text)


def xml(data: bytes) -> None:
    """Read a document."""
    with suppress(BadXml):
        parse(data)


def response_to(data: bytes, request: Request) -> Response | SignInError:
    """Return what a carrier makes of the bytes that a server answers."""
    connection = ClientConnection()
    connection.send(request)
    answered = connection.receive(data)
    if isinstance(answered, NeedData):
        answered = connection.receive(b"")
    assert not isinstance(answered, NeedData)
    if isinstance(answered, SignInError):
        check_error(answered)
    else:
        for line in describe_response(answered, request):
            assert is_safe(line), repr(line)
    return answered


def http(data: bytes) -> None:
    """Read the answer to a request that wants a body, and to one that does not."""
    for wants_body in (True, False):
        response_to(data, Request("GET", _LOGIN, wants_body=wants_body))


def _exchange(number: int) -> Exchange[object]:
    """Return one of the conversations over HTTPS."""
    if number == 0:
        return find_login(_SERVERS, now=now)
    if number == 1:
        return request_ticket(_LOGIN, PASSPORT, PASSWORD, "lc=1033,id=507", _SERVERS, now=now)
    soap = (Soap.RST, Soap.RST2)[number - 2]
    wanted = {"a.example": "MBI"}
    return request_tickets(_LOGIN, soap, PASSPORT, PASSWORD, wanted, servers=_SERVERS, now=now)


def exchanges(data: bytes) -> None:
    """Ask nexus, login server and RST; each answers by a record."""
    feed = Feed(data)
    exchange = _exchange(feed.number(4))
    try:
        request = next(exchange)
        for _, content in feed.records():
            outcome = response_to(content, request)
            request = (
                exchange.send(outcome) if isinstance(outcome, Response) else exchange.throw(outcome)
            )
            assert _SERVERS.trusts(request.url, redirected_by=_LOGIN)
    except StopIteration:
        pass
    except SignInError as error:
        check_error(error)
    finally:
        exchange.close()


def proofs(data: bytes) -> None:
    """Answer a nonce by a key, and check an answer."""
    key, _, nonce = data.partition(b"\0")
    secret = Secret(key.decode("utf-8", "surrogateescape"))
    text = nonce.decode("utf-8", "surrogateescape")
    with suppress(ValueError):
        assert is_answer(answer(secret, text, b"12345678"), secret, text)
        is_answer(text, secret, "nonce")


# --- the whole sign-in ---------------------------------------------------------------------------

_NS, _RST = "ns.example:1863", "https://rst.example/RST.srf"
ROUTES = (
    (Servers(notification=_NS), "MD5"),
    (Servers(notification=_NS, login=str(_LOGIN)), "TWN"),
    (Servers(notification=_NS, nexus="https://nexus.example/rdr/pprdr.asp"), "TWN"),
    (Servers(notification=_NS, rst=_RST), "TWN"),
    (Servers(notification=_NS, rst=_RST, rst2="https://rst.example/RST2.srf"), "SSO"),
)
DATA, RESPONSE, FETCH_FAILED, SILENCE, LOST, CONNECTED = range(6)


def _policies() -> Policies:
    """Return what makes every sign-in by SSO ask for its ticket ahead."""
    policies = Policies()
    for url in (_RST, "https://rst.example/RST2.srf"):
        policies.learn(ROUTES[-1][0], Url.parse(url), "MBI_KEY_OLD")
    return policies


def sign_in(data: bytes) -> None:
    """Sign in by one of the five routes at servers that say what the records tell them to say."""
    feed = Feed(data)
    servers, scheme = ROUTES[feed.number(len(ROUTES))]
    machine = SignIn(
        PASSPORT,
        PASSWORD,
        servers,
        scheme=scheme,
        guid=_GUID,
        now=now,
        pipeline=feed.number(2) < 1,
        policies=_policies(),
    )
    fetches: list[Fetch] = []
    if _ended(machine.start(), fetches):
        return
    for kind, content in feed.records():
        if _ended(_happens(machine, kind % 6, content, fetches), fetches):
            return
    while fetches:
        if _ended(_happens(machine, FETCH_FAILED, b"", fetches), fetches):
            return
    for _ in range(30):  # transfers, and second tries, are bounded
        if _ended(machine.receive_data(b""), fetches):
            return
    raise AssertionError("a sign-in without an end")


def _happens(machine: SignIn, kind: int, content: bytes, fetches: list[Fetch]) -> list[Action]:
    if kind == DATA:
        return machine.receive_data(content or b"\r\n")
    if kind == SILENCE:
        return machine.silence()
    if kind == LOST:
        return machine.connection_failed(ConnectionFailed("lost"))
    if kind == CONNECTED:
        return machine.connected(https_stands=bool(content))
    if not fetches:
        return []
    fetch = fetches.pop(0)
    lost: Response | SignInError = ConnectionFailed("lost")
    outcome = response_to(content, fetch.request) if kind == RESPONSE else lost
    return machine.receive_response(fetch.id, outcome)


def _ended(actions: list[Action], fetches: list[Fetch]) -> bool:
    for action in actions:
        match action:
            case Fetch():
                assert action.request.url.scheme == "https"
                fetches.append(action)
            case Failed(error):
                check_error(error)
                return True
            case Done():
                return True
            case _:
                pass
    return False


# --- a session -----------------------------------------------------------------------------------

_OPENING = b"VER 1 MSNP7\r\nINF 2 MD5\r\nUSR 3 MD5 S 1.1\r\n"


def _signed_in() -> Done:
    machine = SignIn(PASSPORT, PASSWORD, ROUTES[0][0], scheme="MD5", guid=_GUID, now=now)
    machine.start()
    machine.receive_data(_OPENING)
    done = machine.receive_data(f"USR 4 OK {PASSPORT} Alice 1\r\n".encode())[-1]
    assert isinstance(done, Done)
    return done


def session(data: bytes) -> None:
    """Live through what the records say: bytes, time, requests, losses and returns."""
    feed = Feed(data)
    policy = (None, Reconnect(attempts=3))[feed.number(2)]
    clock = NOW.timestamp()
    engine = Engine(_signed_in().result, now=clock, reconnect=policy, uniform=lambda low, _: low)
    for kind, content in feed.records():
        clock += kind // 8
        match kind % 8:
            case 0 | 1 | 2:
                engine.receive_data(engine.connection.number, content or b"\r\n", clock)
            case 3:
                engine.tick(clock + timedelta(minutes=1).total_seconds())
            case 4:
                with suppress(SignInError):
                    engine.request("CHG", (content.decode("utf-8", "surrogateescape"),), None)
            case 5:
                engine.receive_data(engine.connection.number, b"", clock)
            case 6:
                with suppress(SignInError):
                    engine.take_command()
            case _:
                engine.connection_lost(engine.connection.number, ConnectionFailed("lost"), clock)
        b"".join(
            command.encode() for command in engine.take_output(engine.connection.number, clock)
        )
        _follow(engine, clock)
    if engine.ended is not None:
        check_error(engine.ended)
    engine.close()
    assert engine.state is SessionState.ENDED


def _follow(engine: Engine, clock: float) -> None:
    """Sign in again where the engine wants it; every third attempt fails."""
    wake_at = engine.wake_at
    if engine.state is SessionState.AWAY and wake_at is not None:
        engine.tick(wake_at)
    for action in engine.take_actions():
        if isinstance(action, Enter):
            if action.first_trid % 3:
                engine.entered(_signed_in().result, clock)
            else:
                engine.enter_failed(ConnectionFailed("nobody there"), clock)
    assert engine._deliveries.size <= MAX_UNREAD


TARGETS = {
    "lines": lines,
    "addresses": addresses,
    "xml": xml,
    "http": http,
    "exchanges": exchanges,
    "proofs": proofs,
    "sign_in": sign_in,
    "session": session,
}
