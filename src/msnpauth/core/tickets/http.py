"""HTTP/1.1 exchanges in succession on one connection, with h11 and without I/O."""

from __future__ import annotations

import h11

from ..errors import ConnectionFailed, LocalProtocolError, RemoteProtocolError, SignInError, Step
from ..secrets import Secret
from ..wire.lines import NEED_DATA, NeedData
from .exchange import MAX_HEADER, Encoded, Request, Response

__all__ = ["ClientConnection"]

_VERSION = b"HTTP/1."
_NOT_HTTP = "the answer is not HTTP/1.1"
_FRAMING = frozenset({b"host", b"connection", b"content-length", b"transfer-encoding", b"expect"})
_END = h11.EndOfMessage()


class ClientConnection:
    """The client's side of one kept-alive HTTP/1.1 connection.

    `receive` never raises: it returns an error as a value.
    """

    def __init__(self, *, max_header: int = MAX_HEADER) -> None:
        self._max_header = max_header
        self._max_body = 0
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=max_header)
        self._request: Request | None = None
        self._head: h11.Response | None = None
        self._body = bytearray()
        self._before_head = 0
        self._first_bytes = b""
        self._closed_by_peer = False
        self.started = False
        """True once a byte of the answer has come."""

    def send(self, request: Request) -> bytes:
        """Return the bytes of `request`. The connection must be `reusable`.

        Raises:
            LocalProtocolError: the request has characters that HTTP cannot transport.
        """
        self._request = request
        self._max_body = request.max_body
        self._head = None
        self._body.clear()
        self._before_head = 0
        self._first_bytes = b""
        self.started = False
        try:
            return self._encode(request)
        except (h11.LocalProtocolError, UnicodeError):
            # The error is raised below, outside this handler: h11's error, and the variables of its
            # functions, quote the header.
            error = LocalProtocolError(
                "the request has characters that HTTP has no place for",
                step=request.step,
                server=request.url.origin,
            )
        raise error

    def _encode(self, request: Request) -> bytes:
        if request.encoded is not None:
            return self._again(request.encoded)
        headers = request.all_headers()
        event = h11.Request(method=request.method, target=request.url.target, headers=headers)
        start = self._h11.send(event) or b""
        if request.body:
            return start + b"".join(map(self._sent, (h11.Data(data=request.body), _END)))
        data = start + self._sent(_END)
        if request.is_sent:  # this is the second time, so that more may follow
            # h11 uses most of its time to check all headers. After that check it reads only the
            # framing headers.
            framing = [pair for pair in headers if pair[0].lower() in _FRAMING]
            event = h11.Request(method=request.method, target=b"/", headers=framing)
            request.encoded = Encoded(event, Secret(data.decode("latin-1")))
        request.is_sent = True
        return data

    def _again(self, encoded: Encoded) -> bytes:
        """Return the bytes of a request that was sent earlier, over any connection."""
        assert isinstance(encoded.event, h11.Request)  # made above
        self._sent(encoded.event)
        self._sent(_END)
        return encoded.data.reveal().encode("latin-1")

    def _sent(self, event: h11.Event) -> bytes:
        return self._h11.send(event) or b""

    def receive(self, data: bytes) -> Response | NeedData | SignInError:
        """Take bytes (b"": the server closed) and return the answer when it is complete."""
        self.started = self.started or bool(data)
        self._closed_by_peer = not data
        if self._head is None:
            self._before_head += len(data)
            self._first_bytes += data[: len(_VERSION) - len(self._first_bytes)]
            # The error is returned at once: a mail or SSH server has sent its greeting, and would
            # now wait for us as long as we wait for it.
            if not _VERSION.startswith(self._first_bytes):
                return self._fault(_NOT_HTTP)
        try:
            self._h11.receive_data(data)
            return self._next()
        except h11.RemoteProtocolError:
            # The text of h11's error quotes the server, which may quote our ticket: it is replaced.
            return self._broken(_NOT_HTTP)
        except Exception as problem:  # noqa: BLE001 - no input may raise, and h11 was seen to raise
            return self._broken(f"{_NOT_HTTP} ({type(problem).__name__})")

    def _next(self) -> Response | NeedData | SignInError:
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                return self._unfinished()
            if isinstance(event, h11.Response):
                if (problem := self._check_head(event)) is not None:
                    return self._fault(problem)
                self._head = event
            elif isinstance(event, h11.Data):
                self._body += event.data
                if self._wants_body and len(self._body) > self._max_body:
                    return self._fault(f"a body of more than {self._max_body} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return self._answer()
            elif isinstance(event, h11.ConnectionClosed):
                return self._closed()

    def _unfinished(self) -> Response | NeedData | SignInError:
        """Return the result while no more data of the answer has come."""
        if self._head is None:
            # An endless series of interim answers (1xx) counts as headers that are too long.
            too_long = self._before_head > self._max_header
            return self._fault(self._too_long) if too_long else NEED_DATA
        return NEED_DATA if self._wants_body else self._answer()

    def _check_head(self, head: h11.Response) -> str | None:
        """Return what is wrong with the head of an answer, or None; h11 does not check this."""
        if head.http_version not in (b"1.0", b"1.1"):
            return _NOT_HTTP
        if self._before_head <= self._max_header:
            return None
        size = sum(len(name) + len(value) for name, value in head.headers)
        return self._too_long if size > self._max_header else None

    def _broken(self, text: str) -> Response | SignInError:
        """Return the result when the received bytes are not valid HTTP."""
        if self._head is not None and not self._wants_body:
            return self._answer()  # the bytes behind the headers are not needed
        if self._closed_by_peer:
            return self._closed()
        if self._head is None and self._before_head > self._max_header:
            text = self._too_long
        return self._fault(text)

    @property
    def _too_long(self) -> str:
        return f"headers of more than {self._max_header} bytes"

    @property
    def _wants_body(self) -> bool:
        return self._request is not None and self._request.wants_body

    def _answer(self) -> Response:
        head = self._head
        assert head is not None  # _next calls this only after the head
        body = bytes(self._body) if self._wants_body else b""
        return Response.from_raw(head.status_code, head.headers.raw_items(), body)

    def _fault(self, text: str) -> RemoteProtocolError:
        return RemoteProtocolError(text, step=self._step, server=self._server, finding="MA-WEB-03")

    def _closed(self) -> ConnectionFailed:
        text = "the connection was closed before the answer"
        return ConnectionFailed(text, step=self._step, server=self._server)

    @property
    def _step(self) -> Step | None:
        return self._request.step if self._request else None

    @property
    def _server(self) -> str | None:
        return self._request.url.origin if self._request else None

    @property
    def reusable(self) -> bool:
        """True when the next request may be sent over this connection.

        The connection does not wait for a body that was not wanted: unless such a body came with
        the headers, the connection ends with the exchange.
        """
        if self._closed_by_peer:
            return False
        if self._h11.trailing_data[0]:
            return False  # an unrequested answer would be taken for the answer to the next request
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        return self._h11.our_state is h11.IDLE
