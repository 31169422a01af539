"""Messages that are left for somebody: by both ways, told in each version, fetched and deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from msnpauth import CommandRefused, RemoteProtocolError, Secret, Servers
from msnpauth.core.people.offline import delete_left, fetch_left, notice_in
from msnpauth.core.tickets.exchange import Exchange, Response
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles.left_messages import LeftMessagesRole, leave
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.web import WebRequest, WebSite
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

ALICE, BOB = "alice@example.com", "bob@example.com"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TEXT = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nGr\xc3\xbc\xc3\x9fe"


class House:
    def __init__(self) -> None:
        self.alice = Account(ALICE, "x", display_name="Al ïce")
        accounts = Accounts.of([self.alice, Account(BOB, "x"), Account("c@d.example", "x")])
        self.tickets = TicketOffice(now=lambda: NOW)
        self.office = Office(in_memory(accounts), self.tickets, known(DIALECTS), now=lambda: NOW)
        self.role = LeftMessagesRole(self.office)
        self.accounts = accounts

    def leave(self, text: str = "hello", to: str = BOB) -> bool:
        return at_once(leave(self.office, self.alice.principal, to, text))

    def client(self, passport: str, version: int) -> NotificationRole:
        role = NotificationRole(self.office, here=Address("ns", 1863))
        role.dialect, role.account = DIALECTS[version], at_once(self.accounts.find(passport))
        assert role.account is not None
        at_once(self.office.enter(role.account, role))
        return role

    def post(self, path: str, body: bytes) -> Response:
        answer = at_once(WebSite(self.role.paths()).answer(WebRequest("POST", path, {}, body)))
        return Response(answer.status, (), answer.body)

    def run(self, exchange: Exchange[Any]) -> Any:
        """Carry a client's exchange."""
        request = next(exchange)
        while True:
            answer = self.post(request.url.target, request.body)
            try:
                request = exchange.send(answer)
            except StopIteration as end:
                return end.value


SERVERS = Servers("ns.example", contacts="https://c.example")


def online(role: NotificationRole) -> list[Command]:
    dialect = role.spoken
    if dialect.routed:
        body = b"<user><s n='IM'><Status>NLN</Status></s></user>"
        head = f"Routing: 1.0\r\nTo: 1:{BOB}\r\nFrom: 1:{BOB}\r\n\r\nReliability: 1.0\r\n\r\n"
        payload = f"{head}Publication: 1.0\r\nUri: /user\r\n\r\n".encode() + body
        at_once(role.receive(Command("PUT", 5, (), payload)))
    else:
        at_once(role.receive(Command("CHG", 5, ("NLN", "0"))))
    said, role.out = role.out, []
    return [command for command in said if command.verb == "MSG"]


@pytest.mark.parametrize("version", [2, 8, 10, 11, 13, 18, 21])
def test_who_comes_online_is_told(version: int) -> None:
    house = House()
    assert house.leave()
    told = online(house.client(BOB, version))
    assert len(told) == (version >= 11)
    for command in told:
        assert command.args == ("Hotmail", "Hotmail")
        assert b"text/x-msmsgsinitialmdatanotification" in (command.payload or b"")
        found = notice_in(command.payload or b"")
        assert found is not None
        assert found.ids is not None
        assert len(found.ids) == 1


def test_who_is_there_is_told_at_once() -> None:
    house = House()
    bob = house.client(BOB, 18)
    assert house.leave("before")
    assert bob.out == []  # nobody is seen yet
    online(bob)
    assert house.leave("hello")
    (command,) = bob.out
    assert b"text/x-msmsgsoimnotification" in (command.payload or b"")


def test_nothing_was_left() -> None:
    assert online(House().client(BOB, 18)) == []


def test_fetched_and_deleted() -> None:
    house = House()
    assert house.leave("one")
    assert house.leave("two\nGrüße & <b>")
    ticket = Secret(house.tickets.issue(BOB, "messenger.msn.com")[0])
    first, second = house.run(fetch_left(SERVERS, ticket, None))
    assert (first.sender, first.name, first.text, first.sent_at) == (ALICE, "Al ïce", "one", NOW)
    assert second.text == "two\nGrüße & <b>"
    house.run(delete_left(SERVERS, ticket, [first.id, "no such"]))
    (kept,) = house.run(fetch_left(SERVERS, ticket, None))
    assert kept == second
    with pytest.raises(RemoteProtocolError):
        house.run(fetch_left(SERVERS, ticket, (first.id,)))


@pytest.mark.parametrize("ticket", ["", "t=x&p=", "other"])
def test_whose_ticket_is_none(ticket: str) -> None:
    house = House()
    house.leave()
    wrong = house.tickets.issue(BOB, "storage.msn.com")[0] if ticket == "other" else ticket
    with pytest.raises((RemoteProtocolError, CommandRefused)):
        house.run(fetch_left(SERVERS, Secret(wrong), None))


def test_everybody_has_their_own() -> None:
    house = House()
    house.leave()
    ticket = Secret(house.tickets.issue(ALICE, "messenger.msn.com")[0])
    assert house.run(fetch_left(SERVERS, ticket, None)) == []


def test_more_than_can_be_named() -> None:
    house = House()
    for number in range(26):
        assert house.leave(str(number))
    (command,) = online(house.client(BOB, 18))
    found = notice_in(command.payload or b"")
    assert found is not None
    assert found.ids is None
    ticket = Secret(house.tickets.issue(BOB, "messenger.msn.com")[0])
    assert len(house.run(fetch_left(SERVERS, ticket, None))) == 26


def test_what_cannot_be_left() -> None:
    house = House()
    assert not house.leave(to="nobody@example.com")
    assert not house.leave("")
    assert not house.leave("x" * 9000)
    lists = at_once(house.office.lists.lists(BOB))
    lists.allows_others = False
    assert not house.leave()
    lists.allows_others = True
    assert sum(house.leave(str(number)) for number in range(300)) == 200


# --- by UUM --------------------------------------------------------------------------------------


def uum(version: int, *words: str, payload: bytes = TEXT) -> tuple[House, list[str]]:
    house = House()
    alice = house.client(ALICE, version)
    at_once(alice.receive(Command("UUM", 7, words, payload)))
    return house, [command.encode().decode().strip() for command in alice.out]


def test_uum() -> None:
    house, said = uum(18, BOB, "1", "1")
    assert said == ["UUM 7 OK"]
    (left,) = at_once(house.office.left.left(BOB))
    assert (left.sender, left.text) == (ALICE, "Grüße")


@pytest.mark.parametrize(
    ("version", "words", "said"),
    [
        (16, (BOB, "1", "1"), "502 7"),
        (18, ("nobody@example.com", "1", "1"), "217 7"),
        (18, (BOB, "1", "2"), "UUM 7 OK"),
        (18, (), "UUM 7 OK"),
    ],
)
def test_uum_that_leaves_nothing(version: int, words: tuple[str, ...], said: str) -> None:
    house, answers = uum(version, *words)
    assert answers == [said]
    assert at_once(house.office.left.left(BOB)) == []


# --- by Store ------------------------------------------------------------------------------------

# As libpurple writes it (oim.h).
CONTENT = (
    "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
    "Content-Transfer-Encoding: base64\nX-OIM-Message-Type: OfflineMessage\n"
    "X-OIM-Run-Id: {3A3BE82C-684D-4F4F-8005-CBE8D4F82BAD}\nX-OIM-Sequence-Num: 1\n\nR3LDvMOfZQ=="
)


def store(
    house: House, *, sender: str = ALICE, to: str = BOB, lockkey: str = "k", ticket: str = ""
) -> tuple[int, str]:
    ticket = ticket or house.tickets.issue(ALICE, "messengersecure.live.com")[0]
    body = (
        '<s:Envelope xmlns:s="urn:s"><s:Header>'
        f'<From memberName="{sender}" friendlyName="=?utf-8?B?eA==?=" xml:lang="en-US"/>'
        f'<To memberName="{to}"/><Ticket passport="{ticket.replace("&", "&amp;")}"'
        f' appid="PROD0119GSJUC$18" lockkey="{lockkey}"/>'
        "<Sequence><Identifier>http://messenger.msn.com</Identifier>"
        "<MessageNumber>3</MessageNumber></Sequence></s:Header><s:Body>"
        f"<MessageType>text</MessageType><Content>{CONTENT}</Content></s:Body></s:Envelope>"
    )
    response = house.post("/OimWS/oim.asmx", body.encode())
    return response.status, response.body.decode()


def test_store() -> None:
    house = House()
    status, body = store(house)
    assert status == 200
    assert 'Upper="3"' in body
    (left,) = at_once(house.office.left.left(BOB))
    assert (left.sender, left.name, left.text) == (ALICE, "Al ïce", "Grüße")


def test_a_client_without_a_lock_key_is_given_the_challenge() -> None:
    house = House()
    status, body = store(house, lockkey="")
    assert status == 500
    assert ">q0:AuthenticationFailed<" in body
    assert "<LockKeyChallenge>1850937852</LockKeyChallenge>" in body
    status, body = store(house, lockkey="", ticket="t=x&p=")
    assert "LockKeyChallenge" not in body
    assert at_once(house.office.left.left(BOB)) == []


def test_what_cannot_be_stored() -> None:
    house = House()
    assert ">q0:SystemUnavailable<" in store(house, sender="c@d.example")[1]
    assert ">q0:SystemUnavailable<" in store(house, to="nobody@example.com")[1]
    assert ">q0:AuthenticationFailed<" in store(house, ticket="t=x&p=")[1]
    assert house.post("/OimWS/oim.asmx", b"<a/>").status == 500
    assert house.post("/OimWS/oim.asmx", b"no XML").status == 500
    assert at_once(house.office.left.left(BOB)) == []
