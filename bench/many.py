"""A thousand sign-ins at once in one asyncio process, beside a bare script of the same bytes.

    python bench/many.py [--count 1000] [--rounds 3] [--size [10000]]

The service is in another process, and each run in one of its own. Then the memory of sign-ins that
wait, all of it: the notification server says nothing, the connection to the login server stands
ready. `--size` does instead what is said here for ten thousand, once, without the bare script.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bare import Bare
from common import PASSWORD, Served, ServiceProcess, machine, passport, table
from msnpauth import Servers, aio

__all__ = ["Runs", "more_files"]

GOAL, MEMORY_GOAL = 0.6, 80
PATIENCE = 300.0

SignIn = Callable[[int], Awaitable[object]]


def ours(service: Served, scheme: str, notification: str) -> SignIn:
    """Return what signs in as a user of the package would."""
    role = "login" if scheme == "TWN" else "rst"
    where: dict[str, Any] = {role: service.places[role]}
    servers = Servers(notification=notification, **where)

    async def sign_in(number: int) -> None:
        session = await aio.sign_in(
            passport(number),
            PASSWORD,
            servers,
            scheme=scheme,
            ssl_context=service.context,
            timeout=PATIENCE,
        )
        await session.close()

    return sign_in


def bare(service: Served, scheme: str, notification: str) -> SignIn:
    """Return what exchanges the same bytes."""
    script = Bare(service, scheme, notification)

    async def sign_in(number: int) -> None:
        await script.sign_in(number, script.opening(number))

    return sign_in


# --- one run, in a process of its own ----------------------------------------------------------


async def all_at_once(sign_in: SignIn, count: int) -> dict[str, float]:
    """Return seconds and failures of `count` sign-ins that begin together."""
    await sign_in(0)
    began = time.perf_counter()
    found = await asyncio.gather(*(sign_in(n) for n in range(count)), return_exceptions=True)
    seconds = time.perf_counter() - began
    failures = [problem for problem in found if isinstance(problem, BaseException)]
    for problem in failures[:1]:
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
    return {"seconds": seconds, "failed": len(failures), "memory": memory()}


async def all_waiting(sign_in: SignIn, count: int, settled: float) -> dict[str, float]:
    """Return the bytes that each of `count` sign-ins takes while it waits.

    All wait when the memory has not changed for three times `settled` seconds: once is not enough,
    as the service may have been busy with the last run.
    """
    tasks = [asyncio.ensure_future(sign_in(0))]
    await asyncio.sleep(settled)
    before = memory()
    tasks += [asyncio.ensure_future(sign_in(n)) for n in range(count)]
    found = [0, 1, 2]
    while len(set(found[-3:])) > 1:
        await asyncio.sleep(settled)
        found.append(memory())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"memory": (found[-1] - before) / count}


def memory() -> int:
    """Return the resident bytes of this process: those of now on Linux, elsewhere the most."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def run_here(settings: dict[str, str]) -> None:
    """Be one run."""
    more_files()
    service = Served().found_at(json.loads(settings["places"]))
    make = {"ours": ours, "bare": bare}[settings["who"]]
    sign_in = make(service, settings["scheme"], settings["notification"])
    count, settled = int(settings["count"]), float(settings["settled"])
    run = all_waiting(sign_in, count, settled) if settled else all_at_once(sign_in, count)
    print(json.dumps(asyncio.run(run)))


def more_files() -> None:
    """Allow as many connections as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# --- all runs ----------------------------------------------------------------------------------


class Runs:
    """Starts runs against one service."""

    def __init__(self, service: Served) -> None:
        self._places = service.places

    def at_once(self, who: str, scheme: str, count: int) -> dict[str, float]:
        """Return seconds, failures and memory of a run of `ours` or `bare`."""
        where = self._places["notification"]
        return self._run(who=who, scheme=scheme, notification=where, count=count, settled=0)

    def waiting(self, who: str, scheme: str, count: int, *, silent: str, settled: float) -> float:
        """Return the bytes of each sign-in that waits for the server `silent`."""
        found = self._run(who=who, scheme=scheme, notification=silent, count=count, settled=settled)
        return found["memory"]

    def _run(self, **settings: object) -> dict[str, float]:
        told = {name: str(value) for name, value in settings.items()}
        told["places"] = json.dumps(self._places)
        done = subprocess.run(
            [sys.executable, __file__, "--run", json.dumps(told)],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        found: dict[str, float] = json.loads(done.stdout)
        return found


def report_speed(runs: Runs, count: int, rounds: int) -> bool:
    """Measure, print, and tell whether the goal is reached."""
    rows, shares, failed = [], [], 0.0
    for scheme in ("TWN", "SSO"):
        found: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(rounds):
            for who, speeds in found.items():
                run = runs.at_once(who, scheme, count)
                speeds.append(count / run["seconds"])
                failed += run["failed"]
        shares.append(
            statistics.median(a / b for a, b in zip(found["ours"], found["bare"], strict=True))
        )
        speeds = [statistics.median(found[who]) for who in ("ours", "bare")]
        rows.append((scheme, *(f"{speed:.0f}" for speed in speeds), f"{shares[-1]:.2f}"))
    print(table((f"{count} sign-ins at once", "ours a second", "bare a second", "share"), rows))
    print(f"\nFailed: {failed:.0f}. Goal: none, and a share of at least {GOAL}.\n")
    return not failed and min(shares) >= GOAL


class Silent:
    """A notification server that takes every connection and says nothing; a context manager."""

    def __enter__(self) -> Self:
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.place = f"127.0.0.1:{self._sock.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._sock.close()
        self.forget()

    def _accept(self) -> None:
        while True:
            try:
                self._taken.append(self._sock.accept()[0])
            except OSError:
                return

    def forget(self) -> None:
        """Close the connections of those who are gone."""
        while self._taken:
            self._taken.pop().close()


def report_memory(runs: Runs, count: int, settled: float, *, beside_bare: bool = True) -> bool:
    """Measure, print, and tell whether the goal is reached."""
    rows, ours = [], []
    contestants = ("ours", "bare") if beside_bare else ("ours",)
    with Silent() as silent:
        for scheme in ("TWN", "SSO"):
            kib = []
            for who in contestants:
                found = runs.waiting(who, scheme, count, silent=silent.place, settled=settled)
                kib.append(found / 1024)
                silent.forget()
            ours.append(kib[0])
            rows.append((scheme, *(f"{each:.0f}" for each in kib)))
    print(table((f"{count} waiting", *(f"KiB each, {who}" for who in contestants)), rows))
    print(f"\nGoal: at most {MEMORY_GOAL} KiB each.\n")
    return max(ours) <= MEMORY_GOAL


def report_size(runs: Runs, size: int, settled: float) -> bool:
    """Have `size` sign-ins begin at once, print, and tell whether all of them succeeded."""
    rows, failed = [], 0.0
    for scheme in ("TWN", "SSO"):
        run = runs.at_once("ours", scheme, size)
        failed += run["failed"]
        memory = f"{run['memory'] / 2**20:.0f}"
        rows.append((scheme, f"{run['failed']:.0f}", f"{size / run['seconds']:.0f}", memory))
    print(table((f"{size} sign-ins at once", "failed", "a second", "MiB of the process"), rows))
    print("\nGoal: none failed.\n")
    # Each holds two connections, and the system may allow fewer than that.
    room = (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100) // 2
    return report_memory(runs, min(size, room), settled, beside_bare=False) and not failed


def main() -> int:
    """Measure and print; the exit status tells whether the goals are reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--size", type=int, nargs="?", const=10_000, help="as many instead (default: %(const)s)"
    )
    parser.add_argument("--settled", type=float, default=1.0, help="seconds without a change")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run_here(json.loads(options.run))
        return 0
    more_files()
    with ServiceProcess(accounts=options.size or options.count) as service:
        runs = Runs(service)
        print(f"{machine()}\n")
        if options.size:
            return 0 if report_size(runs, options.size, options.settled) else 1
        fast = report_speed(runs, options.count, options.rounds)
        small = report_memory(runs, options.count, options.settled)
    return 0 if fast and small else 1


if __name__ == "__main__":
    sys.exit(main())
