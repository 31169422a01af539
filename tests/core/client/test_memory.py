"""What a cache keeps of a `Memory`, and how it comes back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from msnpauth.core.client.memory import Change, Keys, Memory
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.ticket import Ticket
from msnpauth.core.urls import Address, Url
from msnpauth.core.wire.dialects import Scheme

ENDS = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVERS = Servers("ns.example", rst="https://rst.example/RST.srf")
TICKET = Ticket(Secret("t=1"), "https://rst.example", ENDS)
MEMORY = Memory(
    Url.parse("https://login.example/l"), Address("ns2.example", 1863), {"SSO a.example": TICKET}
)


def keys(
    passport: str = "Alice@Example.com",
    servers: Servers = SERVERS,
    tag: str = "tag",
    schemes: tuple[Scheme, ...] = (Scheme.SSO, Scheme.TWN, Scheme.MD5),
) -> Keys:
    return Keys(passport, servers, schemes, ["a.example", "b.example"], tag)


def written(before: Memory, after: Memory) -> dict[str, Secret | None]:
    return {change.key: change.value for change in keys().changes(before, after)}


def test_what_is_called_what() -> None:
    assert keys().all() == (
        "login of https://ns.example/rdr/pprdr.asp",
        "ns alice@example.com ns.example:1863",
        *(
            f"ticket {scheme} {address} alice@example.com https://rst.example/RST.srf tag"
            for scheme in ("SSO", "TWN")
            for address in ("a.example", "b.example")
        ),
    )


def test_what_is_written_comes_back() -> None:
    kept = written(Memory(), MEMORY)
    assert len(kept) == 3
    assert keys().load(kept) == MEMORY
    assert keys().load({}) == Memory()


def test_only_what_changed_is_written() -> None:
    assert keys().changes(MEMORY, MEMORY) == []
    assert keys().changes(MEMORY, MEMORY.without_tickets(Scheme.TWN)) == []
    (change,) = keys().changes(MEMORY, MEMORY.without_tickets(Scheme.SSO))
    assert change == Change(
        "ticket SSO a.example alice@example.com https://rst.example/RST.srf tag", None, None
    )
    (change,) = keys().changes(Memory(), Memory(tickets=MEMORY.tickets))
    assert change.expires == ENDS


def test_what_is_forgotten() -> None:
    assert written(MEMORY, Memory()) == dict.fromkeys(written(Memory(), MEMORY))


@pytest.mark.parametrize(
    "other",
    [keys("bob@example.com"), keys(servers=Servers("ns.example")), keys(tag="another")],
)
def test_a_ticket_is_for_one_account_network_and_password(other: Keys) -> None:
    assert other.load(written(Memory(), MEMORY)).tickets == {}


def test_a_server_is_for_one_account_and_network() -> None:
    kept = written(Memory(), MEMORY)
    assert keys("ALICE@example.com").load(kept).server == Address("ns2.example", 1863)
    assert keys("bob@example.com").load(kept).server is None
    assert keys(servers=Servers("another.example")).load(kept) == Memory()


def test_no_ticket_is_kept_without_rst() -> None:
    without = Servers(nexus="https://nexus.example/", notification="ns.example")
    assert [key.split(" ")[0] for key in keys(servers=without).all()] == ["login", "ns"]


@pytest.mark.parametrize("text", ["", " ", "h:0", "http://login.example/l", "nonsense::", "{}"])
def test_an_entry_that_makes_no_sense_is_as_good_as_none(text: str) -> None:
    assert keys().load(dict.fromkeys(keys().all(), Secret(text))) == Memory()


def test_a_ticket_without_an_end_is_not_kept() -> None:
    endless = Ticket(Secret("t=1"), "https://rst.example", None)
    assert Memory().with_tickets(Scheme.SSO, {"a.example": endless}) == Memory()
    both = MEMORY.with_tickets(Scheme.TWN, {"a.example": TICKET})
    assert set(both.tickets) == {"SSO a.example", "TWN a.example"}
    assert both.without_tickets(Scheme.TWN) == MEMORY
