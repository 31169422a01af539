"""TCP connections on blocking sockets."""

from __future__ import annotations

import os
import queue
import selectors
import socket
import threading
import time
from collections import deque
from contextlib import suppress

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.urls import Address
from ..watch import SILENT, Watch
from . import names
from .deadline import Deadline
from .names import (
    ATTEMPT_DELAY,
    AddressInfo,
    beside_proxy,
    connect_timeout,
    hosts_of,
    interleaved,
    look_up,
    most_telling,
    network_error,
    new_socket,
    numeric,
    open_fast,
    peer_of,
    wrong_family,
)
from .resolver_cache import resolver_cache

__all__ = ["Connecting", "connect_tcp", "shut_down"]


def connect_tcp(
    address: Address,
    deadline: Deadline,
    step: Step,
    *,
    watch: Watch = SILENT,
    fast_open: bool = False,
) -> socket.socket:
    """Return a TCP connection to the address of the host that answers first.

    Raises:
        ConnectionFailed: there is no such host, or none of its addresses could be reached.
        SignInTimeout: the deadline passed.
    """
    return Connecting(address, deadline, step, watch=watch, fast_open=fast_open).run()


class Connecting:
    """One connection attempt, which another thread may cancel.

    Args:
        address: the host and port to connect to.
        deadline: the time at which the attempt ends.
        step: the step of the sign-in, for errors.
        server: the server's name in errors; by default `host:port`.
        watch: receives a report of the addresses and of the connection.
        fast_open: send the first data together with the SYN, if the host has only one address. Of
            several addresses the first that answers is used, and a connection with TCP Fast Open
            does not wait for an answer.
    """

    def __init__(
        self,
        address: Address,
        deadline: Deadline,
        step: Step,
        server: str | None = None,
        *,
        watch: Watch = SILENT,
        fast_open: bool = False,
    ) -> None:
        self._watch = watch
        self._fast_open = fast_open
        self._address = address
        self._deadline = deadline
        self._step = step
        self._server = server or str(address)
        self._found: queue.SimpleQueue[list[AddressInfo] | SignInError] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_cancelled = False
        self._problems: list[Exception] = []
        self._patience = deadline

    def run(self) -> socket.socket:
        """Return the connection; its time-out is what is left until the deadline.

        Raises:
            ConnectionFailed, SignInTimeout: as `connect_tcp`; ConnectionFailed when cancelled.
        """
        places: list[AddressInfo] = []
        # With TCP Fast Open `connect` succeeds at once, even if the server has moved meanwhile.
        remembered = [] if self._fast_open else resolver_cache.get(self._address)
        try:
            places = numeric(self._address) or remembered or self._resolve()
            began = time.monotonic()
            self._patience = Deadline(min(self._deadline.remaining(), names.CONNECT_SECONDS))
            direct = len(places) == 1
            sock = self._direct(*places[0]) if direct else self._race(interleaved(places))
            if self._watch.is_wanted:
                self._watch.connected(self._server, peer_of(sock, places[0][1]), began)
            return sock
        except SignInError as problem:
            error = problem
        except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave this method
            if isinstance(problem, TimeoutError) and problem.errno is None:
                error = connect_timeout(self._deadline, self._problems, self._step, self._server)
            else:
                error = network_error(problem, self._step, self._server)
        finally:
            self._close_all()
        if self._is_cancelled:
            raise self._called_off()
        if remembered and self._deadline.remaining() > 0:  # the server may have moved
            resolver_cache.forget(self._address)
            self._problems.clear()
            return self.run()
        raise beside_proxy(wrong_family(places, error), self._address)

    def cancel(self) -> None:
        """Make `run`, which another thread is in, fail at once."""
        with self._lock:
            self._is_cancelled = True
            for sock in self._open:
                shut_down(sock)
        self._found.put(self._called_off())

    def _called_off(self) -> ConnectionFailed:
        text = "the connection was called off"
        return ConnectionFailed(text, step=self._step, server=self._server)

    def _resolve(self) -> list[AddressInfo]:
        began = time.monotonic()
        look_up(self._address, self._step, self._found.put)
        left = self._deadline.check(self._step, self._server)
        try:
            result = self._found.get(timeout=left)
        except queue.Empty:
            result = self._deadline.passed(self._step, self._server)
        if isinstance(result, SignInError):
            raise result
        if not result:
            text = "the host has no address"
            raise ConnectionFailed(text, step=self._step, server=self._server)
        self._watch.looked_up(self._address.host, hosts_of(result), began)
        return result

    def _direct(self, family: socket.AddressFamily, where: tuple[object, ...]) -> socket.socket:
        """Connect to a host's only address: the usual case, which waits in `connect`."""
        sock = self._new(family)
        if self._fast_open:
            open_fast(sock)
        self._deadline.check(self._step, self._server)
        sock.settimeout(max(self._patience.remaining(), 0.001))
        sock.connect(where)
        return self._handed_over(sock)

    def _race(self, places: list[AddressInfo]) -> socket.socket:
        """Connect to several addresses in parallel, each `ATTEMPT_DELAY` after the previous one."""
        waiting = deque(places)
        next_at = time.monotonic()
        with selectors.DefaultSelector() as selector:
            while True:
                now = time.monotonic()
                if waiting and (now >= next_at or not selector.get_map()):
                    if (begun := self._begin(*waiting.popleft())) is not None:
                        selector.register(begun, selectors.EVENT_WRITE)
                        next_at = now + ATTEMPT_DELAY
                    continue
                if not selector.get_map():
                    raise most_telling(self._problems)
                if (left := self._patience.remaining()) <= 0 or self._is_cancelled:
                    raise TimeoutError
                patience = min(left, next_at - now) if waiting else left
                for key, _ in selector.select(patience):
                    sock = key.fileobj
                    assert isinstance(sock, socket.socket)  # nothing else is registered
                    if not (number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                        return self._handed_over(sock)
                    selector.unregister(sock)
                    self._failed(sock, number)
                    next_at = now  # RFC 8305: a failure lets the next one begin at once

    def _begin(
        self, family: socket.AddressFamily, where: tuple[object, ...]
    ) -> socket.socket | None:
        """Begin to connect and return the socket; None when the attempt has failed already."""
        try:
            sock = self._new(family)
        except OSError as problem:  # a kernel without IPv6: the other addresses are still there
            self._problems.append(problem)
            return None
        sock.setblocking(False)
        try:
            sock.connect(where)
        except BlockingIOError:
            pass
        except OSError as problem:
            self._failed(sock, problem.errno or 0)
            return None
        return sock

    def _failed(self, sock: socket.socket, number: int) -> None:
        self._problems.append(OSError(number, os.strerror(number)))
        with self._lock:
            self._open.discard(sock)
        sock.close()

    def _new(self, family: socket.AddressFamily) -> socket.socket:
        sock = new_socket(family)
        with self._lock:
            self._open.add(sock)
            is_cancelled = self._is_cancelled
        if is_cancelled:
            raise self._called_off()
        return sock

    def _handed_over(self, sock: socket.socket) -> socket.socket:
        sock.settimeout(self._deadline.check(self._step, self._server))
        with self._lock:
            if self._is_cancelled:
                raise self._called_off()
            self._open.discard(sock)
        return sock

    def _close_all(self) -> None:
        with self._lock:
            while self._open:
                self._open.pop().close()


def shut_down(sock: socket.socket) -> None:
    """End a connection, which wakes a thread that waits in `recv`, `connect` or `sendall` on it.

    Closing the descriptor would not wake that thread, and another connection would soon get the
    same descriptor number. The `shutdown` of a TLS socket also removes the encryption, so that the
    other thread would continue unencrypted. Therefore the method of the plain socket is called: the
    last one in the class's method resolution order, since gevent and eventlet insert classes.
    """
    plain = [vars(kind)["shutdown"] for kind in type(sock).__mro__ if "shutdown" in vars(kind)]
    with suppress(OSError):
        plain[-1](sock, socket.SHUT_RDWR)
