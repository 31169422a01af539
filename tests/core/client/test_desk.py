"""Where the parts of a session ask: the notification server, and the services besides it."""

from __future__ import annotations

from typing import Any

import pytest

from msnpauth import CommandRefused, ConnectionFailed, LocalProtocolError, Secret
from msnpauth.core.client.connection import Profile, SessionConnection
from msnpauth.core.client.desk import Desk
from msnpauth.core.client.session_actions import Consult
from msnpauth.core.servers import CONTACTS_SITE, OIM_SITE
from msnpauth.core.wire.commands import Command
from talk import signed_in


def desk(*, consults: bool = True, number: int = 1) -> Desk:
    connection = SessionConnection(signed_in(15), now=100.0, number=number)
    return Desk(connection, 100.0, consults=consults)


def make(*_: Any) -> Any:
    raise AssertionError("the driver makes the exchange, and not the desk")


def test_what_is_said_goes_to_the_notification_server() -> None:
    at = desk()
    assert at.say("UUX", payload=b"<Data/>") == Command("UUX", 5, (), b"<Data/>")
    assert at.say("OUT") == Command("OUT")
    assert at.say("CHG", "NLN") == Command("CHG", 6, ("NLN",))
    assert [command.verb for command in at.connection.to_send] == ["UUX", "OUT", "CHG"]


def test_a_word_that_is_none_takes_no_transaction_id() -> None:
    at = desk()
    with pytest.raises(LocalProtocolError, match="a word of PRP is empty or holds a blank"):
        at.ask("PRP", "MFN", "A b")
    assert at.connection.to_send == []
    assert at.ask("PRP", "MFN", "A").trid == 5


def test_the_first_command_of_that_transaction_id_is_the_reply() -> None:
    at = desk()
    first, second = at.ask("SYN", "0", "0"), at.ask("CHG", "NLN")
    assert (first.trid, second.trid) == (5, 6)
    assert at.answer(Command("CHG", 6, ("NLN",)))
    assert (first.is_there, second.is_there) == (False, True)
    assert at.answer(Command("SYN", 5, ("1", "1", "0", "0")))
    assert first.result().args == ("1", "1", "0", "0")
    assert not at.answer(Command("LST", 5, ("FL", "1", "1", "0")))
    assert first.result().verb == "SYN"


def test_an_error_is_a_reply_too_and_names_what_was_refused() -> None:
    at = desk()
    reply = at.ask("CHG", "NLN")
    assert at.answer(Command("913", 5))
    with pytest.raises(CommandRefused, match="session at ns:1863: CHG was refused: not allowed"):
        reply.result()


@pytest.mark.parametrize(
    "command", [Command("CHL", 0, ("1",)), Command("CHG", 4, ("NLN",)), Command("RNG")]
)
def test_what_answers_nothing(command: Command) -> None:
    at = desk()
    reply = at.ask("CHG", "NLN")
    assert not at.answer(command)
    assert not reply.is_there


def test_a_reply_that_nobody_waits_for_any_more() -> None:
    at = desk()
    reply = at.ask("CHG", "NLN")
    at.forget(reply)
    at.forget(reply)
    assert not at.answer(Command("CHG", 5, ("NLN",)))
    assert not reply.is_there


def test_each_number_is_given_once() -> None:
    at = desk(number=7)
    at.consult(make)
    (consult,) = at.actions
    assert isinstance(consult, Consult)
    assert [consult.number, at.next_number(), at.next_number()] == [8, 9, 10]


def test_a_consultation_is_asked_of_the_driver() -> None:
    at = desk()
    outcome, other = at.consult(make), at.consult(make, OIM_SITE)
    contacts, messages = at.actions
    assert contacts == Consult(2, make, CONTACTS_SITE, None)
    assert messages == Consult(3, make, OIM_SITE, None)
    at.consulted(3, "messages")
    assert (outcome.is_there, other.result()) == (False, "messages")
    at.consulted(2, ConnectionFailed("no way"))
    with pytest.raises(ConnectionFailed, match="no way"):
        outcome.result()
    at.consulted(2, "too late")
    at.consulted(99, "nobody's")
    with pytest.raises(ConnectionFailed):
        outcome.result()


def test_without_a_way_to_the_services_the_driver_is_asked_nothing() -> None:
    at = desk(consults=False)
    with pytest.raises(LocalProtocolError, match="this session knows no way to its contacts host"):
        at.consult(make).result()
    assert at.actions == []


@pytest.mark.parametrize(
    ("profile", "ticket"),
    [
        (b"", None),
        (b"sid: 507\r\n", None),
        (b"MSPAuth: \r\n", None),
        (b"MSPAuth: 53*1hAu8\r\n", "t=53*1hAu8&p="),
        (b"MSPAuth: t=53*1hAu8&p=5eKB\r\n", "t=53*1hAu8&p=5eKB"),
    ],
    ids=["no profile", "no ticket", "an empty one", "the half of one", "a whole one"],
)
def test_the_ticket_of_the_profile_goes_along(profile: bytes, ticket: str | None) -> None:
    at = desk()
    at.connection.profile = Profile(profile)
    at.consult(make)
    (consult,) = at.actions
    assert isinstance(consult, Consult)
    assert consult.ticket == (None if ticket is None else Secret(ticket))


def test_the_end_of_the_connection_reaches_who_waits() -> None:
    at = desk()
    reply, outcome = at.ask("CHG", "NLN"), at.consult(make)
    again: list[int] = []
    reply.then(lambda: again.append(at.ask("CHG", "BSY").trid))
    at.fail_all(ConnectionFailed("gone"))
    for waiting in (reply, outcome):
        with pytest.raises(ConnectionFailed, match="gone"):
            waiting.result()
    assert not at.answer(Command("CHG", 5, ("NLN",)))
    assert again == [6], "who asks again is not told the same reason in an endless circle"


def test_another_connection_has_a_profile_of_its_own() -> None:
    at = desk()
    came = at.profile_came
    came.settle(None)
    later = SessionConnection(signed_in(15, 20), now=100.0, number=at.next_number())
    at.change_connection(later)
    assert at.connection is later
    assert not at.profile_came.is_there
    assert at.ask("CHG", "NLN").trid == 20
