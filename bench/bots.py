"""Many bots that come back: connections are cut all the time, and the server is away twice.

    python bench/soak.py [--bots 1500] [--seconds 60] [--outage 4]

The service is in another process; between it and the bots stands a relay, which cuts connections as
a broken network does (RST), and refuses new ones while the server is "away". At the end every bot
must be alive and answered, and neither memory nor descriptors may have grown.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import random
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

from common import PASSWORD, ServiceProcess, machine, passport, table
from many import memory, more_files
from msnpauth import MemoryTicketCache, Reconnect, Servers, aio

__all__: list[str] = []

GROWTH_GOAL = 1.15
AT_A_TIME = 100
CUT_SHARE = 0.02  # of the connections, each second
POLICY = Reconnect(first=0.5, longest=5.0)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER by which close() sends RST


class Relay:
    """Carries bytes to the service, until it does not."""

    def __init__(self, there: tuple[str, int]) -> None:
        self._there = there
        self._open: set[asyncio.StreamWriter] = set()
        self.is_away = False
        self.cuts = 0

    async def listen(self) -> tuple[asyncio.Server, str]:
        """Begin; return the server and its address."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0, backlog=4096)
        host, port = server.sockets[0].getsockname()
        return server, f"{host}:{port}"

    def cut(self, share: float) -> None:
        """Reset so many of the connections."""
        for writer in random.sample(list(self._open), int(len(self._open) * share)):
            self._reset(writer)
            self.cuts += 1

    async def over(self) -> None:
        """Wait until every connection has ended by itself."""
        while self._open:
            await asyncio.sleep(0.1)

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_away:
            self._reset(writer)
            return
        self._open.add(writer)
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(*self._there)
            one = asyncio.create_task(_pour(reader, far_writer))
            await asyncio.gather(one, _pour(far_reader, writer))
        self._open.discard(writer)
        writer.close()


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(16384):
            target.write(data)
            await target.drain()
    target.close()


class Bots:
    """The bots, and what they came to."""

    def __init__(self, service: ServiceProcess, notification: str) -> None:
        self._service = service
        self._servers = Servers(notification=notification, rst=service.places["rst"])
        self._cache = MemoryTicketCache()
        self.sessions: list[aio.Session] = []

    async def begin(self, count: int) -> None:
        """Sign them all in."""
        at_a_time = asyncio.Semaphore(AT_A_TIME)

        async def one(number: int) -> aio.Session:
            async with at_a_time:
                return await aio.sign_in(
                    passport(number),
                    PASSWORD,
                    self._servers,
                    scheme="SSO",
                    ssl_context=self._service.context,
                    cache=self._cache,
                    reconnect=POLICY,
                    receive=False,
                    timeout=60,
                )

        self.sessions = list(await asyncio.gather(*(one(n) for n in range(count))))

    @property
    def alive(self) -> int:
        return sum(session.state == "alive" for session in self.sessions)

    async def all_back(self, patience: float) -> None:
        """Wait until every bot is alive, or patience is at its end."""
        end = time.monotonic() + patience
        while self.alive < len(self.sessions) and time.monotonic() < end:
            await asyncio.sleep(0.2)

    async def answered(self) -> int:
        """Return how many get an answer to a command."""
        asking = (session.request("CHG", "NLN", "0", timeout=30) for session in self.sessions)
        found = await asyncio.gather(*asking, return_exceptions=True)
        return sum(not isinstance(answer, BaseException) for answer in found)

    async def close(self) -> None:
        """Sign them out."""
        await asyncio.gather(*(session.close() for session in self.sessions))


def descriptors() -> int:
    """Return how many files and sockets are open; Linux tells."""
    place = Path("/proc/self/fd")
    return sum(1 for _ in place.iterdir()) if place.exists() else 0


async def soak(
    service: ServiceProcess, count: int, seconds: int, outage: float
) -> dict[str, float]:
    """Run; return what was found."""
    there = service.places["notification"].rpartition(":")
    relay = Relay((there[0], int(there[2])))
    server, notification = await relay.listen()
    bots = Bots(service, notification)
    await bots.begin(count)
    before = {"memory": memory(), "files": descriptors()}
    for second in range(seconds):
        # Away for a while after a third of the time, and again after two thirds.
        if second in (seconds // 3, 2 * seconds // 3):
            relay.is_away = True
            relay.cut(1.0)
            await asyncio.sleep(outage)
            relay.is_away = False
        relay.cut(CUT_SHARE)
        await asyncio.sleep(1)
    await bots.all_back(patience=120)
    found: dict[str, float] = {
        "alive": bots.alive,
        "answered": await bots.answered(),
        "cuts": relay.cuts,
    }
    gc.collect()
    found["growth"] = memory() / before["memory"]
    found["files"] = descriptors() - before["files"]
    await bots.close()
    server.close()
    await relay.over()
    found["tasks"] = sum("msnpauth" in task.get_name() for task in asyncio.all_tasks())
    return found


def main() -> int:
    """Measure and print; the exit status tells whether all came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bots", type=int, default=1500)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--outage", type=float, default=4.0, help="seconds without a server")
    options = parser.parse_args()
    more_files()
    logging.getLogger("msnpauth").setLevel(logging.CRITICAL)  # a warning for each cut
    random.seed(1)
    with ServiceProcess(accounts=options.bots) as service:
        found = asyncio.run(soak(service, options.bots, options.seconds, options.outage))
    rows = [
        (f"{options.bots} bots, {found['cuts']} connections cut", "", ""),
        ("alive at the end", found["alive"], options.bots),
        ("answered at the end", found["answered"], options.bots),
        ("memory at the end / at the beginning", f"{found['growth']:.2f}", f"≤ {GROWTH_GOAL}"),
        ("descriptors more than at the beginning", found["files"], "≤ 0"),
        ("tasks left after close", found["tasks"], 0),
    ]
    print(table(["what", "measured", "goal"], rows))
    print(f"\n{machine()}")
    reached = (
        found["alive"] == found["answered"] == options.bots
        and found["growth"] <= GROWTH_GOAL
        and found["files"] <= 0
        and not found["tasks"]
    )
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
