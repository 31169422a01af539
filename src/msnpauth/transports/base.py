"""The interface of carriers, which carry HTTPS exchanges: of the built-in ones and of your own."""

from __future__ import annotations

import abc

from ..core.tickets.exchange import Request, Response
from ..core.urls import Url

__all__ = ["AsyncTransport", "Transport"]


class Transport(abc.ABC):
    """Carries requests one after another; used by one thread at a time, except for `close`."""

    @abc.abstractmethod
    def fetch(self, request: Request, timeout: float) -> Response:
        """Carry `request` to `request.url` and return the answer, whatever its status.

        The method, the headers of `request.all_headers()` and the body are sent unchanged, over
        TLS with a verified certificate. A redirect is an answer: it is never followed. When
        `request.wants_body` is false the answer is complete with its headers. The exchange ends
        within `timeout` seconds, and an exchange that failed leaves no connection open.

        It raises no other errors than these, and none of them has a library's exception as its
        cause or context: the frames of that exception would contain the password.

        Raises:
            ConnectionFailed: there was no connection, or it was lost; also when the transport is
                closed.
            CertificateRejected: the server's certificate was not accepted.
            RemoteProtocolError: the answer is not HTTP/1.1, or larger than `MAX_HEADER` or
                the `max_body` of the request.
            SignInTimeout: the time is up.
            LocalProtocolError: the request or the settings cannot be used; nothing was sent.
        """

    def prepare(self, url: Url, timeout: float) -> None:  # noqa: B027 - not every carrier can
        """Open the connection that a request to `url` will need, if the carrier can.

        Raises:
            as `fetch`.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Close every connection for good; a `fetch` that runs in another thread ends soon."""


class AsyncTransport(abc.ABC):
    """The same for asyncio. A cancelled `fetch` closes its connection."""

    @abc.abstractmethod
    async def fetch(self, request: Request, timeout: float) -> Response:
        """As `Transport.fetch`."""

    async def prepare(self, url: Url, timeout: float) -> None:  # noqa: B027 - as above
        """As `Transport.prepare`."""

    @abc.abstractmethod
    async def close(self) -> None:
        """As `Transport.close`."""
