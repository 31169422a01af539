from __future__ import annotations

import weakref
from datetime import UTC, datetime, timedelta

import pytest

from msnpauth import LocalProtocolError, Secret
from msnpauth.core.tickets.proof import answer
from msnpauth.service.stores.memory import MemoryState, at_once
from msnpauth.service.tickets import TicketOffice, TicketVerifier, new_key

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


STATES: weakref.WeakKeyDictionary[TicketOffice, MemoryState] = weakref.WeakKeyDictionary()


def accepted(office: TicketOffice, ticket: str, passport: str) -> bool:
    """Show a ticket to an office that has a state of its own."""
    state = STATES.setdefault(office, MemoryState(now=office._now))
    return at_once(office.accept(ticket, passport, state)) is not None


def test_a_ticket_is_good_once_and_for_its_account() -> None:
    office = TicketOffice()
    ticket, _ = office.issue("Alice@example.com")
    assert not accepted(office, ticket, "bob@example.com")
    assert accepted(office, ticket, "alice@example.com")
    assert not accepted(office, ticket, "alice@example.com")


def test_it_expires() -> None:
    clock = Clock()
    office = TicketOffice(now=clock)
    (early, expires), (late, _) = office.issue("a@b"), office.issue("a@b")
    assert expires == NOW + timedelta(seconds=60)
    clock.now = NOW + timedelta(seconds=59)
    assert accepted(office, early, "a@b")
    clock.now = NOW + timedelta(seconds=60)
    assert not accepted(office, late, "a@b")
    assert not accepted(office, early, "a@b")
    assert accepted(office, office.issue("a@b")[0], "a@b")


def test_what_was_used_is_known_for_as_long_as_it_lives_and_not_much_longer() -> None:
    clock = Clock()
    office = TicketOffice(now=clock)
    for minute in range(5):
        for second in (0, 1, 30, 59):
            clock.now = NOW + timedelta(minutes=minute, seconds=second)
            ticket, expires = office.issue("a@b")
            assert accepted(office, ticket, "a@b")
            clock.now = expires - timedelta(seconds=1)
            assert not accepted(office, ticket, "a@b")
    assert sum(map(len, STATES[office]._used.values())) <= 12


def test_a_ticket_of_rst_lives_longer_and_is_good_more_than_once() -> None:
    clock = Clock()
    office = TicketOffice(now=clock)
    ticket, expires = office.issue("a@b", "messenger.msn.com")
    assert expires == NOW + timedelta(hours=24)
    clock.now = expires - timedelta(seconds=1)
    assert accepted(office, ticket, "a@b")
    assert accepted(office, ticket, "a@b")
    clock.now = expires
    assert not accepted(office, ticket, "a@b")


def test_a_ticket_is_for_its_site() -> None:
    office = TicketOffice()
    contacts, _ = office.issue("a@b", "contacts.msn.com")
    assert not accepted(office, contacts, "a@b")
    assert office.check(contacts, "a@b", "contacts.msn.com")
    assert not office.check(contacts, "a@b")


def test_any_node_with_the_ring_checks_and_keys_rotate() -> None:
    old, new = new_key(), new_key()
    ticket, _ = TicketOffice([old]).issue("a@b")
    later, _ = TicketOffice([new, old]).issue("a@b")
    assert TicketVerifier([new, old]).check_twn(ticket, "A@B")
    assert not TicketVerifier([new]).check_twn(ticket, "a@b")
    assert TicketVerifier([new]).check_twn(later, "a@b")
    assert not TicketVerifier([old]).check_twn(later, "a@b")


@pytest.mark.parametrize("keys", [[], ["secret"], [""]])
def test_what_is_no_ring(keys: list[str]) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        TicketVerifier(keys)
    assert "secret" not in str(caught.value)


def test_sso() -> None:
    office = TicketOffice()
    secret = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
    ticket, _ = office.issue("a@b", "messengerclear.live.com", secret=secret)
    response = answer(secret, "nonce")
    grant = office.check_sso(ticket, response, "nonce", "a@b")
    assert grant is not None
    assert (grant.passport, grant.site, grant.secret) == ("a@b", "messengerclear.live.com", secret)
    assert not office.check_sso(ticket, response, "other", "a@b")
    assert not office.check_sso(ticket, "", "nonce", "a@b")
    assert not office.check_sso(ticket, response, "nonce", "x@y")
    assert not accepted(office, ticket, "a@b")
    plain, _ = office.issue("a@b", "messengerclear.live.com")
    assert not office.check_sso(plain, response, "nonce", "a@b")


def test_an_altered_ticket_is_refused() -> None:
    office = TicketOffice()
    ticket, _ = office.issue("a@b")
    for at in range(len(ticket)):
        for other in {"A", "B", "C", "_", "=", "\n", ""} - {ticket[at]}:
            assert not accepted(office, ticket[:at] + other + ticket[at + 1 :], "a@b")
    assert not accepted(office, ticket + "x", "a@b")
    assert accepted(office, ticket, "a@b")


@pytest.mark.parametrize("ticket", ["", "t=", "t=&p=", "x", "t=é", "t=AAAA", "t=" + "A" * 500])
def test_what_is_no_ticket(ticket: str) -> None:
    assert not accepted(TicketOffice(), ticket, "a@b")


def test_a_ticket_of_another_service() -> None:
    assert not accepted(TicketOffice(), TicketOffice().issue("a@b")[0], "a@b")


def test_its_shape_suits_old_clients() -> None:
    secret = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
    ticket, _ = TicketOffice().issue("alice@example.com", "messengerclear.live.com", secret=secret)
    assert ticket.startswith("t=")
    assert ticket.endswith("&p=")
    assert not set(ticket) & set("',\" \r\n")
    assert len(ticket) < 1022
