"""TCP connections on blocking sockets."""

from __future__ import annotations

import queue
import socket

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.urls import Address
from ..deadline import Deadline
from ..network import AddressInfo, look_up, network_error, numeric

__all__ = ["connect_tcp"]


def connect_tcp(address: Address, deadline: Deadline, step: Step) -> socket.socket:
    """Return a TCP connection, trying each address of the host in turn.

    Raises:
        ConnectionFailed: there is no such host, or none of its addresses answered.
        SignInTimeout: the deadline passed.
    """
    server = str(address)
    places = numeric(address) or _resolve(address, deadline, step)
    error: SignInError | None = None
    for index, (family, where) in enumerate(places):
        # The first of several must not use up the time of the others.
        patience = deadline.check(step, server) / (len(places) - index)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(patience)
            sock.connect(where)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except TimeoutError:
            sock.close()
            error = deadline.passed(step, server)
        except OSError as problem:
            sock.close()
            error = network_error(problem, step, server)
    raise error or ConnectionFailed("the host has no address", step=step, server=server)


def _resolve(address: Address, deadline: Deadline, step: Step) -> list[AddressInfo]:
    found: queue.SimpleQueue[list[AddressInfo] | SignInError] = queue.SimpleQueue()
    look_up(address, step, found.put)
    try:
        result = found.get(timeout=deadline.check(step, str(address)))
    except queue.Empty:
        raise deadline.passed(step, str(address)) from None
    if isinstance(result, SignInError):
        raise result
    return result
