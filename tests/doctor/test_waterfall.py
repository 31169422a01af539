"""A sign-in on one time axis, beside the fewest round trips."""

from __future__ import annotations

from msnpauth.core.errors import ConnectionFailed, Step
from msnpauth.doctor import Examination
from msnpauth.doctor.waterfall import Bar, floor_of, waterfall
from msnpauth.observe import (
    Connected,
    Connecting,
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

LOGIN = "https://l.example"


def sign_in(*, xfr: bool = False, nexus: str | None = None) -> list[Event]:
    events: list[Event] = [
        Connecting(at=100.0, server="ns:1863"),
        LookedUp(at=100.01, host="ns", addresses=("192.0.2.1",), seconds=0.01),
        Connected(at=100.02, server="ns:1863", address="192.0.2.1:1863", seconds=0.01),
        Sent(at=100.02, server="ns:1863", text="VER 1 MSNP8 CVR0"),
        Sent(at=100.02, server="ns:1863", text="USR 3 TWN I a@b.example"),
        Received(at=100.04, server="ns:1863", text="VER 1 MSNP8"),
    ]
    if xfr:
        events.append(
            Connected(at=100.05, server="other:1863", address="192.0.2.2:1863", seconds=0.01)
        )
    for step, server in ((Step.NEXUS, nexus), (Step.LOGIN, LOGIN)):
        if server:
            events += [
                Secured(at=100.06, server=server, version="TLSv1.3", seconds=0.01),
                Requested(at=100.06, step=step, server=server, lines=("GET /login", "X: y")),
                Fetched(
                    at=100.08,
                    step=step,
                    server=server,
                    lines=(),
                    status=200,
                    error=None,
                    seconds=0.02,
                ),
            ]
    return events


def test_the_bars() -> None:
    told = [*sign_in(), SignedIn(at=100.1, server="ns:1863", seconds=0.1)]
    drawn = waterfall([*told, Received(at=109.0, server="ns:1863", text="MSG x y 1")])
    assert drawn is not None
    assert [(bar.kind, bar.label) for bar in drawn.bars] == [
        ("look-up", "ns"),
        ("TCP", "ns:1863"),
        ("line", "VER 1 MSNP8 CVR0 → VER 1 MSNP8"),
        ("line", "USR 3 TWN I a@b.example → no answer"),
        ("TLS", "https://l.example (TLSv1.3)"),
        ("exchange", "GET /login: HTTP 200"),
    ]
    assert (round(drawn.total, 3), drawn.floor, drawn.signed_in) == (0.1, 4, True)
    assert all(0 <= bar.start <= bar.end <= drawn.total for bar in drawn.bars)
    assert round(drawn.bars[2].end, 3) == 0.04


def test_one_that_fails() -> None:
    error = ConnectionFailed("no")
    events: list[Event] = [
        Requested(at=1.0, step=Step.LOGIN, server=LOGIN, lines=("GET /login",)),
        Fetched(
            at=1.5, step=Step.LOGIN, server=LOGIN, lines=(), status=None, error=error, seconds=0.5
        ),
        Failed(at=1.5, error=error, pause=None),
    ]
    drawn = waterfall(events)
    assert drawn is not None
    assert drawn.bars == (Bar("exchange", "GET /login: failed", 0.0, 0.5),)
    assert not drawn.signed_in
    assert waterfall([]) is None


def test_long_lines_are_cut() -> None:
    events: list[Event] = [
        Sent(at=1.0, server="ns", text=f"USR 3 {'x' * 99}"),
        Received(at=1.1, server="ns", text=f"USR 3 {'y' * 99}"),
    ]
    drawn = waterfall(events)
    assert drawn is not None
    [bar] = drawn.bars
    assert len(bar.label) == 48 + 3 + 48


def test_the_floor() -> None:
    """The numbers of docs/architecture.md and bench/round_trips.py."""
    assert floor_of(sign_in()) == 4
    assert floor_of(sign_in(xfr=True)) == 6
    assert floor_of(sign_in(nexus=LOGIN)) == 5
    assert floor_of(sign_in(nexus="https://n.example")) == 7
    assert floor_of(sign_in(nexus="https://n.example", xfr=True)) == 7
    assert floor_of(sign_in()[:6]) == 3, "MD5, or a ticket that was kept"


def test_a_real_sign_in(examined: Examination) -> None:
    drawn = waterfall(examined.events)
    assert drawn is not None
    kinds = [bar.kind for bar in drawn.bars]
    assert {"TCP", "TLS", "line", "exchange"} <= set(kinds)
    assert drawn.signed_in
    assert drawn.floor == 6, "by RST, with one XFR"
    assert any("SSO S ***" in bar.label for bar in drawn.bars)
