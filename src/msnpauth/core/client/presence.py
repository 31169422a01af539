"""Presence: the account's own status, name and message, and the contact list that they need.

The commands and their order differ by MSNP version (hypothetic.org; MSNPiki; libpurple; msn-pecan):

    MSNP2 to 12    SYN, the list comes by lines        CHG status [capabilities]
    MSNP13 to 19   the list comes by SOAP; BLP, ADL    CHG status capabilities, UUX
    MSNP21         the list comes by SOAP; ADL         PUT of a document that has all of it
"""

from __future__ import annotations

from ..errors import LocalProtocolError
from ..people.addressbook import fetch_book
from ..people.announced import announcements, own_announcement
from ..people.contact import Book, Contact
from ..people.lines import Listing
from ..people.publication import PUBLISHED, Published, published_document
from ..tickets.xml import escape_xml
from ..wire.commands import Command, escape, passport_word
from ..wire.dialects import ListsForm
from ..wire.routed import routed_payload
from ..wire.status import Status
from .desk import Desk
from .roster import Roster
from .waiting import Outcome, Steps, Work, first_of

__all__ = ["Presence"]

_MAX_NAME = 387
"""Bytes of a display name once it is percent-encoded; a server disconnects for more."""

_ADL_PATIENCE = 30.0
"""Seconds to wait for the reply to ADL, as in libpurple, because some servers never send one."""

_PROFILE_PATIENCE = 2.0
"""Seconds to wait for the profile, before the contact list is fetched without it."""


class Presence:
    """The presence of the account in one session.

    Args:
        desk: the state that the parts of the session share.
        roster: the contact list, which this class loads and keeps up to date.
    """

    def __init__(self, desk: Desk, roster: Roster) -> None:
        self._desk = desk
        self._roster = roster
        self._listing: Listing | None = None
        self._listed: Outcome[None] = Outcome()
        self._loading: Work[None] | None = None
        self._has_list = False
        self.status: Status | None = None
        """The account's own status; None before `go_online`."""
        self._wanted_name: str | None = None
        """The name that the caller has set; None for the name that the server knows."""
        self._wanted_message: str | None = None
        self._announced = False

    # --- requests of the caller ------------------------------------------------------------------

    def go_online(
        self, status: Status, name: str | None, personal_message: str | None
    ) -> Work[None]:
        """Become visible: send lists, name, status and message in the order of the dialect.

        Raises:
            LocalProtocolError: the dialect has no personal messages, or the name is not valid.
        """
        if name is not None:
            _name_word(name)
        if personal_message is not None:
            self._check_has_messages()
        return Work(self._go_online(status, name, personal_message))

    def set_name(self, name: str) -> Work[None]:
        """Change the account's own display name.

        Raises:
            LocalProtocolError: the name is empty or too long.
        """
        _name_word(name)
        return Work(self._set_name(name))

    def set_personal_message(self, text: str) -> Work[None]:
        """Change the account's own personal message.

        Raises:
            LocalProtocolError: the dialect has no personal messages.
        """
        self._check_has_messages()
        return Work(self._set_message(text))

    def contacts(self) -> Work[list[Contact]]:
        """Return everybody on the account's lists; the lists are read first if necessary."""
        return Work(self._contacts())

    def loaded(self) -> Steps[None]:
        """Have the contact list read, if it has not been read yet."""
        if self._has_list:
            return
        if self._loading is None or self._loading.is_there:
            self._loading = Work(self._load())
        yield self._loading
        self._loading.result()

    # --- commands and connections ----------------------------------------------------------------

    def take(self, command: Command) -> None:
        """Take a command of the notification server."""
        if self._listing is not None:
            self._listing.take(command)
            if self._listing.is_complete:
                self._listed.settle(None)
        self._desk.happened += self._roster.take(command)

    def lost(self) -> None:
        """Forget the state of the lost connection: the next one has to be set up anew."""
        self._has_list = self._announced = False
        self._listing = None
        self._roster.everybody_left()

    def restored(self) -> Work[None]:
        """Set up the earlier presence again, on a new connection."""
        return Work(self._restored())

    def _restored(self) -> Steps[None]:
        if self.status is not None:
            # Up to MSNP12 the server keeps a name that was set. After that the name belongs to the
            # session, and the contacts of a client that returns would see its address.
            by_soap = self._desk.connection.dialect.lists is ListsForm.BY_SOAP
            name = self._wanted_name if by_soap else None
            yield from self._go_online(self.status, name, self._wanted_message)

    # --- the steps -------------------------------------------------------------------------------

    def _go_online(
        self, status: Status, name: str | None, personal_message: str | None
    ) -> Steps[None]:
        dialect = self._desk.connection.dialect
        # Without SYN, or without ADL, a server sends nothing about the contacts, and the contacts
        # do not see the account (hypothetic.org; MSNPiki).
        yield from self.loaded()
        if dialect.lists is ListsForm.BY_SOAP and not self._announced:
            yield from self._announce_lists()
        if dialect.routed:
            yield from self._publish(status, name, personal_message)
            return
        if name is not None:
            yield from self._set_name(name)
        words = [dialect.capabilities] if dialect.capabilities else []
        reply = self._desk.ask("CHG", status.code, *words)
        yield reply
        reply.result()
        self.status = status
        if personal_message is not None:
            yield from self._set_message(personal_message)

    def _publish(self, status: Status, name: str | None, message: str | None) -> Steps[None]:
        """Publish status, name and message of the account in one document (MSNP21)."""
        connection = self._desk.connection
        if name is None:
            name = self._wanted_name or connection.display_name
        else:
            self._wanted_name = name
        message = self._wanted_message if message is None else message
        said = Published(status.code, name, message or "", connection.dialect.capabilities)
        payload = routed_payload(
            connection.passport,
            connection.passport,
            connection.guid,
            (("Publication", "1.0"), ("Uri", "/user"), ("Content-Type", PUBLISHED)),
            published_document(said),
            reliability=(("Stream", "1"), ("Flags", "ACK")),
        )
        reply = self._desk.ask("PUT", payload=payload)
        yield reply
        reply.result()
        self.status, self._wanted_message = status, message
        connection.display_name = name

    def _set_name(self, name: str) -> Steps[None]:
        connection, word = self._desk.connection, _name_word(name)
        if connection.dialect.routed:
            if self.status is None:
                self._wanted_name = connection.display_name = name  # it is sent with the status
            else:
                yield from self._publish(self.status, name, None)
            return
        if connection.dialect.name_by_rea:
            reply = self._desk.ask("REA", passport_word(connection.passport), word)
        else:
            reply = self._desk.ask("PRP", "MFN", word)
        yield reply
        reply.result()
        self._wanted_name = connection.display_name = name

    def _set_message(self, text: str) -> Steps[None]:
        if self._desk.connection.dialect.routed:
            if self.status is None:
                self._wanted_message = text  # it is sent with the status
            else:
                yield from self._publish(self.status, None, text)
            return
        payload = f"<Data><PSM>{escape_xml(text)}</PSM><CurrentMedia></CurrentMedia></Data>"
        reply = self._desk.ask("UUX", payload=payload.encode("utf-8", "replace"))
        yield reply
        reply.result()
        self._wanted_message = text

    def _check_has_messages(self) -> None:
        dialect = self._desk.connection.dialect
        if not dialect.personal_message:
            raise LocalProtocolError(
                f"{dialect.name} has no personal messages", hint="MSNP11 and later have them"
            )

    # --- the list --------------------------------------------------------------------------------

    def _contacts(self) -> Steps[list[Contact]]:
        yield from self.loaded()
        return self._roster.contacts()

    def _load(self) -> Steps[None]:
        form = self._desk.connection.dialect.lists
        if form is ListsForm.BY_SOAP:
            book = yield from self._load_by_soap()
        else:
            book = yield from self._load_by_lines(form)
        self._has_list = True
        # From MSNP13 on only the address book contains the account's own name.
        own_name = self._wanted_name or book.own_name or self._desk.connection.display_name
        self._desk.connection.display_name = own_name
        self._desk.happened += self._roster.load(book)

    def _load_by_lines(self, form: ListsForm) -> Steps[Book]:
        self._listing, self._listed = Listing(form), Outcome()
        # `0` means that no version of the list is kept here, so that the server sends all of it.
        stamps = ["0", "0"] if form in _BY_FIELD else ["0"]
        reply = self._desk.ask("SYN", *stamps)
        listed = self._listed
        yield first_of(reply, listed)
        if reply.is_there:
            reply.result()
        yield listed
        listed.result()
        listing, self._listing = self._listing, None
        return listing.book

    def _load_by_soap(self) -> Steps[Book]:
        paged = self._desk.connection.dialect.guid
        if not self._desk.connection.profile:
            # The profile may contain the ticket for the contacts host, and comes before all else.
            came, waited = self._desk.profile_came, self._desk.timers.after(_PROFILE_PATIENCE)
            yield first_of(came, waited)
        outcome = self._desk.consult(
            lambda servers, ticket: fetch_book(servers, ticket, paged=paged)
        )
        yield outcome
        book: Book = outcome.result()
        return book

    def _announce_lists(self) -> Steps[None]:
        """Send the notification server the list of the contacts host: BLP, and ADL in parts."""
        connection = self._desk.connection
        routed = connection.dialect.routed
        # 7: the forward, allow and block list. Servers answer 241 to the other two (MSNPiki).
        entries = [entry for entry in self._roster.book.entries.values() if entry.bits & 7]
        payloads = list(announcements(entries, by_service=routed))
        if routed:
            payloads.insert(0, own_announcement(connection.passport))
        else:
            reply = self._desk.ask("BLP", "AL")
            yield reply  # the reply is ignored: an error means that this is already the setting
        replies = [self._desk.ask("ADL", payload=payload) for payload in payloads]
        patience = self._desk.timers.after(_ADL_PATIENCE)
        for answered in replies:
            yield first_of(answered, patience)
            if answered.is_there:
                answered.result()
        self._announced = True


_BY_FIELD = (ListsForm.BY_FIELD, ListsForm.BY_FIELD_WITH_NETWORK)


def _name_word(name: str) -> str:
    """Return a display name as a word of an MSNP line.

    Raises:
        LocalProtocolError: the name is empty, or longer than servers accept.
    """
    if not isinstance(name, str) or not name:
        raise LocalProtocolError("a display name is text, and not empty")
    word = escape(name)
    if len(word) > _MAX_NAME:
        raise LocalProtocolError(
            f"the display name takes {len(word)} bytes on the wire",
            hint=f"{_MAX_NAME} are the most; letters other than a to z take three or more each",
        )
    return word
