"""One connection of a living session, without I/O: CHL answered, PNG when it is due.

What lasts longer than a connection (replies that are waited for, unread commands, coming back) is
the business of `engine`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import (
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    SessionEnded,
    SignInError,
    Step,
    TooManyRedirects,
)
from ..patterns import pattern
from ..urls import BadAddress
from ..wire.commands import Command, unescape
from ..wire.lines import NeedData
from ..wire.query import answer
from .actions import SignedIn
from .conversation import ended_by, transferred_to

__all__ = ["MAX_QUICK_MOVES", "PING_INTERVAL", "Profile", "SessionConnection", "check_product"]

PING_INTERVAL = 45.0
"""Seconds between PNGs unless the server's QNG says otherwise (42 to 60 were seen)."""

MIN_QNG = 10
"""Seconds. A smaller number in QNG is passed over: 0 was seen, and would mean a PNG at once."""

MAX_QUICK_MOVES = 5
"""After how many connections in a row of less than a minute an XFR is no longer followed."""

_SHORT = 60.0
_MISSED_PINGS = 2
_WITHOUT_TRID = frozenset({"PNG", "OUT"})

# Some servers never answer QRY: what they leave unanswered must not be remembered for ever. Others
# ask CHL faster than they read: what waits to be written to them must not grow for ever either.
_MAX_QUERIES = 1000

_NUMBER = pattern(r"[0-9]{1,6}")
_UNPRINTABLE = pattern(r"[^!-~]")


def check_product(product: tuple[str, str] | None) -> tuple[str, str] | None:
    """Return the id and key that answer a CHL, if they can be ones.

    Raises:
        LocalProtocolError: they are no pair of words in ASCII. The id is a word of QRY.
    """
    if product is None:
        return None
    pair = tuple(product) if isinstance(product, tuple | list) else ()
    words = [word for word in pair if isinstance(word, str) and word]
    if len(pair) != 2 or len(words) != 2 or any(_UNPRINTABLE.search(word) for word in words):
        raise LocalProtocolError(
            "product= is no pair of product id and key",
            hint='as in product=("PROD0119GSJUC$18", "ILTXC!4IXB5FB*PX")',
        )
    return words[0], words[1]


class Profile(Mapping[str, str]):
    """The fields of the server's first MSG, by name in any letter case; empty before it came."""

    def __init__(self, payload: bytes = b"") -> None:
        self._fields: dict[str, tuple[str, str]] = {}
        for line in payload.decode("utf-8", "replace").splitlines():
            name, colon, value = line.partition(":")
            if colon:
                self._fields.setdefault(name.strip().lower(), (name.strip(), value.strip()))

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        # MSPAuth is the ticket: names only.
        return f"<Profile {' '.join(self)}>"


class SessionConnection:
    """One connection of a session. Times are seconds of the driver's own clock.

    Args:
        signed_in: what the sign-in left.
        now: the time.
        product: id and key that answer a CHL; by default those of a client of that version.
        before: the connection that this one takes the place of.
        number: which of the session's connections this is.
    """

    def __init__(
        self,
        signed_in: SignedIn,
        *,
        now: float,
        product: tuple[str, str] | None = None,
        before: SessionConnection | None = None,
        number: int = 1,
    ) -> None:
        self.number = number
        accepted = signed_in.accepted
        self.passport = accepted.passport
        self.display_name = accepted.display_name
        self.dialect = accepted.dialect
        self.ticket = signed_in.ticket
        self.tickets = dict(signed_in.tickets)
        self.guid = signed_in.guid
        self.server = str(signed_in.server)
        self.profile = Profile()
        self.ended: SignInError | None = None
        """Why the connection is over, or None while it lives."""
        self.to_send: list[Command] = []
        """What is to be sent by itself; the driver takes it."""
        self._reader = signed_in.reader
        self._unasked = list(signed_in.unasked)
        if before is not None:
            # Who reads the commands sees by it that presence is to be set up anew.
            self._unasked.append(accepted.command)
        self._began = self._now = now
        self._short_before = 0 if before is None else before.short_lives
        self._next_trid = signed_in.next_trid
        default = accepted.dialect.product
        self._product = product or (default.id, default.key)
        self._queries: dict[int | None, None] = {}
        """Transaction ids of the QRYs that wait for their answer, the oldest first."""
        self._interval = PING_INTERVAL
        self._unanswered = 0
        self._own_pings = 0
        self._wake_at = now + self._interval

    @property
    def wake_at(self) -> float:
        """When `tick` is due."""
        return self._wake_at

    @property
    def short_lives(self) -> int:
        """How many connections in a row, up to this one, lasted less than a minute."""
        return self._short_before + 1 if self._now - self._began < _SHORT else 0

    def send(self, verb: str, args: tuple[str, ...], payload: bytes | None) -> Command:
        """Put a command into `to_send`, with the next transaction id where the verb takes one.

        Raises:
            LocalProtocolError: it is no command.
        """
        if payload is not None and not isinstance(payload, bytes):
            raise LocalProtocolError(f"the payload of {verb} is not bytes")
        trid = None if verb in _WITHOUT_TRID else self._next_trid
        command = Command(verb, trid, tuple(str(arg) for arg in args), payload)
        # A word that cannot be sent is found out before its transaction id is used up.
        command.encode()
        self._next_trid += trid is not None
        self.to_send.append(command)
        return command

    def sent(self, now: float) -> None:
        """Something was written: the next PNG is due an interval later."""
        self._now = now
        # A PNG only shows that we live, so that anything else that was sent does as well. While a
        # PNG of ours is unanswered the clock goes on: it is the server that is in doubt then.
        if not self._unanswered:
            self._wake_at = now + self._interval

    def receive(self, data: bytes | None, now: float) -> list[Command]:
        """Take bytes (b"" when the server closed; None to read what sign-in left); return commands.

        Answers to CHL and PNG that this class sent are not among them.
        """
        self._now = now
        if data:
            self._reader.feed(data)
            # Any byte shows that the server lives: some never answer PNG at all.
            self._unanswered = 0
        commands = [command for command in self._unasked if not self._is_ours(command, now)]
        self._unasked.clear()
        while self.ended is None:
            command = self._reader.next_command()
            if isinstance(command, NeedData):
                if data == b"":
                    self._closed()
                break
            if isinstance(command, RemoteProtocolError):
                command.step, command.server = Step.SESSION, self.server
                self.end(command)
            elif not self._is_ours(command, now):
                commands.append(command)
                # S: XFR 0 NS 10.0.0.6:1863: the server wants the session elsewhere. `XFR n SB …`
                # is the answer to somebody who asked for a switchboard.
                if command.verb == "XFR" and command.args[:1] == ("NS",):
                    self._moved(command)
        return commands

    def tick(self, now: float) -> None:
        """Send a PNG when it is due; the session is lost when two were not answered."""
        self._now = now
        if self.ended is not None or now < self._wake_at:
            return
        if self._unanswered >= _MISSED_PINGS:
            text = "the server no longer answers"
            self.end(
                ConnectionFailed(text, step=Step.SESSION, server=self.server, finding="MA-NET-11")
            )
            return
        self._unanswered += 1
        self._own_pings += 1
        self._wake_at = now + self._interval
        self.to_send.append(Command("PNG"))

    def end(self, error: SignInError) -> None:
        """The connection is over; the first reason counts."""
        self.ended = self.ended or error

    def closed_here(self) -> SessionEnded:
        """Return the reason for a session that this side closed."""
        return SessionEnded("the session was closed", reason="closed", server=self.server)

    @property
    def unread(self) -> bytes:
        """The bytes behind the last whole command."""
        return self._reader.unread

    @property
    def next_trid(self) -> int:
        """The transaction id that the next command takes."""
        return self._next_trid

    def _is_ours(self, command: Command, now: float) -> bool:
        """Tell whether the command is this class's own business, and nobody else's."""
        trid = command.trid
        if command.verb == "CHL":
            return self._on_challenge(command)
        # QNG has no transaction id. As many of them as we sent PNGs are ours; a caller that sends
        # PNG itself sees the others.
        if command.verb == "QNG" and self._own_pings:
            self._own_pings -= 1
            self._on_pong(command, now)
            return True
        if trid in self._queries and (command.verb == "QRY" or command.code is not None):
            del self._queries[trid]
            # S: 540 7: the answer to CHL was wrong. The server closes without another word.
            if command.code is not None:
                from ..codes import error_for_code  # a long table, which few sessions need

                error = error_for_code(command.code, server=self.server)
                error.step = Step.SESSION
                self.end(error)
            return True
        self._note(command)
        return False

    def _closed(self) -> None:
        """The server closed the connection, perhaps behind an OUT without its line end.

        `OUT OTH` has to be heard in that case too: whoever came back after it would throw the
        other place out, again and again.
        """
        self._reader.feed(b"\r\n")
        last = self._reader.next_command()
        if isinstance(last, Command) and last.verb == "OUT":
            self._note(last)
        text = "the server closed the connection"
        self.end(ConnectionFailed(text, step=Step.SESSION, server=self.server, finding="MA-NET-08"))

    def _note(self, command: Command) -> None:
        """Keep what the command tells about the session."""
        match command:
            case Command("OUT"):
                self.end(ended_by(command, self.server))
            case Command("MSG", payload=bytes() as payload) if not self.profile:
                if b"text/x-msmsgsprofile" in payload:
                    self.profile = Profile(payload)
            case Command("PRP", args=(*_, "MFN", name)):
                self.display_name = unescape(name)

    def _moved(self, command: Command) -> None:
        """The server sends the session on; not for ever, when two servers do not agree."""
        try:
            address = transferred_to(command)
        except BadAddress as problem:
            text = f"XFR to no address: {problem}"
            self.end(RemoteProtocolError(text, step=Step.SESSION, server=self.server))
            return
        if self.short_lives > MAX_QUICK_MOVES:
            text = f"sent on after {self.short_lives} connections of less than a minute each"
            self.end(TooManyRedirects(text, step=Step.SESSION, server=self.server))
            return
        text = f"the server sends us on to {address or 'where we began'}"
        self.end(SessionEnded(text, reason="XFR", moved_to=address, server=self.server))

    def _on_challenge(self, command: Command) -> bool:
        # S: CHL 0 15570131571988941333  C: QRY 5 msmsgs@msnmsgr.com 32
        if len(self.to_send) >= _MAX_QUERIES:
            return True  # the server asks without reading: it will not miss an answer
        challenge = command.args[0] if command.args else ""
        product_id, product_key = self._product
        payload = answer(self.dialect.query, challenge, product_id, product_key)
        if payload is None:
            return False  # MSNP2 to 5 have no CHL: whoever receives may know what it is about
        self._queries[self._next_trid] = None
        if len(self._queries) > _MAX_QUERIES:
            del self._queries[next(iter(self._queries))]
        self.to_send.append(Command("QRY", self._next_trid, (product_id,), payload))
        self._next_trid += 1
        return True

    def _on_pong(self, command: Command, now: float) -> None:
        # S: QNG (MSNP8) | QNG 60 (MSNP9 and on): seconds until the next PNG
        word = command.args[0] if self.dialect.qng_seconds and command.args else ""
        seconds = int(word) if _NUMBER.fullmatch(word) else 0
        if seconds >= MIN_QNG:
            # A little early, as kopete did: the server counts from its own end.
            self._interval = min(0.9 * seconds, PING_INTERVAL)
        self._wake_at = now + self._interval
