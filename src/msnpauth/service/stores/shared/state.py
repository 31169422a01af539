"""Who is where, in a network of several nodes: a `SharedState` on a shared server.

Each node keeps a copy of what it has said there itself. When the server has lost its memory, or
could not be told something, the node says all of it again. A node that dies is buried by the first
other one that misses its signs of life: that one tells people that its users are gone.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any

from valkey.exceptions import ValkeyError

from ....core.errors import ServiceUnavailable
from ..protocol import MOST_PLACES, Ear, Place, Presence, Seat, Shown
from .scripts import NAMES, PREFIX, script
from .server import STORE_DOWN, SharedServer

__all__ = ["ValkeyState"]

_BEAT_SECONDS = 3.0
_DEAD_SECONDS = 10.0
"""Three signs of life that were missed."""

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
        self._ear: Ear
        self._tasks: list[asyncio.Task[None]] = []
        # What this node has said of its connections.
        self._places: dict[Place, Seat] = {}
        self._shown: dict[tuple[str, Seat], Presence] = {}
        # The server may not have all of it, and people may not know how these accounts are seen.
        self._is_unsaid = False
        self._untold: set[str] = set()

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
        going = [_seat(word) for word in await self._run("enter", *words)]
        self._places[place] = seat
        return going

    async def leave(self, place: Place, seat: Seat) -> None:
        """As `SharedState.leave`."""
        if self._places.get(place) == seat:
            del self._places[place]
        await self._say("leave", place.passport, place.guid, seat.node, _written(seat))

    async def seats(self, *passports: str) -> list[Seat]:
        """As `SharedState.seats`."""
        return [_seat(word) for word in await self._run("seats", *passports)]

    async def show(self, seat: Seat, passport: str, presence: Presence | None) -> Shown:
        """As `SharedState.show`."""
        key = (passport, seat)
        if presence is None:
            self._shown.pop(key, None)
        word = "" if presence is None else json.dumps(asdict(presence))
        words = (passport, seat.node, seat.connection, word)
        try:
            before, after = await self._say("show", *words)
        except ServiceUnavailable:
            self._untold.add(passport)
            raise
        if presence is not None:
            self._shown[key] = presence
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

    async def listen(self, node: str, ear: Ear) -> None:
        """As `SharedState.listen`: come back when the server knows of the node, if it answers."""
        self._node, self._ear = node, ear
        try:
            await self._beat()
        except ServiceUnavailable as fault:
            _log.error("%s: nobody can sign in until it answers", fault.text)
        is_heard = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._hearing(is_heard)),
            asyncio.create_task(self._beating()),
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
        await self._server.close()

    # --- signs of life ---------------------------------------------------------------------------

    async def _beating(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            try:
                await self._beat()
            except ServiceUnavailable as fault:
                _log.warning("%s", fault.text)
            except Exception as fault:  # noqa: BLE001 - or the node would be taken for dead
                _log.error("a sign of life failed (%s): please report it", type(fault).__name__)

    async def _beat(self) -> None:
        """Give a sign of life, bury who gives none, and say again what may be forgotten."""
        is_known, dead = await self._run("beat", self._node)
        if (not is_known and (self._places or self._shown)) or self._is_unsaid:
            await self._say_all_again()
        for node in dead:
            _log.warning("node %s gives no sign of life any more", node)
            await self._bury(node)

    async def _bury(self, node: str) -> None:
        changed = await self._run("bury", node)
        for passport, word in zip(changed[::2], changed[1::2], strict=True):
            await self._ear.changed(passport, _presence(word))

    async def _say_all_again(self) -> None:
        """Say everything that is of this node, instead of what the server knows of it."""
        self._is_unsaid = False
        try:
            forgotten = await self._run("bury", self._node)
            await self._run("beat", self._node)
            for place, seat in list(self._places.items()):
                await self._take_again(place, seat)
            for (passport, seat), presence in list(self._shown.items()):
                word = json.dumps(asdict(presence))
                await self._run("show", passport, seat.node, seat.connection, word)
        except ServiceUnavailable:
            self._is_unsaid = True
            raise
        _log.info("the shared store knows again of %d connections", len(self._places))
        # Who went away while nobody could be told.
        self._untold |= set(forgotten[::2])
        self._untold -= {passport for passport, _ in self._shown}
        try:
            while self._untold:
                passport = next(iter(self._untold))
                await self._ear.changed(passport, (await self.shown(passport)).get(passport))
                self._untold.discard(passport)
        except ServiceUnavailable:
            self._is_unsaid = True
            raise

    async def _take_again(self, place: Place, seat: Seat) -> None:
        """Take a place again, unless somebody has taken it meanwhile at another node."""
        others = [one for one in await self.seats(place.passport) if one.guid == place.guid]
        if any(one.node != self._node for one in others):
            self._places.pop(place, None)
            self._ear.displaced(seat.connection)
            return
        for one in await self.enter(place, seat):
            if one.node == self._node:
                self._ear.displaced(one.connection)

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
                            is_heard.set()
                        elif message is not None:
                            self._hear(message["data"])
            except (ValkeyError, OSError, TimeoutError):
                # What was said meanwhile is lost: whether this node still has its places is found
                # out by saying so.
                self._is_unsaid = bool(self._places)
            await asyncio.sleep(0.2)

    def _hear(self, data: str) -> None:
        for word in json.loads(data):
            try:
                self._ear.heard(word)
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
