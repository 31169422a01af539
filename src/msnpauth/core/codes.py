"""The errors for MSNP codes: one table for sign-ins, and one for the commands of a session.

Sources: MSNPiki, hypothetic.org, draft-movva-msn-messenger-protocol, ywiki, msnp-sharp.
"""

from __future__ import annotations

from typing import NamedTuple

from .errors import (
    AccountBlocked,
    CommandRefused,
    ContactOffline,
    NotOnline,
    RemoteProtocolError,
    ServiceUnavailable,
    SignInError,
    Step,
    TooManyChats,
    WrongCredentials,
)

__all__ = ["KNOWN_CODES", "error_for_code", "meaning_of", "refusal_for_code"]


class _Meaning(NamedTuple):
    kind: type[SignInError]
    text: str
    hint: str | None = None
    finding: str | None = None


_BUG = "this is likely a fault in the client or the server: please report it with --verbose"
_OTHER = "try again later, from the dispatch server"
_DOMAIN = "check the passport, and whether this network has accounts of that domain"
_NOBODY, _TICKET, _FAULT, _VERSION = "MA-ACC-03", "MA-ACC-04", "MA-MSN-04", "MA-MSN-05"


_WRONG, _BLOCKED, _BUSY, _REMOTE = (
    WrongCredentials,
    AccountBlocked,
    ServiceUnavailable,
    RemoteProtocolError,
)

_CODES = {
    200: _Meaning(_REMOTE, "the server found a syntax error", _BUG, _FAULT),
    201: _Meaning(_REMOTE, "the server did not like a parameter", _BUG, _FAULT),
    205: _Meaning(_WRONG, "there is no such account", _DOMAIN, _NOBODY),
    206: _Meaning(_WRONG, "the passport lacks its domain", _DOMAIN, _NOBODY),
    207: _Meaning(_REMOTE, "already signed in on this connection", _BUG, _FAULT),
    208: _Meaning(_WRONG, "that is not a valid account name", _DOMAIN, _NOBODY),
    302: _Meaning(_REMOTE, "the server says we are not signed in yet", _BUG, _FAULT),
    420: _Meaning(
        _BLOCKED, "this client version needs an invitation", "offer other dialects=", _VERSION
    ),
    500: _Meaning(_BUSY, "the server has an internal error"),
    501: _Meaning(_BUSY, "the server's database has an error"),
    502: _Meaning(
        _REMOTE, "the server no longer knows the command", "offer other dialects=", _VERSION
    ),
    540: _Meaning(
        _REMOTE,
        "the answer to the challenge was wrong",
        "check product=(id, key)",
        "MA-MSN-06",
    ),
    600: _Meaning(_BUSY, "the server is too busy", _OTHER),
    601: _Meaning(_BUSY, "the server is unavailable", _OTHER),
    602: _Meaning(_BUSY, "the other notification server is down", _OTHER),
    603: _Meaning(_BUSY, "the server cannot reach its database"),
    604: _Meaning(_BUSY, "the server is going down", _OTHER),
    605: _Meaning(_BUSY, "the server is unavailable", _OTHER),
    710: _Meaning(_REMOTE, "the server did not like the CVR parameters", _BUG, _FAULT),
    713: _Meaning(_BUSY, "the account is too active", "try again later, and more slowly"),
    715: _Meaning(_REMOTE, "the server did not expect that command now", _BUG, _FAULT),
    717: _Meaning(_BLOCKED, "the account's contact list is damaged"),
    800: _Meaning(_BUSY, "too many changes in a row", "try again later, and more slowly"),
    910: _Meaning(_BUSY, "the server is too busy for sign-ins", _OTHER),
    911: _Meaning(_WRONG, "the server refused the sign-in"),
    913: _Meaning(_REMOTE, "not allowed while offline", _BUG, _FAULT),
    917: _Meaning(_WRONG, "the passport's domain is not valid here", _DOMAIN, _NOBODY),
    920: _Meaning(_BUSY, "the server lets no new users in"),
    921: _Meaning(_BUSY, "the server is too busy for sign-ins"),
    923: _Meaning(_BLOCKED, "a child's account without a parent's consent"),
    924: _Meaning(_BLOCKED, "the account's e-mail address is not verified"),
    926: _Meaning(
        _BLOCKED, "a managed account that may not use this client version", None, _VERSION
    ),
    927: _Meaning(_BLOCKED, "the account is suspended"),
    928: _Meaning(
        _WRONG, "the server refused the ticket", "try again: it may have expired", _TICKET
    ),
    929: _Meaning(_WRONG, "the sign-in challenge was not accepted", None, _TICKET),
    930: _Meaning(_BLOCKED, "the account is of an enterprise domain"),
    931: _Meaning(_BUSY, "the account lives on another server", _OTHER),
    933: _Meaning(_BLOCKED, "the account's contact list is not valid"),
    934: _Meaning(_BLOCKED, "the account has no access"),
    935: _Meaning(_BLOCKED, "the account has no access"),
}

# Codes that all have the same meaning for a client: the server is unavailable.
_BUSY_CODES = frozenset(
    {503, 504, 505, 510, 511, 520, 707, 711, 712, 714, 912, 914, 915, 916, 918, 919, 922}
)


def _meaning(code: int) -> _Meaning:
    if code in _CODES:
        return _CODES[code]
    if code in _BUSY_CODES or code >= 600:
        # Codes of the upper hundreds nearly always mean trouble of the server itself, and an
        # unknown code is taken as one of those.
        return _Meaning(ServiceUnavailable, "the server is unavailable")
    return _Meaning(RemoteProtocolError, "the server answered by an error", _BUG, _FAULT)


def meaning_of(code: int) -> SignInError:
    """Return the error for an MSNP code from a sign-in or from a session."""
    if code in _REFUSED and code not in _CODES:
        return refusal_for_code(code, "the command")
    return error_for_code(code)


def error_for_code(code: int, *, server: str | None = None) -> SignInError:
    """Return the error for an MSNP code that ended a sign-in."""
    meaning = _meaning(code)
    return meaning.kind(
        meaning.text,
        step=Step.NOTIFICATION,
        server=server,
        code=code,
        hint=meaning.hint,
        finding=meaning.finding,
    )


# --- within a session ----------------------------------------------------------------------------

_TOO_OFTEN = 60.0
"""Seconds after which a server that has refused a new chat by 800 accepts one again."""

_REFUSED = {
    203: "the account is of no network that the server knows",
    204: "the server knows no way to that account",
    209: "the display name is not allowed, or the account's address is not verified",
    210: "the list is full",
    213: "there is no such contact",
    215: "the person is on the list already",
    216: "the person is not on the list",
    217: "the person is not there",
    218: "it is set so already",
    219: "the person is on the opposite list",
    223: "there are as many groups as there may be",
    224: "there is no such group",
    225: "the contact is not in the group",
    227: "the group is not empty",
    228: "there is a group of that name",
    229: "the group's name is too long",
    230: "that group cannot be removed",
    231: "that is no group",
    240: "the list that was sent cannot be read",
    241: "the list that was sent names what it may not",
    280: "the switchboard has failed",
    281: "the transfer to the switchboard has failed",
    282: "the message was not taken",
    300: "a field is missing",
    400: "the contact list may only be read",
    402: "the contact list is busy",
    403: "the contact list is unavailable",
    731: "the birthday in the profile is none",
    801: "the message could not be handed on",
}
"""Meanings of codes that answer a command of a session (hypothetic.org; MSNPiki; ywiki errors)."""

KNOWN_CODES = tuple(sorted({*_CODES, *_BUSY_CODES, *_REFUSED}))
"""Every code whose meaning is known."""

_AWAY = (ContactOffline, "the person is not there")
_UNWANTED = (ContactOffline, "the person does not let the account call them")
_UNSEEN = (NotOnline, "the account is offline to others, and may not chat")

_CHAT_REFUSALS: dict[tuple[str, int], tuple[type[CommandRefused], str]] = {
    ("CAL", 215): (CommandRefused, "they are in the chat already"),
    ("CAL", 216): _UNWANTED,
    ("CAL", 217): _AWAY,
    ("XFR", 913): _UNSEEN,
    # MSNP21 has no CAL: the server refuses the message itself.
    ("SDG", 216): _UNWANTED,
    ("SDG", 217): _AWAY,
    ("SDG", 913): _UNSEEN,
}
"""Errors of chats, by command and code, that have their own class or text (hypothetic.org)."""


def refusal_for_code(
    code: int, verb: str, *, server: str | None = None, step: Step = Step.SESSION
) -> CommandRefused:
    """Return the error for an MSNP code that answered the command `verb` within a session."""
    if (verb, code) in _CHAT_REFUSALS:
        kind, said = _CHAT_REFUSALS[verb, code]
        return kind(said, step=Step.CHAT, server=server, code=code)
    if (verb, code) == ("XFR", 800):
        text = "the server takes no more new chats for a while"
        return TooManyChats(text, retry_after=_TOO_OFTEN, step=Step.CHAT, server=server, code=code)
    text = f"{verb} was refused: {_REFUSED.get(code) or _meaning(code).text}"
    return CommandRefused(text, step=step, server=server, code=code)
