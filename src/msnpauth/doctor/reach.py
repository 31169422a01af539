"""Checks host names, and connections to each of their addresses."""

from __future__ import annotations

import queue
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from ..core.errors import SignInError, Step
from ..core.urls import Address
from ..net import names
from ..net.deadline import Deadline
from .finding import Finding, State, failed, found
from .patient import Patient

__all__ = ["connections", "look_ups"]

_MOST_ADDRESSES = 6
"""Addresses of one host that are tried at most: no Messenger network has more, some hosts have
dozens."""


def look_ups(patient: Patient) -> Iterator[Finding]:
    """Look up every host."""
    done: set[str] = set()
    for address, step in patient.places().values():
        if address.host in done:
            continue
        done.add(address.host)
        title = f"name {address.host}"
        if names.numeric(address):
            yield found("MA-DOC-01", title, State.PASSED, "it is an address already")
            continue
        outcome = _looked_up(address, step, patient.patience())
        if isinstance(outcome, SignInError):
            of_host = (
                p for p, (other, _) in patient.places().items() if other.host == address.host
            )
            patient.unreachable.update(of_host)
            yield failed(title, outcome)
            continue
        hosts = list(dict.fromkeys(names.hosts_of(outcome)))
        kinds = {"IPv6" if ":" in host else "IPv4" for host in hosts}
        seen = f"{', '.join(hosts[:_MOST_ADDRESSES])} ({' and '.join(sorted(kinds))})"
        if kinds == {"IPv6"}:
            yield found("MA-DOC-22", title, State.WARNING, seen)
        else:
            yield found("MA-DOC-01", title, State.PASSED, seen)


def _looked_up(
    address: Address, step: Step, deadline: Deadline
) -> list[names.AddressInfo] | SignInError:
    known = names.numeric(address)
    if known:
        return known
    answer: queue.SimpleQueue[list[names.AddressInfo] | SignInError] = queue.SimpleQueue()
    names.look_up(address, step, answer.put)
    try:
        return answer.get(timeout=max(0.0, deadline.remaining()))
    except queue.Empty:
        return deadline.passed(step, str(address))


def connections(patient: Patient) -> Iterator[Finding]:
    """Connect to each address of each server, one after another."""
    for place, (address, step) in patient.places().items():
        if place in patient.unreachable:
            continue
        outcome = _looked_up(address, step, patient.patience())
        if isinstance(outcome, SignInError):
            yield failed(f"connection to {place}", outcome)
            patient.unreachable.add(place)
            continue
        reached = False
        for family, where in list(dict.fromkeys(outcome))[:_MOST_ADDRESSES]:
            title = f"connection to {place}"
            if where[0] != address.host:
                title += f" at {where[0]}"
            began = time.monotonic()
            problem = _connect(family, where, patient.patience())
            if problem is None:
                took = time.monotonic() - began
                if step is Step.NOTIFICATION and not reached:
                    patient.round_trip = took
                reached = True
                yield found("MA-DOC-02", title, State.PASSED, f"connected in {1000 * took:.0f} ms")
            else:
                yield failed(title, _told(problem, address, step, outcome, patient))
        # With a carrier that uses a proxy, HTTPS may nevertheless be reachable.
        if not reached and (step is Step.NOTIFICATION or patient.transport is None):
            patient.unreachable.add(place)


def _told(
    problem: OSError,
    address: Address,
    step: Step,
    places: list[names.AddressInfo],
    patient: Patient,
) -> SignInError:
    if isinstance(problem, TimeoutError) and problem.errno is None:
        error = names.connect_timeout(patient.deadline, [], step, str(address))
    else:
        error = names.network_error(problem, step, str(address))
    return names.beside_proxy(names.wrong_family(places, error), address)


def _connect(
    family: socket.AddressFamily, where: tuple[object, ...], deadline: Deadline
) -> OSError | None:
    """Connect and close; return the error, or None."""
    try:
        with names.new_socket(family) as sock:
            sock.settimeout(max(0.01, min(deadline.remaining(), names.CONNECT_SECONDS)))
            sock.connect(where)
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
    except OSError as problem:
        return problem
    return None
