"""A service that lasts: passwords a second, tickets, memory, and the patience of sessions.

    python bench/service.py [--seconds 6] [--sessions 2000] [--accounts 1000 10000 100000]

`msnpauth serve --data` runs in a process of its own, on one processor alone; the clients have
another one. What it does is compared with argon2id itself, on the same processor, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import argon2
from cryptography.fernet import Fernet

from common import PASSWORD, machine, passport, table
from many import more_files
from msnpauth import Secret
from msnpauth.core.tickets.proof import answer
from msnpauth.core.tickets.rst import MESSENGER, MESSENGER_CLEAR
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service import open_directory
from msnpauth.service.data_folder import DataFolder
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.memory import MemoryState
from msnpauth.service.stores.sql.accounts import SqlAccounts
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.tickets import TicketOffice
from operated import OperatedProcess, RstClient, fill, pinned

HASH_GOAL, CHECKS_GOAL, IDLE_GOAL, SESSION_GOAL, PNG_GOAL, FLAT_GOAL = 0.9, 10_000, 80, 40, 25, 1.5
CLIENTS = 8
SECRET = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
NONCE = "W8xGlUzGLkjYGSqqBsJrIxKKBqLwfGTTfpKwJpMCJlUlWbHmoqgLCWrXzDJv8kWa"

BARE = """
import argon2, sys, time
hasher = argon2.PasswordHasher(2, 19 * 1024, 1)
hashed = hasher.hash(sys.argv[1])
count, began = 0, time.perf_counter()
while (spent := time.perf_counter() - began) < float(sys.argv[2]):
    hasher.verify(hashed, sys.argv[1])
    count += 1
print(count / spent)
"""

Row = tuple[str, str, str]


def bare(seconds: float, processor: int) -> float:
    """Return how many argon2id a second one processor does."""
    command = [sys.executable, "-c", BARE, PASSWORD, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        pinned(process.pid, processor)
        assert process.stdout is not None
        return float(process.stdout.read())


async def saturated(service: OperatedProcess, seconds: float) -> float:
    """Return the password sign-ins a second, by clients that never pause."""
    clients = [RstClient(service, number) for number in range(CLIENTS)]
    for client in clients:
        await client.open()
        await client.sign_in()  # from now on the service knows where the account comes from
    end, count = time.perf_counter() + seconds, 0

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


class Held:
    """Sessions that are signed in, by the bytes of MSNP12 and a ticket of RST."""

    def __init__(self, service: OperatedProcess) -> None:
        self._service = service
        self._streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._tickets = TicketOffice(key.key for key in DataFolder(service.folder).keys.ring())
        with open_directory(service.folder) as accounts:
            found = {account.passport: account.stamp for account in accounts.all()}
        self._stamps = [found[passport(number)] for number in range(len(found))]

    async def begin(self, count: int) -> None:
        """Sign them in; their tickets are sealed here, so that no password is checked."""
        for number in range(count):
            self._streams.append(await self._one(number))

    async def _one(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        port, who = self._service.ports["notification-port"], passport(number)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ticket, _ = self._tickets.issue(who, MESSENGER, stamp=self._stamps[number])
        cvr = "CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 7.5.0324 MSMSGS"
        writer.write(f"VER 1 MSNP12\r\n{cvr} {who}\r\nUSR 3 TWN I {who}\r\n".encode())
        await reader.readuntil(b"USR 3 TWN S")
        await reader.readline()
        writer.write(f"USR 4 TWN S {ticket}\r\n".encode())
        await reader.readuntil(b"USR 4 OK")
        writer.write(b"CHG 5 NLN 0\r\n")
        await reader.readuntil(b"CHG 5 NLN")
        return reader, writer

    async def pings(self, seconds: float) -> float:
        """Return the 99th percentile of the milliseconds that a PNG's answer takes."""
        reader, writer = self._streams[0]
        found, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            began = time.perf_counter()
            writer.write(b"PNG\r\n")
            await reader.readuntil(b"QNG")
            found.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.01)
        return statistics.quantiles(found, n=100)[98]

    def close(self) -> None:
        for _, writer in self._streams:
            writer.transport.abort()


async def whole(folder: Path, seconds: float, sessions: int, settle: float) -> list[Row]:
    """Return the rows of a whole service."""
    alone = bare(seconds, 0)
    with OperatedProcess(folder, "--connections-of-network", "10000", processor=0) as service:
        await asyncio.sleep(settle)  # what it took to begin has gone back to the system by then
        idle = service.memory()
        speed = await saturated(service, seconds)
        held = Held(service)
        await held.begin(1)
        calm = await held.pings(seconds / 2)
        load = asyncio.create_task(saturated(service, seconds))
        await asyncio.sleep(min(1.0, seconds / 4))
        busy = await held.pings(seconds / 2)
        await load
        await asyncio.sleep(settle)
        before = service.memory()
        await held.begin(sessions)
        each = (service.memory() - before) / sessions / 1024
        held.close()
    return [
        ("argon2id alone, a second of one processor", f"{alone:.1f}", ""),
        ("password sign-ins a second, same processor", f"{speed:.1f}", ""),
        ("sign-ins / argon2id", f"{speed / alone:.2f}", f"≥ {HASH_GOAL}"),
        ("idle, MB", f"{idle / 1e6:.0f}", f"≤ {IDLE_GOAL}"),
        (f"each of {sessions} held sessions, KiB", f"{each:.1f}", f"≤ {SESSION_GOAL}"),
        ("answer to PNG, idle, 99th percentile, ms", f"{calm:.1f}", ""),
        (
            "the same while sign-ins are saturated, ms more",
            f"{max(0.0, busy - calm):.1f}",
            f"≤ {PNG_GOAL}",
        ),
    ]


async def a_second(work: Callable[[], Awaitable[object]], seconds: float) -> float:
    """Return how often `work` is done in a second of this processor."""
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for _ in range(50):
            assert await work()
        count += 50
    return count / spent


async def checks(folder: Path, seconds: float) -> list[Row]:
    """Return how many tickets a second are checked: seal, expiry, proof, and revocation."""
    tickets, state = TicketOffice(), MemoryState()
    accounts = opened(folder)
    who = passport(0)
    proof = await accounts.check(who, Secret(PASSWORD), Scheme.TWN)
    assert proof is not None
    twn, _ = tickets.issue(who, MESSENGER, stamp=proof.stamp)
    sso, _ = tickets.issue(who, MESSENGER_CLEAR, secret=SECRET, stamp=proof.stamp)
    response = answer(SECRET, NONCE)

    async def by_twn() -> bool:
        grant = await tickets.accept(twn, who, state)
        return grant is not None and await accounts.is_live(who, grant.stamp)

    async def by_sso() -> bool:
        grant = tickets.check_sso(sso, response, NONCE, who)
        return grant is not None and await accounts.is_live(who, grant.stamp)

    goal = f"≥ {CHECKS_GOAL:,}"
    return [
        ("tickets of TWN checked, a second", f"{await a_second(by_twn, seconds / 3):,.0f}", goal),
        ("tickets of SSO checked, a second", f"{await a_second(by_sso, seconds / 3):,.0f}", goal),
    ]


def opened(folder: Path) -> SqlAccounts:
    """Return the accounts of a folder, without a service."""
    return SqlAccounts(
        SqliteDatabase(folder / "accounts.sqlite3"), Hasher(Argon2()), Fernet(Fernet.generate_key())
    )


async def growth(folder: Path, sizes: list[int], hashed: str) -> list[Row]:
    """Return what it costs to find an account, by the number of accounts."""
    rows, costs, there = [], [], 0
    for size in sizes:
        fill(folder, size - there, hashed, there)
        there = size
        rounds = []
        for _ in range(5):
            accounts = opened(folder)  # which remembers nobody yet
            asked = random.sample(range(size), min(200, size))
            began = time.perf_counter()
            for number in asked:
                assert await accounts.find(passport(number)) is not None
            rounds.append((time.perf_counter() - began) / len(asked) * 1e6)
        costs.append(min(rounds))
        rows.append((f"an account found among {size:,}, µs", f"{costs[-1]:.0f}", ""))
    flat = max(costs) / costs[0]
    return [*rows, ("the most / the first", f"{flat:.2f}", f"≤ {FLAT_GOAL}")]


def missed(rows: list[Row]) -> bool:
    """Tell whether a goal was missed."""
    for _, measured, goal in rows:
        sign, _, limit = goal.replace(",", "").partition(" ")
        found = float(measured.replace(",", ""))
        if (sign == "≥" and found < float(limit)) or (sign == "≤" and found > float(limit)):
            return True
    return False


def main() -> int:
    """Measure and print; the exit status tells whether each goal was reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each part")
    parser.add_argument("--settle", type=float, default=7.0, help="before memory is measured")
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options = parser.parse_args()
    more_files()
    random.seed(1)
    hashed = argon2.PasswordHasher(2, 19 * 1024, 1).hash(PASSWORD)
    with tempfile.TemporaryDirectory() as place:
        folder, grown = Path(place, "served"), Path(place, "grown")
        fill(folder, max(options.sessions, CLIENTS), hashed)
        pinned(0, 1)
        rows = asyncio.run(whole(folder, options.seconds, options.sessions, options.settle))
        rows += asyncio.run(checks(folder, options.seconds))
        rows += asyncio.run(growth(grown, options.accounts, hashed))
    print(f"{machine()}\n")
    print(table(("what", "measured", "goal"), rows))
    return 1 if missed(rows) else 0


if __name__ == "__main__":
    sys.exit(main())
