"""Guesses on a shared server: what is asked of it, word by word; `slow/nodes` asks a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from limits import RateLimitItemPerMinute

from msnpauth import ServiceUnavailable
from msnpauth.service.stores.shared.attempts import ValkeyAttemptCounter
from msnpauth.service.stores.shared.server import STORE_DOWN, SharedServer

ITEM = RateLimitItemPerMinute(4, 15)
DIGEST = bytes.fromhex("00ff7f")

Answer = Callable[[list[str]], bytes]
"""What the server answers to a command."""


class Server:
    """Speaks as much of Redis's protocol as is asked for here."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[list[str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2].decode())
            if words[0] == "PING":
                writer.write(b"+PONG\r\n")
                continue
            if words[0] in ("CLIENT", "HELLO", "SELECT"):
                writer.write(b"+OK\r\n")
                continue
            self.asked.append(words)
            writer.write(self._answer(words))
        writer.close()


@asynccontextmanager
async def counting(answer: Answer) -> AsyncIterator[tuple[ValkeyAttemptCounter, Server]]:
    played = Server(answer)
    listening = await asyncio.start_server(played.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    shared = SharedServer(f"valkey://127.0.0.1:{port}")
    try:
        yield ValkeyAttemptCounter(shared), played
    finally:
        await shared.close()
        listening.close()
        await listening.wait_closed()


def run(work: Coroutine[Any, Any, None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await work

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "count"),
    [(b"*0\r\n", 0), (b"*2\r\n$10\r\n1795000000\r\n:3\r\n", 3), (b"*2\r\n$10\r\n1795000000\r\n:4\r\n", 4)],
)  # fmt: skip
def test_how_many_there_were(answer: bytes, count: int) -> None:
    async def main() -> None:
        async with counting(lambda _: answer) as (counter, server):
            assert await counter.count(ITEM, "account", "alice") == count
            ((verb, _, keys, key, *_),) = server.asked
            assert (verb, keys) == ("EVALSHA", "1")
            # Nobody else's keys begin so, and each account has its own.
            assert key.startswith("msnpauth:guesses:")
            assert "account/alice" in key

    run(main())


@pytest.mark.parametrize(("answer", "is_free"), [(b":1\r\n", True), (b"$-1\r\n", False)])
def test_one_more_is_counted_where_there_is_room(answer: bytes, is_free: bool) -> None:
    async def main() -> None:
        async with counting(lambda _: answer) as (counter, server):
            assert await counter.hit(ITEM, "alice") is is_free
            ((*_, amount, seconds, cost),) = server.asked
            assert (amount, seconds, cost) == ("4", "900", "1")

    run(main())


def test_both_ask_about_the_same_key() -> None:
    async def main() -> None:
        async with counting(lambda _: b"*0\r\n") as (counter, server):
            await counter.count(ITEM, "alice")
            await counter.hit(ITEM, "alice")
            await counter.hit(ITEM, "bob")
            one, same, other = (words[3] for words in server.asked)
            assert one == same != other

    run(main())


def test_a_guess_is_remembered_for_a_quarter_of_an_hour_by_its_digest() -> None:
    async def main() -> None:
        known: set[str] = set()

        def answer(words: list[str]) -> bytes:
            is_new = words[1] not in known
            known.add(words[1])
            return b"+OK\r\n" if is_new else b"$-1\r\n"

        async with counting(answer) as (counter, server):
            seen = [await counter.is_repeated(word) for word in (DIGEST, b"b", DIGEST, b"b")]
            assert seen == [False, False, True, True]
            # One step, so that of two nodes that ask at once one is the first.
            first = server.asked[0]
            assert first[:3] == ["SET", "msnpauth:guessed:00ff7f", "1"]
            assert sorted(first[3:]) == ["900", "EX", "NX"]

    run(main())


def ways(counter: ValkeyAttemptCounter) -> list[Coroutine[Any, Any, object]]:
    return [counter.count(ITEM, "alice"), counter.hit(ITEM, "alice"), counter.is_repeated(DIGEST)]


@pytest.mark.parametrize("number", range(3))
def test_what_the_server_refuses_is_counted_as_nothing(number: int) -> None:
    """Nobody is let in because it is not known how many guesses there were."""

    async def main() -> None:
        async with counting(lambda _: b"-OOM command not allowed\r\n") as (counter, _):
            works = ways(counter)
            with pytest.raises(ServiceUnavailable, match="cannot be used now") as caught:
                await works[number]
            assert caught.value.code == STORE_DOWN
            for other in works:
                other.close()

    run(main())


def test_a_server_that_is_not_there_is_asked_once() -> None:
    async def main() -> None:
        listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        listening.close()
        await listening.wait_closed()
        shared = SharedServer(f"valkey://:geheim@127.0.0.1:{port}")
        counter = ValkeyAttemptCounter(shared)
        told = []
        for work in ways(counter):
            with pytest.raises(ServiceUnavailable) as caught:
                await work
            told.append(caught.value.text)
        assert "geheim" not in "".join(told)
        assert [text.endswith("it did not answer a moment ago") for text in told] == [
            *(False, True, True),
        ]
        await shared.close()

    run(main())
