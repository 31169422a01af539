"""Several nodes: sign-ins by their number, what a word to others costs, and accounts in PostgreSQL.

    python bench/nodes.py [--seconds 6] [--online 100 1000 10000 100000]
                          [--accounts 1000 10000 100000]

It needs Debian's postgresql and redis-server, or valkey, and starts both by itself. All of it runs
on this machine: nodes, database, shared store and clients have the same processors.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import argon2
from cryptography.fernet import Fernet
from sqlalchemy import text

from common import PASSWORD, machine, passport, table
from many import more_files
from msnpauth.service import Argon2, open_directory
from msnpauth.service.storage import open_database
from msnpauth.service.stores.protocol import Place, Presence, Seat
from msnpauth.service.stores.shared.server import SharedServer
from msnpauth.service.stores.shared.state import ValkeyState
from msnpauth.service.stores.sql.accounts import SqlAccounts
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.migrate import migrate
from operated import RstClient
from service import Row, bare, missed

sys.path.insert(0, str(Path(__file__).parent.parent / "slow" / "nodes"))

import servers
from network import Network

TWO_GOAL, TELL_GOAL, OTH_GOAL, FLAT_GOAL = 1.7, 1.5, 20, 1.5
MORE_GOAL = 0.75
"""On a machine of two processors four nodes do not do more than two. What they lose is what four
processes and their hashes take from each other."""
CLIENTS = 8


def prepared(postgres: Any) -> str:
    """Return the URL of a database with the tables of today."""
    url: str = postgres.database()
    with closing(open_database(url, check=False)) as database:
        migrate(database)
    return url


def fill(url: str, count: int, hashed: str, first: int = 0) -> None:
    """Put accounts into a database, all with one hash."""
    lines = [f'{passport(number)},"{hashed}"' for number in range(first, first + count)]
    with open_directory(None, database=url) as accounts:
        accounts.import_csv(io.StringIO("passport,hash\n" + "\n".join(lines) + "\n"))


# --- sign-ins by the number of nodes -------------------------------------------------------------


class _Node:
    """One node, as `RstClient` asks it."""

    def __init__(self, here: Network, number: int) -> None:
        node = here.nodes[number]
        self.ports = here.ports
        self.servers = here.servers_at(node.host)
        self.host = node.host


async def saturated(here: Network, seconds: float) -> float:
    """Return the password sign-ins a second of all nodes together."""
    count, clients = 0, []
    for number in range(CLIENTS):
        client = RstClient(_Node(here, number % len(here.nodes)), number)  # type: ignore[arg-type]
        reader, writer = await asyncio.open_connection(
            here.nodes[number % len(here.nodes)].host,
            here.ports["login-port"],
            ssl=_context(here),
        )
        client._streams = (reader, writer)
        await client.sign_in()
        clients.append(client)
    end = time.perf_counter() + seconds

    async def ask(client: RstClient) -> None:
        nonlocal count
        while time.perf_counter() < end:
            await client.sign_in()
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*map(ask, clients))
    for client in clients:
        client.close()
    return count / (time.perf_counter() - began)


def _context(here: Network) -> Any:
    import ssl

    context = ssl.create_default_context(cafile=str(here.ca_file))
    context.check_hostname = False
    return context


@contextmanager
def of_nodes(postgres: Any, shared: Any, hashed: str, count: int) -> Iterator[Network]:
    """Run a network of so many nodes, each on a processor of its own while there are enough."""
    url = prepared(postgres)
    fill(url, 100, hashed)
    shared.empty()
    options = ("--connections-of-network", "10000")
    with tempfile.TemporaryDirectory() as place:
        here = Network(Path(place), url, shared.url, count, options)
        for number, node in enumerate(here.nodes):
            node.processor = number % (os.cpu_count() or 1)
        try:
            here.start()
            yield here
        finally:
            here.stop()


def by_nodes(postgres: Any, shared: Any, hashed: str, seconds: float) -> list[Row]:
    """Return the rows of sign-ins by the number of nodes."""
    alone = bare(seconds / 2, 0)
    rows: list[Row] = [("argon2id alone, a second of one processor", f"{alone:.1f}", "")]
    speeds = {}
    for count in (1, 2, 4):
        with of_nodes(postgres, shared, hashed, count) as here:
            speeds[count] = asyncio.run(saturated(here, seconds))
        rows.append((f"password sign-ins a second, nodes: {count}", f"{speeds[count]:.1f}", ""))
    goal = f"≥ {TWO_GOAL}" if (os.cpu_count() or 1) >= 2 else ""
    rows.append(("two nodes / one", f"{speeds[2] / speeds[1]:.2f}", goal))
    limit = f"≥ {MORE_GOAL}" if os.cpu_count() == 2 else ""
    rows.append(("four nodes / two", f"{speeds[4] / speeds[2]:.2f}", limit))
    return rows


# --- a word to others ----------------------------------------------------------------------------


class _Ear:
    def __init__(self) -> None:
        self.heard_one = asyncio.Event()

    def heard(self, _word: str) -> None:
        self.heard_one.set()

    def displaced(self, connection: int) -> None:
        raise AssertionError(connection)

    async def put_out_seats(self, seats: Sequence[Seat]) -> None:
        raise AssertionError(seats)

    async def changed(self, passport: str, presence: Presence | None) -> None:
        """At the end all of them go offline."""


async def told(shared: Any, sizes: list[int]) -> list[Row]:
    """Return what it costs to find somebody and to tell them something, by who is online."""
    shared.empty()
    one, two = (ValkeyState(SharedServer(shared.url)) for _ in range(2))
    ears = _Ear(), _Ear()
    await one.listen("one", ears[0])
    await two.listen("two", ears[1])
    before = await one._server.client.info("memory")
    rows: list[Row] = []
    costs: list[float] = []
    there = 0
    for size in sizes:
        for first in range(there, size, 500):
            numbers = range(first, min(first + 500, size))
            await asyncio.gather(*(_enter(two, number) for number in numbers))
        there = size
        rounds = []
        for _ in range(5):
            spent = []
            for _ in range(200):
                name = passport(random.sample(range(size), 1)[0])
                ears[1].heard_one.clear()
                began = time.perf_counter()
                (seat,) = await one.seats(name)
                await one.tell({seat.node: [json.dumps([seat.connection, "Seen", {}])]})
                await ears[1].heard_one.wait()
                spent.append((time.perf_counter() - began) * 1e6)
            rounds.append(statistics.median(spent))
        costs.append(min(rounds))
        rows.append((f"somebody found and told, {size:,} online, µs", f"{costs[-1]:.0f}", ""))
    rows.append(("the most / the first", f"{max(costs) / costs[0]:.2f}", f"≤ {TELL_GOAL}"))
    about = await one._server.client.info("memory")
    each = (about["used_memory"] - before["used_memory"]) / there
    rows.append(("the shared store, for each person online, bytes", f"{each:.0f}", ""))
    await one.close()
    await two.close()
    return rows


async def _enter(state: ValkeyState, number: int) -> None:
    name = passport(number)
    await state.enter(Place(name), Seat("two", number, dialect=18))
    await state.show(Seat("two", number, dialect=18), name, Presence("NLN", name))


async def put_out(shared: Any) -> list[Row]:
    """Return how long it takes until one node hears that another has given a place away."""
    shared.empty()
    one, two = (ValkeyState(SharedServer(shared.url)) for _ in range(2))
    ears = _Ear(), _Ear()
    await one.listen("one", ears[0])
    await two.listen("two", ears[1])
    spent = []
    for number in range(300):
        place = Place(passport(number))
        await one.enter(place, Seat("one", number, dialect=12))
        ears[0].heard_one.clear()
        began = time.perf_counter()
        (seat,) = await two.enter(place, Seat("two", number, dialect=12))
        await two.tell({seat.node: [json.dumps([seat.connection, "PutOut", {"reason": "OTH"}])]})
        await ears[0].heard_one.wait()
        spent.append((time.perf_counter() - began) * 1000)
    await one.close()
    await two.close()
    slow = statistics.quantiles(spent, n=100)[98]
    return [
        ("OUT OTH heard at the other node, median, ms", f"{statistics.median(spent):.2f}", ""),
        ("the 99th percentile, ms", f"{slow:.2f}", f"≤ {OTH_GOAL}"),
    ]


# --- accounts in PostgreSQL ----------------------------------------------------------------------


async def growth(postgres: Any, sizes: list[int], hashed: str) -> list[Row]:
    """Return what it costs to find an account, by the number of accounts."""
    url = prepared(postgres)
    rows: list[Row] = []
    costs: list[float] = []
    there = 0
    for size in sizes:
        fill(url, size - there, hashed, there)
        there = size
        rounds = []
        for _ in range(5):
            with closing(open_database(url)) as database:
                hasher = Hasher(Argon2(64, 1), 1)
                accounts = SqlAccounts(database, hasher, Fernet(Fernet.generate_key()))
                await accounts.find(passport(0))  # the first one waits for a connection
                asked = random.sample(range(size), min(300, size))
                began = time.perf_counter()
                for number in asked:
                    assert await accounts.find(passport(number)) is not None
                rounds.append((time.perf_counter() - began) / len(asked) * 1e6)
                hasher.close()
        costs.append(min(rounds))
        rows.append((f"PostgreSQL: found among {size:,}, µs", f"{costs[-1]:.0f}", ""))
    rows.append(("the most / the first", f"{max(costs) / costs[0]:.2f}", f"≤ {FLAT_GOAL}"))
    with closing(open_database(url)) as database:
        asked_size = text("SELECT pg_database_size(current_database())")
        each = database.call(lambda connection: connection.scalar(asked_size)) / there
    rows.append(("PostgreSQL, for each account, bytes", f"{each:.0f}", ""))
    return rows


def main() -> int:
    """Measure and print; the exit status tells whether each goal was reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each part")
    parser.add_argument("--online", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument("--accounts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options = parser.parse_args()
    more_files()
    logging.getLogger("msnpauth").addHandler(logging.NullHandler())
    random.seed(1)
    hashed = argon2.PasswordHasher(2, 19 * 1024, 1).hash(PASSWORD)
    with servers.postgres() as postgres, servers.shared() as shared:
        rows = by_nodes(postgres, shared, hashed, options.seconds)
        rows += asyncio.run(put_out(shared))
        rows += asyncio.run(told(shared, options.online))
        rows += asyncio.run(growth(postgres, options.accounts, hashed))
    print(machine())
    print(table(("what", "measured", "goal"), rows))
    return int(missed(rows))


if __name__ == "__main__":
    sys.exit(main())
