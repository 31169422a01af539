"""The client's side of the notification conversation on one connection, from VER to USR OK.

Rules:

- A state is named after the reply it waits for. Replies come in the order of the commands, so
  sending VER, CVR and USR in one flight adds no states.
- A command that no rule names was not requested (MSG, GCF, SBS, NOT, CHL … at any moment). It is
  kept for the session.
- The reply to CVR only names newer clients, and some servers never send it. The conversation does
  not wait for it once USR is answered; without pipelining, `silence()` goes on without it.
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
"""Seconds to wait for the reply to CVR, which some servers never send."""

PIPELINE_PATIENCE = 3.0
"""Seconds to wait for a reply besides that to VER, when all three commands were sent at once."""


PIPELINE_HINT = "it may not take several commands at once: try pipeline=False"


class State(enum.Enum):
    """The reply that the conversation waits for."""

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
        words: the words of the challenge that the scheme needs.
        further: words that the server put behind them, whose meaning is not known.
    """

    dialect: Dialect
    words: tuple[str, ...]
    further: tuple[str, ...] = ()


class Transferred(NamedTuple):
    """`XFR n NS address`: sign in there; None means on this connection, beginning with VER."""

    address: Address | None


class Accepted(NamedTuple):
    """`USR n OK`: the sign-in succeeded.

    Attributes:
        passport: the account's passport, as the server spells it.
        display_name: the display name; the passport where USR OK has no name.
        dialect: the MSNP version.
        verified: whether the account's e-mail address is verified.
        restricted: whether the account is restricted.
        command: the command `USR n OK` itself.
    """

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
    """One conversation, by the rules of this module. Its methods never raise.

    Commands to send are put into `to_send`, and `receive` returns events.
    """

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
        """Commands to be sent, in order; the driver of the conversation takes them."""

    @property
    def patience(self) -> float | None:
        """Seconds without a reply after which the driver has to try something else, or None.

        Either the driver calls `silence()`, which goes on without the reply to CVR, or it reads
        `takes_one_at_a_time`.
        """
        if self._pipeline:
            return PIPELINE_PATIENCE if self.takes_one_at_a_time else None
        return CVR_PATIENCE if self.state is State.AWAIT_CVR else None

    @property
    def takes_one_at_a_time(self) -> bool:
        """True while the server may be one that reads only one command of each packet.

        Such servers (small ones, in Python or PHP) answer VER and never read what came behind it.
        The property is true while three commands were sent and at most the first was answered.
        """
        waits = self.state in (State.AWAIT_VER, State.AWAIT_INF, State.AWAIT_CVR)
        return self._pipeline and waits and not self._heard_more

    @property
    def dialect(self) -> Dialect | None:
        """The dialect that the server has agreed to, or None before it has."""
        return self._dialect

    @property
    def is_far_from_challenge(self) -> bool:
        """True while `USR … I` has not been sent: the challenge is at least a round trip away."""
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
        """Send VER, and with pipelining CVR and USR behind it."""
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
        """Answer the challenge with a ticket, with a ticket and its proof, or with a hash."""
        self.state = State.AWAIT_OK
        self._has_answered = True
        said = (word.reveal() if isinstance(word, Secret) else word for word in words)
        self._say("USR", self._scheme, "S", *said)

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes of the server, b"" when it closed the connection; return the events.

        Nothing behind the last event is read: what follows USR OK belongs to the session.
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

    # --- commands of the server ----------------------------------------------------------------

    def _handle(self, command: Command) -> list[Event]:
        # Any command besides VER shows that the server read more than the first of our commands.
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
        # The session has no use for a late reply to CVR: it is about versions of client programs.
        if command.verb != "CVR":
            return self._keep(command)
        return []

    def _keep(self, command: Command) -> list[Event]:
        """Keep a command that was not requested, up to a limit."""
        # Servers send MSG, SBS and GCF before USR OK, and a session needs them. A hostile server
        # could send such commands until the deadline, so that their bytes of memory are limited.
        self.unasked.append(command)
        self._unasked_size += weight(command)
        if self._unasked_size > MAX_UNREAD:
            return [self._fault("commands without end before USR OK")]
        return []

    def _on_ver(self, command: Command) -> list[Event]:
        # S: VER 1 MSNP12 | VER 1 MSNP13 CVR0 | VER 1 0
        # Each word is read, and never the line as a whole: a real server kept CVR0 behind the
        # dialect (capture of emesene, 2008), and small servers repeat everything that was offered.
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
        # INF lists the schemes of a server; MSNP2 to 7 send INF instead of CVR.
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
        # may be any bytes, because nothing else is built from them.
        if any(not _is_text(word) for word in words):
            return [self._fault(f"the challenge for {self._scheme} is not text")]
        self.state = State.AWAIT_TICKET
        # Hobby servers put a word behind the challenge; old clients read only what they needed.
        return [Challenged(self._dialect, words, command.args[end:])]

    def _on_ok(self, command: Command) -> list[Event]:
        # S: USR 4 OK mail name 1 0 (MSNP8, 9) | USR 4 OK mail 1 0 (MSNP10 and on)
        assert self._dialect is not None  # AWAIT_OK comes after VER
        words = command.args
        if words[:1] != ("OK",) or len(words) < 2:
            return [self._fault("the answer to the challenge was not answered by USR OK")]
        # From here on the passport is used as the server spells it: lists and switchboards compare
        # with that spelling.
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

    # --- commands to the server ----------------------------------------------------------------

    def _say(self, verb: str, *args: str) -> None:
        self.to_send.append(Command(verb, self.next_trid, args))
        self.next_trid += 1

    def _say_second(self) -> None:
        """Send the command between VER and USR: INF, or CVR with the account."""
        dialect = self._dialect or self._offered[0]
        if dialect.inf:
            self._say("INF")
            return
        # The locale, the system and the program of a real client of the dialect's time: servers
        # refuse programs that they do not know, or ask for an update. MSNP21 has a hop count behind
        # the account.
        product = dialect.product
        words = ("0x0409", "winnt", "5.1", "i386", product.client, product.version, product.code)
        self._say("CVR", *words, passport_word(self._passport), *(["0"] if dialect.hop else []))

    def _say_usr(self) -> None:
        self._say("USR", self._scheme, "I", passport_word(self._passport))

    @property
    def _scheme(self) -> Scheme:
        return self._offered[0].scheme

    # --- failures ------------------------------------------------------------------------------

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
        # Once the ticket was sent, some servers refuse it by closing the connection; a hint about
        # pipelining would then be misleading.
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
    """Tell whether a word is UTF-8; the reader has already refused control characters."""
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


def _name_and_flags(words: tuple[str, ...], dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """Return the display name ("" for none) and the flags of `USR n OK mail …`, by their shape.

    Single digits at the end are flags, at most as many as the version has; the words before them
    are the name. Some servers write a name with its blanks, leave flags out, or send more of them.
    """
    if not dialect.name_in_ok:
        return "", words
    at = len(words)
    while at > 1 and len(words) - at < dialect.flags_in_ok and _FLAG.fullmatch(words[at - 1]):
        at -= 1
    return "%20".join(words[:at]), words[at:]


def transferred_to(command: Command) -> Address | None:
    """Return the address of `XFR n NS …`; None for `XFR 0 NS 0`, which means: begin again.

    Raises:
        BadAddress: the command has no valid address.
    """
    # S: XFR 3 NS 10.0.0.5:1863 [0 [10.0.0.1:1863]] | … U D | XFR 0 NS 0
    # A client does not need the words behind the address (a 0, the server's own address, U and D),
    # and they differ by dialect.
    where = command.args[1] if len(command.args) > 1 else ""
    return None if where == "0" else Address.parse(where)


def _out_before_ok(command: Command, server: str) -> SignInError:
    # Before USR OK there is no session that could end. A server that goes down, or asks to come
    # back later, is unavailable, and the error says when to try again.
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
    """Return the error for an OUT: `OUT`, `OUT OTH`, `OUT RCT 6` … (ywiki out; hypothetic.org)."""
    word = command.args[0].upper() if command.args else ""
    reason = word if _REASON.fullmatch(word) else ""
    minutes = None
    if reason == "RCT" and command.args[1:2] and _MINUTES.fullmatch(command.args[1]):
        minutes = int(command.args[1])
    text = _OUT.get(reason, "the server said OUT")
    return SessionEnded(text, reason=reason, minutes=minutes, server=server)
