"""What a sign-in costs in round trips, measured through a relay that makes loopback far away.

    python bench/round_trips.py [--delay 0.05] [--rounds 3] [--svg FILE] [--fast-open]

For every case of the floor (tests/test_floor.py): the time to USR OK, sync and async, over the
round trip, beside the floor, and beside the same sign-in with everything in sequence, as the
known clients do it. Exits with 1 when one of ours is above its floor by more than 10 % and 10 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import ssl
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apart
import msnpauth
from common import PASSWORD, ServiceProcess, machine, passport, table
from msnpauth import MemoryTicketCache, Servers, aio
from msnpauth.core.urls import Address, Url
from msnpauth.sansio import make_async_transport, make_transport
from plot import Bars, draw
from relay import HERE, Relays
from sequential import Sequential

RELAYED = ("dispatch", "notification", "switchboard", "login", "home")


@dataclass(frozen=True)
class Case:
    """One row of the floor: which servers are known, what is remembered, and what it must cost.

    `remembers` is what an earlier sign-in left in the cache: one without an XFR (`web`), or one by
    way of it (`all`), which leaves the server that it named too. Under TLS 1.2 (`old_tls`) that is
    its TLS session. By `policy`, one left in the process which policy the network names; by
    `connection`, also its connection to the RST.
    """

    name: str
    scheme: str
    floor: int
    with_hop: int
    known: tuple[str, ...]
    remembers: str = ""
    old_tls: bool = False
    fast_open: bool = False

    @property
    def knows_policy(self) -> bool:
        return self.remembers in ("policy", "connection")


CASES = (
    Case("TWN, nexus on another host", "TWN", 7, 7, ("far_nexus",)),
    Case("TWN, nexus and login on one host", "TWN", 5, 6, ("nexus",)),
    Case("TWN, login address known", "TWN", 4, 6, ("login",)),
    Case("TWN, login address remembered", "TWN", 4, 6, ("nexus",), "web"),
    Case("TWN, login and server remembered", "TWN", 4, 4, ("nexus",), "all"),
    Case("TWN, ticket still valid", "TWN", 3, 5, ("rst",), "web"),
    Case("SSO, first", "SSO", 4, 6, ("rst",)),
    Case("SSO, policy remembered", "SSO", 4, 5, ("rst",), "policy"),
    Case("SSO, policy remembered, HTTPS kept", "SSO", 3, 5, ("rst",), "connection"),
    Case("SSO, cached ticket", "SSO", 3, 5, ("rst",), "web"),
    Case("SSO, ticket and server remembered", "SSO", 3, 3, ("rst",), "all"),
    Case("TWN over TLS 1.2, login address known", "TWN", 5, 6, ("login",), old_tls=True),
    Case("TWN over TLS 1.2, session resumed", "TWN", 4, 6, ("login",), "web", old_tls=True),
)

# TCP costs nothing where the first words travel with the SYN.
FAST_OPEN_CASES = (
    Case("TWN, nexus on another host, fast open", "TWN", 5, 5, ("far_nexus",), fast_open=True),
    Case("TWN, nexus and login on one host, fast open", "TWN", 4, 4, ("nexus",), fast_open=True),
    Case("TWN, login address known, fast open", "TWN", 3, 4, ("login",), fast_open=True),
    Case("SSO, first, fast open", "SSO", 3, 4, ("rst",), fast_open=True),
    Case("SSO, policy remembered, fast open", "SSO", 3, 3, ("rst",), "policy", fast_open=True),
    Case("SSO, cached ticket, fast open", "SSO", 2, 3, ("rst",), "web", fast_open=True),
)


class Bench:
    """Times sign-ins, in round trips."""

    def __init__(self, service: ServiceProcess, delay: float) -> None:
        self._service = service
        self.round_trip = 2 * delay
        home, nexus = Url.parse(service.places["home"]), Url.parse(service.places["nexus"])
        self._places = service.places | {"far_nexus": f"{home.origin}{nexus.target}"}

    def servers(self, case: Case, *, hop: bool) -> Servers:
        known: dict[str, Any] = {
            name.removeprefix("far_"): self._places[name] for name in case.known
        }
        first = self._places["dispatch" if hop else "notification"]
        return Servers(notification=first, **known)

    def before(self, case: Case) -> tuple[MemoryTicketCache | None, ssl.SSLContext]:
        """Return a cache that knows what the case has remembered, and the settings of TLS."""
        context = self._service.context
        if case.old_tls:  # settings of its own each time: no session of another case is known
            context = ssl.create_default_context(cafile=self._places["ca_file"])
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if not case.remembers or case.knows_policy:
            return None, context
        cache = MemoryTicketCache()
        self._sign_in(case, context, hop=case.remembers == "all", cache=cache)
        return cache, context

    def _settings(
        self, case: Case, context: ssl.SSLContext, *, hop: bool, **others: Any
    ) -> dict[str, Any]:
        """Return the arguments of a sign-in. In a first one nothing is known of the policy."""
        settings: dict[str, Any] = {
            "passport": passport(0),
            "password": PASSWORD,
            "servers": self.servers(case, hop=hop),
            "scheme": case.scheme,
            "speculate": None if case.knows_policy else False,
            "fast_open": case.fast_open,
        } | others
        tls = {} if settings.get("transport") else {"ssl_context": context}
        return settings | tls

    def _sign_in(self, case: Case, context: ssl.SSLContext, *, hop: bool, **others: Any) -> float:
        settings = self._settings(case, context, hop=hop, **others)
        began = time.perf_counter()
        session = msnpauth.sign_in(**settings)
        took = time.perf_counter() - began
        session.close()
        return took

    def sync(self, case: Case, *, hop: bool) -> float:
        cache, context = self.before(case)
        keeps = case.remembers == "connection"
        transport = make_transport("sockets", None, context) if keeps else None
        if case.knows_policy:
            self._sign_in(case, context, hop=hop, transport=transport)
        took = self._sign_in(case, context, hop=hop, transport=transport, cache=cache)
        if transport is not None:
            transport.close()
        return took / self.round_trip

    async def _async_sign_in(
        self, case: Case, context: ssl.SSLContext, *, hop: bool, **others: Any
    ) -> float:
        settings = self._settings(case, context, hop=hop, **others)
        began = time.perf_counter()
        session = await aio.sign_in(**settings)
        took = time.perf_counter() - began
        await session.close()
        return took

    def asynchronous(self, case: Case, *, hop: bool) -> float:
        cache, context = self.before(case)
        keeps = case.remembers == "connection"

        async def run() -> float:
            transport = make_async_transport("sockets", None, context) if keeps else None
            if case.knows_policy:
                await self._async_sign_in(case, context, hop=hop, transport=transport)
            took = await self._async_sign_in(
                case, context, hop=hop, transport=transport, cache=cache
            )
            if transport is not None:
                await transport.close()
            return took

        return asyncio.run(run()) / self.round_trip

    def sequential(self, case: Case, *, hop: bool) -> float:
        """Known clients remember nothing of all this: what is cached is asked for again."""
        first = Address.parse(self._places["dispatch" if hop else "notification"])
        by_rst = case.scheme == "SSO"
        known: dict[str, Any] = {
            name.removeprefix("far_"): self._places[name] for name in case.known
        }
        if known.get("rst") and not by_rst:
            known = {"nexus": self._places["nexus"]}
        context = self.before(replace(case, remembers=""))[1]
        client = Sequential(context, (first.host, first.port), **known)
        began = time.perf_counter()
        client.sso() if by_rst else client.twn()
        return (time.perf_counter() - began) / self.round_trip


def median(measure: Callable[..., float], case: Case, *, hop: bool, rounds: int) -> float:
    return statistics.median(measure(case, hop=hop) for _ in range(rounds))


def second_loopback() -> str:
    """Return an address of this machine for the service: the relays take 127.0.0.1."""
    for host in ("127.0.0.2", "::1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as sock:
                sock.bind((host, 0))
        except OSError:
            continue
        return host
    sys.exit("a second loopback address is needed: `ifconfig lo0 alias 127.0.0.2`, or IPv6")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds each way")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--svg", type=Path, help="draw it there")
    parser.add_argument(
        "--fast-open", action="store_true", help="with TCP Fast Open, in a network of our own"
    )
    options = parser.parse_args()
    if options.fast_open:
        apart.enter(fast_open=True)
    cases = FAST_OPEN_CASES if options.fast_open else CASES
    there = second_loopback()
    with (
        Relays(RELAYED, there, options.delay) as relays,
        ServiceProcess(host=there, name=HERE, ports=relays.ports) as service,
    ):
        bench = Bench(service, options.delay)
        if options.fast_open:
            bench.sync(cases[0], hop=False)  # from then on the system has the relays' cookie
        return report(bench, cases, options.rounds, options.svg)


def report(bench: Bench, cases: tuple[Case, ...], rounds: int, svg: Path | None) -> int:
    """Measure, print, draw; return the exit status."""
    rows, bars, above = [], [], 0
    for case in cases:
        for hop in (False, True):
            floor = case.with_hop if hop else case.floor
            ours = [
                median(measure, case, hop=hop, rounds=rounds)
                for measure in (bench.sync, bench.asynchronous)
            ]
            known = median(bench.sequential, case, hop=hop, rounds=rounds)
            allowed = 1.1 * floor + 0.01 / bench.round_trip
            above += sum(found > allowed for found in ours)
            name = case.name + (", one XFR" if hop else "")
            rows.append((name, floor, *(f"{found:.2f}" for found in (*ours, known))))
            bars.append(Bars(name, floor, max(ours), known))
    heads = ("round trips to USR OK", "floor", "sync", "async", "in sequence")
    print(f"{machine()}; round trip {1000 * bench.round_trip:.0f} ms\n")
    print(table(heads, rows))
    print(f"\nAbove the floor by more than 10 % and 10 ms: {above} of {2 * len(rows)}.")
    if svg is not None:
        svg.write_text(draw(bars), encoding="utf-8")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
