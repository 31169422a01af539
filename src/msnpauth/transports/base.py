"""What carries an HTTPS exchange: the interface of all carriers, the built-in and your own."""

from __future__ import annotations

import abc

from ..core.tickets.exchange import Request, Response
from ..core.urls import Url

__all__ = ["AsyncTransport", "Transport"]


class Transport(abc.ABC):
    """Carries requests one after another; used by one thread at a time, but for `close`."""

    @abc.abstractmethod
    def fetch(self, request: Request, timeout: float) -> Response:
        """Carry `request` to `request.url` and return the answer, whatever its status.

        The method, the headers of `request.all_headers()` and the body go out as they are, over
        TLS with a verified certificate. A redirect is an answer: it is never followed. When
        `request.wants_body` is false the answer is complete with its headers. All ends within
        `timeout` seconds, and no connection is left behind by an exchange that failed.

        Nothing but these errors comes out, and none of them holds the exception of a library as
        its cause or context: that one's frames would hold the password.

        Raises:
            ConnectionFailed: no connection, or it was lost; also when the transport is closed.
            CertificateRejected: the server's certificate proves nothing.
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
        """Let go of every connection, for good; a `fetch` under way in another thread ends soon."""


class AsyncTransport(abc.ABC):
    """The same for asyncio. A cancelled `fetch` lets go of its connection."""

    @abc.abstractmethod
    async def fetch(self, request: Request, timeout: float) -> Response:
        """As `Transport.fetch`."""

    async def prepare(self, url: Url, timeout: float) -> None:  # noqa: B027 - as above
        """As `Transport.prepare`."""

    @abc.abstractmethod
    async def close(self) -> None:
        """As `Transport.close`."""
