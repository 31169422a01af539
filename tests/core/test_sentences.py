"""Every error of the core, whole: its kind, step, server and code, its sentence and its hint.

What each call below comes to stands in tests/data/errors.txt, one line for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from msnpauth.core.client.actions import Done, Failed, Fetch, SignedIn
from msnpauth.core.client.connection import MAX_QUICK_MOVES, SessionConnection
from msnpauth.core.client.conversation import Accepted, Conversation, Refused
from msnpauth.core.client.engine import Engine
from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.credentials import check_challenge, check_passport, check_password
from msnpauth.core.errors import SignInError, Step
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.core.tickets.http import ClientConnection
from msnpauth.core.tickets.passport14 import find_login, request_ticket
from msnpauth.core.tickets.proof import answer
from msnpauth.core.tickets.rst import Soap, request_body, request_tickets
from msnpauth.core.tickets.xml import BadXml, parse
from msnpauth.core.urls import Address, BadAddress, Url
from msnpauth.core.wire.commands import Command, Role, escape
from msnpauth.core.wire.dialects import DIALECTS, Scheme, offer
from msnpauth.core.wire.lines import LineReader
from told import shown

TABLE = Path(__file__).parent.parent / "data" / "errors.txt"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PASSWORD = Secret("pass word")
LOGIN = Url.parse("https://login.example/login.srf")
HISTORIC = Url.parse("https://loginnet.passport.com/login2.srf")
RST = Url.parse("https://rst.example/RST.srf")
NEXUS = Servers(nexus="https://nexus.example/rdr/pprdr.asp")


# --- how to come to each of them -----------------------------------------------------------------


def talk(
    *lines: str,
    pipeline: bool = True,
    dialects: list[int] | None = None,
    scheme: Scheme = Scheme.TWN,
) -> SignInError:
    """Return how a conversation fails that hears these lines; "" closes the connection."""
    talk = Conversation("a@b.example", offer(dialects, scheme), server="ns:1863", pipeline=pipeline)
    talk.open()
    for line in lines:
        if line == "(answer)":
            talk.answer("t=1")
            continue
        data = f"{line}\r\n".encode("utf-8", "surrogateescape") if line else b""
        for event in talk.receive(data):
            if isinstance(event, Refused):
                return event.error
    raise AssertionError("it did not fail")


TO_CHALLENGE = ("VER 1 MSNP12", "CVR 2 1 1 1 u u")
TO_OK = (*TO_CHALLENGE, "USR 3 TWN S lc=1", "(answer)")


def signed_in(left: bytes = b"") -> SignedIn:
    reader = LineReader(Role.SERVER)
    reader.feed(left)
    ok = Command("USR", 4, ("OK", "a@b", "1", "0"))
    accepted = Accepted("a@b", "A", DIALECTS[12], verified=True, restricted=False, command=ok)
    return SignedIn(accepted, None, {}, Address("ns", 1863), 5, (), reader)


def living(data: bytes) -> SignInError:
    """Return how a connection of a session ends that hears these bytes."""
    core = SessionConnection(signed_in(), now=100.0)
    core.receive(data, 101.0)
    assert core.ended is not None
    return core.ended


def silent() -> SignInError:
    core = SessionConnection(signed_in(), now=0.0)
    for _ in range(3):
        core.tick(core.wake_at)
    assert core.ended is not None
    return core.ended


def sent_round() -> SignInError:
    core = SessionConnection(signed_in(), now=0.0)
    for _ in range(MAX_QUICK_MOVES):
        core = SessionConnection(signed_in(), now=0.0, before=core)
    core.receive(b"XFR 0 NS other:1863\r\n", 1.0)
    assert core.ended is not None
    return core.ended


def engine(**settings: Any) -> Engine:
    return Engine(signed_in(), now=100.0, **settings)


def ended(change: Callable[[Engine], object]) -> SignInError:
    session = engine()
    change(session)
    assert session.ended is not None
    return session.ended


def closed_before_reply() -> None:
    session = engine()
    reply = session.request("CHG", ("NLN",), None)
    session.receive_data(1, b"", 101.0)
    reply.result()


def refused_reply() -> None:
    session = engine()
    reply = session.request("CHG", ("NLN",), None)
    session.receive_data(1, b"201 5\r\n", 101.0)
    reply.result()


def answered(exchange: Any, *answers: Response) -> None:
    """Run an exchange with these answers."""
    try:
        next(exchange)
        for response in answers:
            exchange.send(response)
    except StopIteration:
        return


def login(*answers: Response, url: Url = LOGIN) -> None:
    answered(
        request_ticket(url, "a@b.example", PASSWORD, "lc=1", Servers(), now=lambda: NOW), *answers
    )


def nexus(*answers: Response, servers: Servers = NEXUS) -> None:
    answered(find_login(servers, now=lambda: NOW), *answers)


def rst(*answers: Response) -> None:
    wanted = {"messenger.msn.com": "?lc=1"}
    exchange = request_tickets(
        RST, Soap.RST, "a@b.example", PASSWORD, wanted, servers=Servers(), now=lambda: NOW
    )
    answered(exchange, *answers)


def says(status: int, *headers: tuple[str, str], body: str = "") -> Response:
    return Response(status, headers, body.encode())


def fault(code: str, more: str = "") -> Response:
    return says(200, body=f"<E><Fault><faultcode>{code}</faultcode>{more}</Fault></E>")


def fault2(code: str, value: str, *, status: int = 200, reason: str = "") -> Response:
    body = (
        f"<E><Body><Fault><Code><Value>S:Sender</Value><Subcode><Value>{code}</Value></Subcode>"
        f"</Code><Reason><Text>{reason}</Text></Reason><Detail><error><value>{value}</value>"
        "</error></Detail></Fault></Body></E>"
    )
    return says(status, body=body)


def passport(name: str, value: str) -> tuple[str, str]:
    return (name, f"Passport1.4 {value}")


def http(*pieces: bytes, wants_body: bool = True) -> SignInError:
    """Return how reading an answer fails that comes in these pieces."""
    line = ClientConnection(max_header=200)
    line.send(Request("GET", LOGIN, wants_body=wants_body, max_body=100))
    outcome: object = None
    for piece in pieces:
        outcome = line.receive(piece)
    assert isinstance(outcome, SignInError)
    return outcome


def read(data: bytes) -> SignInError:
    reader = LineReader(Role.SERVER, max_line=100, max_payload=100)
    reader.feed(data)
    found = reader.next_command()
    assert isinstance(found, SignInError)
    return found


# --- whole sign-ins ------------------------------------------------------------------------------


class Machine:
    """A sign-in that is fed by hand."""

    def __init__(self, servers: Servers, **options: Any) -> None:
        self.sign_in = SignIn(
            "a@b.example", "pass word", servers, now=lambda: NOW, guid=None, **options
        )
        self.take(self.sign_in.start())

    def take(self, actions: list[Any]) -> None:
        for action in actions:
            if isinstance(action, Failed):
                raise action.error
            assert not isinstance(action, Done)
            if isinstance(action, Fetch):
                self.fetch = action

    def hears(self, *lines: str) -> Machine:
        for line in lines:
            self.take(self.sign_in.receive_data(f"{line}\r\n".encode() if line else b""))
        return self

    def gets(self, outcome: Response | SignInError) -> Machine:
        self.take(self.sign_in.receive_response(self.fetch.id, outcome))
        return self


def twn(**options: Any) -> Machine:
    servers = Servers(notification="ns.example", login=str(LOGIN), rst=None)
    return Machine(servers, scheme="TWN", **options)


def sso(**options: Any) -> Machine:
    machine = Machine(Servers(notification="ns.example", rst=str(RST)), scheme="SSO", **options)
    return machine.hears("VER 1 MSNP15", "CVR 2 1 1 1 u u", "USR 3 SSO S MBI_KEY_OLD nonce")


def token(address: str, *, secret: str = "", ticket: str = "t=1") -> Response:
    proof = f"<BinarySecret>{secret}</BinarySecret>" if secret else ""
    return says(
        200,
        body="<E><RequestSecurityTokenResponse>"
        f"<Address>{address}</Address><BinarySecurityToken>{ticket}</BinarySecurityToken>{proof}"
        "</RequestSecurityTokenResponse></E>",
    )


def circle() -> None:
    machine = twn()
    for at in ("ns2:1863", "ns3:1863", "ns2:1863"):
        machine.hears("VER 1 MSNP12", "CVR 2 1 1 1 u u", f"XFR 3 NS {at}")


def transfers() -> None:
    machine = twn()
    for number in range(7):
        machine.hears("VER 1 MSNP12", "CVR 2 1 1 1 u u", f"XFR 3 NS ns{number}:1863")


CASES: dict[str, Callable[[], object]] = {
    # The notification conversation.
    "VER 0": lambda: talk("VER 1 0"),
    "VER of another": lambda: talk("VER 1 MSNP7 MSNP8 CVR0", dialects=[12]),
    "VER twice": lambda: talk("VER 1 MSNP12", "VER 1 MSNP12"),
    "USR while VER is awaited": lambda: talk("USR 3 TWN S lc=1"),
    "USR of a ticket that was not sent": lambda: talk(*TO_OK[:-1], "USR 3 TWN S lc=1"),
    "INF without the scheme": lambda: talk(
        "VER 1 MSNP7", "INF 2 TWN", dialects=[7], scheme=Scheme.MD5
    ),
    "a challenge of another scheme": lambda: talk(*TO_CHALLENGE, "USR 3 MD5 S 1"),
    "a challenge that is not text": lambda: talk(*TO_CHALLENGE, "USR 3 TWN S lc=\udcff"),
    "a ticket not answered by OK": lambda: talk(*TO_OK, "USR 4 TWN S lc=1"),
    "OK without a passport": lambda: talk(*TO_OK, "USR 4 OK"),
    "closed at VER": lambda: talk(""),
    "closed at CVR": lambda: talk("VER 1 MSNP12", ""),
    "closed at CVR, one at a time": lambda: talk("VER 1 MSNP12", "", pipeline=False),
    "closed at INF": lambda: talk("VER 1 MSNP7", "", dialects=[7], scheme=Scheme.MD5),
    "closed at the challenge": lambda: talk(*TO_CHALLENGE, ""),
    "closed while the ticket is got": lambda: talk(*TO_OK[:-1], ""),
    "closed at USR OK": lambda: talk(*TO_OK, ""),
    "OUT": lambda: talk("OUT"),
    "OUT that nobody knows": lambda: talk("OUT XYZ"),
    "OUT OTH": lambda: talk("OUT OTH"),
    "OUT in lower case": lambda: talk("OUT ssd"),
    "OUT RCT": lambda: talk("OUT RCT"),
    "OUT RCT 6": lambda: talk("OUT RCT 6"),
    "OUT RCT of no number": lambda: talk("OUT RCT 6x"),
    "OUT MIG": lambda: talk("OUT MIG"),
    "OUT TOU": lambda: talk("OUT TOU"),
    "XFR without an address": lambda: talk("XFR 3 NS"),
    "XFR to nowhere": lambda: talk("XFR 3 NS :::"),
    "XFR to no port": lambda: talk("XFR 3 NS h:0"),
    "a line that is no MSNP": lambda: talk("hello"),
    "911": lambda: talk(*TO_OK, "911 4"),
    # A living session.
    "session: no answer to PNG": silent,
    "session: closed": lambda: living(b""),
    "session: OUT": lambda: living(b"OUT\r\n"),
    "session: OUT OTH": lambda: living(b"OUT OTH\r\n"),
    "session: OUT RCT": lambda: living(b"OUT RCT 5\r\n"),
    "session: OUT SSD": lambda: living(b"OUT SSD\r\n"),
    "session: no MSNP": lambda: living(b"hello\r\n"),
    "session: XFR": lambda: living(b"XFR 0 NS other:1863\r\n"),
    "session: XFR to the beginning": lambda: living(b"XFR 0 NS 0\r\n"),
    "session: XFR to nowhere": lambda: living(b"XFR 0 NS :::\r\n"),
    "session: XFR again and again": sent_round,
    "session: QRY refused": lambda: living(b"CHL 0 1\r\n540 5\r\n"),
    "session: a payload of no bytes": lambda: engine().send("MSG", ("U",), "text"),  # type: ignore[arg-type]
    "session: closed here": lambda: ended(Engine.close),
    "session: detached": lambda: ended(Engine.leave),
    "session: a fault of its own": lambda: ended(lambda it: it.crash(ZeroDivisionError(), 101.0)),
    "session: PNG has no reply": lambda: engine().request("PNG", (), None),
    "session: OUT has no reply": lambda: engine().request("OUT", (), None),
    "session: nothing is received": lambda: engine(receive=False).take_command(),
    "session: too late": lambda: engine().too_late("reply", 1.5),
    "session: the reply cannot come": closed_before_reply,
    "session: the reply is a code": refused_reply,
    # A command.
    "command: the verb": lambda: Command("msg").encode(),
    "command: an empty word": lambda: Command("CHG", 1, ("",)).encode(),
    "command: a blank": lambda: Command("CHG", 1, ("a b",)).encode(),
    "command: no UTF-8": lambda: Command("CHG", 1, ("\ud800",)).encode(),
    "escape: no UTF-8": lambda: escape("\ud800"),
    "line: too long": lambda: read(b"x" * 101),
    "line: no verb": lambda: read(b"x\r\n"),
    "line: a control character": lambda: read(b"MSG a\x01 b 1\r\n"),
    "line: no length": lambda: read(b"MSG a b c\r\n"),
    "line: a large payload": lambda: read(b"MSG a b 101\r\n"),
    # The challenge, the passport and the password of the caller.
    "challenge: bytes": lambda: check_challenge(b"lc=1"),  # type: ignore[arg-type]
    "challenge: nothing": lambda: check_challenge(""),
    "challenge: a line without one": lambda: check_challenge("USR 3 TWN S \r\n"),
    "challenge: S": lambda: check_challenge("S"),
    "challenge: I": lambda: check_challenge("I"),
    "challenge: TWN": lambda: check_challenge("TWN"),
    "challenge: USR": lambda: check_challenge("USR"),
    "challenge: a blank": lambda: check_challenge("lc=1 x"),
    "passport: no domain": lambda: check_passport("alice@"),
    "passport: no text": lambda: check_passport(None),  # type: ignore[arg-type]
    "passport: a blank": lambda: check_passport("a b@c.example"),
    "password: nothing": lambda: check_password(Secret("")),
    "password: bytes": lambda: check_password(Secret(b"x")),  # type: ignore[arg-type]
    "password: no UTF-8": lambda: check_password(Secret("\ud800")),
    # Passport 1.4.
    "login: failed": lambda: login(
        says(401, passport("WWW-Authenticate", "da-status=failed,cbtxt=No%20way"))
    ),
    "login: failed-noretry": lambda: login(
        says(401, passport("WWW-Authenticate", "da-status=failed-noretry"))
    ),
    "login: fail-noretry": lambda: login(
        says(200, passport("Authentication-Info", "da-status=fail-noretry"))
    ),
    "login: words in Latin-1": lambda: login(
        says(401, passport("WWW-Authenticate", "da-status=failed,cbtxt=%E9"))
    ),
    "login: words that repeat the password": lambda: login(
        says(401, passport("WWW-Authenticate", "da-status=failed,cbtxt=pass%20word"))
    ),
    "login: another word": lambda: login(
        says(401, passport("WWW-Authenticate", "da-status=failsafe"))
    ),
    "login: failed at 200": lambda: login(
        says(200, passport("WWW-Authenticate", "da-status=failed"))
    ),
    "login: 401 of somebody else": lambda: login(says(401, ("WWW-Authenticate", "Basic"))),
    "login: an empty ticket": lambda: login(
        says(200, passport("Authentication-Info", "da-status=success,from-PP=''"))
    ),
    "login: a ticket with a blank": lambda: login(
        says(200, passport("Authentication-Info", "da-status=success,from-PP='t=1 x'"))
    ),
    "login: an open quote": lambda: login(
        says(200, passport("Authentication-Info", "from-PP='t=1"))
    ),
    "login: no ticket": lambda: login(says(200)),
    "login: 404": lambda: login(says(404)),
    "login: 499": lambda: login(says(499)),
    "login: 429": lambda: login(says(429, ("retry-after", "7"))),
    "login: 500": lambda: login(says(500)),
    "login: 503": lambda: login(says(503, ("Retry-After", "Sun, 22 Nov 2026 12:00:30 GMT"))),
    "login: a redirect to nowhere": lambda: login(says(302)),
    "login: a redirect to no address": lambda: login(says(302, ("Location", "https://u@h/"))),
    "login: a redirect that repeats the password": lambda: login(
        says(302, ("Location", "https://login.example/?pass%20word"))
    ),
    "login: a redirect without encryption": lambda: login(
        says(302, ("Location", "http://login.example/"))
    ),
    "login: a redirect to a stranger": lambda: login(
        says(302, ("Location", "https://evil.example/"))
    ),
    "login: redirects without end": lambda: login(*[says(302, ("location", "/again"))] * 6),
    "login: of Microsoft": lambda: login(says(404), url=HISTORIC),
    "nexus: none": lambda: nexus(servers=Servers()),
    "nexus: no address": lambda: nexus(says(200)),
    "nexus: an address with a blank": lambda: nexus(
        says(200, ("PassportURLs", "DALogin=login.example/a b"))
    ),
    "nexus: an address without encryption": lambda: nexus(
        says(200, ("PassportURLs", "DALogin=http://login.example/"))
    ),
    "nexus: 500": lambda: nexus(says(500)),
    "nexus: 404": lambda: nexus(says(404)),
    "nexus: redirects without end": lambda: nexus(*[says(302, ("LOCATION", "/again"))] * 6),
    # RST.
    "rst: a control character": lambda: request_body(
        Soap.RST, "a@b", Secret("\x01"), {}, url=RST, now=NOW
    ),
    "rst: no ticket": lambda: rst(says(200, body="<E/>")),
    "rst: no XML": lambda: rst(says(200, body="<html>")),
    "rst: nothing": lambda: rst(says(200)),
    "rst: 404": lambda: rst(says(404)),
    "rst: 429": lambda: rst(says(429)),
    "rst: 500": lambda: rst(says(500)),
    "rst: 401 of Passport": lambda: rst(
        says(401, passport("WWW-Authenticate", "da-status=failed,cbtxt=No"))
    ),
    "rst: 401 of somebody else": lambda: rst(says(401)),
    "rst: refused": lambda: rst(fault("wsse:FailedAuthentication")),
    "rst: refused by 0x80048821": lambda: rst(fault2("wst:FailedAuthentication", "0x80048821")),
    "rst: refused by 0x80048823": lambda: rst(fault2("x", "0X80048823")),
    "rst: a fault without a code": lambda: rst(says(200, body="<E><Fault/></E>")),
    "rst: a fault in words": lambda: rst(
        fault("S:Client", "<faultstring>Invalid Request</faultstring>")
    ),
    "rst: a fault in words of RST2": lambda: rst(fault2("x:Bad", "", reason="Invalid Request")),
    "rst: a fault that repeats the password": lambda: rst(
        fault("S:Client", "<faultstring>pass word</faultstring>")
    ),
    "rst: a long fault": lambda: rst(fault("c" * 50, f"<faultstring>{'w' * 150}</faultstring>")),
    "rst: the newest status": lambda: rst(
        fault("S:Client", "<pp><reqstatus>0x80048821</reqstatus></pp>")
    ),
    "rst: busy": lambda: rst(fault2("wst:InvalidRequest", "0x80048820")),
    "rst: a fault at 503": lambda: rst(fault2("x", "0x1", status=503)),
    "rst: a fault at 429": lambda: rst(fault2("x", "0x1", status=429)),
    "rst: a fault at 500": lambda: rst(fault2("x", "0x1", status=500)),
    **{
        f"rst: blocked by {code}": lambda code=code: rst(fault2("x", code))  # type: ignore[misc]
        for code in (
            "0x80048825",
            "0x80048826",
            "0x80048827",
            "0x80048831",
            "0x80048836",
            "0x800488EE",
        )
    },
    "rst: a redirect to nowhere": lambda: rst(fault("psf:Redirect")),
    "rst: redirects without end": lambda: rst(
        *[fault("psf:Redirect", "<redirectUrl>https://rst.example/x</redirectUrl>")] * 6
    ),
    "rst: redirects by the header": lambda: rst(*[says(302, ("LOCATION", "/x"))] * 6),
    "proof: a key that is none": lambda: answer(Secret("?"), "nonce"),
    # HTTP.
    "http: another protocol": lambda: http(b"220 mail\r\n"),
    "http: another version": lambda: http(b"HTTP/1.2 200 OK\r\n\r\n"),
    "http: no status": lambda: http(b"HTTP/1.1 x\r\n\r\n"),
    "http: long headers": lambda: http(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 200 + b"\r\n\r\n"),
    "http: headers without end": lambda: http(b"HTTP/1.1 200 OK\r\n", b"A: " + b"x" * 200),
    "http: 1xx without end": lambda: http(*[b"HTTP/1.1 100 x\r\n\r\n"] * 12),
    "http: a long body": lambda: http(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101),
    "http: closed": lambda: http(b""),
    "http: closed within the headers": lambda: http(b"HTTP/1.1 200 OK\r\n", b""),
    "http: closed within the body": lambda: http(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", b""
    ),
    "http: what cannot be asked": lambda: ClientConnection().send(
        Request("GET", LOGIN, (("A", "b\nc"),), step=Step.NEXUS)
    ),
    # XML and addresses.
    "xml: none": lambda: parse(b"<a>"),
    "xml: an encoding that nobody knows": lambda: parse(
        b"<?xml version='1.0' encoding='x-y'?><a/>"
    ),
    "xml: a document type": lambda: parse(b"<!DOCTYPE a><a/>"),
    "xml: too deep": lambda: parse(b"<a>" * 33),
    "address: long": lambda: Address.parse("h" * 301),
    "address: too many colons": lambda: Address.parse("h:1:2"),
    "address: port 0": lambda: Address.parse("h:0"),
    "address: port 65536": lambda: Address.parse("h:65536"),
    "address: a long label": lambda: Address.parse("h" * 64),
    "address: a long name": lambda: Address.parse(".".join(["h" * 60] * 5)),
    "url: brackets": lambda: Url.parse("https://[::1/"),
    "url: long": lambda: Url.parse("https://h/" + "x" * 8192),
    "url: a blank": lambda: Url.parse("https://h/ x"),
    "url: a backslash": lambda: Url.parse("https://h\\x"),
    "url: nothing": lambda: Url.parse(""),
    "url: another scheme": lambda: Url.parse("ftp://h/"),
    "url: no host": lambda: Url.parse("https:///x"),
    "url: a user": lambda: Url.parse("https://u@h/"),
    "servers: an address that is none": lambda: Servers(notification="h:0"),
    "servers: an address that is no text": lambda: Servers(notification=5),  # type: ignore[arg-type]
    "servers: a URL that is none": lambda: Servers(nexus="ftp://h/"),
    # Whole sign-ins.
    "sign-in: an option that is none": lambda: SignIn("a@b", "x", Servers("h"), shceme="MD5"),  # type: ignore[call-arg]
    "sign-in: no servers": lambda: SignIn("a@b.example", "x", "ns.example"),  # type: ignore[arg-type]
    "sign-in: no RST for the scheme": lambda: Machine(
        Servers(notification="ns.example", login=str(LOGIN)), scheme="SSO"
    ),
    "sign-in: no server for the scheme": lambda: Machine(
        Servers(notification="ns.example", rst=None), scheme="TWN"
    ),
    "sign-in: in a circle": circle,
    "sign-in: too many transfers": transfers,
    "sign-in: no ticket of that name": lambda: sso().gets(token("contacts.msn.com")),
    "sign-in: no proof key": lambda: sso().gets(token("messengerclear.live.com")),
    "sign-in: a proof key that is none": lambda: sso().gets(
        token("messengerclear.live.com", secret="?")
    ),
    "sign-in: too late at the ticket": lambda: sso().sign_in.timed_out(3),
    "sign-in: too late at VER": lambda: twn().sign_in.timed_out(2.5),
    "sign-in: too late, one at a time": lambda: twn(pipeline=False).sign_in.timed_out(2.5),
    "sign-in: too late at Microsoft's": lambda: Machine(
        Servers(notification="messenger.hotmail.com"), scheme="MD5"
    ).sign_in.timed_out(2.5),
    "sign-in: renewal of what has none": lambda: twn().sign_in.renewal(),  # noqa: PLW0108 - made in the test
    "sign-in: renewal of nothing": lambda: sso().sign_in.renewal(),  # noqa: PLW0108 - made in the test
    "secret: pickled": lambda: Secret("x").__reduce__(),
}


def comes_to(case: Callable[[], object]) -> str:
    try:
        found = case()
    except (SignInError, BadAddress, BadXml, ValueError, TypeError) as error:
        return shown(error)
    assert isinstance(found, SignInError), "it does not fail"
    return shown(found)


def lines() -> Iterator[tuple[str, str]]:
    for line in TABLE.read_text("utf-8").splitlines():
        name, _, text = line.partition(" => ")
        yield name, text


@pytest.mark.parametrize("name", CASES)
def test_what_it_says(name: str) -> None:
    assert comes_to(CASES[name]) == dict(lines())[name]


def test_the_table_has_nothing_else() -> None:
    assert [name for name, _ in lines()] == list(CASES)
