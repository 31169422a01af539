"""libcurl as the carrier: it supports proxies, SOCKS and settings of the environment (`[curl]`)."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

import pycurl

from ..core.errors import RemoteProtocolError, SignInError
from ..core.tickets.exchange import Request, Response
from ..net.deadline import Deadline
from ..watch import SILENT, Watch
from .base import AsyncTransport, Transport
from .common import check_request, closed, too_late
from .curl_answer import Answer
from .curl_engine import Engine
from .curl_errors import Facts, curl_error
from .curl_trust import trust_of
from .worker import GRACE, Outcome, Task, Workers

__all__ = ["AsyncCurlTransport", "CurlTransport"]

# Options of libcurl that pycurl has no names for. Their numbers never change (curl.h).
_SUPPRESS_CONNECT_HEADERS = 265  # 7.54: a proxy's own answer is not the server's
_DISALLOW_USERNAME_IN_URL = 278  # 7.61

# The ciphers that Python accepts (PEP 644): without them curl would accept servers that the other
# carriers refuse.
_CIPHERS = (
    "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
)
_MAX_IDLE = 15  # seconds; a connection that a router may have forgotten is not used again


class CurlTransport(Transport):
    """Carries requests with a curl handle, which it keeps together with its connections.

    Args:
        ca_file: certificates to trust, in PEM, instead of the system's.
        watch: receives a report of each connection that is made.
    """

    def __init__(
        self, ca_file: str | os.PathLike[str] | None = None, watch: Watch = SILENT
    ) -> None:
        self._watch = watch
        # pycurl accepts only ASCII as text, and a folder's name may have other characters.
        self._ca_file = None if ca_file is None else os.fsencode(ca_file)
        self._lock = threading.Lock()
        self._idle: Engine | None = None
        self._workers = Workers(self._carry, "msnpauth-curl")

    def fetch(self, request: Request, timeout: float) -> Response:
        check_request(request)
        return self._workers.fetch_here(request, timeout)

    def close(self) -> None:
        self._workers.close()
        with self._lock:
            engine, self._idle = self._idle, None
        if engine is not None:
            engine.close()

    def _carry(self, task: Task) -> Outcome:
        """Carry a task in this thread; after an exchange that failed the handle is closed."""
        engine = self._engine()
        outcome: Outcome | None = None
        try:
            outcome = self._performed(engine, task)
        finally:
            if not isinstance(outcome, Response) or task.is_stopped:
                engine.close_elsewhere()
            elif not self._keeps(engine):
                engine.close()
        return outcome

    def _engine(self) -> Engine:
        """Return the handle of the last exchange, or a new one if other certificates count now."""
        trust = trust_of(self._ca_file)
        with self._lock:
            engine, self._idle = self._idle, None
        if engine is not None and engine.trust is not trust:
            engine.close()
            engine = None
        return engine or Engine(trust)

    def _keeps(self, engine: Engine) -> bool:
        engine.curl.reset()  # the request's headers are not kept
        with self._lock:
            is_kept = self._idle is None and not self._workers.is_closed
            if is_kept:
                self._idle = engine
        return is_kept

    def _performed(self, engine: Engine, task: Task) -> Outcome:
        answer, curl = Answer(task.request), engine.curl
        step, server = task.request.step, task.request.url.origin
        self._set_up(engine, task, answer)
        limit = Deadline(task.timeout + GRACE)
        error = engine.perform(lambda: task.is_stopped or limit.remaining() <= 0)
        facts = Facts.of(error, curl) if error is not None else None
        # An unwanted body is declined by stopping after the headers, which curl reports as an
        # error. And many servers end the connection without a TLS close_notify: for a body without
        # a length curl reports that as an error, while Python treats it as the end.
        if facts and (answer.is_complete or (answer.ends_with_connection and facts.is_plain_end)):
            facts = None
        self._tell(curl, server)
        if answer.fault:
            return RemoteProtocolError(answer.fault, step=step, server=server)
        if facts is not None:
            if task.is_stopped:
                return closed(task.request.step, task.request.url)
            if limit.remaining() <= 0:
                return too_late(task.request, task.timeout)
            return curl_error(facts, task.request, task.timeout)
        engine.trust.note(curl, server)
        return answer.response()

    def _tell(self, curl: Any, server: str) -> None:
        """Report how a connection was made; curl knows only durations, and only afterwards."""
        if not self._watch.is_wanted or not curl.getinfo(pycurl.NUM_CONNECTS):
            return
        connected, secured = (
            curl.getinfo(what) for what in (pycurl.CONNECT_TIME, pycurl.APPCONNECT_TIME)
        )
        began = time.monotonic() - curl.getinfo(pycurl.TOTAL_TIME)
        if connected:
            peer = f"{curl.getinfo(pycurl.PRIMARY_IP)}:{curl.getinfo(pycurl.PRIMARY_PORT)}"
            self._watch.connected(server, peer, began, began + connected)
        if secured:
            self._watch.secured(server, "TLS", began + connected, began + secured)

    def _set_up(self, engine: Engine, task: Task, answer: Answer) -> None:
        request, curl = task.request, engine.curl
        self._set_limits(curl, task)
        self._set_strength(curl)
        engine.trust.set_up(curl, request.url.origin)
        curl.setopt(pycurl.URL, str(request.url))
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.HTTPHEADER, _lines(request))
        if request.method == "POST":
            curl.setopt(pycurl.POST, 1)
            curl.setopt(pycurl.POSTFIELDS, request.body)
        curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
        curl.setopt(pycurl.HEADERFUNCTION, engine.guarded(answer.on_header))
        curl.setopt(pycurl.WRITEFUNCTION, engine.guarded(answer.on_body))

    def _set_limits(self, curl: Any, task: Task) -> None:
        """Keep curl from doing anything that was not requested.

        Cookies, HSTS, Alt-Svc, compression, redirects and curl's own authentication stay off:
        nothing switches them on, and libcurl reads no `.curlrc`. `.netrc` is disabled explicitly.
        """
        milliseconds = max(1, int(task.timeout * 1000))
        curl.setopt(pycurl.TIMEOUT_MS, milliseconds)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, milliseconds)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        curl.setopt(_DISALLOW_USERNAME_IN_URL, 1)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.MAXAGE_CONN, _MAX_IDLE)

    def _set_strength(self, curl: Any) -> None:
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
        if "OpenSSL" in pycurl.version:  # other libraries have other names for ciphers
            curl.setopt(pycurl.SSL_CIPHER_LIST, _CIPHERS)


def _lines(request: Request) -> list[bytes]:
    """Return the headers in curl's form; keep them in no variable."""
    # A name without a value removes the header that curl would add by itself; an empty header has
    # to be written with a semicolon.
    given = {name.lower() for name, _ in request.headers}
    own = [
        name
        for name in (b"Accept", b"Expect", b"Content-Type")
        if name.decode().lower() not in given
    ]
    return [name + (b": " + value if value else b";") for name, value in request.all_headers()] + [
        name + b":" for name in own
    ]


class AsyncCurlTransport(AsyncTransport):
    """The same for asyncio: the loop waits for the thread's answer.

    Args:
        ca_file, watch: as `CurlTransport`.
    """

    def __init__(
        self, ca_file: str | os.PathLike[str] | None = None, watch: Watch = SILENT
    ) -> None:
        self._transport = CurlTransport(ca_file, watch)

    async def fetch(self, request: Request, timeout: float) -> Response:
        check_request(request)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()

        def settle(outcome: Outcome) -> None:
            if not future.done():
                future.set_result(outcome)

        def deliver(outcome: Outcome) -> None:
            loop.call_soon_threadsafe(settle, outcome)

        task = self._transport._workers.start(request, timeout, deliver)
        outcome: Outcome
        try:
            async with asyncio.timeout(timeout + GRACE):
                outcome = await future
        except TimeoutError:
            outcome = too_late(request, timeout)
        finally:
            task.stop()  # also when cancelled: the thread then ends without being waited for
        if isinstance(outcome, SignInError):
            raise outcome
        return outcome

    async def close(self) -> None:
        self._transport.close()
