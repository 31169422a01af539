"""One table of the differences between the MSNP versions. No other module compares versions.

Sources: draft-movva (MSNP2), hypothetic.org (7-9), ywiki (2-13), MSNPiki (9-15), msnp-sharp
(16-21).
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import LocalProtocolError
from ..patterns import pattern

__all__ = [
    "DIALECTS",
    "Dialect",
    "ListsForm",
    "PresenceForm",
    "QueryRule",
    "Scheme",
    "choose",
    "known",
    "offer",
    "scheme_named",
    "scheme_of",
    "spoken_in",
]


class Scheme(enum.StrEnum):
    """The way in which a dialect authenticates a sign-in."""

    MD5 = "MD5"
    TWN = "TWN"
    SSO = "SSO"


class QueryRule(enum.Enum):
    """The way in which a CHL is answered (hypothetic.org for MSNP6, MSNPiki for MSNP11)."""

    NONE = "none"
    MD5 = "md5"
    MSNP11 = "msnp11"


class ListsForm(enum.Enum):
    """The form in which a server sends the contact list (hypothetic.org; MSNPiki; ywiki syn)."""

    BY_LIST = "LST n FL ser i total mail name"
    BY_LIST_WITH_GROUPS = "… with group ids, and LSG"
    BY_CONTACT = "LST mail name lists groups"
    BY_FIELD = "LST N=mail F=name C=guid lists"
    BY_FIELD_WITH_NETWORK = "… lists network"
    BY_SOAP = "ADL, and the address book by SOAP"


class PresenceForm(enum.Enum):
    """The form of contacts' presence: the words of ILN and NLN behind the status, or NFY.

    Sources: hypothetic.org; ywiki iln; Escargot misc.py; msnp-sharp for NFY.
    """

    BARE = "mail name"
    WITH_CAPABILITIES = "mail name capabilities [object]"
    WITH_NETWORK = "mail network name capabilities object"
    WITH_ENDPOINT = "1:mail name capabilities object"
    BY_NOTIFY = "NFY, with a document"


class Product(NamedTuple):
    """The identity of a client program: its CVR words, and the id and key that answer a CHL."""

    client: str
    version: str
    code: str
    id: str
    key: str


_MSN_5 = Product("MSMSGS", "5.0.0544", "MSMSGS", "msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5")
_MSN_6 = Product("MSNMSGR", "6.2.0208", "MSMSGS", "PROD0038W!61ZTF9", "VT6PX?UQTM4WM%YR")
_MSN_7 = Product("MSNMSGR", "7.0.0813", "MSMSGS", "PROD0101{0RM?UBW", "CFHUR$52U_{VIX5T")
_MSN_8 = Product("MSNMSGR", "8.0.0812", "MSMSGS", "PROD01065C%ZFN6F", "O4BG@C7BWLYQX?5G")
_MSN_85 = Product("MSNMSGR", "8.5.1302", "BC01", "PROD0119GSJUC$18", "ILTXC!4IXB5FB*PX")
_MSN_14 = Product("MSNMSGR", "14.0.8089", "BC01", "PROD0120PW!CCV9@", "C1BX{V4W}Q3*10SM")


class Dialect(NamedTuple):
    """One MSNP version.

    Attributes:
        number: the number of the version: 8 for MSNP8.
        scheme: the scheme of its sign-in.
        product: the client program that this side names in CVR.
        name_in_ok: `USR OK` has the display name after the passport.
        flags_in_ok: how many flags `USR OK` ends with: none, verified, or verified and restricted.
        xfr: the words of `XFR n NS` behind the address; `{current}` is the server's own address.
        query: how CHL is answered.
        qng_seconds: QNG has the number of seconds until the next PNG.
        sbs: `SBS 0 null` follows USR OK.
        gcf_unasked: the server sends GCF without a request before `USR … S`.
        lists: the form in which the server sends the contact list.
        capabilities: the word of CHG for the client's capabilities; "" where CHG has none.
        extended: capabilities are two numbers, as in `1073741856:0`.
        presence: the form of contacts' presence.
        chat_capabilities: JOI and IRO end with the capabilities.
        chats_invisible: an account that is invisible may open chats.
        chat_tail: the words at the end of `XFR n SB` and RNG.
        name_by_rea: REA changes the display name; from MSNP10 on PRP does.
        personal_message: UUX sets the account's personal message, and UBX has those of contacts.
        nudges: chats can have nudges.
        moves_pending: the client moves a person whom it allows from the pending to the reverse
            list.
        inf: INF asks for the schemes (CVR then comes after sign-in, and without the account).
        hop: CVR has a ninth word, and XFR names hops.
        guid: `USR SSO S` has the machine's GUID, and one account may be at several places.
        rst: clients of this version got their ticket by RST rather than from the login server.
        rst2: clients of this version used RST2 rather than RST.
        chl_first: the server sends CHL right behind USR OK, before the profile.
        publishes: the server answers PUT, SDG and DEL.
        routed: presence is set by PUT and reported by NFY, and chats use SDG and no switchboard.
        left_messages: the server announces offline messages.
        leaves: UUM sends an offline message.
        usual: the version is known to be in use; other versions are offered only on request.
    """

    number: int
    scheme: Scheme
    product: Product
    name_in_ok: bool
    flags_in_ok: int
    xfr: str
    query: QueryRule
    qng_seconds: bool
    sbs: bool
    gcf_unasked: bool
    lists: ListsForm
    capabilities: str
    extended: bool
    presence: PresenceForm
    chat_tail: str
    chat_capabilities: bool
    chats_invisible: bool
    name_by_rea: bool
    personal_message: bool
    nudges: bool
    moves_pending: bool
    inf: bool
    hop: bool
    guid: bool
    rst: bool
    rst2: bool
    chl_first: bool
    publishes: bool
    routed: bool
    left_messages: bool
    leaves: bool
    usual: bool

    @property
    def name(self) -> str:
        """The name of the dialect in VER, such as `MSNP8`."""
        return f"MSNP{self.number}"


def _dialect(number: int) -> Dialect:
    return Dialect(
        number=number,
        scheme=Scheme.MD5 if number < 8 else Scheme.TWN if number < 15 else Scheme.SSO,
        product=_product(number),
        name_in_ok=number < 10,
        flags_in_ok=0 if number < 6 else 1 if number < 8 else 2,
        xfr=_xfr(number),
        query=QueryRule.NONE if number < 6 else QueryRule.MD5 if number < 11 else QueryRule.MSNP11,
        qng_seconds=number >= 9,
        sbs=number >= 11,
        gcf_unasked=number >= 13,
        lists=_lists(number),
        capabilities=_capabilities(number),
        extended=number >= 16,
        presence=_presence(number),
        chat_tail="" if number < 13 else _CHAT_TAIL if number < 14 else f"{_CHAT_TAIL} 1",
        chat_capabilities=number >= 12,
        chats_invisible=number >= 13,
        name_by_rea=number < 10,
        personal_message=number >= 11,
        nudges=number >= 11,
        moves_pending=number >= 11,
        inf=number < 8,
        hop=number >= 21,
        guid=number >= 16,
        rst=number >= 12,
        rst2=number >= 18,
        chl_first=number >= 21,
        publishes=number >= 18,
        routed=number >= 21,
        left_messages=number >= 11,
        leaves=number >= 18,
        usual=number not in (17, 19, 21),
    )


def _product(number: int) -> Product:
    for first, product in ((18, _MSN_14), (15, _MSN_85), (13, _MSN_8), (11, _MSN_7), (9, _MSN_6)):
        if number >= first:
            return product
    return _MSN_5


def _xfr(number: int) -> str:
    if number == 2:
        return ""
    if number < 7:
        return "0"
    return "0 {current}" if number < 13 else "U D" if number < 21 else "U D {hop}"


# The level of Messenger 7, the first that shows nudges, and the bit for texts in several pieces
# (MSNPiki, client capabilities). msnpauth has none of the other capabilities.
_CAPABILITIES = 0x4000_0020


_CHAT_TAIL = "U messenger.msn.com"


def _presence(number: int) -> PresenceForm:
    for first, form in (
        (21, PresenceForm.BY_NOTIFY),
        (18, PresenceForm.WITH_ENDPOINT),
        # Official servers send the network from MSNP14 on. libpurple of 2007 crashes without it in
        # MSNP13, and no known MSNP13 client has trouble with it.
        (13, PresenceForm.WITH_NETWORK),
        (8, PresenceForm.WITH_CAPABILITIES),
    ):
        if number >= first:
            return form
    return PresenceForm.BARE


def _capabilities(number: int) -> str:
    if number < 8:
        return ""
    return f"{_CAPABILITIES}:0" if number >= 16 else str(_CAPABILITIES)


def _lists(number: int) -> ListsForm:
    for first, form in (
        (13, ListsForm.BY_SOAP),
        (12, ListsForm.BY_FIELD_WITH_NETWORK),
        (10, ListsForm.BY_FIELD),
        (8, ListsForm.BY_CONTACT),
        (7, ListsForm.BY_LIST_WITH_GROUPS),
    ):
        if number >= first:
            return form
    return ListsForm.BY_LIST


DIALECTS: dict[int, Dialect] = {n: _dialect(n) for n in (*range(2, 20), 21)}
"""Every dialect, by its number. MSNP20 is missing, because nobody has seen it in use."""

_SPOKEN = {frozenset({14, 13}): {13}}
"""The dialects that clients really speak, where they offer others as well.

libpurple of 2007 offers MSNP14 first, and does not speak it.
"""

_NAME = pattern(r"MSNP(\d{1,3})", re.IGNORECASE)


def spoken_in(scheme: Scheme) -> tuple[int, ...]:
    """Return the dialects of a scheme, best first."""
    return tuple(n for n in sorted(DIALECTS, reverse=True) if DIALECTS[n].scheme is scheme)


def scheme_named(name: str) -> Scheme:
    """Return the scheme with that name, in any letter case.

    Raises:
        LocalProtocolError: there is no such scheme.
    """
    try:
        return Scheme(name.upper())
    except (ValueError, AttributeError):
        known = ", ".join(Scheme)
        raise LocalProtocolError(f"{name!r} is no scheme", hint=f"schemes are {known}") from None


def scheme_of(dialects: Iterable[int]) -> Scheme:
    """Return the scheme by which all these dialects sign in.

    Raises:
        LocalProtocolError: a dialect is unknown, or the dialects have different schemes: one VER
            can offer the dialects of one scheme only.
    """
    schemes = {dialect.scheme for dialect in known(dialects)}
    if len(schemes) > 1:
        raise LocalProtocolError(
            "these dialects sign in by different schemes",
            hint="offer 2 to 7 (MD5), 8 to 14 (TWN), or 15 and above (SSO)",
        )
    return schemes.pop()


def known(dialects: Iterable[int]) -> tuple[Dialect, ...]:
    """Return the dialects with these numbers, best first, of any schemes.

    Raises:
        LocalProtocolError: there is no number, or one of them is unknown.
    """
    numbers = sorted(set(dialects), reverse=True)
    for number in numbers or [-1]:
        if number not in DIALECTS:
            raise LocalProtocolError(
                "no dialects" if number < 0 else f"MSNP{number} is not known",
                hint=f"dialects= takes numbers out of {', '.join(map(str, DIALECTS))}",
            )
    return tuple(DIALECTS[number] for number in numbers)


def offer(dialects: Iterable[int] | None, scheme: Scheme = Scheme.TWN) -> tuple[Dialect, ...]:
    """Return the dialects to offer in VER, best first; for None the usual dialects of `scheme`.

    Raises:
        LocalProtocolError: there is no number, or one of them is unknown or of another scheme.
    """
    if dialects is None:
        return _usual(scheme)
    numbers = tuple(sorted(set(dialects), reverse=True))
    ours = ", ".join(str(n) for n in sorted(spoken_in(scheme)))
    if not numbers:
        raise LocalProtocolError("no dialects to offer", hint=f"name some of {ours}")
    for number in numbers:
        if number not in DIALECTS or DIALECTS[number].scheme is not scheme:
            raise LocalProtocolError(
                f"MSNP{number} cannot be offered: it does not sign in by {scheme}",
                hint=f"{scheme} has {ours}",
            )
    return tuple(DIALECTS[number] for number in numbers)


@functools.cache
def _usual(scheme: Scheme) -> tuple[Dialect, ...]:
    return tuple(DIALECTS[number] for number in spoken_in(scheme) if DIALECTS[number].usual)


def choose(words: Iterable[str], offered: Iterable[Dialect]) -> Dialect | None:
    """Return the best dialect that is in the words of VER and in `offered`, or None.

    Other words are ignored: real servers answered `VER 1 MSNP13 CVR0` (emesene log, 2008).
    """
    named = {int(match[1]) for word in words if (match := _NAME.fullmatch(word))}
    named = _SPOKEN.get(frozenset(named), named)
    return max((d for d in offered if d.number in named), key=lambda d: d.number, default=None)
