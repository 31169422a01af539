"""A libcurl handle that is driven from Python: a waiting thread can be interrupted at any time.

`curl_easy_perform` waits within libcurl, where Python cannot react to Ctrl-C and no other thread
can stop it. A thread for each exchange would free the caller, but starting one takes as long as a
kept connection takes to answer. Here libcurl names the sockets that it waits for, and Python waits.
"""

from __future__ import annotations

import math
import select
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pycurl

from .curl_trust import Trust

__all__ = ["Engine"]

P = ParamSpec("P")
T = TypeVar("T")

_SLICE = 0.1
"""Seconds between two checks whether the answer is still wanted. Shutting a socket down instead
would need sockets that are opened here, which costs more than all other callbacks together."""

_WANTS = {
    pycurl.POLL_IN: (True, False),
    pycurl.POLL_OUT: (False, True),
    pycurl.POLL_INOUT: (True, True),
}


_Usable = list[tuple[int, bool, bool]]
"""Sockets: the descriptor, whether it can be read, and whether it can be written."""


class Engine:
    """One handle with its connections, and the certificates that it has read.

    Args:
        trust: the certificates that its connections trust; they share its TLS sessions.

    Attributes:
        curl: the handle, to be set up before each exchange.
        trust: the argument of that name.
    """

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self.curl = pycurl.Curl()
        self.curl.setopt(pycurl.SHARE, trust.share)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self.guarded(self._on_socket))
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self.guarded(self._on_timer))
        self._waits_for: dict[int, tuple[bool, bool]] = {}
        self._wakes_at = math.inf
        self._is_interrupted = False

    def guarded(self, callback: Callable[P, T]) -> Callable[P, T | int]:
        """Return a callback for libcurl that remembers a Ctrl-C.

        pycurl only prints an exception that is raised in a callback, and does not pass it on.
        """

        def call(*arguments: P.args, **settings: P.kwargs) -> T | int:
            try:
                return callback(*arguments, **settings)
            except KeyboardInterrupt:
                self._is_interrupted = True
                return -1

        return call

    def perform(self, is_over: Callable[[], bool]) -> pycurl.error | None:
        """Carry the exchange that the handle is set up for.

        Args:
            is_over: tells whether the answer is no longer wanted; called ten times a second.

        Returns:
            curl's error; None for none.
        """
        self._multi.add_handle(self.curl)
        try:
            # Asked directly before each act, because an act may send the password: what arrived
            # while the caller gave up must not make libcurl go on.
            ready: _Usable | None = None
            running = True
            while running:
                if is_over():
                    return pycurl.error(pycurl.E_ABORTED_BY_CALLBACK, "")
                left = self._act(pycurl.SOCKET_TIMEOUT, 0) if ready is None else self._go_on(ready)
                running = left > 0 and not self._is_interrupted
                ready = self._wait() if running else None
            _, _, failed = self._multi.info_read()
        finally:
            self._multi.remove_handle(self.curl)
        if self._is_interrupted:
            raise KeyboardInterrupt
        return pycurl.error(*failed[0][1:]) if failed else None

    def close(self) -> None:
        """Close the handle's connections."""
        self.curl.close()
        self._multi.close()

    def close_elsewhere(self) -> None:
        """Close in a thread of its own: libcurl waits there until the system's resolver ends."""
        try:
            threading.Thread(target=self.close, name="msnpauth-curl", daemon=True).start()
        except RuntimeError:  # too many threads: then this thread waits
            self.close()

    def _wait(self) -> _Usable:
        """Wait until there is something to do; return the sockets that can be used."""
        left = self._wakes_at - time.monotonic()
        return _ready(self._waits_for, max(0.0, min(left, _SLICE)))

    def _go_on(self, ready: _Usable) -> int:
        """Do what there is to do; return how many exchanges still run."""
        running = 1
        for number, is_readable, is_writable in ready:
            mask = (pycurl.CSELECT_IN if is_readable else 0) | (
                pycurl.CSELECT_OUT if is_writable else 0
            )
            running = self._act(number, mask)
        if time.monotonic() >= self._wakes_at:
            self._wakes_at = math.inf
            running = self._act(pycurl.SOCKET_TIMEOUT, 0)
        return running

    def _act(self, number: int, mask: int) -> int:
        _, running = self._multi.socket_action(number, mask)
        return int(running)

    def _on_socket(self, what: int, number: int, _multi: object, _data: object) -> None:
        if what in _WANTS:
            self._waits_for[number] = _WANTS[what]
        else:
            self._waits_for.pop(number, None)

    def _on_timer(self, milliseconds: int) -> None:
        self._wakes_at = math.inf if milliseconds < 0 else time.monotonic() + milliseconds / 1000


def _ready(waits_for: dict[int, tuple[bool, bool]], seconds: float) -> _Usable:
    """Wait, and return the sockets that can be read or written, or that have ended.

    Each one is returned as its descriptor, whether it can be read, and whether it can be written.
    """
    if not hasattr(select, "poll"):  # Windows
        if not waits_for:
            time.sleep(seconds)
            return []
        reading = [number for number, (reads, _) in waits_for.items() if reads]
        writing = [number for number, (_, writes) in waits_for.items() if writes]
        can_read, can_write, _ = select.select(reading, writing, [], seconds)
        return [(n, n in can_read, n in can_write) for n in {*can_read, *can_write}]
    poll = select.poll()
    for number, (reads, writes) in waits_for.items():
        poll.register(number, (select.POLLIN if reads else 0) | (select.POLLOUT if writes else 0))
    gone = select.POLLHUP | select.POLLERR
    return [
        (number, bool(event & (select.POLLIN | gone)), bool(event & (select.POLLOUT | gone)))
        for number, event in poll.poll(math.ceil(seconds * 1000))
    ]
