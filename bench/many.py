"""A thousand sign-ins at once in one asyncio process, beside a bare script of the same bytes.

    python bench/many.py [--count 1000] [--rounds 3]

The service is in another process, and each run in one of its own. Then the memory of sign-ins that
wait: the notification server says nothing, the connection to the login server stands ready.
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
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bare import Bare
from common import PASSWORD, Served, ServiceProcess, machine, passport, table
from msnpauth import Servers, aio

__all__ = ["Runs", "more_files"]

GOAL, MEMORY_GOAL = 0.6, 64
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

    All wait when the memory has not changed for `settled` seconds.
    """
    tasks = [asyncio.ensure_future(sign_in(0))]
    await asyncio.sleep(settled)
    before = memory()
    tasks += [asyncio.ensure_future(sign_in(n)) for n in range(count)]
    found = [0, 1]
    while found[-1] != found[-2]:
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


def report_memory(runs: Runs, count: int, settled: float) -> bool:
    """Measure, print, and tell whether the goal is reached."""
    rows, above = [], []
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        for scheme in ("TWN", "SSO"):
            kib = [
                runs.waiting(who, scheme, count, silent=place, settled=settled) / 1024
                for who in ("ours", "bare")
            ]
            above.append(kib[0] - kib[1])
            rows.append((scheme, *(f"{each:.0f}" for each in (*kib, above[-1]))))
    print(table((f"{count} waiting", "KiB each, ours", "bare", "above"), rows))
    print(f"\nGoal: at most {MEMORY_GOAL} KiB above the bare script.")
    return max(above) <= MEMORY_GOAL


def main() -> int:
    """Measure and print; the exit status tells whether the goals are reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--settled", type=float, default=1.0, help="seconds without a change")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run_here(json.loads(options.run))
        return 0
    more_files()
    with ServiceProcess(accounts=options.count) as service:
        runs = Runs(service)
        print(f"{machine()}\n")
        fast = report_speed(runs, options.count, options.rounds)
        small = report_memory(runs, options.count, options.settled)
    return 0 if fast and small else 1


if __name__ == "__main__":
    sys.exit(main())
