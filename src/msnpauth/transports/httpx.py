"""httpx2, the maintained continuation of httpx, as the carrier (`[httpx]`)."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import httpx2

from ..core.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    SignInError,
)
from ..core.tickets.exchange import MAX_HEADER, Request, Response
from ..net.names import most_telling, network_error
from ..net.proxies import Proxy, environment_proxy, proxy_out_of_reach, proxy_refusal, unknown_proxy
from ..net.tls import ContextSource
from ..watch import SILENT, Watch
from .base import AsyncTransport, Transport
from .common import check_body, check_request, closed, closed_early, not_http, source, too_late
from .limits import Limits
from .worker import GRACE, Outcome, Task, Workers

__all__ = ["AsyncHttpxTransport", "HttpxTransport"]

# httpcore's DEBUG log shows every header of an answer, and one of them contains the ticket.
_quiet: ContextVar[bool] = ContextVar("msnpauth_quiet", default=False)


def _not_ours(_record: logging.LogRecord) -> bool:
    return not _quiet.get()


for _name in ("connection", "http11", "http2", "proxy", "socks"):
    logging.getLogger(f"httpcore2.{_name}").addFilter(_not_ours)
logging.getLogger("httpx2").addFilter(_not_ours)


@contextmanager
def _silence() -> Iterator[None]:
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


# --- what both drivers share ------------------------------------------------------------------


def _settings(context: ssl.SSLContext, proxy: Proxy | None) -> dict[str, Any]:
    """Return the arguments of a client. Call it in the expression that makes the client.

    httpx does not read the environment here (`trust_env`): it would fail because of a variable
    that does not concern this request, and it does not report which proxy it uses.
    """
    return {
        "verify": context,
        "http2": False,
        "follow_redirects": False,
        "trust_env": False,
        "proxy": proxy.url() if proxy else None,
    }


def _bad_proxy(proxy: Proxy | None, request: Request) -> LocalProtocolError:
    name = proxy.variable if proxy and proxy.variable else "the system"
    return LocalProtocolError(
        f"httpx cannot use the proxy that {name} names",
        step=request.step,
        server=request.url.origin,
        hint="give it as http://host:port (for socks5://host:port, pip install socksio),"
        " or use transport='curl'",
    )


def _built(request: Request, timeout: float, trace: Any) -> httpx2.Request:
    """Return httpx's request, with nothing in it but the content of `request`."""
    url = request.url
    return httpx2.Request(
        request.method,
        httpx2.URL(scheme=url.scheme, host=url.host, port=url.address.port),
        headers=request.all_headers(),
        content=request.body or None,
        extensions={
            "timeout": httpx2.Timeout(timeout).as_dict(),
            "trace": trace,
            "target": url.target.encode(),  # unchanged: httpx's URL would rewrite "/a/../b"
        },
    )


def _check_head(response: httpx2.Response, request: Request) -> bool:
    """Return whether the body is to be read.

    Raises:
        RemoteProtocolError: the headers are larger than any carrier accepts, or the HTTP version
            is another one.
    """
    if response.http_version not in ("HTTP/1.0", "HTTP/1.1"):
        raise not_http(request)
    if sum(len(name) + len(value) + 4 for name, value in response.headers.raw) > MAX_HEADER:
        text = "headers without end"
        raise RemoteProtocolError(text, step=request.step, server=request.url.origin)
    # An empty body is read, because the connection can then be kept.
    return request.wants_body or response.headers.get("content-length") == "0"


def _ours(problem: Exception, proxy: Proxy | None, request: Request, timeout: float) -> SignInError:
    """Return the error of msnpauth for one of httpx; httpx's text is searched and never shown."""
    if isinstance(problem, SignInError):
        return problem
    if isinstance(problem, httpx2.TimeoutException):
        return too_late(request, timeout)
    if isinstance(problem, httpx2.ProxyError):
        status = re.match(r"[1-9][0-9]{2}\b", str(problem))
        return proxy_refusal(proxy, int(status[0]) if status else 0, request)
    if isinstance(problem, httpx2.RemoteProtocolError):
        is_early = re.search("disconnected|closed", str(problem))
        return closed_early(request) if is_early else not_http(request)
    beneath = _cause(problem)
    if beneath is None and isinstance(problem, httpx2.NetworkError):
        return closed_early(request)
    error = network_error(beneath or problem, request.step, request.url.origin)
    if proxy is not None and isinstance(problem, httpx2.ConnectError):
        return _of_proxy(error, beneath, proxy, request)
    return error


def _of_proxy(
    error: SignInError, beneath: OSError | None, proxy: Proxy, request: Request
) -> SignInError:
    """Return the error for a connection through a proxy: only a TLS error concerns the server."""
    if beneath is None or isinstance(beneath, ssl.SSLError):
        return error
    if isinstance(beneath, socket.gaierror):
        return unknown_proxy(proxy, request)
    return proxy_out_of_reach(proxy, error.text, request)


def _cause(error: BaseException) -> OSError | None:
    """Return the underlying error of ssl or of the socket, which says more.

    The first one may have no number ("All connection attempts failed"); its causes follow as its
    context, one by one or in a group.
    """
    vague: OSError | None = None
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError):
            if found.errno is not None:
                return found
            vague = vague or found
        if isinstance(found, BaseExceptionGroup):
            numbered = [one for one in found.exceptions if isinstance(one, OSError)]
            if numbered:
                beneath = most_telling(list(numbered))
                return beneath if isinstance(beneath, OSError) else vague
        found = found.__cause__ or found.__context__
    return vague


class _Steps:
    """Reports to `watch` how a connection is made, from httpx's trace events."""

    def __init__(self, watch: Watch, server: str) -> None:
        self._watch = watch
        self._server = server
        self._began = 0.0

    def heard(self, event: str, info: dict[str, Any]) -> None:
        """Process an event of httpx."""
        if event.endswith(("connect_tcp.started", ".start_tls.started")):
            self._began = time.monotonic()
        elif event.endswith("connect_tcp.complete"):
            peer = info["return_value"].get_extra_info("server_addr") or ("", 0)
            self._watch.connected(self._server, f"{peer[0]}:{peer[1]}", self._began)
        elif event.endswith(".start_tls.complete"):
            secured = info["return_value"].get_extra_info("ssl_object")
            self._watch.secured(self._server, secured and secured.version(), self._began)


# --- threads ----------------------------------------------------------------------------------


class _Kept:
    """A client, with the settings that it was made with and its open connection."""

    def __init__(self, context: ssl.SSLContext, proxy: Proxy | None, watch: Watch) -> None:
        self._watch = watch
        self.context = context
        self.proxy = proxy
        self.sock: Any = None
        self.client = httpx2.Client(**_settings(context, proxy))

    def carry(self, task: Task) -> Response:
        """Carry a task to its end.

        Raises:
            Exception: every error of httpx, and RemoteProtocolError.
        """
        steps = _Steps(self._watch, task.request.url.origin)

        def trace(event: str, info: dict[str, Any]) -> None:
            steps.heard(event, info)
            # An exchange of httpx can be ended from outside only by ending its connection.
            if event == "connection.connect_tcp.complete":
                # TLS will take the descriptor away from this socket object, so a copy is kept.
                # Without a free descriptor for the copy, httpx itself will soon fail.
                with suppress(OSError):
                    task.hold_copy(info["return_value"].get_extra_info("socket").dup())
            elif event.endswith(".start_tls.complete"):
                self.sock = info["return_value"].get_extra_info("socket")
                task.let_go()
                task.hold(self.sock)

        request = task.request
        if self.sock is not None:
            task.hold(self.sock)
        self.client.cookies.clear()  # no cookie goes from one sign-in to another
        response = self.client.send(_built(request, task.timeout, trace), stream=True)
        try:
            body = bytearray()
            if _check_head(response, request):
                for chunk in response.iter_raw():
                    body += chunk
                    check_body(len(body), request)
            return Response.from_raw(response.status_code, response.headers.raw, bytes(body))
        finally:
            response.close()


class HttpxTransport(Transport):
    """Carries requests with an `httpx2.Client`; each exchange runs in a thread of its own.

    httpx has time-outs only for each read: a server that sends a byte a second would never end.

    Args:
        ssl_context: TLS settings, or a function that returns them for each new connection.
        watch: receives a report of each connection that is made.
    """

    def __init__(self, ssl_context: ssl.SSLContext | ContextSource, watch: Watch = SILENT) -> None:
        self._context = source(ssl_context)
        self._watch = watch
        self._lock = threading.Lock()
        self._idle: _Kept | None = None
        self._workers = Workers(self._carry, "msnpauth-httpx")

    def fetch(self, request: Request, timeout: float) -> Response:
        check_request(request)
        return self._workers.fetch(request, timeout)

    def close(self) -> None:
        self._workers.close()
        self._let_go(None)

    def _carry(self, task: Task) -> Outcome:
        with _silence():
            request = task.request
            proxy = environment_proxy(request.url)
            kept = self._taken(self._context(), proxy, request)
            if isinstance(kept, SignInError):
                return kept
            outcome: Outcome
            try:
                outcome = kept.carry(task)
            except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave
                outcome = _ours(problem, proxy, request, task.timeout)
            task.let_go()
            is_good = isinstance(outcome, Response) and not task.is_stopped
            self._let_go(kept if is_good and not self._workers.is_closed else None)
            if not is_good:
                kept.client.close()
            return outcome

    def _taken(
        self, context: ssl.SSLContext, proxy: Proxy | None, request: Request
    ) -> _Kept | SignInError:
        """Return the kept client, or a new one where its settings are not the wanted ones."""
        with self._lock:
            kept, self._idle = self._idle, None
        if kept is not None:
            if kept.context is context and kept.proxy == proxy:
                return kept
            kept.client.close()
        with suppress(Exception):
            return _Kept(context, proxy, self._watch)
        return _bad_proxy(proxy, request)

    def _let_go(self, kept: _Kept | None) -> None:
        """Keep a client for the next exchange, and close the one that was kept before."""
        with self._lock:
            before, self._idle = self._idle, kept
        if before is not None:
            before.client.close()


# --- asyncio ----------------------------------------------------------------------------------


class AsyncHttpxTransport(AsyncTransport):
    """Carries requests with an `httpx2.AsyncClient`.

    Args:
        ssl_context: TLS settings, or a function that returns them for each new connection.
        watch: receives a report of each connection that is made.
    """

    def __init__(self, ssl_context: ssl.SSLContext | ContextSource, watch: Watch = SILENT) -> None:
        self._source = source(ssl_context)
        self._watch = watch
        self._client: httpx2.AsyncClient | None = None
        self._made_of: tuple[ssl.SSLContext, Proxy | None] | None = None
        self._closed = False
        self._limits = Limits()

    async def fetch(self, request: Request, timeout: float) -> Response:
        check_request(request)
        proxy = environment_proxy(request.url)
        streams: list[Any] = []
        error: SignInError
        with _silence():
            client = await self._taken(proxy, request)
            try:
                async with self._limits.within(timeout + GRACE):
                    return await self._exchange(client, request, timeout, streams)
            except TimeoutError as problem:
                error = problem if isinstance(problem, SignInError) else too_late(request, timeout)
            except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave
                error = _ours(problem, proxy, request, timeout)
            except BaseException:
                await self._let_go(client, streams)
                raise
            await self._let_go(client, streams)
        raise closed(request.step, request.url) if self._closed else error

    async def close(self) -> None:
        self._closed = True
        self._limits.end()
        if self._client is not None:
            await self._let_go(self._client, [])

    async def _taken(self, proxy: Proxy | None, request: Request) -> httpx2.AsyncClient:
        if self._closed:
            raise closed(request.step, request.url)
        made_of = (self._source(), proxy)
        if self._client is not None and self._made_of == made_of:
            return self._client
        if self._client is not None:
            await self._let_go(self._client, [])
        made = None
        with suppress(Exception):
            made = httpx2.AsyncClient(**_settings(*made_of))
        if made is None:
            raise _bad_proxy(proxy, request)
        self._client, self._made_of = made, made_of
        return made

    async def _let_go(self, client: httpx2.AsyncClient, streams: list[Any]) -> None:
        """Close the connections that an exchange that failed leaves behind.

        httpx itself does not close a connection that is cancelled in its TLS handshake.
        """
        if self._client is client:
            self._client = self._made_of = None
        for stream in streams:
            with suppress(Exception):
                await stream.aclose()
        with suppress(Exception):
            await client.aclose()

    async def _exchange(
        self, client: httpx2.AsyncClient, request: Request, timeout: float, streams: list[Any]
    ) -> Response:
        steps = _Steps(self._watch, request.url.origin)

        async def trace(event: str, info: dict[str, Any]) -> None:
            steps.heard(event, info)
            if event == "connection.connect_tcp.complete":
                streams.append(info["return_value"])

        client.cookies.clear()  # no cookie goes from one sign-in to another
        response = await client.send(_built(request, timeout, trace), stream=True)
        try:
            body = bytearray()
            if _check_head(response, request):
                async for chunk in response.aiter_raw():
                    body += chunk
                    check_body(len(body), request)
            return Response.from_raw(response.status_code, response.headers.raw, bytes(body))
        finally:
            await response.aclose()
