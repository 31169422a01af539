"""Resumes TLS sessions: the second connection to a server costs less than the first.

A resumed handshake proves that the server is the same as in the earlier full handshake. The server
sends no certificate, so none is checked, and the earlier check must still be valid. Therefore a
session is offered to the same host and port only, by the same context with the same settings, until
the checked certificate expires, and for no more than a day.

Under TLS 1.3 a session is offered once (RFC 8446, appendix C.4). Each connection brings the next.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections import OrderedDict, deque
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakSet

from ..core.errors import ConnectionFailed, SignInError
from ..core.urls import Address
from .tls_connection import TlsConnection

__all__ = ["Resumption"]

_HOSTS = 32
"""Hosts of which a context keeps sessions. The one that was unused for longest is dropped first."""

_OF_EACH = 8
"""Sessions of one host: as many connections to it may begin at once without a full handshake."""

_IN_STOCK = 2

_MOST_LOOKS = 8
"""The number of records in which a ticket is looked for, for each connection. Servers send up to
four tickets."""

_DAY = 24 * 60 * 60.0

_PLACE = "_msnpauth_sessions"


class _Session(NamedTuple):
    """A TLS session that an earlier connection left behind.

    Attributes:
        session: the session, to be offered to the server.
        settings: the context's settings at the full handshake.
        is_single: True when the session may be offered only once.
        since: when the full handshake was, in seconds: by the monotonic clock, and since 1970.
        until: when the certificate expires, in seconds since 1970.
    """

    session: ssl.SSLSession
    settings: tuple[object, ...]
    is_single: bool
    since: tuple[float, float]
    until: float

    def is_good(self, settings: tuple[object, ...]) -> bool:
        began, day = self.since
        # The monotonic clock stops while a machine sleeps, and the other clock may be set.
        is_young = time.monotonic() - began < _DAY and day <= time.time() < day + _DAY
        return is_young and time.time() < self.until and settings == self.settings


class _Sessions:
    """The sessions of one context."""

    def __init__(self) -> None:
        self._begin()
        _of_this_process.add(self)

    def _begin(self) -> None:
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
        """Return the number of sessions of a host."""
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
    """Prepared connections to a few servers: their sessions are set, but nothing is sent yet.

    Python has OpenSSL copy a session when it is read, and again when it is set, which costs a
    fifth of a millisecond each time. Both are done while a server works: a session is read while
    the server prepares its answer, and it is set during the next handshake, for the connection
    that follows.

    There are few of them, because each keeps its context alive for as long as it is kept here.
    """

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[_Server, tuple[_Session, TlsConnection]] = OrderedDict()

    def take(self, server: _Server) -> tuple[_Session, TlsConnection] | None:
        with self._lock:
            return self._found.pop(server, None)

    def wants(self, server: _Server) -> bool:
        return server not in self._found

    def put(self, server: _Server, session: _Session, connection: TlsConnection) -> None:
        """Keep a connection; if there are too many, drop the oldest, and put its session back."""
        with self._lock:
            self._found[server] = session, connection
            if len(self._found) <= self._most:
                return
            (_, address), (old, unused) = self._found.popitem(last=False)
        _sessions_of(unused.tls.context).put(address, old)


_Server = tuple[int, Address]
"""The `id` of a context, and a host. A prepared connection keeps its context alive, so that no
other context can have the same `id`."""

_ready = _Ready()
_of_this_process: WeakSet[_Sessions] = WeakSet()


def _begin_anew() -> None:
    """Forget all sessions in a child process: its parent offers the same sessions.

    A lock that another thread of the parent held at the fork is never released in the child, so
    the locks are new as well.
    """
    _ready._begin()
    for sessions in _of_this_process:
        sessions._begin()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_anew)


class Resumption:
    """The sessions of one connection: the one that it offers, and the one that it keeps.

    Args:
        context: the connection's settings. The sessions are kept as long as the context is.
        address: the server's host and port.
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
        self._looks = 0

    def connection(self) -> TlsConnection:
        """Return the connection, which offers a session if there is one; nothing is sent yet."""
        ready = _ready.take(self._server) if self._offer else None
        if ready is not None and ready[0].is_good(self._settings):
            self._offered, made = ready
        else:
            self._offered = self._session() if self._offer else None
            made = self._offering(self._offered)
        made.heard_ticket = partial(self._heard_ticket, made.tls)
        return made

    def prepare(self) -> None:
        """Prepare the next connection, while this one only waits for the server."""
        if _ready.wants(self._server):
            session = self._session()
            if session is not None and session.is_single:  # one of TLS 1.2 is not set aside
                _ready.put(self._server, session, self._offering(session))

    def _session(self) -> _Session | None:
        if self._sessions is None:
            return None
        return self._sessions.take(self._address, self._settings)

    def _offering(self, one: _Session | None) -> TlsConnection:
        return TlsConnection(self._context, self._address.host, one.session if one else None)

    def is_to_blame(self, error: SignInError) -> bool:
        """Tell whether a handshake that failed may succeed without the session that was offered.

        A server that does not know a session makes a full handshake by itself. Some servers, and
        some devices between client and server, end the connection instead.
        """
        if self._offered is None:
            return False
        self._offered = None
        self._forget()
        return type(error) is ConnectionFailed

    def keep(self, tls: ssl.SSLObject) -> None:
        """Keep the connection's session for the next one, once an answer has come.

        Under TLS 1.3 the server sends the session after the handshake; in most cases
        `_heard_ticket` has kept it already.
        """
        if not self._read:
            self._keep(tls)

    def _heard_ticket(self, tls: ssl.SSLObject) -> None:
        """Keep a received session: one replaces the used session, and a second one is a reserve.

        With a reserve the connection after the next one can be prepared while this one waits.
        Servers send two or more sessions after a full handshake, and one after a resumed one.
        """
        # The record may be something else, for example a KeyUpdate. Reading the session takes
        # longer than sending such a record, so that a server could keep this end busy.
        self._looks += 1
        if self._looks > _MOST_LOOKS:
            return
        is_short = self._sessions is not None and self._sessions.count(self._address) < _IN_STOCK
        if not self._read or (is_short and len(self._read) < _IN_STOCK):
            self._keep(tls)

    def _keep(self, tls: ssl.SSLObject) -> None:
        if self._sessions is None:
            return
        if self._offered is not None and not tls.session_reused:
            self._forget()  # the server has forgotten this session, and so the others as well
            self._offered = None
        is_single = tls.version() == "TLSv1.3"
        if self._sessions.count(self._address) >= (_OF_EACH if is_single else 1):
            return
        with suppress(ValueError):  # the connection has ended meanwhile, without a TLS close_notify
            session = tls.session
            if session is None or not (session.has_ticket or (session.id and not is_single)):
                return
            if is_single and self._offered is not None and session.id == self._offered.session.id:
                return  # the server has sent no new session, and the offered one is used up
            is_new = session.id not in self._read
            self._read.append(session.id)
            if is_new:
                kept = _Session(session, self._settings, is_single, *self._times(tls))
                self._sessions.put(self._address, kept)

    def _times(self, tls: ssl.SSLObject) -> tuple[tuple[float, float], float]:
        """Return when the full handshake was, and until when it is valid."""
        if self._offered is not None:
            # A resumed session is valid as long as the full handshake before it, and no longer.
            return self._offered.since, self._offered.until
        return (time.monotonic(), time.time()), _end_of_certificates(tls)

    def _forget(self) -> None:
        _ready.take(self._server)
        if self._sessions is not None:
            self._sessions.forget(self._address)


def _settings_of(context: ssl.SSLContext) -> tuple[object, ...]:
    """Return the settings that a handshake is checked by; nothing where sessions are not resumed.

    A context of a derived class may check a certificate in its own way, also after the handshake:
    truststore asks the system about the certificate. A context that requires no certificate has
    checked nothing that could still be valid.
    """
    # By the module's name: truststore may have replaced ssl's class by its own.
    is_plain = type(context).__module__ == "ssl"
    if not is_plain or context.verify_mode is not ssl.CERT_REQUIRED:
        return ()
    if context.options & ssl.OP_NO_TICKET:
        return ()  # a caller who sets this option wants no sessions
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

    They are an attribute of the context. A session refers to its context, so that a separate table,
    even with weak references, would keep both for ever. An attribute makes a reference cycle, which
    Python's garbage collector removes.
    """
    found: _Sessions = vars(context).setdefault(_PLACE, _Sessions())
    return found


def _end_of_certificates(tls: ssl.SSLObject) -> float:
    """Return when the first certificate of the server's chain expires, in seconds since 1970.

    An intermediate certificate may expire before the server's own certificate.
    """
    ends = [one.get("notAfter") for one in _chain(tls)]
    return min((ssl.cert_time_to_seconds(end) for end in ends if isinstance(end, str)), default=0.0)


def _chain(tls: ssl.SSLObject) -> list[dict[str, Any]]:
    # Python 3.13 has a public method for this, but it returns bytes that the library cannot read.
    inner: Any = getattr(tls, "_sslobj", None)
    with suppress(AttributeError):
        return [one.get_info() for one in inner.get_verified_chain()]
    return [tls.getpeercert() or {}]
