from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from msnpauth.service.tickets import TicketOffice

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_a_ticket_is_good_once_and_for_its_account() -> None:
    office = TicketOffice()
    ticket = office.issue("Alice@example.com")
    assert not office.accept(ticket, "bob@example.com")
    assert office.accept(ticket, "alice@example.com")
    assert not office.accept(ticket, "alice@example.com")


def test_it_expires() -> None:
    clock = Clock()
    office = TicketOffice(lifetime=timedelta(seconds=30), now=clock)
    early, late = office.issue("a@b"), office.issue("a@b")
    clock.now = NOW + timedelta(seconds=29)
    assert office.accept(early, "a@b")
    clock.now = NOW + timedelta(seconds=30)
    assert not office.accept(late, "a@b")
    assert not office.accept(early, "a@b")
    assert office.accept(office.issue("a@b"), "a@b")


def test_an_altered_ticket_is_refused() -> None:
    office = TicketOffice()
    ticket = office.issue("a@b")
    for at in range(len(ticket)):
        for other in {"A", "B", "C", "_", "=", "\n", ""} - {ticket[at]}:
            assert not office.accept(ticket[:at] + other + ticket[at + 1 :], "a@b")
    assert not office.accept(ticket + "x", "a@b")
    assert office.accept(ticket, "a@b")


@pytest.mark.parametrize("ticket", ["", "t=", "t=&p=", "x", "t=é", "t=AAAA", "t=" + "A" * 500])
def test_what_is_no_ticket(ticket: str) -> None:
    assert not TicketOffice().accept(ticket, "a@b")


def test_a_ticket_of_another_service() -> None:
    assert not TicketOffice().accept(TicketOffice().issue("a@b"), "a@b")


def test_its_shape_suits_old_clients() -> None:
    ticket = TicketOffice().issue("a@b")
    assert ticket.startswith("t=")
    assert ticket.endswith("&p=")
    assert not set(ticket) & set("',\" \r\n")
    assert len(ticket) < 1022
