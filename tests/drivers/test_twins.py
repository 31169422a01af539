"""Both drivers, fed the same script, say the same: every event, every answer, every error."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from both import AioDriver, SyncDriver
from conftest import Authority
from msnpauth import Reconnect, Servers, SignInError
from msnpauth.observe import Event, describe
from wire import PASSPORT, PASSWORD, Peer, Script, Server, answers, granted, later, to_ok

Driver = SyncDriver | AioDriver
User = Callable[[Any], object]


Part = str | Callable[[Peer], object]


def plays(*parts: Part, begins: Callable[[Peer], object] = to_ok) -> Script:
    """Return a script: sign-in, then texts to be sent and things to be done."""

    def script(peer: Peer) -> None:
        begins(peer)
        for part in parts:
            if isinstance(part, str):
                peer.send(part)
            else:
                part(peer)

    return script


def hears(count: int) -> Script:
    """Return what waits for so many lines of the client."""

    def script(peer: Peer) -> None:
        for _ in range(count):
            peer.line()

    return script


def receives(count: int) -> User:
    return lambda session: [session.receive(20) for _ in range(count)]


def asks(session: Any) -> object:
    return session.request("CHG", "NLN", "0", timeout=20)


def everything(session: Any) -> object:
    return list(session)


CHL = "CHL 0 15570131571988941333\r\n"

SCRIPTS: dict[str, tuple[list[Script], list[User], dict[str, Any]]] = {
    "commands": (
        # The last one comes when the answer to CHL was read: the session is not over before it.
        [plays("UBX x@y 2\r\nhi", CHL, hears(1), "NLN NLN x@y X 0\r\n", Peer.until_closed)],
        [receives(2)],
        {},
    ),
    "a reply": ([plays(hears(1), "CHG 5 NLN 0\r\n", Peer.until_closed)], [asks], {}),
    "a refusal": ([plays(hears(1), "201 5\r\n", Peer.until_closed)], [asks], {}),
    "signed in elsewhere": ([plays("OUT OTH\r\n", Peer.until_closed)], [everything, asks], {}),
    "the server goes down": ([plays("OUT SSD\r\n", Peer.until_closed)], [everything, asks], {}),
    "closed": ([plays()], [everything, asks], {}),
    "nonsense": ([plays("nonsense\r\n", Peer.until_closed)], [everything, asks], {}),
    "a payload of 4 GB": ([plays("MSG a b 4294967295\r\n")], [everything], {}),
    "sent on to nowhere": ([plays("XFR 0 NS 127.0.0.1:99999\r\n")], [everything], {}),
    "nothing is wanted": (
        [plays("NLN NLN x@y X 0\r\n", hears(1), "CHG 5 NLN 0\r\n", Peer.until_closed)],
        [asks, lambda session: session.receive(1)],
        {"receive": False},
    ),
    "lost and back": (
        [
            plays("NLN NLN x@y X 0\r\n"),
            plays("NLN NLN z@y Z 0\r\n", Peer.until_closed, begins=later),
        ],
        [receives(3)],
        {"reconnect": Reconnect(first=0.0, longest=0.0)},
    ),
    "what is no command": (
        [plays(Peer.until_closed)],
        [lambda session: session.send("chg"), lambda session: session.send("CHG", "a b")],
        {},
    ),
}


def told(event: Event) -> str:
    """Return what an event says, without what differs from one run to the next."""
    direction, channel, lines = describe(event)
    text = " | ".join(lines)
    text = re.sub(r"(127\.0\.0\.1|localhost):\d+", "HERE", text)
    text = re.sub(r"\d+ ms|[\d.]+ seconds", "TIME", text)
    return f"{channel} {direction} {text}"


def played(
    driver: Driver, authority: Authority, scripts: list[Script], users: list[User], settings: Any
) -> dict[str, list[str]]:
    """Play a script; return what was seen, each kind of event in its own order."""
    heard: list[Event] = []
    seen: dict[str, list[str]] = {"results": []}
    left, turn = list(scripts), threading.Lock()

    def serve(peer: Peer) -> None:
        with turn:
            script = left.pop(0) if left else None
        if script is not None:
            script(peer)

    with (
        driver,
        Server(answers(*[granted()] * 3), authority.server_tls) as login,
        Server(serve) as server,
    ):
        servers = Servers(notification=server.address, login=login.url)
        with driver.sign_in(
            PASSPORT,
            PASSWORD,
            servers,
            ca_file=authority.ca_file,
            observer=heard.append,
            **settings,
        ) as session:
            for use in users:
                try:
                    result = repr(use(session))
                except SignInError as error:
                    result = f"{type(error).__name__}: {error}"
                seen["results"].append(re.sub(r"127\.0\.0\.1:\d+", "HERE", result))
    for event in heard:
        # Two legs run beside each other: only within a kind is the order the same each time.
        kind = f"{type(event).__name__} {describe(event)[1]}"
        seen.setdefault(kind, []).append(told(event))
    return seen


@pytest.mark.parametrize("name", SCRIPTS)
def test_both_drivers_say_the_same(name: str, authority: Authority) -> None:
    scripts, users, settings = SCRIPTS[name]
    sync = played(SyncDriver(), authority, scripts, users, settings)
    aio = played(AioDriver(), authority, scripts, users, settings)
    assert sync == aio
    kinds = {kind.partition(" ")[0] for kind in sync}
    assert {"Connected", "Secured", "Sent", "Received", "Fetched", "SignedIn", "Ended"} <= kinds
