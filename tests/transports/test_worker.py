"""Exchanges in threads of their own: who is waited for, what comes of them, what is left."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from msnpauth import ConnectionFailed, RemoteProtocolError, SignInError, SignInTimeout
from msnpauth.core.errors import Step
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.core.urls import Url
from msnpauth.net.deadline import LONGEST
from msnpauth.transports.worker import Outcome, Task, Workers

REQUEST = Request("GET", Url.parse("https://login.example/"), step=Step.NEXUS)
OK = Response(200)


def nobody(_: Outcome) -> None:
    raise AssertionError("nothing is to be handed over")


def ended(sock: socket.socket) -> bool:
    """Tell whether the other side has ended the connection; nothing is waited for."""
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False


# --- a task --------------------------------------------------------------------------------------


def test_the_first_outcome_of_a_task_counts() -> None:
    found: list[Outcome] = []
    task = Task(REQUEST, 5.0, found.append)
    task.settle(OK)
    task.settle(Response(500))
    task.stop(ConnectionFailed("too late"))
    assert found == [OK]
    assert task.is_stopped


def test_a_task_that_is_stopped_comes_to_what_it_is_given() -> None:
    found: list[Outcome] = []
    task = Task(REQUEST, 5.0, found.append)
    error = ConnectionFailed("called off")
    task.stop(error)
    task.settle(OK)
    assert found == [error]


def test_nobody_is_told_of_a_task_that_is_just_stopped() -> None:
    task = Task(REQUEST, 5.0, nobody)
    task.stop()
    assert task.is_stopped


def test_no_task_is_longer_than_the_system_counts() -> None:
    assert Task(REQUEST, 1e300, nobody).timeout == LONGEST
    assert Task(REQUEST, 2.5, nobody).timeout == 2.5


@pytest.mark.parametrize("stopped_first", [False, True])
@pytest.mark.parametrize("copy", [False, True])
def test_to_stop_a_task_ends_its_connections(copy: bool, stopped_first: bool) -> None:
    """Also one that the library makes a moment later."""
    here, there = socket.socketpair()
    task = Task(REQUEST, 5.0, nobody)
    hold = task.hold_copy if copy else task.hold
    if stopped_first:
        task.stop()
    hold(here)
    if not stopped_first:
        assert not ended(there)
        task.stop()
    assert ended(there)
    assert here.fileno() >= 0, "its number must not be another connection's while a thread waits"
    task.let_go()
    assert (here.fileno() < 0) is copy, "what is the library's is closed by the library"
    here.close()
    there.close()


def test_what_was_let_go_is_not_ended_any_more() -> None:
    """The library keeps its connection for the next exchange."""
    here, there = socket.socketpair()
    task = Task(REQUEST, 5.0, nobody)
    task.hold(here)
    task.let_go()
    task.stop()
    assert not ended(there)
    here.close()
    there.close()


# --- those of a carrier --------------------------------------------------------------------------


def workers(carry: Callable[[Task], Outcome]) -> Workers:
    return Workers(carry, "msnpauth-test")


FETCHES = pytest.mark.parametrize("fetch", [Workers.fetch, Workers.fetch_here])
Fetch = Callable[[Workers, Request, float], Response]


@FETCHES
def test_an_answer(fetch: Fetch) -> None:
    seen: list[Task] = []

    def carry(task: Task) -> Outcome:
        seen.append(task)
        return OK

    assert fetch(workers(carry), REQUEST, 20.0) is OK
    (task,) = seen
    assert (task.request, task.timeout) == (REQUEST, 20.0)


def test_where_it_is_carried() -> None:
    names: list[str] = []

    def carry(_: Task) -> Outcome:
        names.append(threading.current_thread().name)
        return OK

    for fetch in (Workers.fetch, Workers.fetch_here):
        fetch(workers(carry), REQUEST, 20.0)
    assert names == ["msnpauth-test", threading.current_thread().name]


@FETCHES
@pytest.mark.parametrize("raised", [False, True])
def test_an_error_of_ours_comes_out_as_it_is(fetch: Fetch, raised: bool) -> None:
    error = RemoteProtocolError("no HTTP")

    def carry(_: Task) -> Outcome:
        if raised:
            raise error
        return error

    with pytest.raises(RemoteProtocolError) as caught:
        fetch(workers(carry), REQUEST, 20.0)
    assert caught.value is error


@FETCHES
@pytest.mark.parametrize("kind", [ValueError, OSError, MemoryError, KeyError])
def test_an_error_of_a_library_becomes_one_of_ours(fetch: Fetch, kind: type[Exception]) -> None:
    """Its text may quote what was sent, and its frames hold it."""

    def carry(_: Task) -> Outcome:
        secret = "Authorization: hunter2"
        raise kind(secret)

    with pytest.raises(ConnectionFailed) as caught:
        fetch(workers(carry), REQUEST, 20.0)
    error = caught.value
    assert (error.step, error.server) == (Step.NEXUS, "https://login.example")
    assert "hunter2" not in f"{error}{error!r}{error.args}"
    assert (error.__context__, error.__cause__) == (None, None)


def test_an_exchange_that_does_not_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msnpauth.transports.worker.GRACE", 0.0)
    stopped, done = threading.Event(), threading.Event()
    begun: list[Task] = []

    def carry(task: Task) -> Outcome:
        begun.append(task)
        stopped.wait(20)
        done.set()
        return OK

    with pytest.raises(SignInTimeout, match="no answer within 0.01 seconds") as caught:
        workers(carry).fetch(REQUEST, 0.01)
    assert (caught.value.step, caught.value.server) == (Step.NEXUS, "https://login.example")
    stopped.set()
    assert done.wait(20)
    assert [task.is_stopped for task in begun] == [True]


def test_to_close_ends_what_is_under_way_and_lets_nothing_begin() -> None:
    begun, go_on = threading.Event(), threading.Event()
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def carry(_: Task) -> Outcome:
        begun.set()
        go_on.wait(20)
        return OK

    group = workers(carry)
    task = group.start(REQUEST, 20.0, outcomes.put)
    assert begun.wait(20)
    group.close()
    group.close()
    found = outcomes.get(timeout=20)
    go_on.set()
    assert isinstance(found, ConnectionFailed)
    assert (found.text, task.is_stopped) == ("the transport is closed", True)
    for again in (
        lambda: group.fetch(REQUEST, 20.0),
        lambda: group.fetch_here(REQUEST, 20.0),
        lambda: group.start(REQUEST, 20.0, nobody),
    ):
        with pytest.raises(ConnectionFailed, match="the transport is closed"):
            again()


def test_to_close_calls_off_an_exchange_in_another_thread() -> None:
    """What the library says of its end is not what comes out."""
    begun, go_on = threading.Event(), threading.Event()

    def carry(_: Task) -> Outcome:
        begun.set()
        go_on.wait(20)
        return ConnectionFailed("the library was interrupted")

    group = workers(carry)
    errors: list[SignInError] = []

    def fetch() -> None:
        try:
            group.fetch_here(REQUEST, 20.0)
        except SignInError as error:
            errors.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    assert begun.wait(20)
    group.close()
    go_on.set()
    thread.join(20)
    assert [error.text for error in errors] == ["the transport is closed"]


def test_what_is_done_is_not_ended_by_closing() -> None:
    here, there = socket.socketpair()

    def carry(task: Task) -> Outcome:
        task.hold(here)
        return OK

    for fetch in (Workers.fetch, Workers.fetch_here):
        group = workers(carry)
        fetch(group, REQUEST, 20.0)
        group.close()
    assert not ended(there)
    here.close()
    there.close()


def test_a_thread_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    group = workers(lambda _: OK)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ConnectionFailed, match="no thread could be started") as caught:
        group.start(REQUEST, 20.0, nobody)
    assert caught.value.__context__ is None
    assert group.fetch_here(REQUEST, 20.0) is OK
    group.close()  # of what has not begun nobody is told the end


def test_who_waits_may_be_gone() -> None:
    """An event loop that has ended takes nothing any more: the thread ends all the same."""
    told = threading.Event()

    def deliver(_: Outcome) -> None:
        told.set()
        raise RuntimeError("Event loop is closed")

    raised: list[Any] = []
    before, threading.excepthook = threading.excepthook, raised.append
    try:
        workers(lambda _: OK).start(REQUEST, 20.0, deliver)
        assert told.wait(20)
        for thread in threading.enumerate():
            if thread.name == "msnpauth-test":
                thread.join(20)
    finally:
        threading.excepthook = before
    assert raised == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_in_this_thread_lets_go_of_the_exchange(kind: type[BaseException]) -> None:
    here, there = socket.socketpair()

    def carry(task: Task) -> Outcome:
        task.hold_copy(here)
        raise kind

    group = workers(carry)
    with pytest.raises(kind):
        group.fetch_here(REQUEST, 20.0)
    assert here.fileno() < 0
    there.close()


def test_whatever_ends_a_thread_somebody_is_told() -> None:
    def carry(_: Task) -> Outcome:
        raise SystemExit

    with pytest.raises(ConnectionFailed, match=r"the connection failed \(SystemExit\)"):
        workers(carry).fetch(REQUEST, 20.0)
