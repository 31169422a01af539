"""Places the parts of a sign-in on a time axis: look-ups, connections, handshakes, lines, HTTPS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..core.errors import Step
from ..core.wire.commands import is_number
from ..observe import (
    Connected,
    Event,
    Failed,
    Fetched,
    LookedUp,
    Received,
    Requested,
    Secured,
    Sent,
    SignedIn,
)

__all__ = ["Bar", "Waterfall", "floor_of", "waterfall"]


class Bar(NamedTuple):
    """One part of a sign-in that took time.

    Attributes:
        kind: look-up, TCP, TLS, line or exchange.
        label: a description of the part.
        start, end: seconds since the sign-in began.
    """

    kind: str
    label: str
    start: float
    end: float


class Waterfall(NamedTuple):
    """The data from which a sign-in is drawn.

    Attributes:
        bars: the parts, in the order of their beginnings.
        total: seconds from the beginning to USR OK, or to the last event.
        floor: the fewest round trips that such a sign-in needs.
        signed_in: whether the sign-in succeeded.
    """

    bars: tuple[Bar, ...]
    total: float
    floor: int
    signed_in: bool


def waterfall(events: Iterable[Event]) -> Waterfall | None:
    """Return the data from which a sign-in is drawn; None when there are no events.

    Events after USR OK belong to the session, and are not drawn.
    """
    told: list[Event] = []
    for event in events:
        told.append(event)
        if isinstance(event, SignedIn | Failed):
            break
    if not told:
        return None
    began = min(event.at - getattr(event, "seconds", 0.0) for event in told)
    bars = sorted(_bars(told, began), key=lambda bar: (bar.start, bar.end))
    last = told[-1]
    return Waterfall(tuple(bars), last.at - began, floor_of(told), isinstance(last, SignedIn))


def _bars(events: list[Event], began: float) -> Iterator[Bar]:
    yield from _lines(events, began)
    path = ""
    for event in events:
        end = event.at - began
        match event:
            case LookedUp(host=host, seconds=seconds):
                yield Bar("look-up", host, end - seconds, end)
            case Connected(server=server, seconds=seconds):
                yield Bar("TCP", server, end - seconds, end)
            case Secured(server=server, version=version, seconds=seconds):
                yield Bar("TLS", f"{server} ({version})", end - seconds, end)
            case Requested(lines=lines):
                path = lines[0]
            case Fetched(status=status, seconds=seconds):
                outcome = f"HTTP {status}" if status is not None else "failed"
                yield Bar("exchange", f"{path}: {outcome}", end - seconds, end)
            case _:
                pass


def _lines(events: list[Event], began: float) -> Iterator[Bar]:
    """Yield a bar from each command to its answer, which has the same transaction id."""
    waiting: dict[tuple[str, str], Sent] = {}
    for event in events:
        match event:
            case Sent(server=server):
                waiting[server, _trid(event.text)] = event
            case Received(server=server, text=text):
                sent = waiting.pop((server, _trid(text)), None)
                if sent is not None:
                    label = f"{_short(sent.text)} → {_short(text)}"
                    yield Bar("line", label, sent.at - began, event.at - began)
            case _:
                pass
    for sent in waiting.values():
        label = f"{_short(sent.text)} → no answer"
        yield Bar("line", label, sent.at - began, events[-1].at - began)


def _trid(line: str) -> str:
    words = line.split(" ", 2)
    return words[1] if len(words) > 1 and is_number(words[1]) else ""


def _short(line: str) -> str:
    return line if len(line) <= 48 else line[:47] + "…"


def floor_of(events: Iterable[Event]) -> int:
    """Return the fewest round trips that a sign-in like this one needs, without look-ups.

    Notification server and HTTPS are used at the same time. Each notification server, also one
    that an XFR names, needs a round trip for TCP and one for VER, CVR and USR. HTTPS needs one for
    TCP and one for TLS 1.3 at each host, and one for a request to the nexus. Then the request for
    the ticket and the answer to the challenge need one each.
    """
    servers, hosts, asked, by_ticket = set(), [], 0, False
    for event in events:
        match event:
            case Connected(server=server) if not server.startswith("https:"):
                servers.add(server)
            case Requested(step=step, server=server):
                by_ticket = True
                hosts += [server] if server not in hosts else []
                asked += step is Step.NEXUS
            case _:
                pass
    lines = 2 * max(1, len(servers))
    if not by_ticket:
        return lines + 1
    return max(lines, 2 * len(hosts) + asked) + 2
