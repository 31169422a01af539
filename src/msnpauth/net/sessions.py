"""TLS sessions that are resumed: the second connection to a server costs less than the first.

A resumed handshake proves that the server is the one of the full handshake before it. No
certificate is shown, so none is checked: what was checked then has to hold still. Therefore a
session is offered to the same host and port only, by the same context with the same settings, until
the end of the certificate that was checked, and for no more than a day.

Under TLS 1.3 a session is offered once (RFC 8446, appendix C.4). Each connection brings the next.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections import OrderedDict, deque
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from ..core.errors import ConnectionFailed, SignInError
from ..core.urls import Address
from .tls_connection import TlsConnection

__all__ = ["Resumption"]

_HOSTS = 32
"""Hosts of which a context keeps sessions. The one that was not used for longest goes first."""

_OF_EACH = 8
"""Sessions of one host: as many connections to it may begin at once without a full handshake."""

_IN_STOCK = 2

_DAY = 24 * 60 * 60.0

_PLACE = "_msnpauth_sessions"


class _Session(NamedTuple):
    """What a connection has left.

    Attributes:
        session: what is offered.
        settings: those of the context at the full handshake.
        is_single: True when it is offered once.
        since: when the full handshake was: the monotonic clock, and the time of the day.
        until: when the certificate ends, in the time of the day.
    """

    session: ssl.SSLSession
    settings: tuple[object, ...]
    is_single: bool
    since: tuple[float, float]
    until: float

    def is_good(self, settings: tuple[object, ...]) -> bool:
        began, day = self.since
        # The one clock stands still while a machine sleeps, the other one may be set.
        is_young = time.monotonic() - began < _DAY and day <= time.time() < day + _DAY
        return is_young and time.time() < self.until and settings == self.settings


class _Sessions:
    """The sessions of one context."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: OrderedDict[Address, deque[_Session]] = OrderedDict()

    def take(self, address: Address, settings: tuple[object, ...]) -> _Session | None:
        """Return the newest session of a host that may be offered."""
        with self._lock:
            found = self._hosts.get(address)
            while found:
                one = found.pop()
                if one.is_good(settings):
                    if not one.is_single:
                        found.append(one)
                    return one
            self._hosts.pop(address, None)
            return None

    def count(self, address: Address) -> int:
        """Return how many sessions of a host there are."""
        return len(self._hosts.get(address, ()))

    def put(self, address: Address, session: _Session) -> None:
        with self._lock:
            self._hosts.setdefault(address, deque()).append(session)
            self._hosts.move_to_end(address)
            while len(self._hosts) > _HOSTS:
                self._hosts.popitem(last=False)

    def forget(self, address: Address) -> None:
        with self._lock:
            self._hosts.pop(address, None)


class _Ready:
    """The next connections to a few servers, their sessions set, but nothing begun.

    Python has OpenSSL copy a session when it is read, and again when it is set, which costs a
    fifth of a millisecond each time. There is time for it while a server is at work: for the first
    while it makes its answer, for the second during the next handshake, for the one behind that.

    They are few, because each keeps its context for as long as it lies here.
    """

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._found: OrderedDict[_Server, tuple[_Session, TlsConnection]] = OrderedDict()

    def take(self, server: _Server) -> tuple[_Session, TlsConnection] | None:
        with self._lock:
            return self._found.pop(server, None)

    def wants(self, server: _Server) -> bool:
        return server not in self._found

    def put(self, server: _Server, session: _Session, connection: TlsConnection) -> None:
        """Keep it in the place of the oldest one, whose session waits with its context again."""
        with self._lock:
            self._found[server] = session, connection
            if len(self._found) <= self._most:
                return
            (_, address), (old, unused) = self._found.popitem(last=False)
        _sessions_of(unused.tls.context).put(address, old)


_Server = tuple[int, Address]
"""The identity of a context, and a host. What is ready holds the context, so that no other one can
have the same identity."""

_ready = _Ready()


class Resumption:
    """What one connection has to do with sessions: it offers one, and leaves the next.

    Args:
        context: the connection's settings. The sessions are kept with it, and go when it goes.
        address: where the connection goes to.
        offer: False for a full handshake.
    """

    def __init__(self, context: ssl.SSLContext, address: Address, *, offer: bool = True) -> None:
        self._context = context
        self._address = address
        self._server = id(context), address
        self._settings = _settings_of(context)
        self._sessions = _sessions_of(context) if self._settings else None
        self._offered: _Session | None = None
        self._offer = offer
        self._read: list[bytes] = []

    def connection(self) -> TlsConnection:
        """Return the connection, which offers a session if there is one; nothing is begun."""
        ready = _ready.take(self._server) if self._offer else None
        if ready is not None and ready[0].is_good(self._settings):
            self._offered, made = ready
        else:
            self._offered = self._session() if self._offer else None
            made = self._offering(self._offered)
        made.heard_ticket = partial(self._heard_ticket, made.tls)
        return made

    def prepare(self) -> None:
        """Make the next connection ready, while there is nothing else to do but to wait."""
        if _ready.wants(self._server):
            session = self._session()
            if session is not None and session.is_single:  # any other one is not to be set aside
                _ready.put(self._server, session, self._offering(session))

    def _session(self) -> _Session | None:
        if self._sessions is None:
            return None
        return self._sessions.take(self._address, self._settings)

    def _offering(self, one: _Session | None) -> TlsConnection:
        return TlsConnection(self._context, self._address.host, one.session if one else None)

    def is_to_blame(self, error: SignInError) -> bool:
        """Tell whether a handshake that failed may succeed without the session that was offered.

        A server that does not know a session makes a full handshake by itself. There are others,
        and things on the way, that end the connection instead.
        """
        if self._offered is None:
            return False
        self._forget()
        return type(error) is ConnectionFailed

    def keep(self, tls: ssl.SSLObject) -> None:
        """Keep the connection's session for the next one, once an answer has come.

        Under TLS 1.3 the server sends it behind the handshake. Mostly it was kept when it came.
        """
        if not self._read:
            self._keep(tls)

    def _heard_ticket(self, tls: ssl.SSLObject) -> None:
        """Keep what has come: one session for the one that was used, and a second one in stock.

        With one in stock a connection can be made ready for the next but one while this one waits.
        Servers send two or more behind a full handshake, and one behind each that was resumed.
        """
        is_short = self._sessions is not None and self._sessions.count(self._address) < _IN_STOCK
        if not self._read or (is_short and len(self._read) < _IN_STOCK):
            self._keep(tls)

    def _keep(self, tls: ssl.SSLObject) -> None:
        if self._sessions is None:
            return
        if self._offered is not None and not tls.session_reused:
            self._forget()  # the server has forgotten it, and the others as well
            self._offered = None
        is_single = tls.version() == "TLSv1.3"
        if self._sessions.count(self._address) >= (_OF_EACH if is_single else 1):
            return
        with suppress(ValueError):  # it has ended meanwhile, without a good-bye
            session = tls.session
            if session is None or not (session.has_ticket or (session.id and not is_single)):
                return
            is_new = session.id not in self._read
            self._read.append(session.id)
            if is_new:
                kept = _Session(session, self._settings, is_single, *self._times(tls))
                self._sessions.put(self._address, kept)

    def _times(self, tls: ssl.SSLObject) -> tuple[tuple[float, float], float]:
        """Return when the full handshake was, and until when it counts."""
        if self._offered is not None:
            # As good as the full handshake before it, and no better.
            return self._offered.since, self._offered.until
        return (time.monotonic(), time.time()), _end_of_certificate(tls)

    def _forget(self) -> None:
        _ready.take(self._server)
        if self._sessions is not None:
            self._sessions.forget(self._address)


def _settings_of(context: ssl.SSLContext) -> tuple[object, ...]:
    """Return what a handshake is checked by; nothing where sessions are not to be resumed.

    A context that somebody has derived may check in ways of its own, after the handshake or behind
    our back: truststore asks the system about the certificate. One that wants no certificate has
    checked nothing that could hold still.
    """
    # By its name: truststore may have put its own class in the place of ssl's.
    is_plain = type(context).__module__ == "ssl"
    if not is_plain or context.verify_mode is not ssl.CERT_REQUIRED:
        return ()
    if context.options & ssl.OP_NO_TICKET:
        return ()  # whoever sets it wants no sessions
    return (
        context.check_hostname,
        context.hostname_checks_common_name,
        context.verify_flags,
        context.options,
        context.minimum_version,
        context.maximum_version,
        *context.cert_store_stats().values(),  # what is trusted, and what is withdrawn, only grows
    )


def _sessions_of(context: ssl.SSLContext) -> _Sessions:
    """Return the sessions of a context.

    They are an attribute of it. A session holds its context, so that a table beside them, however
    weak, would keep both for ever; as it is, they are a circle that Python's collector takes away.
    """
    found: _Sessions = vars(context).setdefault(_PLACE, _Sessions())
    return found


def _end_of_certificate(tls: ssl.SSLObject) -> float:
    """Return when the server's certificate ends, in seconds of the time of the day."""
    told = tls.getpeercert() or {}
    end = told.get("notAfter")
    return ssl.cert_time_to_seconds(end) if isinstance(end, str) else 0.0
