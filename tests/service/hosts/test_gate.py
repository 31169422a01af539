"""How many connections there may be, and who goes when there is no room."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from msnpauth.service.addresses import network_of
from msnpauth.service.hosts.gate import Gate, Visit


class Porch:
    """A gate, and who was sent away from it, in their order."""

    def __init__(
        self,
        of_network: int | None = None,
        in_all: int | None = None,
        proxies: Collection[str] = (),
    ) -> None:
        self.gate = Gate(of_network, in_all, proxies=proxies)
        self.sent_away: list[str] = []

    def enter(self, peer: str) -> Visit | None:
        return self.gate.enter(peer, lambda: self.sent_away.append(peer))

    def entered(self, peer: str) -> Visit:
        visit = self.enter(peer)
        assert visit is not None
        return visit


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_what_an_address_is_counted_as(address: str, network: str) -> None:
    assert network_of(address) == network
    assert Porch().entered(address).address == network


def test_without_bounds_everybody_comes_in() -> None:
    porch = Porch()
    visits = [porch.entered("192.0.2.1") for _ in range(1000)]
    assert porch.gate.count == porch.gate.unproved == 1000
    for visit in visits:
        porch.gate.leave(visit)
    assert porch.gate.count == porch.gate.unproved == porch.gate.refused == porch.gate.ended == 0


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"),
    ],
)
def test_a_network_has_so_many_and_no_more(one: str, same: str, other: str) -> None:
    porch = Porch(of_network=2)
    first, second = porch.entered(one), porch.entered(same)
    first.proved()
    second.proved()
    assert porch.enter(one) is None, "who has signed in stays, and counts"
    assert porch.enter(same) is None
    assert porch.gate.refused == 2
    porch.entered(other)
    porch.gate.leave(second)
    assert porch.enter(one) is not None
    assert porch.sent_away == []


def test_the_oldest_of_a_network_that_is_full_makes_room_for_others_of_it() -> None:
    """Who only holds connections does not keep the neighbours out."""
    porch = Porch(of_network=3, in_all=100)
    porch.entered("10.0.0.9")
    held = [porch.entered("10.0.0.1") for _ in range(3)]
    held[1].proved()
    for _ in range(2):
        porch.entered("10.0.0.1")
    assert porch.sent_away == ["10.0.0.1"] * 2
    assert porch.gate.unproved == 3, "two of that network, and the one of another"
    for visit in held:
        porch.gate.leave(visit)
    assert porch.gate.count == 3


def test_a_network_whose_connections_have_all_signed_in_is_full() -> None:
    porch = Porch(of_network=2)
    for _ in range(2):
        porch.entered("10.0.0.1").proved()
    assert porch.enter("10.0.0.1") is None
    assert (porch.gate.refused, porch.sent_away) == (1, [])


def test_what_proxies_bring_is_anybody_s() -> None:
    """It is not counted by network, is not ended for others, and does not take all there is."""
    porch = Porch(of_network=2, in_all=10, proxies=["10.0.0.1", "10.0.0.2"])
    brought = [porch.entered("10.0.0.1") for _ in range(3)]
    brought += [porch.entered("10.0.0.2") for _ in range(2)]
    assert porch.enter("10.0.0.1") is None
    for number in range(20):
        porch.entered(f"192.0.2.{number}")
    assert not {"10.0.0.1", "10.0.0.2"} & set(porch.sent_away)
    assert porch.gate.refused == 1
    porch.gate.leave(brought[0])
    brought[1].proved()
    porch.entered("10.0.0.2")


def test_the_oldest_that_has_not_signed_in_makes_room() -> None:
    porch = Porch(in_all=3)
    visits = {peer: porch.entered(peer) for peer in ("10.0.0.1", "10.0.0.2", "10.0.0.3")}
    visits["10.0.0.1"].proved()
    porch.entered("10.0.0.4")
    porch.entered("10.0.0.5")
    assert porch.sent_away == ["10.0.0.2", "10.0.0.3"]
    assert porch.gate.ended == 2


def test_nobody_is_let_in_when_all_have_signed_in() -> None:
    porch = Porch(in_all=2)
    visits = [porch.entered("10.0.0.1"), porch.entered("10.0.0.2")]
    for visit in visits:
        visit.proved()
    assert porch.gate.unproved == 0
    assert porch.enter("10.0.0.3") is None
    assert (porch.gate.refused, porch.gate.ended, porch.sent_away) == (1, 0, [])
    porch.gate.leave(visits[0])
    porch.entered("10.0.0.3")


def test_one_network_that_is_full_sends_nobody_of_another_away() -> None:
    porch = Porch(of_network=1, in_all=2)
    porch.entered("10.0.0.1")
    porch.entered("10.0.0.2")
    porch.entered("10.0.0.2")
    assert porch.sent_away == ["10.0.0.2"]


def test_counts_come_back_to_zero() -> None:
    porch = Porch(of_network=30, in_all=40)
    visits = [porch.enter(f"10.0.0.{number % 3}") for number in range(200)]
    inside = [visit for visit in visits if visit is not None]
    for visit in inside[::2]:
        visit.proved()
        visit.proved()
    for visit in inside:
        porch.gate.leave(visit)
    assert porch.gate.count == porch.gate.unproved == 0
    assert not porch.gate._networks
    assert not porch.gate._unproved


def test_who_was_sent_away_may_still_prove_and_leaves_once() -> None:
    """Its answer may come in the same moment; it is gone all the same."""
    porch = Porch(in_all=1)
    first = porch.entered("10.0.0.1")
    second = porch.entered("10.0.0.2")
    assert porch.sent_away == ["10.0.0.1"]
    first.proved()
    porch.gate.leave(first)
    assert porch.gate.count == 1
    porch.gate.leave(second)
    assert porch.gate.count == 0


def test_an_end_that_fails_makes_room_all_the_same() -> None:
    def fail() -> None:
        raise RuntimeError("it has ended by itself")

    gate = Gate(in_all=1)
    assert gate.enter("10.0.0.1", fail) is not None
    assert gate.enter("10.0.0.2", fail) is not None
    assert gate.ended == 1


def test_a_visit_without_a_gate() -> None:
    visit = Visit(None, "192.0.2.1")
    visit.proved()
    assert visit.address == "192.0.2.1"
