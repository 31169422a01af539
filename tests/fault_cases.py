"""The faults that a server may play at each step of a sign-in, and the error that each has to be.

`test_fault_matrix.py` plays every one of them with both drivers and every carrier; `fault_report.py`
writes the table of them into the documents.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import trustme

from msnpauth import (
    CertificateRejected,
    ConnectionFailed,
    RemoteProtocolError,
    Servers,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    SignInTimeout,
    TooManyRedirects,
    UntrustedRedirect,
    WrongCredentials,
)
from wire import PASSPORT, Peer, Script, Server, http

__all__ = ["HTTPS_FAULTS", "HTTPS_STEPS", "MSNP_FAULTS", "MSNP_STEPS", "Fault", "Tls", "played"]


@dataclass(frozen=True)
class Fault:
    """One way to go wrong.

    Attributes:
        name: in words, for the table.
        play: what the server does in place of the right answer; None: nobody listens.
        error: what the sign-in must end in.
        steps: where it is played; everywhere by default.
        tls: how the server speaks TLS, where HTTPS is meant.
    """

    name: str
    play: Script | None
    error: type[SignInError]
    steps: tuple[str, ...] = ()
    tls: str = "good"


def says(data: bytes | str) -> Script:
    def play(peer: Peer) -> None:
        peer.send(data)
        peer.until_closed()

    return play


def closes(peer: Peer) -> None:
    """End the connection in good order."""


def resets(peer: Peer) -> None:
    """Break the connection off: no end of the stream, but a reset."""
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.socket.close(peer.sock)


def floods(data: bytes) -> Script:
    def play(peer: Peer) -> None:
        try:
            peer.flood(data)
        except OSError:
            return

    return play


def drips(data: bytes) -> Script:
    def play(peer: Peer) -> None:
        try:
            peer.drip(data)
        except OSError:
            return

    return play


# --- the notification server, by MD5: no other server is needed ----------------------------------

MSNP_STEPS = ("VER", "INF", "USR I", "USR S")

_ANSWERS = (
    "VER {trid} MSNP7\r\n",
    "INF {trid} MD5\r\n",
    "USR {trid} MD5 S 1013928519.693957190\r\n",
    f"USR {{trid}} OK {PASSPORT} Alice 1\r\n",
)

# The floods are of long words, so that the bound in bytes is met after a few hundred commands or
# answers: how many a busy machine can take in a second must not decide which error comes.
_LONG_NAME = f"NLN NLN x@y {'X' * 8192} 0\r\n".encode()

MSNP_FAULTS = (
    Fault("nobody listens", None, ConnectionFailed, ("VER",)),
    Fault("closes", closes, ConnectionFailed),
    Fault("resets", resets, ConnectionFailed),
    Fault("is silent", Peer.silence, SignInTimeout),
    Fault("drips a line without its end", drips(b"N"), SignInTimeout),
    Fault("half a line", says("US"), SignInTimeout),
    Fault("speaks HTTP", says("HTTP/1.1 400 Bad Request\r\n\r\n"), RemoteProtocolError),
    Fault("random bytes", says(bytes(range(256)) + b"\n"), RemoteProtocolError),
    Fault("a line without end", floods(b"x" * 8192), RemoteProtocolError),
    Fault("a control character", says("USR 3 MD5 S 1.2\x0b3\r\n"), RemoteProtocolError),
    Fault("a payload of 4 GB", says("MSG a b 4294967296\r\n"), RemoteProtocolError),
    Fault("a payload of no length", says("MSG a b c\r\n"), RemoteProtocolError),
    Fault("commands without end", floods(_LONG_NAME * 8), RemoteProtocolError),
    Fault("payloads without end", floods(b"MSG a b 65536\r\n" + b"x" * 65536), RemoteProtocolError),
    Fault("911", says("911 3\r\n"), WrongCredentials),
    Fault("500", says("500 3\r\n"), ServiceUnavailable),
    Fault("999, which nobody knows", says("999 3\r\n"), ServiceUnavailable),
    Fault("OUT OTH", says("OUT OTH\r\n"), SessionEnded),
    Fault("OUT RCT ²", says("OUT RCT ²\r\n"), ServiceUnavailable),
    Fault("XFR to nowhere", says("XFR 3 NS :::\r\n"), RemoteProtocolError),
    Fault("XFR to port 0444444", says("XFR 3 NS 127.0.0.1:0444444\r\n"), RemoteProtocolError),
    Fault("a dialect that was not offered", says("VER 1 MSNP99\r\n"), SignInError, ("VER",)),
    Fault("another scheme", says("USR 3 TWN S lc=1\r\n"), RemoteProtocolError, ("USR I",)),
    Fault("USR OK without a passport", says("USR 4 OK\r\n"), RemoteProtocolError, ("USR S",)),
)


@contextmanager
def _msnp(step: str, fault: Fault) -> Iterator[Servers]:
    """Serve a notification server that is right up to `step`, and plays the fault there."""

    def script(peer: Peer) -> None:
        for answer in _ANSWERS[: MSNP_STEPS.index(step)]:
            peer.send(answer.format(trid=peer.line().split(" ")[1]))
        peer.line()
        assert fault.play is not None
        fault.play(peer)

    if fault.play is None:
        yield Servers(notification="127.0.0.1:1", schemes=["MD5"])
        return
    with Server(script) as server:
        yield Servers(notification=server.address, schemes=["MD5"])


# --- nexus, login server and RST: HTTPS ----------------------------------------------------------

HTTPS_STEPS = ("nexus", "login", "RST")

_LONG = "Passport1.4 x" + " " * 60_000 + "y=1"
_SOAP = "<E><B><RequestSecurityTokenResponse>{}</RequestSecurityTokenResponse></B></E>"
_FAULT = "<E><Fault><faultcode>wsse:FailedAuthentication</faultcode></Fault></E>"


def answers(status: int, *headers: str, body: str = "") -> Script:
    def play(peer: Peer) -> None:
        try:
            while True:
                peer.request()
                peer.send(http(status, *headers, body=body.encode()))
        except OSError:
            return

    return play


def after_request(play: Script) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        play(peer)

    return script


_LONG_REASON = b"HTTP/1.1 100 " + b"x" * 1024 + b"\r\n\r\n"

HTTPS_FAULTS = (
    Fault("nobody listens", None, ConnectionFailed),
    Fault("closes before TLS", closes, ConnectionFailed, tls="none"),
    Fault("is silent before TLS", Peer.silence, SignInTimeout, tls="none"),
    Fault("speaks plain HTTP", says(http(200)), ConnectionFailed, tls="none"),
    Fault("random bytes in place of TLS", says(bytes(range(256))), ConnectionFailed, tls="none"),
    Fault("a certificate of a foreign authority", closes, CertificateRejected, tls="foreign"),
    Fault("a certificate of another host", closes, CertificateRejected, tls="other host"),
    Fault("a certificate that has expired", closes, CertificateRejected, tls="expired"),
    Fault("a certificate of next year", closes, CertificateRejected, tls="not yet"),
    Fault("closes after the request", after_request(closes), ConnectionFailed),
    Fault("resets after the request", after_request(resets), ConnectionFailed),
    Fault("is silent after the request", after_request(Peer.silence), SignInTimeout),
    Fault("drips headers", after_request(drips(b"HTTP/1.1 200 OK\r\nA: ")), SignInTimeout),
    Fault("headers without end", after_request(floods(b"A: b\r\n" * 999)), RemoteProtocolError),
    Fault("1xx answers without end", after_request(floods(_LONG_REASON * 64)), SignInError),
    Fault("no HTTP", after_request(says("220 mail.example ESMTP\r\n\r\n")), RemoteProtocolError),
    Fault("404", answers(404), RemoteProtocolError),
    Fault("500", answers(500), ServiceUnavailable),
    Fault("503 and an absurd date", answers(503, "Retry-After: Fri, 31 Dec 9999 23:59:59 -2359"), ServiceUnavailable),
    Fault("429", answers(429), ServiceUnavailable),
    Fault("a page of HTML", answers(200, "Content-Type: text/html", body="<html><p>hi"), RemoteProtocolError),
    Fault("401 without Passport", answers(401, 'WWW-Authenticate: Basic realm="x"'), RemoteProtocolError),
    Fault("a wrong password", answers(401, "WWW-Authenticate: Passport1.4 da-status=failed"), WrongCredentials, ("login", "RST")),
    Fault("redirects to itself", answers(302, "Location: /again"), TooManyRedirects),
    Fault("redirects to http", answers(302, "Location: http://127.0.0.1/"), UntrustedRedirect),
    Fault("redirects to a stranger", answers(302, "Location: https://evil.example/"), UntrustedRedirect),
    Fault("redirects to Microsoft", answers(302, "Location: https://login.live.com/"), UntrustedRedirect),
    Fault("redirects to nowhere", answers(302, "Location: https://["), RemoteProtocolError),
    Fault("a header of 60,000 blanks", answers(200, f"Authentication-Info: {_LONG}", f"PassportURLs: {_LONG}"), RemoteProtocolError),
    Fault("a ticket with a line break", answers(200, "Authentication-Info: Passport1.4 da-status=success,from-PP='t=1 2'"), RemoteProtocolError, ("login",)),
    Fault("an address with a blank", answers(200, "PassportURLs: DALogin=login example/x"), RemoteProtocolError, ("nexus",)),
    Fault("an address without encryption", answers(200, "PassportURLs: DALogin=http://127.0.0.1/x"), UntrustedRedirect, ("nexus",)),
    Fault("a wrong password by SOAP", answers(500, body=_FAULT), WrongCredentials, ("RST",)),
    Fault("XML without a ticket", answers(200, body=_SOAP.format("")), RemoteProtocolError, ("RST",)),
    Fault("XML with entities", answers(200, body="<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), RemoteProtocolError, ("RST",)),
    Fault("XML of 1,000 levels", answers(200, body="<a>" * 1000), RemoteProtocolError, ("RST",)),
    Fault("a body of 2 MiB", answers(200, body="x" * 2**21), RemoteProtocolError, ("RST",)),
    Fault("a body that is cut off", after_request(lambda peer: peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")), SignInError, ("RST",)),
)  # fmt: skip


class Tls:
    """Server settings by the names that faults have for them; one authority for all of them."""

    def __init__(self, authority: trustme.CA) -> None:
        now = datetime.now(UTC)
        day = timedelta(days=1)
        self._contexts: dict[str, ssl.SSLContext | None] = {"none": None}
        for name, issued in (
            ("good", authority.issue_cert("127.0.0.1")),
            ("foreign", trustme.CA().issue_cert("127.0.0.1")),
            ("other host", authority.issue_cert("other.example")),
            ("expired", authority.issue_cert("127.0.0.1", not_after=now - day)),
            (
                "not yet",
                authority.issue_cert("127.0.0.1", not_before=now + 365 * day, not_after=now + 400 * day),
            ),
        ):  # fmt: skip
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            issued.configure_cert(context)
            self._contexts[name] = context

    def __getitem__(self, name: str) -> ssl.SSLContext | None:
        return self._contexts[name]


def _challenges(scheme: str) -> Script:
    """Return a notification server that asks for a ticket and waits for it."""

    def script(peer: Peer) -> None:
        version, challenge = (
            ("12", "lc=1033") if scheme == "TWN" else ("18", "MBI_KEY_OLD bm9uY2U=")
        )
        trids = [peer.line().split(" ")[1] for _ in range(3)]
        peer.send(f"VER {trids[0]} MSNP{version}\r\nCVR {trids[1]} 1 1 1 a b\r\n")
        peer.send(f"USR {trids[2]} {scheme} S {challenge}\r\n")
        peer.until_closed()

    return script


@contextmanager
def _https(step: str, fault: Fault, tls: Tls) -> Iterator[Servers]:
    """Serve a notification server that is right, and the faulty one of `step`."""
    scheme = "SSO" if step == "RST" else "TWN"

    def servers(notification: str, url: str) -> Servers:
        keyword: Callable[..., Servers] = Servers
        place = {"nexus": "nexus", "login": "login", "RST": "rst"}[step]
        return keyword(notification=notification, **{place: f"{url}/x"})

    with Server(_challenges(scheme)) as notification:
        if fault.play is None:
            yield servers(notification.address, "https://127.0.0.1:1")
            return
        with Server(fault.play, tls[fault.tls]) as faulty:
            yield servers(notification.address, faulty.url)


@contextmanager
def played(step: str, fault: Fault, tls: Tls) -> Iterator[Servers]:
    """Serve a network that plays one fault at one step; yield where it is."""
    with _msnp(step, fault) if step in MSNP_STEPS else _https(step, fault, tls) as servers:
        yield servers
