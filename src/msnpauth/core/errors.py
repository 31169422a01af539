"""Every error of msnpauth. `codes` has the tables of the errors for MSNP codes.

SignInError
├── LocalProtocolError      the caller broke a rule: nothing was sent
├── RemoteProtocolError     the server broke a rule
├── WrongCredentials        the passport or the password is wrong
├── AccountBlocked          the account exists, but may not sign in
├── ServiceUnavailable      the service is busy or down (`retry_after`)
├── NoCommonDialect         no MSNP version that both sides speak
├── UntrustedRedirect       a redirect led to a host that must not get the password
├── TooManyRedirects        too many redirects, or a circle of them
├── SignInTimeout           the deadline passed (also TimeoutError)
├── ConnectionFailed        no connection could be made, or it was lost (also OSError)
│    └── CertificateRejected
├── CommandRefused          a command of a living session was answered by an error code
│    ├── ContactOffline     the person who was called into a chat is not there
│    ├── NotOnline          the account itself is offline to others
│    └── TooManyChats       the server allows eight new chats a minute (`retry_after`)
├── ChatEnded               the chat is over
├── MessageNotDelivered     not everybody in the chat has received the message
└── SessionEnded            the session is over (`reason`)
"""

from __future__ import annotations

import enum
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
]

GONE_HINT = (
    "Microsoft switched its Messenger and Passport servers off;"
    ' living networks are Servers.named("escargot") and Servers.named("crosstalk"),'
    " see `msnpauth services`"
)


class Step(enum.StrEnum):
    """The part of a sign-in or session in which something happened."""

    NOTIFICATION = "notification"
    NEXUS = "nexus"
    LOGIN = "login"
    SESSION = "session"
    CONTACTS = "contacts"
    CHAT = "chat"
    SERVICES = "services"


class SignInError(Exception):
    """Base of every error of this package.

    Attributes:
        text: what happened, in one line.
        step: the part of the sign-in or session, or None when nothing had begun.
        server: `host:port` or URL of the server, or None.
        code: the server's code, or None: an MSNP code or HTTP status (int), or a code of Passport
            or SOAP (str), such as a `da-status`.
        server_text: the server's own text for the user (Passport's `cbtxt`), or None.
        hint: what to do next, in one line.
        finding: the stable code of the finding, such as `MA-TLS-03`, which `explain` describes.
    """

    default_hint = ""
    default_finding = "MA-ERR-01"

    # A traceback shows the name under which people import an error: `msnpauth.WrongCredentials`.
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
        finding: str | None = None,
    ) -> None:
        super().__init__(text)
        self.text = printable(text)
        self.step = step
        self.server = server
        self.code = printable(code, 40) if isinstance(code, str) else code
        self.server_text = server_text
        self.hint = self.default_hint if hint is None else hint
        self.finding = self.default_finding if finding is None else finding

    def explain(self) -> str:
        """Return the section about the error's finding, which explains it in a few sentences."""
        from .findings import section_of  # long texts, which most programs never read

        return section_of(self.finding).text()

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
    """Make an error again that was pickled or copied, without the arguments of its `__init__`."""
    error = kind.__new__(kind, *args)
    error.args = args  # OSError keeps no args when it is made this way
    error.__dict__.update(fields)
    return error


class LocalProtocolError(SignInError):
    """The caller's request is not valid or not possible; nothing was sent."""

    default_finding = "MA-ARG-01"


class RemoteProtocolError(SignInError):
    """The server sent something that is not valid in the protocol."""

    default_hint = "check that the address is the right one for this role"
    default_finding = "MA-WEB-01"


class WrongCredentials(SignInError):
    """The passport or the password is wrong; `code` is 911, `failed`, `failed-noretry` …."""

    default_hint = "check the passport and the password, and that the account is of this network"
    default_finding = "MA-ACC-01"


class AccountBlocked(SignInError):
    """The account exists, and may not sign in here or now (923, 924, 927 …)."""

    default_hint = "sign in at the network's web site to see what it wants"
    default_finding = "MA-ACC-05"


class ServiceUnavailable(SignInError):
    """The service is busy or down. `retry_after` is the pause it asks for, in seconds, or None."""

    default_hint = "try again later"
    default_finding = "MA-WEB-04"

    def __init__(self, text: str, *, retry_after: float | None = None, **about: Any) -> None:
        if about.get("hint") is None and retry_after is not None:
            about["hint"] = f"try again in {retry_after:.0f} seconds"
        super().__init__(text, **about)
        self.retry_after = retry_after


class NoCommonDialect(SignInError):
    """Client and server have no MSNP version in common."""

    default_hint = (
        "offer other versions with dialects=; one that signs in by MD5 alone needs scheme='MD5'"
    )
    default_finding = "MA-MSN-02"


class UntrustedRedirect(SignInError):
    """A redirect led to a host that must not get the password; nothing was sent there."""

    default_hint = (
        "a hotspot does that: open a web page in a browser; if that host is the network's, name it"
        " in Servers(trusted_hosts=…)"
    )
    default_finding = "MA-WEB-06"


class TooManyRedirects(SignInError):
    """More than five redirects or transfers, or a circle of them."""

    default_hint = "the network is misconfigured; try again later or tell its owners"
    default_finding = "MA-WEB-05"


class SignInTimeout(SignInError, TimeoutError):
    """The deadline passed."""

    default_hint = "try again, or allow more time with timeout="
    default_finding = "MA-NET-11"


class ConnectionFailed(SignInError, OSError):
    """No connection could be made, or it was lost."""

    default_hint = "check the address and the network"
    default_finding = "MA-NET-13"


class CertificateRejected(ConnectionFailed):
    """The server's certificate does not prove that it is the right server."""

    default_hint = "if the network has its own certificate authority, name it with ca_file="
    default_finding = "MA-TLS-09"


class CommandRefused(SignInError):
    """The server answered a command of a living session with an error code."""

    default_finding = "MA-SES-03"


class ContactOffline(CommandRefused):
    """The called person is not there, or the account may not call this person (216, 217)."""

    default_hint = "they are offline, have blocked the account, or there is no such account"
    default_finding = "MA-SES-04"


class NotOnline(CommandRefused):
    """The account itself is offline or invisible to others, and may not chat (913)."""

    default_hint = "call go_online() first, with a status other than invisible"
    default_finding = "MA-SES-05"


class TooManyChats(CommandRefused):
    """The server allows eight new chats a minute (800). `retry_after` is the wait in seconds."""

    default_finding = "MA-SES-06"

    def __init__(self, text: str, *, retry_after: float, **about: Any) -> None:
        super().__init__(text, hint=f"try again in {retry_after:.0f} seconds", **about)
        self.retry_after = retry_after


class ChatEnded(SignInError):
    """The chat is over; `text` says why."""

    default_hint = "open another one"
    default_finding = "MA-SES-07"


class MessageNotDelivered(SignInError):
    """The server could not deliver a message to everybody in the chat (NAK)."""

    default_hint = "send it again once they are back"
    default_finding = "MA-SES-08"


class SessionEnded(SignInError):
    """The session is over.

    `reason` is OTH (signed in elsewhere), SSD (the server goes down), RCT (come back in `minutes`),
    MIG (the contact list was migrated), TOU (the terms of use have to be accepted), "" (an OUT
    without a reason), XFR (the server sends the session to `moved_to`; None means the dispatch
    server), "closed" or "detached" (by this side).
    """

    default_finding = "MA-SES-01"

    def __init__(
        self,
        text: str,
        *,
        reason: str,
        minutes: int | None = None,
        moved_to: Address | None = None,
        server: str | None = None,
    ) -> None:
        finding = "MA-SES-02" if reason == "OTH" else None
        super().__init__(text, step=Step.SESSION, server=server, finding=finding)
        self.reason = reason
        self.minutes = minutes
        self.moved_to = moved_to
