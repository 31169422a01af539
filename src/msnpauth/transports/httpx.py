"""httpx2, the maintained continuation of httpx, as the carrier (`[httpx]`)."""

from __future__ import annotations

import asyncio
import logging
import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx2

from ..core.errors import ConnectionFailed, RemoteProtocolError, SignInError, SignInTimeout
from ..core.http import MAX_BODY, Request, Response
from ..network import network_error
from .base import AsyncTransport, Transport

__all__ = ["AsyncHttpxTransport", "HttpxTransport"]

# Its own time-outs come first: a connection that is cancelled in its TLS handshake is not closed.
_GRACE = 0.2

# httpcore's DEBUG log shows every header of an answer, which for us would be the ticket.
_quiet: ContextVar[bool] = ContextVar("msnpauth_quiet", default=False)


def _not_ours(_record: logging.LogRecord) -> bool:
    return not _quiet.get()


for _name in ("connection", "http11", "http2", "proxy", "socks"):
    logging.getLogger(f"httpcore2.{_name}").addFilter(_not_ours)
logging.getLogger("httpx2").addFilter(_not_ours)


@contextmanager
def _carried(request: Request, timeout: float) -> Iterator[None]:
    """Keep the libraries' logs quiet, and turn their errors into ours."""
    token = _quiet.set(True)
    step, server = request.step, request.url.origin
    try:
        yield
    except httpx2.TimeoutException:
        raise _too_late(request, timeout) from None
    except httpx2.RemoteProtocolError as error:
        # Its text may quote the peer, who may be quoting our ticket.
        if "disconnected" in str(error) or "closed" in str(error):
            text = "the connection was closed before the answer"
            raise ConnectionFailed(text, step=step, server=server) from None
        raise RemoteProtocolError("the answer is not HTTP/1.1", step=step, server=server) from None
    except httpx2.HTTPError as error:
        raise network_error(_cause(error), step, server) from None
    finally:
        _quiet.reset(token)


def _cause(error: BaseException) -> Exception:
    """Return the ssl or socket error beneath, which says more."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError):
            return found
        found = found.__cause__ or found.__context__
    return OSError("the connection failed")


def _too_late(request: Request, timeout: float) -> SignInTimeout:
    text = f"no answer within {timeout:g} seconds"
    return SignInTimeout(text, step=request.step, server=request.url.origin)


def _built(
    client: httpx2.Client | httpx2.AsyncClient, request: Request, timeout: float
) -> httpx2.Request:
    client.cookies.clear()  # nothing is carried over from one sign-in to another
    url = request.url
    return httpx2.Request(
        request.method,
        httpx2.URL(
            scheme=url.scheme, host=url.host, port=url.address.port, raw_path=url.target.encode()
        ),
        headers=request.all_headers(),
        content=request.body or None,
        extensions={"timeout": httpx2.Timeout(timeout).as_dict()},
    )


def _is_empty(response: httpx2.Response) -> bool:
    return response.headers.get("content-length") == "0"


def _checked_body(body: bytearray, request: Request) -> None:
    if len(body) > MAX_BODY:
        raise RemoteProtocolError(
            f"a body of more than {MAX_BODY} bytes", step=request.step, server=request.url.origin
        )


class HttpxTransport(Transport):
    """An `httpx2.Client`; each exchange runs in a thread, so that no drip of bytes outlives it."""

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        self._context = ssl_context
        self._client: httpx2.Client | None = None

    def fetch(self, request: Request, timeout: float) -> Response:
        # httpx has time-outs for each read only: a byte a second would keep it for ever.
        if self._client is None:
            self._client = httpx2.Client(verify=self._context, http2=False, follow_redirects=False)
        client = self._client
        outcome: queue.SimpleQueue[Response | BaseException] = queue.SimpleQueue()

        def run() -> None:
            try:
                outcome.put(self._exchange(client, request, timeout))
            except BaseException as error:  # noqa: BLE001 - raised where the answer is waited for
                outcome.put(error)

        threading.Thread(target=run, name="msnpauth-httpx", daemon=True).start()
        try:
            result = outcome.get(timeout=timeout + _GRACE)
        except queue.Empty:
            self.close()
            raise _too_late(request, timeout) from None
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _exchange(self, client: httpx2.Client, request: Request, timeout: float) -> Response:
        with _carried(request, timeout):
            response = client.send(_built(client, request, timeout), stream=True)
            try:
                body = bytearray()
                if request.wants_body or _is_empty(response):
                    for chunk in response.iter_raw():
                        body += chunk
                        _checked_body(body, request)
                return Response.from_raw(response.status_code, response.headers.raw, bytes(body))
            finally:
                response.close()


class AsyncHttpxTransport(AsyncTransport):
    """An `httpx2.AsyncClient`."""

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        self._client = httpx2.AsyncClient(verify=ssl_context, http2=False, follow_redirects=False)

    async def fetch(self, request: Request, timeout: float) -> Response:
        try:
            async with asyncio.timeout(timeout + _GRACE):
                return await self._exchange(request, timeout)
        except TimeoutError as error:
            if isinstance(error, SignInError):
                raise
            raise _too_late(request, timeout) from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _exchange(self, request: Request, timeout: float) -> Response:
        with _carried(request, timeout):
            response = await self._client.send(_built(self._client, request, timeout), stream=True)
            try:
                body = bytearray()
                if request.wants_body or _is_empty(response):
                    async for chunk in response.aiter_raw():
                        body += chunk
                        _checked_body(body, request)
                return Response.from_raw(response.status_code, response.headers.raw, bytes(body))
            finally:
                await response.aclose()
