"""Explains single words: challenges, blobs, nonces, tickets."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import unquote

from .said import Decoded, Field, masked, shown

__all__ = [
    "CHALLENGE",
    "blob",
    "challenge_fields",
    "is_blob",
    "is_ticket",
    "nonce_problem",
    "ticket",
]

CHALLENGE = {
    "lc": "locale of the user, as a Windows LCID",
    "id": "number of the site: 507 is Messenger",
    "tw": "seconds within which the sign-in must have been made",
    "fs": "1: the password has to be typed, a cookie is not enough",
    "ru": "address to return to",
    "ct": "the server's clock",
    "kpp": "a flag of Passport whose meaning is not known",
    "kv": "version of the site's key",
    "ver": "version of the Passport manager",
    "rn": "a random word",
    "tpf": "fingerprint over the rest",
    "rver": "version of the Passport runtime",
    "wp": "policy of the ticket",
}
"""Meanings according to MSNPiki; all but lc, id, ru and ct are guesses of its authors."""


def challenge_fields(word: str) -> list[Field]:
    """Return the fields of a TWN challenge, which official servers write as `name=value,…`."""
    fields = []
    for piece in word.split(","):
        name, equals, value = piece.partition("=")
        if not equals:
            fields.append(Field("(no name)", shown(piece)))
            continue
        means = CHALLENGE.get(name, "not known")
        if name == "ct" and re.fullmatch("[0-9]{1,10}", value):
            means += f": {datetime.fromtimestamp(int(value), UTC):%Y-%m-%d %H:%M:%S} UTC"
        if name == "ru":
            means += f": {shown(unquote(value))}"
        fields.append(Field(name, shown(value), means))
    return fields


def nonce_problem(word: str) -> str:
    """Return what is wrong with the nonce of an SSO challenge; "" for nothing."""
    if len(word) == 64:
        return ""
    return f"the nonce has {len(word)} characters, not 64: libpurple sends a broken answer to it"


# --- blobs ---------------------------------------------------------------------------------------

_HEADER = struct.Struct("<7I")
_PARTS = (
    ("header", 28, "bytes of the header"),
    ("mode", 1, "1: CBC"),
    ("cipher", 0x6603, "0x6603: 3DES"),
    ("hash", 0x8004, "0x8004: SHA-1"),
    ("IV length", 8, "bytes"),
    ("hash length", 20, "bytes"),
)


def is_blob(word: str) -> bool:
    """Tell whether a word is the base64 of an SSO response: its first number is always 28."""
    return word.startswith("HAAAA") and len(word) >= 40


def blob(word: str) -> Decoded:
    """Explain the response of `USR n SSO S ticket response` (MSNPiki, MSNP15:SSO)."""
    problems: list[str] = []
    try:
        data = base64.b64decode(word, validate=True)
    except ValueError:
        return _blob([], ["it is not base64"])
    if len(data) < _HEADER.size:
        return _blob([], [f"it has {len(data)} bytes, fewer than its header of 28"])
    numbers = _HEADER.unpack_from(data)
    fields = []
    for (name, right, means), number in zip(_PARTS, numbers, strict=False):
        value = hex(number) if right > 255 else str(number)
        fields.append(Field(name, value, means))
        if number != right:
            problems.append(f"{name} is {value}, where every server wants {right:#x}")
    fields.append(Field("cipher length", str(numbers[6]), "bytes; 72 for a nonce of 64"))
    wanted = numbers[0] + numbers[4] + numbers[5] + numbers[6]
    if wanted != len(data):
        problems.append(f"it has {len(data)} bytes, where its header speaks of {wanted}")
    if numbers[6] % 8:
        problems.append("the cipher's length is no multiple of 8")
    fields.append(Field("IV", data[28:36].hex(), "random"))
    fields.append(Field("hash and cipher", masked(word), "proof of the ticket's key, not shown"))
    return _blob(fields, problems)


def _blob(fields: list[Field], problems: list[str]) -> Decoded:
    belongs = "client to notification server: the last words of `USR n SSO S ticket response`"
    return Decoded("the response of SSO", belongs, tuple(fields), tuple(problems))


# --- tickets -------------------------------------------------------------------------------------

_TICKET = re.compile(r"t=([^& ]*)(?:&(?:amp;)?p=([^ ]*))?")


def is_ticket(word: str) -> bool:
    """Tell whether a word looks like `t=…&p=…`."""
    return _TICKET.fullmatch(word) is not None


def ticket(word: str, keys: Iterable[str] = ()) -> Decoded:
    """Explain a ticket; one of this package's own service is decrypted when its keys are given.

    Raises:
        LocalProtocolError: the keys are not a ring of keys.
    """
    match = _TICKET.fullmatch(word)
    assert match is not None  # the caller has asked `is_ticket`
    problems = []
    if "&amp;" in word:
        problems.append("`&amp;` is XML's spelling of `&`: it has to be undone once")
        word = word.replace("&amp;", "&")
    fields = [
        Field("t", masked(match[1]), "what proves the sign-in; also the cookie MSPAuth"),
        Field("p", masked(match[2] or ""), "the profile; may be empty"),
    ]
    if match[2] is None:
        problems.append("there is no `&p=`, without which msn-pecan crashes")
    ring = list(keys)
    if ring:
        opened, why = _opened(word, ring)
        fields += opened
        problems += why
    elif match[1].startswith("gAAAA"):
        fields.append(Field("made by", "this package's service", "give its keys to open it"))
    belongs = (
        "login server to client, in from-PP='…' or BinarySecurityToken; client to notification"
        " server, in `USR n TWN S …` or `USR n SSO S …`"
    )
    return Decoded("a ticket", belongs, tuple(fields), tuple(problems))


def _opened(word: str, keys: list[str]) -> tuple[list[Field], list[str]]:
    from ..service.tickets import TicketVerifier

    grant = TicketVerifier(keys).read(word)
    if grant is None:
        return [], ["these keys do not open it: it is of another service, or was changed"]
    fields = [
        Field("account", shown(grant.passport)),
        Field("for", shown(grant.site), "the address, or `login` for Passport 1.4"),
        Field("ends", f"{grant.expires:%Y-%m-%d %H:%M:%S} UTC"),
        Field("number", shown(grant.id)),
    ]
    if grant.secret is not None:
        fields.append(Field("proof key", masked(grant.secret.reveal())))
    is_over = grant.expires <= datetime.now(UTC)
    return fields, ["it has ended"] if is_over else []
