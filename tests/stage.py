"""The service without sockets, with Bob on it: for the transcripts of lists and chats."""

from __future__ import annotations

from datetime import UTC, datetime

from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS, Dialect, known
from msnpauth.core.wire.messages import PLAIN, text_payload
from msnpauth.core.wire.routed import as_datagram, routed_payload
from msnpauth.service.roles.chats import Chats
from msnpauth.service.roles.contacts import contacts_reply
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.switchboard import SwitchboardRole
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"
GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
BOBS_GUID = "{0D15EA5E-0000-4000-8000-000000000B0B}"
SWITCHBOARD = Address("127.0.0.1", 1864)


class Stage:
    """Everybody's roles: Alice is whoever is tested, and Bob does as he is told."""

    def __init__(self, version: int) -> None:
        people = [
            Account(ALICE, "x", display_name="Al ice", contacts={"Fri ends": (BOB,)}),
            Account(BOB, "x", display_name="Bob B", contacts=(ALICE,)),
            Account(CAROL, "x"),
        ]
        self.dialect = DIALECTS[version]
        self.accounts = Accounts.of(people)
        self.office = Office(
            in_memory(self.accounts),
            TicketOffice(),
            known(DIALECTS),
            now=lambda: datetime(2026, 11, 23, 12, tzinfo=UTC),
        )
        self.chats = Chats(self.office, SWITCHBOARD)
        self.alice = self.member(ALICE, GUID)
        self.bob = Bob(self)

    def member(self, passport: str, guid: str) -> NotificationRole:
        """Return a notification connection that has signed in."""
        role = NotificationRole(self.office, here=Address("ns.example", 1863), chats=self.chats)
        role.dialect = self.dialect
        role.guid = guid if self.dialect.guid else ""
        role.account = at_once(self.accounts.find(passport))
        assert role.account is not None
        at_once(self.office.enter(role.account, role))
        return role

    def guest(self) -> SwitchboardRole:
        """Return a connection to the switchboard."""
        return SwitchboardRole(self.chats, faults=self.office.faults)

    def contacts(self, body: bytes) -> tuple[int, bytes]:
        """Answer a request to the contacts host."""
        return at_once(contacts_reply(body, self.office))

    def ticket(self) -> str:
        """Return Alice's ticket for the contacts host."""
        return self.office.tickets.issue(ALICE, "contacts.msn.com")[0]


class Bob:
    """A contact of Alice's, who speaks the same version."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._dialect: Dialect = stage.dialect
        self._role = stage.member(BOB, BOBS_GUID)
        self._guest: SwitchboardRole | None = None
        self._trid = 10
        if self._dialect.routed:
            document = b'<user><s n="IM"><Status>NLN</Status></s></user>'
            content = (("Publication", "1.0"), ("Uri", "/user"))
            self._say("PUT", payload=routed_payload(BOB, BOB, BOBS_GUID, content, document))
        else:
            words = [self._dialect.capabilities] if self._dialect.capabilities else []
            self._say("CHG", "NLN", *words)

    def _say(self, verb: str, *words: str, payload: bytes | None = None) -> list[Command]:
        self._trid += 1
        at_once(self._role.receive(Command(verb, self._trid, words, payload)))
        said, self._role.out = self._role.out, []
        return said

    def act(self, what: str) -> None:
        """Do what a line of a transcript says."""
        match what.split(" ", 1):
            case ["answers"]:
                self.answer()
            case ["calls"]:
                self.call()
            case ["leaves"]:
                self.leave()
            case ["says", text]:
                self.says(text_payload(text, PLAIN))

    @property
    def _word(self) -> str:
        return f"{BOB};{BOBS_GUID.lower()}" if self._role.guid else BOB

    def answer(self) -> None:
        """Come into the chat that Alice has called to."""
        calls = [command for command in self._role.out if command.verb == "RNG"]
        self._role.out = []
        (call,) = calls
        session, _, _, key = call.args[:4]
        self._enter("ANS", self._word, key, session)

    def call(self) -> None:
        """Open a chat with Alice."""
        (reply,) = self._say("XFR", "SB")
        self._enter("USR", self._word, reply.args[3])
        assert self._guest is not None
        at_once(self._guest.receive(Command("CAL", 2, (ALICE,))))

    def _enter(self, verb: str, *words: str) -> None:
        self._guest = self._stage.guest()
        at_once(self._guest.receive(Command(verb, 1, words)))

    def says(self, payload: bytes) -> None:
        """Say something to Alice."""
        if self._dialect.routed:
            content = as_datagram(payload)
            assert content is not None
            self._say("SDG", payload=routed_payload(ALICE, BOB, BOBS_GUID, *content))
        else:
            assert self._guest is not None
            at_once(self._guest.receive(Command("MSG", 3, ("U",), payload)))

    def leave(self) -> None:
        """Leave the chat."""
        assert self._guest is not None
        at_once(self._guest.receive(Command("OUT")))
        at_once(self._guest.gone())
