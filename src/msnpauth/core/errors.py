"""Every error of msnpauth, and the tables from MSNP codes to them.

    SignInError
     ├── LocalProtocolError      the caller broke a rule: nothing was sent
     ├── RemoteProtocolError     the server broke a rule
     ├── WrongCredentials        the passport or the password is wrong
     ├── AccountBlocked          right, but this account may not sign in
     ├── ServiceUnavailable      busy or down (`retry_after`)
     ├── NoCommonDialect         no MSNP version that both sides speak
     ├── UntrustedRedirect       the password was to go to a host nobody vouched for
     ├── TooManyRedirects        sent from host to host, or in a circle
     ├── SignInTimeout           the deadline passed (also TimeoutError)
     ├── ConnectionFailed        no connection, or lost (also OSError)
     │    └── CertificateRejected
     ├── CommandRefused          a command of a living session was answered by an error code
     │    ├── ContactOffline     who was called into a chat is not there
     │    ├── NotOnline          the account itself is offline to others
     │    └── TooManyChats       eight new chats a minute are the most (`retry_after`)
     ├── ChatEnded               the chat is over
     ├── MessageNotDelivered     not everybody in the chat has got the message
     └── SessionEnded            the session is over (`reason`)

Sources of the codes: MSNPiki, hypothetic.org, draft-movva-msn-messenger-protocol, ywiki.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .secrets import printable

if TYPE_CHECKING:
    from .urls import Address

__all__ = [
    "GONE_HINT",
    "AccountBlocked",
    "CertificateRejected",
    "ChatEnded",
    "CommandRefused",
    "ConnectionFailed",
    "ContactOffline",
    "LocalProtocolError",
    "MessageNotDelivered",
    "NoCommonDialect",
    "NotOnline",
    "RemoteProtocolError",
    "ServiceUnavailable",
    "SessionEnded",
    "SignInError",
    "SignInTimeout",
    "Step",
    "TooManyChats",
    "TooManyRedirects",
    "UntrustedRedirect",
    "WrongCredentials",
    "error_for_code",
    "refusal_for_code",
]

GONE_HINT = (
    "Microsoft switched its Messenger and Passport servers off;"
    ' living networks are Servers.named("escargot") and Servers.named("crosstalk"),'
    " see `msnpauth services`"
)


class Step(enum.StrEnum):
    """Where something happened: in the sign-in, in the session, or in one of its errands."""

    NOTIFICATION = "notification"
    NEXUS = "nexus"
    LOGIN = "login"
    SESSION = "session"
    CONTACTS = "contacts"
    CHAT = "chat"


class SignInError(Exception):
    """Base of every error of this package.

    Attributes:
        text: what happened, in one line.
        step: where, or None when nothing had begun.
        server: `host:port` or URL that was being talked to, or None.
        code: what the server said: an MSNP code or HTTP status (int), a `da-status` (str), or None.
        server_text: the server's own words for the user (Passport's `cbtxt`), or None.
        hint: what to do next, in one line.
    """

    default_hint = ""

    # A traceback names the place where people find an error: `msnpauth.WrongCredentials`.
    __module__ = "msnpauth"

    def __init_subclass__(cls) -> None:
        if cls.__module__ == __name__:
            cls.__module__ = "msnpauth"

    def __init__(
        self,
        text: str,
        *,
        step: Step | None = None,
        server: str | None = None,
        code: int | str | None = None,
        server_text: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(text)
        self.text = printable(text)
        self.step = step
        self.server = server
        self.code = printable(code, 40) if isinstance(code, str) else code
        self.server_text = server_text
        self.hint = self.default_hint if hint is None else hint

    def __str__(self) -> str:
        where = " at ".join(str(part) for part in (self.step, self.server) if part)
        says = self.text if self.code is None else f"{self.text} ({self.code})"
        if self.server_text:
            says = f"{says}: “{printable(self.server_text)}”"
        return "; ".join(
            part for part in (f"{where}: {says}" if where else says, self.hint) if part
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, dict(self.__dict__))


def _restored(
    kind: type[SignInError], args: tuple[object, ...], fields: dict[str, object]
) -> SignInError:
    """Make an error again of what it was pickled or copied to, whatever its class is made with."""
    error = kind.__new__(kind, *args)
    error.args = args  # OSError keeps none when it is made this way
    error.__dict__.update(fields)
    return error


class LocalProtocolError(SignInError):
    """The caller asked for something that cannot be; nothing was sent."""


class RemoteProtocolError(SignInError):
    """The server said something that the protocol does not know."""

    default_hint = "check that the address is the right one for this role"


class WrongCredentials(SignInError):
    """The passport or the password is wrong; `code` is 911, `failed`, `failed-noretry` …."""

    default_hint = "check the passport and the password, and that the account is of this network"


class AccountBlocked(SignInError):
    """The account exists, and may not sign in here or now (923, 924, 927 …)."""

    default_hint = "sign in at the network's web site to see what it wants"


class ServiceUnavailable(SignInError):
    """The service is busy or down. `retry_after` is its own wish in seconds, or None."""

    default_hint = "try again later"

    def __init__(
        self,
        text: str,
        *,
        step: Step | None = None,
        server: str | None = None,
        code: int | str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        if hint is None and retry_after is not None:
            hint = f"try again in {retry_after:.0f} seconds"
        super().__init__(text, step=step, server=server, code=code, hint=hint)
        self.retry_after = retry_after


class NoCommonDialect(SignInError):
    """Client and server have no MSNP version in common."""

    default_hint = "offer other versions with dialects="


class UntrustedRedirect(SignInError):
    """A redirect pointed where the password must not go: nothing was sent there."""

    default_hint = "if you trust that host, name it in Servers(trusted_hosts=…)"


class TooManyRedirects(SignInError):
    """More than five redirects or transfers, or a circle of them."""

    default_hint = "the network is misconfigured; try again later or tell its owners"


class SignInTimeout(SignInError, TimeoutError):
    """The deadline passed."""

    default_hint = "try again, or allow more time with timeout="


class ConnectionFailed(SignInError, OSError):
    """No connection could be made, or it was lost."""

    default_hint = "check the address and the network"


class CertificateRejected(ConnectionFailed):
    """The server's certificate does not prove that it is the right server."""

    default_hint = "if the network has its own certificate authority, name it with ca_file="


class CommandRefused(SignInError):
    """The server answered a command of a living session by an error code."""


class ContactOffline(CommandRefused):
    """Who was called is not there, or the account may not call them (216, 217)."""

    default_hint = "they are offline, have blocked the account, or there is no such account"


class NotOnline(CommandRefused):
    """The account itself is offline or invisible to others, and may not chat (913)."""

    default_hint = "call go_online() first, with a status other than invisible"


class TooManyChats(CommandRefused):
    """The server takes eight new chats a minute (800). `retry_after` says in how many seconds."""

    def __init__(self, text: str, *, retry_after: float, **about: Any) -> None:
        super().__init__(text, hint=f"try again in {retry_after:.0f} seconds", **about)
        self.retry_after = retry_after


class ChatEnded(SignInError):
    """The chat is over; `text` says why."""

    default_hint = "open another one"


class MessageNotDelivered(SignInError):
    """The server could not hand a message to everybody in the chat (NAK)."""

    default_hint = "send it again once they are back"


class SessionEnded(SignInError):
    """The session is over.

    `reason` is OTH (signed in elsewhere), SSD (server going down), RCT (come back in
    `minutes`), MIG, TOU, "" (the server just said OUT), XFR (sent on to `moved_to`, or None for
    the server where sign-ins begin), "closed" or "detached" (by this side).
    """

    def __init__(
        self,
        text: str,
        *,
        reason: str,
        minutes: int | None = None,
        moved_to: Address | None = None,
        server: str | None = None,
    ) -> None:
        super().__init__(text, step=Step.SESSION, server=server)
        self.reason = reason
        self.minutes = minutes
        self.moved_to = moved_to


@dataclass(frozen=True)
class _Meaning:
    kind: type[SignInError]
    text: str
    hint: str | None = None


_BUG = "this is likely a fault in the client or the server: please report it with --verbose"
_OTHER = "try again later, from the dispatch server"


def _codes() -> dict[int, _Meaning]:
    wrong, blocked, busy, remote = (
        WrongCredentials,
        AccountBlocked,
        ServiceUnavailable,
        RemoteProtocolError,
    )
    return {
        200: _Meaning(remote, "the server found a syntax error", _BUG),
        201: _Meaning(remote, "the server did not like a parameter", _BUG),
        205: _Meaning(wrong, "there is no such account"),
        206: _Meaning(wrong, "the passport lacks its domain"),
        207: _Meaning(remote, "already signed in on this connection", _BUG),
        208: _Meaning(wrong, "that is not a valid account name"),
        302: _Meaning(remote, "the server says we are not signed in yet", _BUG),
        420: _Meaning(blocked, "this client version needs an invitation", "offer other dialects="),
        500: _Meaning(busy, "the server has an internal error"),
        501: _Meaning(busy, "the server's database has an error"),
        502: _Meaning(remote, "the server no longer knows the command", "offer other dialects="),
        540: _Meaning(remote, "the answer to the challenge was wrong", "check product=(id, key)"),
        600: _Meaning(busy, "the server is too busy", _OTHER),
        601: _Meaning(busy, "the server is unavailable", _OTHER),
        602: _Meaning(busy, "the other notification server is down", _OTHER),
        603: _Meaning(busy, "the server cannot reach its database"),
        604: _Meaning(busy, "the server is going down", _OTHER),
        605: _Meaning(busy, "the server is unavailable", _OTHER),
        710: _Meaning(remote, "the server did not like the CVR parameters", _BUG),
        713: _Meaning(busy, "the account is too active", "try again later, and more slowly"),
        715: _Meaning(remote, "the server did not expect that command now", _BUG),
        717: _Meaning(blocked, "the account's contact list is damaged"),
        800: _Meaning(busy, "too many changes in a row", "try again later, and more slowly"),
        910: _Meaning(busy, "the server is too busy for sign-ins", _OTHER),
        911: _Meaning(wrong, "the server refused the sign-in"),
        913: _Meaning(remote, "not allowed while offline", _BUG),
        917: _Meaning(wrong, "the passport's domain is not valid here"),
        920: _Meaning(busy, "the server lets no new users in"),
        921: _Meaning(busy, "the server is too busy for sign-ins"),
        923: _Meaning(blocked, "a child's account without a parent's consent"),
        924: _Meaning(blocked, "the account's e-mail address is not verified"),
        926: _Meaning(blocked, "a managed account that may not use this client version"),
        927: _Meaning(blocked, "the account is suspended"),
        928: _Meaning(wrong, "the server refused the ticket", "try again: it may have expired"),
        929: _Meaning(wrong, "the sign-in challenge was not accepted"),
        930: _Meaning(blocked, "the account is of an enterprise domain"),
        931: _Meaning(busy, "the account lives on another server", _OTHER),
        933: _Meaning(blocked, "the account's contact list is not valid"),
        934: _Meaning(blocked, "the account has no access"),
        935: _Meaning(blocked, "the account has no access"),
    }


# Whole families that one sentence describes well enough.
_BUSY_CODES = frozenset(
    {503, 504, 505, 510, 511, 520, 707, 711, 712, 714, 912, 914, 915, 916, 918, 919, 922}
)
_CODES = _codes()


def _meaning(code: int) -> _Meaning:
    if code in _CODES:
        return _CODES[code]
    if code in _BUSY_CODES or code >= 600:
        # Unknown codes of the upper hundreds have always meant the server's own trouble.
        return _Meaning(ServiceUnavailable, "the server is unavailable")
    return _Meaning(RemoteProtocolError, "the server answered by an error", _BUG)


def error_for_code(code: int, *, server: str | None = None) -> SignInError:
    """Return the error for an MSNP code that ended a sign-in."""
    meaning = _meaning(code)
    return meaning.kind(
        meaning.text, step=Step.NOTIFICATION, server=server, code=code, hint=meaning.hint
    )


def refusal_for_code(code: int, verb: str, *, server: str | None = None) -> CommandRefused:
    """Return the error for an MSNP code that answered the command `verb` within a session."""
    if (verb, code) in _CHAT_REFUSALS:
        kind, said = _CHAT_REFUSALS[verb, code]
        return kind(said, step=Step.CHAT, server=server, code=code)
    if (verb, code) == ("XFR", 800):
        text = "the server takes no more new chats for a while"
        return TooManyChats(text, retry_after=60.0, step=Step.CHAT, server=server, code=code)
    meaning = _meaning(code)
    text = f"{verb} was refused: {meaning.text}"
    return CommandRefused(text, step=Step.SESSION, server=server, code=code)


_AWAY = (ContactOffline, "the person is not there")
_UNWANTED = (ContactOffline, "the person does not let the account call them")
_UNSEEN = (NotOnline, "the account is offline to others, and may not chat")

_CHAT_REFUSALS: dict[tuple[str, int], tuple[type[CommandRefused], str]] = {
    ("CAL", 216): _UNWANTED,
    ("CAL", 217): _AWAY,
    ("XFR", 913): _UNSEEN,
    # MSNP21 has no call: the message itself is refused.
    ("SDG", 216): _UNWANTED,
    ("SDG", 217): _AWAY,
    ("SDG", 913): _UNSEEN,
}
"""What a switchboard, or the way to it, refuses, and has an error of its own (hypothetic.org)."""
