"""Who is where, in a network of several nodes: a `SharedState` on a shared server.

Each node keeps a copy of what it has said there itself. When the server has lost its memory, or
could not be told something, the node says all of it again. A node that dies is buried by the first
other one that misses its signs of life: that one tells people that its users are gone.
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
"""Three signs of life that were missed."""
_CHECK_SECONDS = 60.0

_log = logging.getLogger("msnpauth.service")


class ValkeyState:
    """See the module.

    Args:
        server: the shared server.
    """

    def __init__(self, server: SharedServer) -> None:
        self._server = server
        self._scripts = {name: server.client.register_script(script(name)) for name in NAMES}
        self._node = ""
        self._listener: NodeListener
        self._tasks: list[asyncio.Task[None]] = []
        # What this node has said of its connections.
        self._places: dict[str, dict[Place, Seat]] = {}
        self._shown: dict[str, dict[Seat, Presence]] = {}
        # The server may not have all of it, and people may not know how these accounts are seen.
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
            # Kept before it is said: it is so, and the server hears of it as soon as it answers.
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
        """As `SharedState.listen`: come back when the server knows of the node, if it answers."""
        self._node, self._listener = node, listener
        try:
            await self._beat()
            self._is_unsaid = False  # there is nothing yet that could be said
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
        """As `SharedState.close`: what is of the node is gone at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(ServiceUnavailable):
            await self._bury(self._node)
            await self._tell_changed()
        await self._server.close()

    def _turn(self, passport: str) -> asyncio.Lock:
        """Return what lets one step for an account follow another, also when all is said again."""
        return self._turns.setdefault(passport, asyncio.Lock())

    # --- signs of life ---------------------------------------------------------------------------

    async def _beating(self) -> None:
        """Give signs of life. What comes of them takes longer, and is done beside it."""
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            await self._guarded(self._beat)

    async def _beat(self) -> None:
        is_known, dead = await self._run("beat", self._node)
        if not is_known:  # the server has forgotten it, or others have taken it for dead
            self._is_unsaid = True
        self._dead.update(dead)
        self._is_to_tend.set()

    async def _tending(self) -> None:
        """Put right what is not: by each sign of life, and everything now and then."""
        checked = time.monotonic()
        while True:
            await self._is_to_tend.wait()
            self._is_to_tend.clear()
            if time.monotonic() - checked > _CHECK_SECONDS:
                # A word that somebody has lost the place may have been lost itself.
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
        """Do some work; what cannot be done now is done by the next sign of life."""
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
        """Tell people how accounts are to be seen of which that is not known."""
        while self._untold:
            passport = next(iter(self._untold))
            await self._listener.changed(passport, (await self.shown(passport)).get(passport))
            self._untold.discard(passport)

    async def _say_all_again(self) -> None:
        """Have the server know all that is of this node, and nothing else of it."""
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
        """Have the server know what an account has here. Nothing is taken away and given again.

        Another node may do the same at the same moment. A place that was free for a moment would
        go to whoever is quicker, and not to whoever came last.
        """
        words = self._shown.get(passport, {})
        seats = [_written(seat) for seat in self._places.get(passport, {}).values()]
        numbers = [seat.connection for seat in words]
        trimmed = ("trim", passport, self._node, json.dumps(seats), json.dumps(numbers))
        if await self._run(*trimmed):
            self._untold.add(passport)  # who went away while nobody could be told
        await self._take_again(passport)
        for seat, presence in list(words.items()):
            before, after = await self._run("show", *_words_of(passport, seat, presence), "again")
            if before != after:
                self._untold.add(passport)  # who was taken for gone

    async def _take_all_again(self) -> None:
        """Take every place again that a connection of this node holds."""
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

    # --- words of other nodes --------------------------------------------------------------------

    async def _hearing(self, is_heard: asyncio.Event) -> None:
        """Hear what other nodes say, also after the connection was lost."""
        while True:
            try:
                async with self._server.client.pubsub() as channel:
                    await channel.subscribe(f"{PREFIX}to:{self._node}")
                    while True:
                        # With an end, so that a connection that is dead is noticed.
                        message = await channel.get_message(timeout=_BEAT_SECONDS)
                        if message is not None and message["type"] == "subscribe":
                            # Not for the first time: what was said meanwhile is lost.
                            self._is_unsaid |= is_heard.is_set() or bool(self._places)
                            is_heard.set()
                        elif message is not None:
                            self._hear(message["data"])
            except (ValkeyError, OSError, TimeoutError):
                pass  # it is heard again in a moment
            except Exception as fault:  # noqa: BLE001 - or the node would be deaf from now on
                _log.error("%s in a word: please report it", type(fault).__name__)
            await asyncio.sleep(0.2)

    def _hear(self, data: str) -> None:
        for word in json.loads(data):
            try:
                self._listener.heard(word)
            except (ValueError, KeyError, TypeError):
                # A later version may have words that this one does not know.
                _log.warning("a word of another node was not understood")

    # --- steps -----------------------------------------------------------------------------------

    async def _run(self, step: str, *words: object) -> Any:
        return await self._server.ask(self._scripts[step](args=[PREFIX, _DEAD_SECONDS, *words]))

    async def _say(self, step: str, *words: object) -> Any:
        """Run what the server has to know: if it cannot be told now, it is told later."""
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
