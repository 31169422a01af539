"""The notification conversation, client's side, on one connection: VER to USR OK, every scheme.

Rules:

- A state is named after the reply it waits for. Replies come in the order of the commands, so
  sending VER, CVR and USR in one flight adds no states.
- A command that no rule names was not asked for (MSG, GCF, SBS, NOT, CHL … at any moment). It is
  kept for the session.
- The reply to CVR is only advice about newer clients, and some servers never give it. It is not
  waited for once USR is answered; without pipelining, `silence()` goes on without it.
- XFR ends the conversation (`Transferred`) or starts it again (`XFR n NS 0`); an error code, OUT or
  the end of the stream before USR OK is a failure.
- A challenge belongs to its connection: the next connection is another `Conversation`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import NamedTuple

from ..errors import (
    ConnectionFailed,
    NoCommonDialect,
    RemoteProtocolError,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    Step,
)
from ..patterns import pattern
from ..secrets import Secret
from ..urls import Address, BadAddress
from ..wire.commands import Command, Role, passport_word, unescape
from ..wire.dialects import Dialect, Scheme, choose
from ..wire.lines import LineReader, NeedData
from .inbox import MAX_UNREAD, weight

__all__ = [
    "Accepted",
    "Challenged",
    "Conversation",
    "Event",
    "Refused",
    "State",
    "Transferred",
    "ended_by",
    "transferred_to",
]

CVR_PATIENCE = 5.0
"""Seconds to wait for the reply to CVR, which some servers never give."""

PIPELINE_PATIENCE = 3.0
"""Seconds to wait for more than the reply to VER, when all three commands were sent at once."""


PIPELINE_HINT = "it may not take several commands at once: try pipeline=False"


class State(enum.Enum):
    """What the conversation waits for."""

    AWAIT_VER = "VER"
    AWAIT_INF = "INF"
    AWAIT_CVR = "CVR"
    AWAIT_CHALLENGE = "USR … S"
    AWAIT_TICKET = "the ticket"
    AWAIT_OK = "USR OK"
    ENDED = "nothing"


class Challenged(NamedTuple):
    """`USR n SCHEME S …`: a challenge (TWN), policy and nonce (SSO), or a salt (MD5).

    Attributes:
        dialect: the MSNP version.
        words: the words that the scheme needs.
        further: words that the server put behind them, and nobody knows.
    """

    dialect: Dialect
    words: tuple[str, ...]
    further: tuple[str, ...] = ()


class Transferred(NamedTuple):
    """`XFR n NS address`: sign in there; None means here, from VER."""

    address: Address | None


class Accepted(NamedTuple):
    """`USR n OK`: signed in. `command` is that line."""

    passport: str
    display_name: str
    dialect: Dialect
    verified: bool
    restricted: bool
    command: Command


class Refused(NamedTuple):
    """The conversation failed."""

    error: SignInError


Event = Challenged | Transferred | Accepted | Refused


class Conversation:
    """See the module's rules. Methods return bytes to send, or events; none of them raises."""

    def __init__(
        self,
        passport: str,
        offered: tuple[Dialect, ...],
        *,
        server: str,
        pipeline: bool = True,
        first_trid: int = 1,
        observe: Callable[[Command], None] | None = None,
    ) -> None:
        self._passport = passport
        self._offered = offered
        self._server = server
        self._pipeline = pipeline
        self._dialect: Dialect | None = None
        self.state = State.AWAIT_VER
        self.next_trid = first_trid
        self.reader = LineReader(Role.SERVER, observe=observe)
        self.unasked: list[Command] = []
        self._unasked_size = 0
        self._heard_more = False
        self._closed_early = False
        self._has_answered = False
        self.to_send: list[Command] = []
        """Commands to be sent, in order; whoever drives the conversation takes them."""

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which something else is to be tried, or None.

        Either `silence()` goes on without the reply to CVR, or `takes_one_at_a_time` has to be
        looked at.
        """
        if self._pipeline:
            return PIPELINE_PATIENCE if self.takes_one_at_a_time else None
        return CVR_PATIENCE if self.state is State.AWAIT_CVR else None

    @property
    def takes_one_at_a_time(self) -> bool:
        """True while the server may be one that reads one command of each packet.

        Such servers (small ones, in Python or PHP) answer VER and never see what came behind it.
        They were sent three commands at once, and have answered the first of them at most.
        """
        waits = self.state in (State.AWAIT_VER, State.AWAIT_INF, State.AWAIT_CVR)
        return self._pipeline and waits and not self._heard_more

    @property
    def dialect(self) -> Dialect | None:
        """What the server has agreed to, once it has."""
        return self._dialect

    @property
    def is_far_from_challenge(self) -> bool:
        """True while what asks for the challenge has not been said: it is a round trip away."""
        return not self._pipeline and self.state in (State.AWAIT_INF, State.AWAIT_CVR)

    @property
    def closed_early(self) -> bool:
        """True when the stream ended, and the server had answered VER at most."""
        return self._closed_early

    @property
    def has_answered(self) -> bool:
        """True once the challenge of this connection was answered."""
        return self._has_answered

    def open(self) -> None:
        """Begin: VER, and with pipelining CVR and USR behind it."""
        self.state = State.AWAIT_VER
        self._say("VER", *(dialect.name for dialect in self._offered), "CVR0")
        if self._pipeline:
            self._say_second()
            self._say_usr()

    def silence(self) -> None:
        """Go on without the reply to CVR."""
        if self.state is State.AWAIT_CVR and not self._pipeline:
            self.state = State.AWAIT_CHALLENGE
            self._say_usr()

    def answer(self, *words: str | Secret) -> None:
        """Answer the challenge: by a ticket, a ticket and its proof, or a hash."""
        self.state = State.AWAIT_OK
        self._has_answered = True
        said = (word.reveal() if isinstance(word, Secret) else word for word in words)
        self._say("USR", self._scheme, "S", *said)

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes of the server, b"" when it closed the connection; return what they mean.

        Nothing behind the last event is read: what follows USR OK is the session's.
        """
        if self._over():
            return []
        self.reader.feed(data)
        events: list[Event] = []
        while not self._over():
            command = self.reader.next_command()
            if isinstance(command, NeedData):
                if not data:
                    events.append(self._refuse(self._closed()))
                break
            if isinstance(command, RemoteProtocolError):
                command.step, command.server = Step.NOTIFICATION, self._server
                events.append(self._refuse(command))
                break
            events += self._handle(command)
        return events

    def _over(self) -> bool:
        return self.state is State.ENDED

    # --- what the server says ------------------------------------------------------------------

    def _handle(self, command: Command) -> list[Event]:
        # Whatever comes behind VER shows that the server read more than the first of our commands.
        self._heard_more = self._heard_more or command.verb != "VER"
        if command.code is not None:
            from ..codes import error_for_code  # a long table, which most sign-ins do not need

            return [self._refuse(error_for_code(command.code, server=self._server))]
        if command.verb == "OUT":
            return [self._refuse(_out_before_ok(command, self._server))]
        if command.verb == "XFR" and command.args[:1] == ("NS",):
            return [self._xfr(command)]
        handler = _HANDLERS.get((self.state, command.verb))
        if handler is not None:
            return handler(self, command)
        # VER and USR carry the sign-in itself. One of them at the wrong moment means that both ends
        # do not agree on where they are, and going on could answer the wrong challenge.
        if command.verb in ("VER", "USR"):
            return [self._fault(f"{command.verb} while {self.state.value} was awaited")]
        # A late reply to CVR tells the session nothing: it is about versions of the client program.
        if command.verb != "CVR":
            return self._keep(command)
        return []

    def _keep(self, command: Command) -> list[Event]:
        """Keep a command that nobody asked for; not without end."""
        # Servers push MSG, SBS and GCF before USR OK, and a session needs them. A hostile server
        # could push for as long as the deadline lasts: the bound is in bytes of memory.
        self.unasked.append(command)
        self._unasked_size += weight(command)
        if self._unasked_size > MAX_UNREAD:
            return [self._fault("commands without end before USR OK")]
        return []

    def _on_ver(self, command: Command) -> list[Event]:
        # S: VER 1 MSNP12 | VER 1 MSNP13 CVR0 | VER 1 0
        # The words are scanned, and the line is never compared as a whole: a real server kept CVR0
        # behind the dialect (capture of emesene, 2008), and small ones repeat what was offered.
        self._dialect = choose(command.args, self._offered)
        if self._dialect is None:
            ours = ", ".join(dialect.name for dialect in self._offered)
            theirs = " ".join(word for word in command.args if _DIALECT.fullmatch(word))
            wants = f"the server wants {theirs}" if theirs else "the server speaks none"
            error = NoCommonDialect(
                f"{wants} of {ours}", step=Step.NOTIFICATION, server=self._server
            )
            return [self._refuse(error)]
        self.state = State.AWAIT_INF if self._dialect.inf else State.AWAIT_CVR
        if not self._pipeline:
            self._say_second()
        return []

    def _on_inf(self, command: Command) -> list[Event]:
        # S: INF 2 MD5
        # INF lists the schemes of a server; MSNP2 to 7 ask for it in the place of CVR.
        if self._scheme not in command.args:
            return [self._fault(f"the server does not offer {self._scheme}")]
        return self._await_challenge()

    def _on_cvr(self, command: Command) -> list[Event]:
        # S: CVR 2 8.5.1302 8.5.1302 8.1.0178 http://… http://…
        return self._await_challenge()

    def _await_challenge(self) -> list[Event]:
        self.state = State.AWAIT_CHALLENGE
        if not self._pipeline:
            self._say_usr()
        return []

    def _on_challenge(self, command: Command) -> list[Event]:
        # S: USR 3 TWN S lc=1033,id=507,… | USR 3 SSO S MBI_KEY_OLD nonce | USR 3 MD5 S salt
        assert self._dialect is not None  # AWAIT_CHALLENGE comes after VER
        # SSO has two words there, the policy and the nonce; TWN and MD5 have one.
        end = 4 if self._scheme is Scheme.SSO else 3
        if command.args[:1] == ("OK",):
            return [self._refuse(self._open_to_all())]
        if command.args[:2] != (self._scheme, "S") or len(command.args) < end:
            return [self._fault(f"USR … I was not answered by a challenge for {self._scheme}")]
        words = command.args[2:end]
        # These words go into an HTTP header, into XML, or into a hash. The words of other commands
        # may be any bytes, because nothing is made of them.
        if any(not _is_text(word) for word in words):
            return [self._fault(f"the challenge for {self._scheme} is not text")]
        self.state = State.AWAIT_TICKET
        # Hobby servers put a word behind the challenge; old clients took what they needed.
        return [Challenged(self._dialect, words, command.args[end:])]

    def _on_ok(self, command: Command) -> list[Event]:
        # S: USR 4 OK mail name 1 0 (MSNP8, 9) | USR 4 OK mail 1 0 (MSNP10 and on)
        assert self._dialect is not None  # AWAIT_OK comes after VER
        words = command.args
        if words[:1] != ("OK",) or len(words) < 2:
            return [self._fault("the answer to the challenge was not answered by USR OK")]
        # The server's spelling of the passport counts from here on: lists and switchboard compare
        # with it.
        passport = unescape(words[1])
        name, flags = _name_and_flags(words[2:], self._dialect)
        self.state = State.ENDED
        return [
            Accepted(
                passport=passport,
                display_name=unescape(name) or passport,
                dialect=self._dialect,
                # A server that leaves the flags out has nobody who is unverified or restricted.
                verified=flags[:1] != ("0",),
                restricted=flags[1:2] == ("1",),
                command=command,
            )
        ]

    def _xfr(self, command: Command) -> Event:
        try:
            address = transferred_to(command)
        except BadAddress as problem:
            complaint = str(problem)
        else:
            complaint = ""
        if complaint:
            return self._fault(f"XFR to no address: {complaint}")
        if address is None:
            # `XFR n NS 0`: the dispatch server is the notification server as well, and wants the
            # three commands once more on the same connection (ywiki xfr).
            self.open()
            return Transferred(None)
        self.state = State.ENDED
        return Transferred(address)

    # --- what we say ---------------------------------------------------------------------------

    def _say(self, verb: str, *args: str) -> None:
        self.to_send.append(Command(verb, self.next_trid, args))
        self.next_trid += 1

    def _say_second(self) -> None:
        """Say what comes between VER and USR: INF, or CVR with the account."""
        dialect = self._dialect or self._offered[0]
        if dialect.inf:
            self._say("INF")
            return
        # The locale, the system and the program of a real client of the dialect's time: servers
        # refuse or nag programs that they do not know. MSNP21 has a hop count behind the account.
        product = dialect.product
        words = ("0x0409", "winnt", "5.1", "i386", product.client, product.version, product.code)
        self._say("CVR", *words, passport_word(self._passport), *(["0"] if dialect.hop else []))

    def _say_usr(self) -> None:
        self._say("USR", self._scheme, "I", passport_word(self._passport))

    @property
    def _scheme(self) -> Scheme:
        return self._offered[0].scheme

    # --- how it fails --------------------------------------------------------------------------

    def _refuse(self, error: SignInError) -> Refused:
        self.state = State.ENDED
        return Refused(error)

    def _open_to_all(self) -> RemoteProtocolError:
        return RemoteProtocolError(
            "the server signs anybody in: it asked for no password",
            step=Step.NOTIFICATION,
            server=self._server,
            hint="do not give it a password that matters",
            finding="MA-MSN-07",
        )

    def _fault(self, text: str) -> Refused:
        return self._refuse(
            RemoteProtocolError(
                text, step=Step.NOTIFICATION, server=self._server, finding="MA-MSN-03"
            )
        )

    def _closed(self) -> SignInError:
        other = self.reader.ended()
        if other is not None:
            other.step, other.server = Step.NOTIFICATION, self._server
            return other
        # Once the ticket was shown, closing is how a server says no; a hint about pipelining would
        # lead away from the reason.
        self._closed_early = self.takes_one_at_a_time
        hint = PIPELINE_HINT if self._pipeline and self.state is not State.AWAIT_OK else None
        return ConnectionFailed(
            f"the server closed the connection while {self.state.value} was awaited",
            step=Step.NOTIFICATION,
            server=self._server,
            hint=hint,
            finding="MA-NET-08",
        )


_Handler = Callable[[Conversation, Command], list[Event]]

_HANDLERS: dict[tuple[State, str], _Handler] = {
    (State.AWAIT_VER, "VER"): Conversation._on_ver,
    (State.AWAIT_INF, "INF"): Conversation._on_inf,
    (State.AWAIT_CVR, "CVR"): Conversation._on_cvr,
    (State.AWAIT_CVR, "USR"): Conversation._on_challenge,
    (State.AWAIT_CHALLENGE, "USR"): Conversation._on_challenge,
    (State.AWAIT_OK, "USR"): Conversation._on_ok,
}


_DIALECT = pattern(r"MSNP[0-9]{1,3}", re.IGNORECASE)
_FLAG = pattern(r"[0-9]")


def _is_text(word: str) -> bool:
    """Tell whether a word is UTF-8; a reader has seen to it that it has no control characters."""
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


def _name_and_flags(words: tuple[str, ...], dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """Return the display name ("" for none) and the flags of `USR n OK mail …`, by their shape.

    What is a digit at the end is a flag, as many as the version has; what stands before them is
    the name. Some servers write a name with its blanks, leave flags out, or send more of them.
    """
    if not dialect.name_in_ok:
        return "", words
    at = len(words)
    while at > 1 and len(words) - at < dialect.flags_in_ok and _FLAG.fullmatch(words[at - 1]):
        at -= 1
    return "%20".join(words[:at]), words[at:]


def transferred_to(command: Command) -> Address | None:
    """Return where `XFR n NS …` sends the client; None for `XFR 0 NS 0`, begin again.

    Raises:
        BadAddress: there is no address in it.
    """
    # S: XFR 3 NS 10.0.0.5:1863 [0 [10.0.0.1:1863]] | … U D | XFR 0 NS 0
    # What follows the address (a 0, the server's own address, U and D) tells a client nothing that
    # it needs, and differs by dialect.
    where = command.args[1] if len(command.args) > 1 else ""
    return None if where == "0" else Address.parse(where)


def _out_before_ok(command: Command, server: str) -> SignInError:
    # Before USR OK there is no session that could end. A server that goes down, or asks to come
    # back later, is busy, and the error says when to try again.
    ended = ended_by(command, server)
    if ended.reason in ("SSD", "RCT"):
        wait = None if ended.minutes is None else ended.minutes * 60.0
        return ServiceUnavailable(
            ended.text, step=Step.NOTIFICATION, server=server, retry_after=wait
        )
    ended.step = Step.NOTIFICATION
    return ended


_REASON = pattern(r"[A-Z]{3}")
_MINUTES = pattern(r"[0-9]{1,6}")

_OUT = {
    "OTH": "the account signed in elsewhere",
    "SSD": "the server is going down",
    "RCT": "the server asks to come back later",
    "MIG": "the account's contact list was migrated: sign in again",
    "TOU": "the account's owner must accept the terms of use",
}


def ended_by(command: Command, server: str) -> SessionEnded:
    """Return what an OUT means: `OUT`, `OUT OTH`, `OUT RCT 6` … (ywiki out; hypothetic.org)."""
    word = command.args[0].upper() if command.args else ""
    reason = word if _REASON.fullmatch(word) else ""
    minutes = None
    if reason == "RCT" and command.args[1:2] and _MINUTES.fullmatch(command.args[1]):
        minutes = int(command.args[1])
    text = _OUT.get(reason, "the server said OUT")
    return SessionEnded(text, reason=reason, minutes=minutes, server=server)
