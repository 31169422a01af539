"""Messages: how many a second, beside a bare script of the same bytes, and how many round trips.

    python bench/chat.py [--messages 6000] [--chats 200] [--rounds 5] [--delay 0.02]

The service is in another process. Who hears is a bare reader in both cases, so that only the
sending side differs: ours writes by `chat.send`, the other one by asyncio's streams.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from common import PASSWORD, Served, ServiceProcess, machine, passport, table
from many import more_files
from msnpauth import Servers, aio
from msnpauth.core.wire.messages import PLAIN, text_payload
from relay import HERE, Relays
from round_trips import second_loopback

GOAL = 0.6
FLOORS = {"a new chat": 5, "an open chat": 1}
TEXT = "The quick brown fox jumps over the lazy dog."
ROLES = ("dispatch", "notification", "switchboard", "login", "home")

Say = Callable[[], Awaitable[object]]
Make = Callable[[aio.Session, str], Awaitable[Say]]


async def entered(service: Served, number: int, where: str = "") -> aio.Session:
    """Sign in by MSNP7, which asks nobody for a ticket, and go online."""
    servers = Servers(notification=where or service.places["notification"], schemes=["MD5"])
    session = await aio.sign_in(passport(number), PASSWORD, servers, dialects=[7], timeout=60)
    await session.request("CHG", "NLN")
    return session


async def connected(where: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = where.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def answering(listener: aio.Session, near: str = HERE) -> asyncio.Task[None]:
    """Return a task that answers one call, and reads what is said; without a relay between."""

    async def listen() -> None:
        while (call := await listener.receive()).verb != "RNG":
            pass
        session, where, _, key, *_ = call.args
        reader, writer = await connected(where.replace(HERE, near))
        writer.write(f"ANS 1 {listener.passport} {key} {session}\r\n".encode())
        try:
            while await reader.read(65536):
                pass
        finally:
            writer.close()

    return asyncio.create_task(listen())


async def bare(session: aio.Session, to: str) -> Say:
    """Return what sends a message and waits for its ACK, by nothing but streams."""
    _, where, _, key = (await session.request("XFR", "SB")).args
    reader, writer = await connected(where)
    writer.write(f"USR 1 {session.passport} {key}\r\n".encode())
    await reader.readuntil(b"\r\n")
    writer.write(f"CAL 2 {to}\r\n".encode())
    while not (await reader.readuntil(b"\r\n")).startswith(b"JOI"):
        pass
    payload = text_payload(TEXT, PLAIN)
    number = 2

    async def say() -> None:
        nonlocal number
        number += 1
        writer.write(b"MSG %d A %d\r\n%b" % (number, len(payload), payload))
        await reader.readuntil(b"\r\n")

    return say


async def ours(session: aio.Session, to: str) -> Say:
    """Return what sends a message as a user of the package would."""
    chat = await session.open_chat(to)
    return lambda: chat.send(TEXT)


async def many(service: Served, chats: int, messages: int, make: Make) -> float:
    """Return the messages a second through so many chats at once."""
    async with contextlib.AsyncExitStack() as stack:
        sessions = [await entered(service, number) for number in range(2 * chats)]
        for session in sessions:
            stack.push_async_callback(session.close)
        listening = [await answering(one) for one in sessions[chats:]]
        pairs = zip(sessions[:chats], sessions[chats:], strict=True)
        says: list[Say] = [await make(one, other.passport) for one, other in pairs]

        async def talk(say: Say) -> None:
            for _ in range(messages // chats):
                await say()

        began = time.perf_counter()
        await asyncio.gather(*map(talk, says))
        seconds = time.perf_counter() - began
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    return (messages // chats) * chats / seconds


def rates(options: argparse.Namespace) -> bool:
    """Print the messages a second; tell whether the goal was reached."""
    rows, reached = [], True
    for chats in (1, options.chats):
        found: dict[str, list[float]] = {"ours": [], "bare": []}
        with ServiceProcess(accounts=2 * chats) as service:
            for _ in range(options.rounds):
                for name, make in (("ours", ours), ("bare", bare)):
                    rate = asyncio.run(many(service, chats, options.messages, make))
                    found[name].append(rate)
        share = statistics.median(a / b for a, b in zip(found["ours"], found["bare"], strict=True))
        reached = reached and share >= GOAL
        medians = (f"{statistics.median(found[name]):.0f}" for name in ("ours", "bare"))
        rows.append((f"{chats} at once" if chats > 1 else "one chat", *medians, f"{share:.0%}"))
    print(
        table(("messages a second", "ours", "bare script", f"ours / bare (goal {GOAL:.0%})"), rows)
    )
    return reached


async def timed(service: Served, there: str, delay: float, rounds: int) -> dict[str, float]:
    """Return the round trips from `send_message` to ACK, of the first message and of the second.

    Who is called is near the service: the time until they have come is theirs.
    """
    found: dict[str, list[float]] = {name: [] for name in FLOORS}
    for _ in range(rounds):
        near = service.places["notification"].replace(HERE, there)
        async with await entered(service, 0) as alice, await entered(service, 1, near) as bob:
            answers = await answering(bob, there)
            for name in FLOORS:
                began = time.perf_counter()
                await alice.send_message(bob.passport, TEXT)
                found[name].append((time.perf_counter() - began) / (2 * delay))
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
    return {name: statistics.median(values) for name, values in found.items()}


def round_trips(options: argparse.Namespace) -> None:
    """Print the round trips of a message."""
    there = second_loopback()
    with (
        Relays(ROLES, there, options.delay) as relays,
        ServiceProcess(accounts=2, host=there, name=HERE, ports=relays.ports) as service,
    ):
        found = asyncio.run(timed(service, there, options.delay, options.rounds))
    rows = [(name, floor, f"{found[name]:.2f}") for name, floor in FLOORS.items()]
    print(table(("round trips from send_message to ACK", "floor", "measured"), rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=6000)
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delay", type=float, default=0.02)
    options = parser.parse_args()
    more_files()
    print(f"{machine()}\n")
    reached = rates(options)
    print()
    round_trips(options)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
