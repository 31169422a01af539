"""A service that lasts, with everything against it: killed, restarted, and visited by bad peers.

    python bench/soak.py [--sessions 2000] [--seconds 60] [--restarts 4]

Bots are signed in and stay. The service is killed (`kill -9`) or ended in good order by turns and
started again on the same folder, while others connect and say nothing, say nonsense, announce more
than they send, and guess passwords; and while accounts are added. At the end every bot must be
there and answered, every account that was added must be there, and its memory must not have grown.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import argon2

from common import PASSWORD, machine, passport, table
from many import more_files
from msnpauth import MemoryTicketCache, Reconnect, SignInError, aio
from msnpauth.core.tickets.ticket import utc_now
from msnpauth.service import open_directory
from operated import OperatedProcess, fill

GROWTH_GOAL = 1.15
AT_A_TIME = 8
BAD_PEERS = 40
POLICY = Reconnect(first=0.5, longest=5.0)

NONSENSE = (
    b"",
    b"GET / HTTP/1.1\r\n\r\n",
    b"VER 1 MSNP12\r\nUSR 2 TWN I x@example.com\r\nUSR 3 TWN S t=forged&p=\r\n",
    b"VER 1 MSNP12\r\nMSG 2 U 1048576\r\n",
    b"V" * 20_000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


async def signed_in(service: OperatedProcess, count: int) -> list[aio.Session]:
    """Sign the bots in; few at a time, since each password is a few hundredths of a second."""
    at_a_time, cache = asyncio.Semaphore(AT_A_TIME), MemoryTicketCache()
    servers = service.servers

    async def one(number: int) -> aio.Session:
        async with at_a_time:
            return await aio.sign_in(
                passport(number),
                PASSWORD,
                servers,
                scheme="SSO",
                cache=cache,
                reconnect=POLICY,
                receive=False,
                timeout=60,
            )

    return list(await asyncio.gather(*map(one, range(count))))


async def bad_peer(service: OperatedProcess, chance: random.Random) -> None:
    """Connect somewhere, say something, and stay, again and again."""
    roles = ("port", "notification-port", "switchboard-port", "login-port")
    for said in itertools.cycle(NONSENSE):
        with suppress(OSError):
            port = service.ports[chance.choice(roles)]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with suppress(OSError, TimeoutError):
                writer.write(said)
                await asyncio.wait_for(reader.read(), chance.random() * 3)
            writer.transport.abort()
        await asyncio.sleep(0.05)


async def guesser(service: OperatedProcess) -> None:
    """Try a password again and again: always another one."""
    servers = service.servers
    for number in itertools.count():
        with suppress(SignInError):
            await aio.sign_in(*(passport(0), f"guess {number}", servers), timeout=20)


async def restarted(service: OperatedProcess, how: signal.Signals) -> None:
    """End the service by a signal, and start it again."""
    await asyncio.to_thread(service.end, how)
    await asyncio.to_thread(service.start)


async def all_back(sessions: list[aio.Session], patience: float) -> int:
    """Wait until every bot is alive, or patience is at its end; return how many are."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        alive = sum(session.state == "alive" for session in sessions)
        if alive == len(sessions):
            break
        await asyncio.sleep(0.2)
    return alive


async def soak(
    service: OperatedProcess, count: int, seconds: int, restarts: int, settle: float
) -> dict[str, float]:
    """Run; return what was found."""
    sessions = await signed_in(service, count)
    await asyncio.sleep(settle)  # what the passwords took has gone back to the system by then
    before = service.memory()
    bad = [asyncio.create_task(bad_peer(service, random.Random(n))) for n in range(BAD_PEERS)]  # noqa: S311 - repeatable
    bad.append(asyncio.create_task(guesser(service)))
    ways = itertools.cycle((signal.SIGKILL, signal.SIGTERM))
    added = 0
    with open_directory(service.folder) as accounts:
        for second in range(seconds):
            if restarts and second % max(1, seconds // restarts) == 1:
                await restarted(service, next(ways))
            accounts.add(f"new{second}@example.com", PASSWORD)
            added += 1
            await asyncio.sleep(1)
        alive = await all_back(sessions, patience=180)
        for task in bad:
            task.cancel()
        await asyncio.gather(*bad, return_exceptions=True)
        asking = (session.request("CHG", "NLN", "0", timeout=60) for session in sessions)
        answers = await asyncio.gather(*asking, return_exceptions=True)
        kept = {account.passport for account in accounts.all()}
    await asyncio.sleep(settle)
    found = {
        "alive": alive,
        "answered": sum(not isinstance(answer, BaseException) for answer in answers),
        "lost": sum(f"new{second}@example.com" not in kept for second in range(added)),
        "growth": service.memory() / before,
    }
    await asyncio.gather(*(session.close() for session in sessions), return_exceptions=True)
    return found


def main() -> int:
    """Measure and print; the exit status tells whether all came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--restarts", type=int, default=4)
    parser.add_argument("--settle", type=float, default=7.0, help="before memory is measured")
    options = parser.parse_args()
    more_files()
    logging.getLogger("msnpauth").setLevel(logging.CRITICAL)  # a warning for each loss
    began = utc_now()
    hashed = argon2.PasswordHasher(2, 19 * 1024, 1).hash(PASSWORD)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "data")
        fill(folder, options.sessions, hashed)
        with OperatedProcess(folder, "--connections-of-network", "10000") as service:
            found = asyncio.run(
                soak(
                    *(service, options.sessions, options.seconds, options.restarts, options.settle)
                )
            )
    rows = [
        (f"{options.sessions} sessions, {options.restarts} restarts", "", ""),
        ("alive at the end", found["alive"], options.sessions),
        ("answered at the end", found["answered"], options.sessions),
        ("accounts that were added and are lost", found["lost"], 0),
        ("memory at the end / at the beginning", f"{found['growth']:.2f}", f"≤ {GROWTH_GOAL}"),
        ("minutes that it took", f"{(utc_now() - began).total_seconds() / 60:.1f}", ""),
    ]
    print(f"{machine()}\n")
    print(table(["what", "measured", "goal"], rows))
    reached = (
        found["alive"] == found["answered"] == options.sessions
        and not found["lost"]
        and found["growth"] <= GROWTH_GOAL
    )
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
