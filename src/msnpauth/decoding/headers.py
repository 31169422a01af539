"""Headers of Passport 1.4: PassportURLs, Authorization, WWW-Authenticate, Authentication-Info."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from ..core.secrets import MASK
from ..core.tickets.verdicts import parse_fields
from ..core.urls import BadAddress, Url
from .said import Decoded, Field, masked, shown
from .words import CHALLENGE, challenge_fields, is_ticket, ticket

__all__ = ["headers", "is_header"]

_NAMES = {
    "passporturls": "PassportURLs",
    "authorization": "Authorization",
    "www-authenticate": "WWW-Authenticate",
    "authentication-info": "Authentication-Info",
}
_BELONGS = {
    "passporturls": "nexus to client: where to sign in",
    "authorization": "client to login server: the account, its password and the challenge",
    "www-authenticate": "login server to client: a refusal",
    "authentication-info": "login server to client: a ticket, or a redirect",
}
_MEANS = {
    "darealm": "realm of the network",
    "dalogin": "the login server: host and path, with or without https://",
    "configversion": "grows with each change of these addresses",
    "da-status": "success, redir, failed, or failed-noretry: never send it again",
    "tname": "name of a cookie that goes with the ticket",
    "srealm": "realm of the network",
    "ts": "number of the refusal",
    "cbtxt": "the server's sentence for people",
    "cburl": "a page for people",
    "prompt": "ask for another password",
    "ru": "address to return to",
    "orgverb": "method of the request that needs a ticket: GET",
    "orgurl": "address of that request",
    "sign-in": "the account, percent-encoded",
    "elapsed-time": "seconds since the password was typed",
}
_SECRET = frozenset({"pwd", "from-pp"})
_LINE = re.compile(r"[ \t]*([A-Za-z-]+)[ \t]*:(.*)")


def is_header(text: str) -> bool:
    """Tell whether a line is one of these headers, or the value of one without its name."""
    match = _LINE.match(text)
    if match and match[1].lower() in _NAMES:
        return True
    return bool(re.match(r"[ \t]*Passport1\.4[ \t]", text, re.IGNORECASE)) or "DALogin=" in text


def headers(text: str, keys: Iterable[str] = ()) -> Iterator[Decoded]:
    """Explain each header of the text."""
    for line in text.splitlines():
        if is_header(line):
            yield _explained(line, list(keys))


def _explained(line: str, keys: list[str]) -> Decoded:
    match = _LINE.match(line)
    name, value = ("", line.strip())
    if match and match[1].lower() in _NAMES:
        name, value = match[1], match[2].strip()
    kind = name.lower() or _guessed(value)
    problems = []
    if name and name != _NAMES[kind]:
        problems.append(f"old clients look for `{_NAMES[kind]}`, spelled so")
    if kind == "authorization":
        fields, wrong = _authorization(value)
    else:
        fields, wrong = _fields(kind, value, keys)
    title = f"the header {_NAMES[kind]}" + ("" if name else " (its value)")
    return Decoded(title, _BELONGS[kind], tuple(fields), (*problems, *wrong))


def _guessed(value: str) -> str:
    folded = value.lower()
    if "dalogin=" in folded:
        return "passporturls"
    if "pwd=" in folded:
        return "authorization"
    return "authentication-info" if "from-pp=" in folded else "www-authenticate"


def _fields(kind: str, value: str, keys: list[str]) -> tuple[list[Field], list[str]]:
    try:
        parsed = parse_fields(value)
    except ValueError as problem:
        return [], [str(problem)]
    fields: list[Field] = []
    problems: list[str] = []
    for key, text in parsed.items():
        if key == "from-pp":
            fields += _ticket_fields(text, keys, problems)
        elif key == "cbtxt":
            fields.append(Field(key, shown(unquote(text)), _MEANS[key]))
        else:
            hidden = key in _SECRET
            fields.append(Field(key, masked(text) if hidden else shown(text), _MEANS.get(key, "")))
    if kind == "passporturls":
        problems += _login_problems(parsed.get("dalogin"))
    if kind == "authentication-info":
        if "from-pp" not in parsed and parsed.get("da-status") == "success":
            problems.append("da-status=success without a ticket (from-PP)")
        if re.search(r"from-PP='[^']*'.", value, re.IGNORECASE):
            problems.append("clients in Rust and Node take all that is behind from-PP for a ticket")
    return fields, problems


def _ticket_fields(text: str, keys: list[str], problems: list[str]) -> list[Field]:
    if not is_ticket(text):
        return [Field("from-PP", masked(text), "the ticket, of a form that is not t=…&p=…")]
    found = ticket(text, keys)
    problems += found.problems
    return list(found.fields)


def _login_problems(login: str | None) -> list[str]:
    if not login:
        return ["there is no DALogin"]
    try:
        url = Url.parse_login(login)
    except BadAddress as problem:
        return [f"DALogin is no address: {problem}"]
    problems = [] if url.scheme == "https" else ["DALogin is not https: no password goes there"]
    if re.search(r":443(?:/|$)", login):
        problems.append("old clients take `host:443` for the name: 443 is never spelled")
    return problems


def _parted(behind: str) -> tuple[str, str]:
    """Return password and challenge; a comma that was not escaped belongs to the password.

    The challenge begins with the first field that challenges have. The text before it may be a
    part of the password, and is not shown.
    """
    pieces = behind.split(",")
    for at, piece in enumerate(pieces[1:], 1):
        name = piece.strip().partition("=")[0].lower()
        if name in CHALLENGE or name in _MEANS:
            return ",".join(pieces[:at]), ",".join(pieces[at:])
    return behind, ""


def _authorization(value: str) -> tuple[list[Field], list[str]]:
    """Return the fields of an Authorization; the challenge follows the password."""
    problems = []
    if re.match(r"Passport1\.4[ \t]+Passport1\.4", value, re.IGNORECASE):
        problems.append("Passport1.4 is said twice")
    words = re.sub(r"^(?:Passport1\.4[ \t]+)+", "", value, flags=re.IGNORECASE)
    before, comma, behind = words.partition("pwd=")
    password, challenge = _parted(behind)
    fields = []
    for piece in before.rstrip(", ").split(","):
        key, _, text = piece.strip().partition("=")
        value_shown = unquote(text) if key.lower() == "sign-in" else text
        fields.append(Field(key, shown(value_shown), _MEANS.get(key.lower(), "")))
    if not comma:
        problems.append("there is no password (pwd=)")
    else:
        fields.append(Field("pwd", MASK, "the password, percent-encoded once"))
    if re.search(r"%(?![0-9A-Fa-f]{2})", before + password):
        problems.append("a percent sign stands without two hex digits behind it")
    if "+" in password:
        problems.append("`+` is a plus to some servers and a blank to others: encode it")
    if challenge:
        fields += challenge_fields(challenge)
    else:
        problems.append("the challenge is missing behind the password")
    return fields, problems
