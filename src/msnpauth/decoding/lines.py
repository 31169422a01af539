"""Explains MSNP commands as people paste them: one or more lines, some with a payload."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..core.codes import meaning_of
from ..core.findings import section_of
from ..core.wire.commands import Command, command_from_words, is_number, split_words
from .said import Decoded, Field, masked, shown
from .verbs import VERBS
from .words import blob, challenge_fields, is_blob, is_ticket, nonce_problem, ticket

__all__ = ["commands", "is_command", "without_log"]

_LINE = re.compile(r"(?:[A-Z]{3}|[0-9]{3})(?: .*)?")
_SECRET_HEADERS = frozenset({"mspauth", "mspprof", "mspsec", "sid", "ticket"})


# The prefixes that logs put before a line: times, directions, and the names of programs. Pidgin
# writes `(12:00:01) msn: C: NS 000: VER …`, our own --verbose writes `notification > VER …`.
_LOG = re.compile(
    r"[\s\d:.,()\[\]<>|/-]*(?:(?:ms|msn|prpl-msn|notification|session|chat|[CS]|NS|SB|DEBUG|INFO"
    r"|msnpauth)\b[\s\d:.,()\[\]<>|/-]*)*(?=(?:[A-Z]{3}|[0-9]{3})(?: |$))"
)


def without_log(line: str) -> str:
    """Return a line without the prefix of a log."""
    if _LINE.fullmatch(line.strip()):
        return line.strip("\t\r\n").lstrip()
    found = _LOG.match(line)
    return line[found.end() :] if found else line


def is_command(text: str) -> bool:
    """Tell whether a text begins with a line of MSNP."""
    first = without_log(text.lstrip("\r\n").splitlines()[0]) if text.strip() else ""
    word = first.partition(" ")[0]
    if is_number(word):
        return re.fullmatch(r"[0-9]{3} [0-9]+(?: .*)?", first) is not None
    return bool(_LINE.fullmatch(first)) and (word in VERBS or word == "USR")


def commands(text: str, keys: Iterable[str] = ()) -> Iterator[Decoded]:
    """Explain each line; lines without a command are the payload of the command before them."""
    ring = list(keys)
    pending: list[str] = []
    for raw in text.strip("\r\n").splitlines():
        line = without_log(raw)
        if is_command(line) and not _wants_payload(pending):
            if pending:
                yield _explained(pending, ring)
            pending = [line]
        else:
            pending.append(line)
    if pending:
        yield _explained(pending, ring)


def _wants_payload(lines: list[str]) -> bool:
    """Tell whether the payload of a command is incomplete, by the length in its last word."""
    if not lines or lines[0][:3] not in ("MSG", "UUX", "ADL", "NOT", "PUT", "SDG", "NFY", "UUM"):
        return False
    length = lines[0].rpartition(" ")[2]
    had = sum(len(line.encode()) + 2 for line in lines[1:])
    return is_number(length) and had < int(length) - 2


def _explained(lines: list[str], keys: list[str]) -> Decoded:
    payload = "\r\n".join(lines[1:]).encode() if len(lines) > 1 else None
    words = split_words(lines[0].rstrip().encode())
    problems = []
    if lines[0].rstrip("\r\n") != lines[0].rstrip():
        problems.append("there is a blank before the line end")
    if re.search("  ", lines[0]):
        problems.append("words are parted by one blank, not by two")
    has_length = payload is not None and is_number(words[-1]) and len(words) > 1
    command = command_from_words(words, payload if has_length else None)
    decoded = _of_command(command, keys)
    fields = list(decoded.fields)
    if has_length and payload is not None:
        length = int(words[-1])
        if abs(length - len(payload)) > 2:
            problems.append(f"the payload has {len(payload)} bytes, where the line says {length}")
        fields += _headers(payload)
    problems = [*problems, *decoded.problems]
    return decoded._replace(fields=tuple(fields), problems=tuple(problems))


def _of_command(command: Command, keys: list[str]) -> Decoded:
    trid = [] if command.trid is None else [Field("transaction id", str(command.trid))]
    if command.code is not None:
        error = meaning_of(command.code)
        fields = [*trid, Field("means", error.text), Field("do", section_of(error.finding).advice)]
        return Decoded(f"the error {command.verb}", "server to client", tuple(fields))
    if command.verb == "USR":
        return _usr(command, trid, keys)
    verb = VERBS[command.verb]
    fields, values = trid, list(command.args)
    names = list(verb.words)
    for at, value in enumerate(values):
        name = names[min(at, len(names) - 1)] if names else "…"
        name = name.removesuffix("…") or "word"
        is_key = (command.verb, at) == ("ANS", 1) or values[at - 1 : at] == ["CKI"]
        fields.append(Field(name, masked(value) if is_key else shown(value)))
    return Decoded(f"{command.verb}: {verb.does}", verb.belongs, tuple(fields))


def _usr(command: Command, trid: list[Field], keys: list[str]) -> Decoded:
    words, server = list(command.args), "notification server to client"
    client = "client to notification server"
    match words:
        case ["OK", account, *rest]:
            said = (Field("account", shown(account)), Field("further", shown(" ".join(rest))))
            return Decoded("USR: signed in", server, (*trid, *said))
        case [scheme, "I", *rest]:
            fields = [Field("scheme", shown(scheme)), Field("account", shown(" ".join(rest)))]
            problems = () if rest else ("the account is missing",)
            return Decoded("USR: begins a sign-in", client, (*trid, *fields), problems)
        case ["TWN", "S", word, *more]:
            return _twn(word, more, trid, keys)
        case ["SSO", "S", first, *rest]:
            return _sso(first, rest, trid, keys)
        case ["MD5", "S", word]:
            return _md5(word, trid)
    text = "USR: a scheme that is not known, or a switchboard's: account and key"
    hidden = [Field("word", masked(word)) for word in words[1:]]
    known = [Field("account or scheme", shown(words[0]))] if words else []
    return Decoded(text, "client to notification server or switchboard", (*trid, *known, *hidden))


def _twn(word: str, more: list[str], trid: list[Field], keys: list[str]) -> Decoded:
    problems = ["there are words behind the only one"] if more else []
    if is_ticket(word) or "=" not in word:
        found = ticket(word, keys) if is_ticket(word) else None
        fields = found.fields if found else (Field("ticket", masked(word)),)
        belongs = "client to notification server, as the answer to its challenge"
        wrong = [*problems, *(found.problems if found else ())]
        return Decoded("USR: the ticket of TWN", belongs, (*trid, *fields), tuple(wrong))
    if word.endswith("="):
        problems.append("the word may have been cut")
    belongs = "notification server to client; it goes to the login server as it is"
    fields = (*trid, *challenge_fields(word))
    return Decoded("USR: the challenge of TWN (Passport)", belongs, fields, tuple(problems))


def _sso(first: str, rest: list[str], trid: list[Field], keys: list[str]) -> Decoded:
    if is_ticket(first):
        found = ticket(first, keys)
        fields, problems = [*trid, *found.fields], list(found.problems)
        if not rest:
            problems.append("the response is missing")
        elif is_blob(rest[0]):
            response = blob(rest[0])
            fields += response.fields
            problems += response.problems
        else:
            problems.append("the response is none: it begins by HAAAA in base64")
        fields += [Field("machine's GUID", shown(word), "MSNP16 and on") for word in rest[1:2]]
        belongs = "client to notification server, as the answer to its challenge"
        return Decoded("USR: ticket and response of SSO", belongs, tuple(fields), tuple(problems))
    fields = [*trid, Field("policy", shown(first), "under which the ticket is asked for")]
    problems = []
    if rest:
        fields.append(Field("nonce", shown(rest[0]), "is hashed as the text that it is"))
        problems += [problem] if (problem := nonce_problem(rest[0])) else []
    else:
        problems.append("the nonce is missing")
    belongs = "notification server to client"
    return Decoded("USR: the challenge of SSO", belongs, tuple(fields), tuple(problems))


def _md5(word: str, trid: list[Field]) -> Decoded:
    if re.fullmatch("[0-9a-f]{32}", word):
        fields = (*trid, Field("hash", masked(word), "MD5 of salt and password"))
        return Decoded("USR: the answer of MD5", "client to notification server", fields)
    fields = (*trid, Field("salt", shown(word)))
    return Decoded("USR: the challenge of MD5", "notification server to client", fields)


def _headers(payload: bytes) -> list[Field]:
    """Return the headers of a MIME payload, and the length of its body."""
    head, _, body = payload.partition(b"\r\n\r\n")
    fields = []
    for line in head.decode("utf-8", "replace").rstrip("\r\n").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch("[A-Za-z0-9-]+", name):
            return [Field("payload", f"{len(payload)} bytes")]
        is_secret = name.lower() in _SECRET_HEADERS
        fields.append(Field(name, masked(value.strip()) if is_secret else shown(value)))
    return [*fields, Field("text", f"{len(body)} bytes")]
