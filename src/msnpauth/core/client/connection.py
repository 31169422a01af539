"""One connection of a living session, without I/O: it answers CHL and sends PNG in time.

`engine` has everything that lasts longer than one connection: replies that are awaited, unread
commands, and signing in again.
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
"""Seconds between two PNGs, unless QNG names a shorter interval (42 to 60 were seen)."""

MIN_QNG = 10
"""Seconds. A smaller number in QNG is ignored: 0 was seen, and would mean a PNG at once."""

MAX_QUICK_MOVES = 5
"""XFR is not followed after more than this many connections in a row of under a minute each."""

# Seconds; a connection that lasts less counts in `short_lives`.
_SHORT = 60.0
_MISSED_PINGS = 2
_WITHOUT_TRID = frozenset({"PNG", "OUT"})

# Some servers never answer QRY: the list of unanswered QRYs must not grow for ever. Others send CHL
# faster than they read: the commands that wait to be written must not grow for ever either.
_MAX_QUERIES = 1000

_NUMBER = pattern(r"[0-9]{1,6}")
_UNPRINTABLE = pattern(r"[^!-~]")


def check_product(product: tuple[str, str] | None) -> tuple[str, str] | None:
    """Check a product id and product key, which answer a CHL, and return them.

    Raises:
        LocalProtocolError: they are not two words in ASCII. (The id is a word of the QRY line.)
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
    """The fields of the server's profile MSG, by name in any letter case; empty before it came."""

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
        # The field MSPAuth is a ticket, so that only names are shown.
        return f"<Profile {' '.join(self)}>"


class SessionConnection:
    """One connection of a session. Times are seconds of the driver's own clock.

    Args:
        signed_in: the result of the sign-in.
        now: the present time.
        product: product id and key that answer a CHL; by default those of a real client of the
            dialect.
        before: the earlier connection that this one replaces, or None.
        number: the number by which the session identifies this connection.
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
        """Commands that are to be sent, in their order; the driver takes them."""
        self._reader = signed_in.reader
        self._unasked = list(signed_in.unasked)
        if before is not None:
            # A caller who reads commands sees by USR OK that presence has to be set up anew.
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
        """The time at which `tick` is due."""
        return self._wake_at

    @property
    def short_lives(self) -> int:
        """How many connections in a row, up to this one, lasted less than a minute."""
        return self._short_before + 1 if self._now - self._began < _SHORT else 0

    def send(self, verb: str, args: tuple[str, ...], payload: bytes | None) -> Command:
        """Put a command into `to_send`, with the next transaction id unless the verb has none.

        Raises:
            LocalProtocolError: these values do not make a valid command.
        """
        if payload is not None and not isinstance(payload, bytes):
            raise LocalProtocolError(f"the payload of {verb} is not bytes")
        trid = None if verb in _WITHOUT_TRID else self._next_trid
        command = Command(verb, trid, tuple(str(arg) for arg in args), payload)
        # `encode` raises for a word that cannot be sent, before the transaction id is used up.
        command.encode()
        self._next_trid += trid is not None
        self.to_send.append(command)
        return command

    def sent(self, now: float) -> None:
        """Note that something was written: the next PNG is due one interval later."""
        self._now = now
        # A PNG only shows that this client lives, and any other command shows that as well. While
        # a PNG is unanswered, the time goes on, because then the server is in doubt.
        if not self._unanswered:
            self._wake_at = now + self._interval

    def receive(self, data: bytes | None, now: float) -> list[Command]:
        """Take bytes (b"": the server closed; None: read what sign-in left); return the commands.

        CHL and the replies to this class's own QRY and PNG are not among the commands.
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
                # S: XFR 0 NS 10.0.0.6:1863: the server sends the session to another server.
                # `XFR n SB …` is the reply to a request for a switchboard.
                if command.verb == "XFR" and command.args[:1] == ("NS",):
                    self._moved(command)
        return commands

    def tick(self, now: float) -> None:
        """Send a PNG when it is due; end the connection when two were not answered."""
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
        """End the connection; only the first reason counts."""
        self.ended = self.ended or error

    def closed_here(self) -> SessionEnded:
        """Return the reason for a session that this side closed."""
        return SessionEnded("the session was closed", reason="closed", server=self.server)

    @property
    def unread(self) -> bytes:
        """The bytes that came behind the last complete command."""
        return self._reader.unread

    @property
    def next_trid(self) -> int:
        """The transaction id of the next command."""
        return self._next_trid

    def _is_ours(self, command: Command, now: float) -> bool:
        """Tell whether this class handles the command, so that nobody else needs to see it."""
        trid = command.trid
        if command.verb == "CHL":
            return self._on_challenge(command)
        # QNG has no transaction id. As many QNGs as this class sent PNGs are taken as its own; a
        # caller who sends PNG gets the other QNGs.
        if command.verb == "QNG" and self._own_pings:
            self._own_pings -= 1
            self._on_pong(command, now)
            return True
        if trid in self._queries and (command.verb == "QRY" or command.code is not None):
            del self._queries[trid]
            # S: 540 7: the answer to CHL was wrong. The server then closes without an OUT.
            if command.code is not None:
                from ..codes import error_for_code  # a long table, which few sessions need

                error = error_for_code(command.code, server=self.server)
                error.step = Step.SESSION
                self.end(error)
            return True
        self._note(command)
        return False

    def _closed(self) -> None:
        """End the connection that the server closed, perhaps behind an OUT without its line end.

        `OUT OTH` has to be recognised in that case too: a client that came back after it would
        throw the other place out, again and again.
        """
        self._reader.feed(b"\r\n")
        last = self._reader.next_command()
        if isinstance(last, Command) and last.verb == "OUT":
            self._note(last)
        text = "the server closed the connection"
        self.end(ConnectionFailed(text, step=Step.SESSION, server=self.server, finding="MA-NET-08"))

    def _note(self, command: Command) -> None:
        """Keep what the command says about the session: its end, the profile, the display name."""
        match command:
            case Command("OUT"):
                self.end(ended_by(command, self.server))
            case Command("MSG", payload=bytes() as payload) if not self.profile:
                if b"text/x-msmsgsprofile" in payload:
                    self.profile = Profile(payload)
            case Command("PRP", args=(*_, "MFN", name)):
                self.display_name = unescape(name)

    def _moved(self, command: Command) -> None:
        """End the connection because of XFR; this is a failure after too many short connections."""
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
            return True  # the server sends CHL and reads nothing: it does not need the answer
        challenge = command.args[0] if command.args else ""
        product_id, product_key = self._product
        payload = answer(self.dialect.query, challenge, product_id, product_key)
        if payload is None:
            return False  # MSNP2 to 5 have no CHL: the receiver of commands may know its meaning
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
            # A little early, as kopete did: the server measures the interval at its own end.
            self._interval = min(0.9 * seconds, PING_INTERVAL)
        self._wake_at = now + self._interval
