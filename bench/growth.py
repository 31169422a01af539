"""How cost grows: with contacts, accounts, used tickets, and sign-ins at once.

    python bench/growth.py [--base 10]

Each is measured at a base, at 10 times and at 100 times as many. The exponent is that of the
growth from the smallest to the largest: 0 does not grow, 1 is linear. A look-up must not grow,
nothing may grow faster than linearly; the scripts exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import timeit
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msnpauth
from common import PASSWORD, ServiceProcess, machine, passport, table
from many import Runs, more_files
from msnpauth import Secret
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service.stores.memory import Accounts, MemoryState, at_once
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

# What noise may add: the small sizes are all set-up.
_SLACK = 0.15


@dataclass(frozen=True)
class Growth:
    """What a thing costs at each size, in all (not for each one)."""

    name: str
    unit: str
    sizes: tuple[int, ...]
    costs: tuple[float, ...]
    allowed: float

    @property
    def exponent(self) -> float:
        """The power of the size that the cost goes with."""
        factor = max(self.costs[-1], 1e-12) / max(self.costs[0], 1e-12)
        return math.log(factor) / math.log(self.sizes[-1] / self.sizes[0])

    def row(self) -> tuple[str, ...]:
        """Return its line of the table."""
        costs = [*[""] * (3 - len(self.costs)), *(f"{cost:.3g}" for cost in self.costs)]
        return (f"{self.name}, {self.unit}", *costs, f"{self.exponent:.2f}", f"{self.allowed:.0f}")


def contacts(sizes: Sequence[int]) -> list[Growth]:
    """Measure a sign-in by MSNP12 with its first SYN, to the last LST."""
    seconds, memory = [], []
    for size in sizes:
        with ServiceProcess(contacts=size) as service:
            seconds.append(min(synchronized(service, size) for _ in range(3)))
            tracemalloc.start()
            synchronized(service, size)
            memory.append(tracemalloc.get_traced_memory()[1] / 1024)
            tracemalloc.stop()
    name = "sign-in and SYN, by contacts"
    return [
        Growth(name, "ms", tuple(sizes), tuple(1000 * s for s in seconds), 1),
        Growth(name, "KiB", tuple(sizes), tuple(memory), 1),
    ]


def synchronized(service: ServiceProcess, size: int) -> float:
    """Return the seconds until the whole list is here."""
    began = time.perf_counter()
    with msnpauth.sign_in(
        passport(0), PASSWORD, service.servers("login"), dialects=[12], ssl_context=service.context
    ) as session:
        session.send("SYN", "0", "0")
        left = size
        for command in session:
            left -= command.verb == "LST"
            if not left:
                return time.perf_counter() - began
    raise AssertionError


def accounts(sizes: Sequence[int]) -> list[Growth]:
    """Measure the service's look-ups, and what it holds, by the number of its accounts."""
    finding, memory = [], []
    for size in sizes:
        tracemalloc.start()
        held = Accounts.of(Account(passport(n), Secret(PASSWORD)) for n in range(size))
        memory.append(tracemalloc.get_traced_memory()[0] / 1024)
        tracemalloc.stop()
        last = passport(size - 1)
        finding.append(best(partial(_checked, held, last)))
    return [
        Growth(
            "an account looked up and checked, by accounts", "µs", tuple(sizes), tuple(finding), 0
        ),
        Growth("accounts in memory", "KiB", tuple(sizes), tuple(memory), 1),
    ]


def _checked(held: Accounts, who: str) -> None:
    at_once(held.check(who, Secret(PASSWORD), Scheme.TWN))


def used_tickets(sizes: Sequence[int]) -> list[Growth]:
    """Measure the check of a ticket, by the number of those that were used a moment ago."""
    checking = []
    for size in sizes:
        office, state = TicketOffice(), MemoryState()

        def accept(ticket: str, office: TicketOffice = office, state: MemoryState = state) -> None:
            at_once(office.accept(ticket, passport(0), state))

        for _ in range(size):
            accept(office.issue(passport(0))[0])
        ticket, _ = office.issue(passport(0), "messenger.msn.com")
        checking.append(best(partial(accept, ticket)))
    name = "a ticket checked, by tickets used a moment ago"
    return [Growth(name, "µs", tuple(sizes), tuple(checking), 0)]


def best(work: Callable[[], object]) -> float:
    """Return the microseconds of one call, at best."""
    return min(timeit.repeat(work, number=200, repeat=5)) / 200 * 1e6


def begun_together(sizes: Sequence[int]) -> list[Growth]:
    """Measure sign-ins that begin together, in one asyncio process."""
    more_files()
    found = []
    with ServiceProcess(accounts=max(sizes)) as service:
        runs = Runs(service)
        found = [runs.at_once("ours", "SSO", size) for size in sizes]
    seconds = tuple(1000 * run["seconds"] for run in found)
    # The fewest find their place in what the interpreter has let go of after its imports: memory
    # is measured above them.
    memory = tuple((run["memory"] - found[0]["memory"]) / 1024 for run in found[1:])
    above = tuple(size - sizes[0] for size in sizes[1:])
    name = "sign-ins by SSO at once"
    return [
        Growth(name, "ms", tuple(sizes), seconds, 1),
        Growth(f"{name}, above {sizes[0]}", "KiB", above, memory, 1),
    ]


def main() -> int:
    """Measure and print; the exit status tells whether all grows as it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=int, default=10)
    base = parser.parse_args().base
    sizes = (base, 10 * base, 100 * base)
    found = [*contacts(sizes), *accounts(sizes), *used_tickets(sizes), *begun_together(sizes)]
    print(f"{machine()}\n")
    heads = ("cost of all", *(f"{size:,}" for size in sizes), "exponent", "allowed")
    print(table(heads, (growth.row() for growth in found)))
    return 0 if all(growth.exponent <= growth.allowed + _SLACK for growth in found) else 1


if __name__ == "__main__":
    sys.exit(main())
