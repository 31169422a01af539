"""Explains the codes that official clients show when a sign-in fails.

Sources: ywiki's errors and HRESULTs for the codes of Messenger (8100…) and of Passport (8004…), the
constants of WinINet and Winsock (Microsoft's documentation of `InternetGetLastError` and
`WSAGetLastError`) for the codes of Windows itself (8007…), and forums of revival networks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..core.codes import meaning_of
from ..core.errors import LocalProtocolError
from ..core.findings import SECTIONS, section_of

__all__ = ["KNOWN", "Explained", "explained_code"]


class Explained(NamedTuple):
    """The explanation of a code.

    Attributes:
        code: the code in its usual form: `80048821`, `911`, `MA-TLS-03`.
        means: what happened, in one sentence.
        advice: what to do about it.
        finding: the code of the section that it belongs to; "" for none.
    """

    code: str
    means: str
    advice: str
    finding: str = ""


_REFUSED = (
    "Check the address and the password at the network's web site. A password of more than 16"
    " characters is cut by official clients. On Windows XP and before the same code comes when"
    " TLS 1.0 is switched off in Internet Explorer's options, SSL 2.0 is switched on, the clock is"
    " wrong, or the network's root certificate is missing."
)
_CONNECT = (
    "Check that the machine is online, that no firewall blocks port 1863 and 443, that the proxy"
    " settings of Internet Explorer and of the client are empty, and that the client was patched"
    " for the network that it is to use."
)
_BUSY = "The server is at fault, or busy. Try again in a few minutes."
_TLS = (
    "The system's TLS and the server's do not fit, or the certificate is not trusted there. Set the"
    " clock, switch TLS 1.0 on in Internet Explorer's options, install the network's root"
    " certificate, and see what `msnpauth doctor` says of old systems (MA-DOC-10)."
)
_SITE = "Sign in at the network's web site and do what it wants."

_PASSPORT = {
    0x80048820: (
        "the sign-in service failed, or did not take the request",
        "Try again once. On old systems check TLS and the clock as for 80048821.",
        "MA-WEB-04",
    ),
    0x80048821: ("the address or the password was refused", _REFUSED, "MA-ACC-01"),
    0x80048823: (
        "the password was refused, or the account is locked after too many attempts",
        "Wait for some minutes before the next attempt. " + _REFUSED,
        "MA-ACC-01",
    ),
    0x80048825: ("the terms of use have to be accepted", _SITE, "MA-ACC-05"),
    0x80048826: ("the account has to be renamed", _SITE, "MA-ACC-05"),
    0x80048827: ("the password has to be changed", _SITE, "MA-ACC-05"),
    0x80048831: ("the password has expired", _SITE, "MA-ACC-05"),
    0x80048836: ("the e-mail address has to be verified", _SITE, "MA-ACC-05"),
    0x800488EE: ("the account is of a federated domain", _SITE, "MA-ACC-05"),
    0x80048800: ("nobody is signed in", "Sign in first.", ""),
    0x80048829: ("the sign-in service could not be used", _CONNECT, "MA-NET-13"),
}

# Codes of Messenger that stand for an MSNP code have the explanation of that code.
_MESSENGER_AS_MSNP = {
    0x81000303: 928,
    0x81000304: 207,
    0x8100030A: 205,
    0x8100030E: 600,
    0x81000314: 601,
    0x81000326: 920,
    0x81000327: 917,
    0x81000331: 923,
    0x81000336: 924,
    0x81000339: 710,
    0x81000359: 926,
    0x8100035A: 927,
    0x8100036D: 540,
    0x8100037B: 930,
    0x81000385: 929,
    0x81000395: 911,
    0x81000398: 800,
    0x810003A8: 500,
    0x810003CC: 420,
    0x81000410: 934,
    0x81000435: 201,
    0x81000438: 715,
    0x8100043C: 913,
}
_MESSENGER = {
    0x81000301: ("the client could not connect", _CONNECT, "MA-NET-13"),
    0x81000306: (
        "the server did not answer in time, or ended the connection",
        _CONNECT,
        "MA-NET-05",
    ),
    0x81000323: ("the sign-in was given up", "Try again.", ""),
    0x81000362: ("the client found no way to the server", _CONNECT, "MA-NET-06"),
    0x81000363: ("the connection was lost while the client signed in", _CONNECT, "MA-NET-08"),
    0x81000370: (
        "the address book could not be read, or the account has no right to it",
        "The network's contacts host does not answer as the client needs it: see MA-DOC-15.",
        "MA-DOC-15",
    ),
    0x81000377: (
        "the account signed in elsewhere",
        "Sign out there, or ask who else knows the password.",
        "MA-SES-02",
    ),
    0x81000378: ("the server went down", _BUSY, "MA-SES-01"),
    0x81000451: ("the service is not available to this version", _BUSY, "MA-MSN-05"),
}

# The low words of 8007xxxx: numbers of Windows itself.
_WINDOWS = {
    12002: ("a web request was not answered in time", _CONNECT, "MA-NET-11"),
    12005: ("an address of the service is none", "The client was patched wrongly.", "MA-ARG-01"),
    12007: ("the host name of the service was not found", _CONNECT, "MA-NET-02"),
    12029: ("no connection to the sign-in server could be made", _CONNECT, "MA-NET-04"),
    12030: ("the connection to the sign-in server was ended", _CONNECT, "MA-NET-08"),
    12031: ("the connection to the sign-in server was reset", _CONNECT, "MA-NET-08"),
    12037: ("the certificate has expired or is not yet valid: the clock", _TLS, "MA-TLS-02"),
    12038: ("the certificate is for another name", _TLS, "MA-TLS-05"),
    12045: ("no authority that is trusted has signed the certificate", _TLS, "MA-TLS-03"),
    12057: ("whether the certificate was withdrawn could not be found out", _TLS, "MA-TLS-09"),
    12152: ("the answer of the sign-in server makes no sense", _BUSY, "MA-WEB-03"),
    12157: ("TLS with the sign-in server failed", _TLS, "MA-TLS-12"),
    12163: ("the machine is offline", _CONNECT, "MA-NET-01"),
    12169: ("the certificate is not valid", _TLS, "MA-TLS-09"),
    12170: ("the certificate was withdrawn", _TLS, "MA-TLS-06"),
    12175: ("TLS with the sign-in server failed", _TLS, "MA-TLS-12"),
    10050: ("the network is down", _CONNECT, "MA-NET-06"),
    10051: ("there is no way to the server", _CONNECT, "MA-NET-06"),
    10053: ("the connection was given up by this machine", _CONNECT, "MA-NET-08"),
    10054: ("the server reset the connection", _CONNECT, "MA-NET-08"),
    10060: ("nothing answered at that port", _CONNECT, "MA-NET-05"),
    10061: ("the connection was refused", _CONNECT, "MA-NET-04"),
    11001: ("the host name was not found", _CONNECT, "MA-NET-02"),
    11002: ("the resolver does not answer", _CONNECT, "MA-NET-03"),
}
_HTTP = {
    400: ("the server did not take the request", _BUSY, "MA-WEB-01"),
    401: ("the server wants another sign-in", _REFUSED, "MA-ACC-01"),
    403: ("the server forbids it", _SITE, "MA-WEB-01"),
    404: ("nothing is at that address", "The client was patched for another network.", "MA-WEB-01"),
    407: ("the proxy wants a user name and a password", _CONNECT, "MA-PRX-01"),
    500: ("the server has trouble", _BUSY, "MA-WEB-04"),
    502: ("the server has trouble", _BUSY, "MA-WEB-04"),
    503: ("the server is busy", _BUSY, "MA-WEB-04"),
    504: ("the server has trouble", _BUSY, "MA-WEB-04"),
}


KNOWN = tuple(
    sorted({*_PASSPORT, *_MESSENGER_AS_MSNP, *_MESSENGER, *(0x80070000 + low for low in _WINDOWS)})
)
"""Every code of an official client that is explained, except those of HTTP."""


def explained_code(text: str) -> Explained:
    """Explain a code of an official client, of MSNP, or of this package's findings.

    Args:
        text: `80048821`, `0x80048821`, `-2147186655`, `911`, `MA-TLS-03` …, in any letter case.

    Raises:
        LocalProtocolError: it is not a code, or its meaning is not known.
    """
    word = text.strip().upper()
    if word.startswith("MA-"):
        return _section(word)
    if re.fullmatch(r"[0-9]{3}", word):
        return _msnp(int(word), word)
    number = _number(word)
    if number is None:
        raise LocalProtocolError(
            f"{text!r} is not a code",
            hint="codes look like 80048821, 911 or MA-TLS-03",
        )
    code = f"{number:08X}".lower()
    if number in _MESSENGER_AS_MSNP:
        return _msnp(_MESSENGER_AS_MSNP[number], code)
    known = _PASSPORT.get(number) or _MESSENGER.get(number) or _of_windows(number)
    if known is None:
        raise LocalProtocolError(
            f"nobody knows what {code} means",
            hint="codes of official clients begin by 8004, 8007 or 8100",
        )
    return Explained(code, *known)


def _section(word: str) -> Explained:
    if word not in {section.code for section in SECTIONS}:
        raise LocalProtocolError(
            f"there is no finding {word}", hint="the codes are in docs/findings.md"
        )
    section = section_of(word)
    return Explained(word, section.title, f"{section.recognised} {section.advice}", word)


def _msnp(code: int, shown: str) -> Explained:
    error = meaning_of(code)
    name = "" if shown == str(code) else f" (MSNP code {code})"
    advice = section_of(error.finding).advice
    return Explained(shown, f"{error.text}{name}", advice, error.finding)


def _number(word: str) -> int | None:
    """Return the number of an HRESULT in any of its forms; None when it is not one."""
    if re.fullmatch(r"-[0-9]{8,10}", word):  # a signed number, as some programs show it
        return int(word) & 0xFFFFFFFF
    word = word.removeprefix("0X")
    if not re.fullmatch(r"8[0-9A-F]{7}", word):
        return None
    return int(word, 16)


def _of_windows(number: int) -> tuple[str, str, str] | None:
    high, low = number >> 16, number & 0xFFFF
    if high == 0x8019:  # HTTP_E_STATUS
        return _HTTP.get(low)
    if high != 0x8007:
        return None
    return _WINDOWS.get(low) or _HTTP.get(low)
