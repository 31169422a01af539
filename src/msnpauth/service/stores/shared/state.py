"""A `SharedState` on a shared server: places and presences in a network of several nodes.

Each node keeps a copy of what it has written to the server itself. When the server has lost its
memory, or could not be reached for a change, the node writes all of its entries again. When a node
dies, the first other node that misses its signs of life removes the entries of the dead node, and
reports to the contacts of its users that these users are offline.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from valkey.exceptions import ValkeyError

from ....core.errors import ServiceUnavailable
from ..protocol import MOST_PLACES, NodeListener, Place, Presence, Seat, Shown
from .scripts import NAMES, PREFIX, script
from .server import STORE_DOWN, SharedServer

__all__ = ["ValkeyState"]

_BEAT_SECONDS = 3.0
_DEAD_SECONDS = 10.0
"""A node counts as dead after this time, in which it has missed three signs of life."""
_CHECK_SECONDS = 60.0

_log = logging.getLogger("msnpauth.service")


class ValkeyState:
    """A `SharedState` on a shared server.

    Args:
        server: the shared server.
    """

    def __init__(self, server: SharedServer) -> None:
        self._server = server
        self._scripts = {name: server.client.register_script(script(name)) for name in NAMES}
        self._node = ""
        self._listener: NodeListener
        self._tasks: list[asyncio.Task[None]] = []
        # The places and presences of its connections that this node has written to the server.
        self._places: dict[str, dict[Place, Seat]] = {}
        self._shown: dict[str, dict[Seat, Presence]] = {}
        # Whether the server may lack some of these entries; and the accounts of which other people
        # may not know the present presence.
        self._is_unsaid = False
        self._untold: set[str] = set()
        self._dead: set[str] = set()
        self._is_to_tend = asyncio.Event()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def use_up(self, token: str, until: datetime, *, made: datetime) -> bool:
        """As `SharedState.use_up`."""
        is_new = await self._run("use_up", token, until.timestamp(), made.timestamp())
        if is_new < 0:
            raise ServiceUnavailable(
                "the shared store has lost its memory: nobody knows whether the ticket was used",
                retry_after=1.0,
                code=STORE_DOWN,
            )
        return bool(is_new)

    async def enter(self, place: Place, seat: Seat) -> list[Seat]:
        """As `SharedState.enter`."""
        words = (place.passport, place.guid, seat.node, _written(seat), MOST_PLACES)
        async with self._turn(place.passport):
            going = [_seat(word) for word in await self._run("enter", *words)]
            self._places.setdefault(place.passport, {})[place] = seat
        return going

    async def leave(self, place: Place, seat: Seat) -> None:
        """As `SharedState.leave`."""
        async with self._turn(place.passport):
            held = self._places.get(place.passport, {})
            if held.get(place) == seat:
                del held[place]
            if not held:
                self._places.pop(place.passport, None)
            await self._say("leave", place.passport, place.guid, seat.node, _written(seat))

    async def seats(self, *passports: str) -> list[Seat]:
        """As `SharedState.seats`."""
        return [_seat(word) for word in await self._run("seats", *passports)]

    async def show(self, seat: Seat, passport: str, presence: Presence | None) -> Shown:
        """As `SharedState.show`."""
        async with self._turn(passport):
            # The node's copy is changed first: the change is a fact, and the server receives it as
            # soon as it answers again.
            words = self._shown.setdefault(passport, {})
            words.pop(seat, None)
            if presence is not None:
                words[seat] = presence
            if not words:
                del self._shown[passport]
            try:
                before, after = await self._say("show", *_words_of(passport, seat, presence))
            except ServiceUnavailable:
                self._untold.add(passport)
                raise
        return _presence(before), _presence(after)

    async def shown(self, *passports: str) -> dict[str, Presence]:
        """As `SharedState.shown`."""
        words = await self._run("shown", *passports)
        found = {one: _presence(word) for one, word in zip(passports, words, strict=True)}
        return {one: presence for one, presence in found.items() if presence is not None}

    async def tell(self, words: Mapping[str, Sequence[str]]) -> None:
        """As `SharedState.tell`."""
        pipeline = self._server.client.pipeline(transaction=False)
        for node, said in words.items():
            pipeline.publish(f"{PREFIX}to:{node}", json.dumps(list(said)))
        await self._server.ask(pipeline.execute())

    async def listen(self, node: str, listener: NodeListener) -> None:
        """As `SharedState.listen`; wait until the server knows the node, if the server answers."""
        self._node, self._listener = node, listener
        try:
            await self._beat()
            self._is_unsaid = False  # there is nothing yet to write
        except ServiceUnavailable as fault:
            _log.error("%s: nobody can sign in until it answers", fault.text)
        is_heard = asyncio.Event()
        self._tasks = [
            asyncio.create_task(work)
            for work in (self._hearing(is_heard), self._beating(), self._tending())
        ]
        with suppress(TimeoutError):
            await asyncio.wait_for(is_heard.wait(), _BEAT_SECONDS)

    async def close(self) -> None:
        """As `SharedState.close`; the entries of the node are removed at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(ServiceUnavailable):
            await self._bury(self._node)
            await self._tell_changed()
        await self._server.close()

    def _turn(self, passport: str) -> asyncio.Lock:
        """Return the lock for the steps of an account, which also orders the steps of a repeat."""
        return self._turns.setdefault(passport, asyncio.Lock())

    # --- signs of life ---------------------------------------------------------------------------

    async def _beating(self) -> None:
        """Give signs of life. The work that results from them takes longer; `_tending` does it."""
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            await self._guarded(self._beat)

    async def _beat(self) -> None:
        is_known, dead = await self._run("beat", self._node)
        if not is_known:  # the server has lost its memory, or other nodes took this one for dead
            self._is_unsaid = True
        self._dead.update(dead)
        self._is_to_tend.set()

    async def _tending(self) -> None:
        """Repair the entries after each sign of life, and check all places once a minute."""
        checked = time.monotonic()
        while True:
            await self._is_to_tend.wait()
            self._is_to_tend.clear()
            if time.monotonic() - checked > _CHECK_SECONDS:
                # The message that a connection has lost its place may have been lost itself.
                checked = time.monotonic()
                await self._guarded(self._take_all_again)
            await self._guarded(self._tend)

    async def _tend(self) -> None:
        if self._is_unsaid:
            await self._say_all_again()
        while self._dead:
            node = next(iter(self._dead))
            _log.warning("node %s gives no sign of life any more", node)
            await self._bury(node)
            self._dead.discard(node)
        await self._tell_changed()

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work. If it fails now, it is done after the next sign of life."""
        try:
            await work()
        except ServiceUnavailable as fault:
            _log.warning("%s", fault.text)
        except Exception as fault:  # noqa: BLE001 - or the node would be taken for dead
            _log.error("%s failed: please report it", type(fault).__name__)

    async def _bury(self, node: str) -> None:
        changed = await self._run("bury", node, self._node)
        self._untold.update(changed[::2])

    async def _tell_changed(self) -> None:
        """Report the presence of the accounts of which other people may not know the presence."""
        while self._untold:
            passport = next(iter(self._untold))
            await self._listener.changed(passport, (await self.shown(passport)).get(passport))
            self._untold.discard(passport)

    async def _say_all_again(self) -> None:
        """Make the server's entries of this node equal to the node's own copy."""
        self._is_unsaid = False
        try:
            known = await self._run("known", self._node)
            for passport in {*known, *self._places, *self._shown}:
                async with self._turn(passport):
                    await self._say_again(passport)
        except ServiceUnavailable:
            self._is_unsaid = True
            raise
        _log.info(
            "the shared store knows again of the accounts at this node: %d", len(self._places)
        )

    async def _say_again(self, passport: str) -> None:
        """Write the entries of an account at this node again, without removing any in between.

        Another node may do the same at the same moment. If a place were free for a moment, the
        quicker node would get it, and not the node where the account signed in last.
        """
        words = self._shown.get(passport, {})
        seats = [_written(seat) for seat in self._places.get(passport, {}).values()]
        numbers = [seat.connection for seat in words]
        trimmed = ("trim", passport, self._node, json.dumps(seats), json.dumps(numbers))
        if await self._run(*trimmed):
            self._untold.add(passport)  # went offline while this could not be reported
        await self._take_again(passport)
        for seat, presence in list(words.items()):
            before, after = await self._run("show", *_words_of(passport, seat, presence), "again")
            if before != after:
                self._untold.add(passport)  # others took the account for offline

    async def _take_all_again(self) -> None:
        """Write again every place that a connection of this node holds."""
        for passport in list(self._places):
            async with self._turn(passport):
                await self._take_again(passport)

    async def _take_again(self, passport: str) -> None:
        for place, seat in list(self._places.get(passport, {}).items()):
            words = (place.passport, place.guid, seat.node, _written(seat), MOST_PLACES)
            is_taken, *going = await self._run("retake", *words)
            if not is_taken:
                del self._places[passport][place]
                self._listener.displaced(seat.connection)
            elif going:
                await self._listener.put_out_seats([_seat(word) for word in going])

    # --- messages from other nodes ---------------------------------------------------------------

    async def _hearing(self, is_heard: asyncio.Event) -> None:
        """Receive the messages of other nodes; connect again after the connection was lost."""
        while True:
            try:
                async with self._server.client.pubsub() as channel:
                    await channel.subscribe(f"{PREFIX}to:{self._node}")
                    while True:
                        # With a timeout, so that a dead connection is noticed.
                        message = await channel.get_message(timeout=_BEAT_SECONDS)
                        if message is not None and message["type"] == "subscribe":
                            # If this is not the first subscription, the messages that were sent in
                            # the meantime are lost.
                            self._is_unsaid |= is_heard.is_set() or bool(self._places)
                            is_heard.set()
                        elif message is not None:
                            self._hear(message["data"])
            except (ValkeyError, OSError, TimeoutError):
                pass  # the loop subscribes again in a moment
            except Exception as fault:  # noqa: BLE001 - or the node would receive nothing any more
                _log.error("%s in a word: please report it", type(fault).__name__)
            await asyncio.sleep(0.2)

    def _hear(self, data: str) -> None:
        for word in json.loads(data):
            try:
                self._listener.heard(word)
            except (ValueError, KeyError, TypeError):
                # A later version may send messages that this version does not know.
                _log.warning("a word of another node was not understood")

    # --- steps -----------------------------------------------------------------------------------

    async def _run(self, step: str, *words: object) -> Any:
        return await self._server.ask(self._scripts[step](args=[PREFIX, _DEAD_SECONDS, *words]))

    async def _say(self, step: str, *words: object) -> Any:
        """Run a step that the server must not miss: if it fails, everything is written again."""
        try:
            return await self._run(step, *words)
        except ServiceUnavailable:
            self._is_unsaid = True
            raise


def _written(seat: Seat) -> str:
    fields = (seat.node, seat.connection, seat.guid, seat.dialect, seat.address, seat.since)
    return json.dumps(fields)


def _seat(word: str) -> Seat:
    return Seat(*json.loads(word))


def _presence(word: str) -> Presence | None:
    return Presence(**json.loads(word)) if word else None


def _words_of(passport: str, seat: Seat, presence: Presence | None) -> tuple[object, ...]:
    word = "" if presence is None else json.dumps(asdict(presence))
    return (passport, seat.node, seat.connection, word)
