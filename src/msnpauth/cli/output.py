"""Prints lines that are safe for any terminal and any encoding, and JSON as UTF-8.

Every line of the command goes through `say` or `emit_json`. Other people have chosen much of the
text: display names, words of a server, a network's title. None of it may move the cursor, set the
window's title, begin a second line, or end the command by a character that the locale does not
have.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from typing import NamedTuple, TextIO

import click

from ..core.secrets import printable

__all__ = ["OutputFailed", "Styled", "clean", "emit_json", "output_failed", "say"]

_SURROGATES = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"

# Marks that change the direction of the text after them: a line could look like another one.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")

# Characters that JSON allows in a string, but that a terminal obeys, or that some programs treat as
# a line end.
_RISKY_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_ESCAPED = "msnpauth-escaped"
_PLAIN = {
    "…": "...",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "–": "-",
    "—": "-",
    _REPLACEMENT: "?",
}


class OutputFailed(Exception):
    """The output cannot be written; `closed` is True when its reader has ended, such as `head`."""

    def __init__(self, reason: str, *, closed: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.closed = closed


class Styled(NamedTuple):
    """A part of a line with a colour, or in bold, where the output supports these."""

    text: str
    fg: str | None = None
    bold: bool = False


def clean(text: str) -> str:
    """Return `text` as one line that cannot control a terminal; the text is not cut.

    Bytes that were not UTF-8 on the wire (Python keeps them as surrogates) become U+FFFD.
    """
    text = _DIRECTIONS.sub(" ", _SURROGATES.sub(_REPLACEMENT, text))
    # `printable` also strips blanks, but the blanks at both ends align columns, and are kept.
    inner = text.strip(" ")
    before, _, after = text.partition(inner) if inner else (text, "", "")
    return before + printable(inner, len(inner) + 1) + after


def say(*parts: str | Styled, err: bool = False) -> None:
    """Print one line, of parts with a blank between them.

    Raises:
        OutputFailed: the line cannot be written.
    """
    words = []
    for part in parts:
        text, fg, bold = part if isinstance(part, Styled) else Styled(part)
        shown = _encodable(clean(text), sys.stderr if err else sys.stdout)
        words.append(click.style(shown, fg=fg, bold=bold or None) if fg or bold else shown)
    _write(" ".join(words), err=err)


def emit_json(content: object) -> None:
    """Print one line of JSON on stdout, always as UTF-8: JSON has no other encoding (RFC 8259).

    Raises:
        OutputFailed: the line cannot be written.
    """
    text = _SURROGATES.sub(_REPLACEMENT, json.dumps(content, ensure_ascii=False))
    text = _RISKY_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    _write(text.encode("utf-8"), err=False)


def _write(line: str | bytes, *, err: bool) -> None:
    try:
        click.echo(line, err=err, color=_colours_wanted())
        return
    except OSError as problem:
        failed = output_failed(problem)
    raise failed


def output_failed(problem: OSError) -> OutputFailed:
    """Return an OutputFailed for an error of writing to stdout or stderr."""
    reason = problem.strerror or type(problem).__name__
    return OutputFailed(reason, closed=isinstance(problem, BrokenPipeError))


def _colours_wanted() -> bool | None:
    """Return whether the person wants colours; None means colours if the output is a terminal.

    As no-color.org and force-color.org say, a variable counts when it is set and not empty.
    """
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def _encodable(text: str, stream: TextIO | None) -> str:
    """Return `text`, with all characters replaced that the stream's encoding does not have."""
    # Not by the stream's own error handler: click writes UTF-8 to a stream whose encoding is ASCII.
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, _ESCAPED).decode(encoding)


def _escape(problem: UnicodeError) -> tuple[str, int]:
    """Spell typographic characters in ASCII, and escape all others as Python writes them."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    spelled = (
        _PLAIN.get(character) or character.encode("ascii", "backslashreplace").decode("ascii")
        for character in problem.object[problem.start : problem.end]
    )
    return "".join(spelled), problem.end


codecs.register_error(_ESCAPED, _escape)
