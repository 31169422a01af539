"""The shared store on a real server: who is where, what is used, and what its failures come to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from limits import RateLimitItemPerMinute

from msnpauth import ServiceUnavailable
from msnpauth.service.stores.protocol import MOST_PLACES, Place, Presence, Seat
from msnpauth.service.stores.shared import state as module
from msnpauth.service.stores.shared.attempts import ValkeyAttemptCounter
from msnpauth.service.stores.shared.scripts import PREFIX
from msnpauth.service.stores.shared.server import SharedServer
from msnpauth.service.stores.shared.state import ValkeyState
from servers import Shared

pytest_plugins = ["nodes_fixtures"]

BUSY, AWAY = Presence("BSY", "Älice"), Presence("AWY", "A", "1:2", "<pic>", "<Data/>")


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BEAT_SECONDS", 0.1)
    monkeypatch.setattr(module, "_DEAD_SECONDS", 0.5)


class NodeListener:
    """A node that hears."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.lost: list[int] = []
        self.seen: list[tuple[str, Presence | None]] = []

    def heard(self, word: str) -> None:
        self.words.append(word)

    def displaced(self, connection: int) -> None:
        self.lost.append(connection)

    async def put_out_seats(self, seats: Sequence[Seat]) -> None:
        raise AssertionError(seats)

    async def changed(self, passport: str, presence: Presence | None) -> None:
        self.seen.append((passport, presence))


class Node:
    """A process of the network."""

    def __init__(self, shared: Shared, name: str) -> None:
        self.name = name
        self.state = ValkeyState(SharedServer(shared.url))
        self.listener = NodeListener()

    def seat(self, number: int, guid: str = "") -> Seat:
        return Seat(self.name, number, guid, 18, "192.0.2.1", 1.5)

    async def die(self) -> None:
        """End as by kill -9: nothing is said any more."""
        for task in self.state._tasks:
            task.cancel()
        await asyncio.gather(*self.state._tasks, return_exceptions=True)
        await self.state._server.close()


@asynccontextmanager
async def nodes(shared: Shared, *names: str) -> AsyncIterator[list[Node]]:
    made = [Node(shared, name) for name in names]
    for node in made:
        await node.state.listen(node.name, node.listener)
    try:
        yield made
    finally:
        for node in made:
            await node.state.close()


def played(work: Coroutine[Any, Any, None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await work

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def until_it_answers(ask: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await ask()
        except ServiceUnavailable:
            await asyncio.sleep(0.02)
        else:
            return


def test_places_are_known_to_all_nodes(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            place, elsewhere = Place("a@b"), Place("a@b", "{guid}")
            assert await one.state.enter(place, one.seat(1)) == []
            assert await two.state.enter(elsewhere, two.seat(1, "{guid}")) == []
            for node in (one, two):
                assert await node.state.seats("a@b") == [one.seat(1), two.seat(1, "{guid}")]
                assert await node.state.seats("nobody", "a@b") == await node.state.seats("a@b")
            assert await two.state.enter(place, two.seat(2)) == [one.seat(1)], "it hears OTH"
            await one.state.leave(place, one.seat(1))  # which holds it no longer
            assert await one.state.seats("a@b") == [two.seat(1, "{guid}"), two.seat(2)]
            await two.state.leave(place, two.seat(2))
            await two.state.leave(elsewhere, two.seat(1, "{guid}"))
            assert await one.state.seats("a@b") == []

    played(main())


def test_an_account_has_so_many_places_and_no_more(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            for number in range(MOST_PLACES):
                node = (one, two)[number % 2]
                assert await node.state.enter(Place("a@b", str(number)), node.seat(number)) == []
            assert await one.state.enter(Place("a@b", "x"), one.seat(98)) == [one.seat(0)]
            assert await one.state.enter(Place("a@b", "y"), one.seat(99)) == [two.seat(1)]
            assert len(await two.state.seats("a@b")) == MOST_PLACES

    played(main())


def test_the_last_word_says_how_an_account_is_seen(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            assert await one.state.show(one.seat(1), "a@b", BUSY) == (None, BUSY)
            assert await two.state.show(two.seat(1), "a@b", AWAY) == (BUSY, AWAY)
            assert await one.state.shown("a@b", "nobody") == {"a@b": AWAY}
            assert await one.state.show(one.seat(1), "a@b", BUSY) == (AWAY, BUSY)
            assert await one.state.show(one.seat(1), "a@b", None) == (BUSY, AWAY)
            assert await two.state.show(two.seat(1), "a@b", None) == (AWAY, None)
            assert await two.state.shown("a@b") == {}

    played(main())


def test_words_come_to_their_node_in_order(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            for number in range(50):
                await one.state.tell({"two": [f"{number}a", f"{number}b"], "nobody": ["x"]})
            await until(lambda: len(two.listener.words) == 100)
            assert two.listener.words == [
                f"{number}{letter}" for number in range(50) for letter in "ab"
            ]
            assert one.listener.words == []

    played(main())


def test_a_word_that_is_not_understood_ends_nothing(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            hear, heard = two.listener.heard, []

            def strict(word: str) -> None:
                heard.append(word)
                json.loads(word)
                hear(word)

            two.listener.heard = strict  # type: ignore[method-assign]
            await one.state.tell({"two": ["no JSON", "1"]})
            await until(lambda: two.listener.words == ["1"])
            assert heard == ["no JSON", "1"]

    played(main())


def test_a_ticket_is_used_once_in_the_whole_network(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            now = datetime.now(UTC) + timedelta(seconds=1)
            until_then = now + timedelta(minutes=1)
            answers = await asyncio.gather(
                *(node.state.use_up("t", until_then, made=now) for node in (one, two) * 20)
            )
            assert sum(answers) == 1
            assert await one.state.use_up("other", until_then, made=now)

    played(main())


def test_what_was_used_before_the_memory_was_lost_is_not_taken(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one") as (one,):
            made = datetime.now(UTC) + timedelta(seconds=0.01)
            ends = made + timedelta(minutes=1)
            await asyncio.sleep(0.02)
            assert await one.state.use_up("t", ends, made=made)
            shared.kill()
            with pytest.raises(ServiceUnavailable) as caught:
                await one.state.use_up("t", ends, made=made)
            assert (caught.value.code, caught.value.retry_after) == (600, 5)
            shared.start()
            await until_it_answers(lambda: one.state.seats("a@b"))
            with pytest.raises(ServiceUnavailable, match="nobody knows whether"):
                await one.state.use_up("t", ends, made=made)
            fresh = datetime.now(UTC) + timedelta(seconds=1)
            assert await one.state.use_up("new", fresh + timedelta(minutes=1), made=fresh)
            assert not await one.state.use_up("new", fresh + timedelta(minutes=1), made=fresh)

    played(main())


def test_a_node_that_dies_is_buried_and_its_people_are_gone(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one") as (one,):
            other = Node(shared, "other")
            await other.state.listen(other.name, other.listener)
            await other.state.enter(Place("a@b"), other.seat(1))
            await other.state.show(other.seat(1), "a@b", BUSY)
            await other.state.enter(Place("c@d"), other.seat(2))
            await one.state.enter(Place("a@b", "x"), one.seat(1, "x"))
            await other.die()
            await until(lambda: one.listener.seen == [("a@b", None)])
            assert await one.state.seats("a@b", "c@d") == [one.seat(1, "x")]
            assert await one.state.shown("a@b") == {}
            assert await one.state.enter(Place("c@d"), one.seat(3)) == [], "nobody is there"

    played(main())


def test_who_has_a_word_at_another_node_as_well_is_seen_by_that(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one") as (one,):
            other = Node(shared, "other")
            await other.state.listen(other.name, other.listener)
            await one.state.show(one.seat(1), "a@b", AWAY)
            await other.state.show(other.seat(1), "a@b", BUSY)
            assert await one.state.shown("a@b") == {"a@b": BUSY}
            await other.die()
            await until(lambda: one.listener.seen == [("a@b", AWAY)])

    played(main())


def test_a_node_that_ends_in_good_order_is_gone_at_once(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one") as (one,):
            other = Node(shared, "other")
            await other.state.listen(other.name, other.listener)
            await other.state.enter(Place("a@b"), other.seat(1))
            await other.state.close()
            assert await one.state.seats("a@b") == []
            assert one.listener.seen == []

    played(main())


def test_a_store_that_lost_its_memory_is_told_again(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            await one.state.enter(Place("a@b"), one.seat(1))
            await one.state.show(one.seat(1), "a@b", BUSY)
            await two.state.enter(Place("c@d"), two.seat(1))
            shared.kill()
            for ask in (
                lambda: one.state.enter(Place("e@f"), one.seat(2)),
                lambda: one.state.seats("a@b"),
                lambda: one.state.shown("a@b"),
                lambda: one.state.tell({"two": ["x"]}),
            ):
                with pytest.raises(ServiceUnavailable):
                    await ask()
            shared.start()
            found: list[Seat] = []
            while len(found) < 2:
                try:
                    found = await two.state.seats("a@b", "c@d")
                except ServiceUnavailable:
                    await asyncio.sleep(0.02)
            assert found == [one.seat(1), two.seat(1)]
            while not await two.state.shown("a@b"):
                await asyncio.sleep(0.02)
            assert await two.state.seats("e@f") == [], "it was refused"
            await two.state.tell({"one": ["hello"]})
            while "hello" not in one.listener.words:
                await two.state.tell({"one": ["hello"]})
                await asyncio.sleep(0.02)
            assert (one.listener.lost, two.listener.lost) == ([], [])

    played(main())


def test_who_went_away_while_nobody_could_be_told(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one") as (one,):
            await one.state.enter(Place("a@b"), one.seat(1))
            await one.state.show(one.seat(1), "a@b", BUSY)
            shared.pause()
            with pytest.raises(ServiceUnavailable):
                await one.state.show(one.seat(1), "a@b", None)
            with pytest.raises(ServiceUnavailable):
                await one.state.leave(Place("a@b"), one.seat(1))
            shared.go_on()
            await until(lambda: one.listener.seen == [("a@b", None)])
            assert await one.state.seats("a@b") == []

    played(main())


def test_what_was_said_while_nobody_could_be_told_is_seen(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one") as (one,):
            await one.state.show(one.seat(1), "a@b", BUSY)
            shared.pause()
            with pytest.raises(ServiceUnavailable):
                await one.state.show(one.seat(1), "a@b", AWAY)
            shared.go_on()
            await until(lambda: one.listener.seen == [("a@b", AWAY)])
            assert await one.state.shown("a@b") == {"a@b": AWAY}

    played(main())


def test_what_is_said_again_is_no_newer_than_what_was_said_after_it(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            await one.state.show(one.seat(1), "a@b", AWAY)
            await two.state.show(two.seat(1), "a@b", BUSY)
            await one.state._say_all_again()
            assert await one.state.shown("a@b") == {"a@b": BUSY}
            assert one.listener.seen == []

    played(main())


def test_a_place_that_was_taken_elsewhere_meanwhile_is_lost(shared: Shared) -> None:
    """A node that was away, as by a pause of its machine, was taken for dead."""

    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            await one.state.enter(Place("a@b"), one.seat(1))
            await one.state.enter(Place("c@d"), one.seat(2))
            beat = one.state._beat
            is_away = asyncio.Event()
            is_away.set()

            async def away() -> None:
                if not is_away.is_set():
                    await beat()

            one.state._beat = away  # type: ignore[method-assign]
            while await two.state.seats("a@b"):
                await asyncio.sleep(0.02)
            assert await two.state.enter(Place("a@b"), two.seat(7)) == []
            is_away.clear()
            await until(lambda: one.listener.lost == [1])
            while one.seat(2) not in await two.state.seats("c@d"):
                await asyncio.sleep(0.02)
            assert await one.state.seats("a@b") == [two.seat(7)]

    played(main())


def test_guesses_are_counted_for_all_nodes(shared: Shared) -> None:
    async def main() -> None:
        item = RateLimitItemPerMinute(4, 15)
        counters = [ValkeyAttemptCounter(SharedServer(shared.url)) for _ in range(2)]
        counts = []
        for number in range(6):
            await counters[number % 2].hit(item, "192.0.2.1", "alice")
            counts.append(await counters[(number + 1) % 2].count(item, "192.0.2.1", "alice"))
        assert counts == [1, 2, 3, 4, 4, 4]
        assert await counters[0].count(item, "192.0.2.1", "bob") == 0
        assert not await counters[0].is_repeated(b"guess")
        assert await counters[1].is_repeated(b"guess")
        shared.kill()
        asked: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: counters[0].count(item, "x"),
            lambda: counters[0].hit(item, "x"),
            lambda: counters[1].is_repeated(b"x"),
        )
        for ask in asked:
            with pytest.raises(ServiceUnavailable):
                await ask()
        for counter in counters:
            await counter._server.close()

    played(main())


def test_a_connection_for_words_that_was_lost_is_noticed(shared: Shared) -> None:
    """The library connects again by itself, and says nothing of it. Words were lost meanwhile."""

    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            client = two.state._server.client
            while await client.pubsub_numsub(f"{PREFIX}to:one") != [(f"{PREFIX}to:one", 1)]:
                await asyncio.sleep(0.02)
            await one.state.enter(Place("a@b"), one.seat(1))
            # The word that its place is given away is lost.
            assert await two.state.enter(Place("a@b"), two.seat(7)) == [one.seat(1)]
            await client.client_kill_filter(_type="pubsub")
            await until(lambda: one.listener.lost == [1])
            assert await two.state.seats("a@b") == [two.seat(7)]
            assert two.listener.lost == [], "who came last stays"

    played(main())


def test_a_lost_word_is_made_up_for_by_the_check_now_and_then(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHECK_SECONDS", 0.1)

    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            await one.state.enter(Place("a@b"), one.seat(1))
            await two.state.enter(Place("a@b"), two.seat(7))
            await until(lambda: one.listener.lost == [1])
            # Where nobody has the place, as after a sign-in that was broken off, it is taken again.
            await one.state.enter(Place("c@d"), one.seat(2))
            await two.state._run("leave", "c@d", "", "one", module._written(one.seat(2)))
            while await two.state.seats("c@d") != [one.seat(2)]:
                await asyncio.sleep(0.02)
            assert one.listener.lost == [1]

    played(main())


def test_who_leaves_while_all_is_said_again_stays_gone(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one") as (one,):
            for number in range(50):
                await one.state.enter(Place(f"u{number}@x"), one.seat(number))
                await one.state.show(one.seat(number), f"u{number}@x", BUSY)
            one.state._is_unsaid = True
            again = asyncio.create_task(one.state._say_all_again())
            while len(await one.state.seats("u0@x")) == 1 and not again.done():
                await asyncio.sleep(0)
            for number in range(50):
                await one.state.show(one.seat(number), f"u{number}@x", None)
                await one.state.leave(Place(f"u{number}@x"), one.seat(number))
            await again
            names = [f"u{number}@x" for number in range(50)]
            assert await one.state.seats(*names) == []
            assert await one.state.shown(*names) == {}

    played(main())


def test_a_node_that_has_come_back_is_not_buried(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one", "two") as (one, two):
            await two.state.enter(Place("a@b"), two.seat(1))
            await one.state._bury("two")
            assert await one.state.seats("a@b") == [two.seat(1)]

    played(main())


def test_people_who_were_taken_for_gone_are_told_to_be_there(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one") as (one,):
            await one.state.enter(Place("a@b"), one.seat(1))
            await one.state.show(one.seat(1), "a@b", BUSY)
            await one.state._run("bury", "one", "one")  # as another node would
            await until(lambda: one.listener.seen == [("a@b", BUSY)])
            assert await one.state.shown("a@b") == {"a@b": BUSY}

    played(main())


def test_a_node_whose_clock_is_slow_takes_no_ticket_twice(shared: Shared) -> None:
    async def main() -> None:
        async with nodes(shared, "one") as (one,):
            made = datetime.now(UTC) + timedelta(seconds=1)
            ended = datetime.now(UTC) - timedelta(seconds=20)  # by the store's clock
            assert await one.state.use_up("t", ended, made=made)
            assert not await one.state.use_up("t", ended, made=made)

    played(main())
