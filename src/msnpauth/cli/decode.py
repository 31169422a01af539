"""`msnpauth decode`: explains text that a person pastes."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Styled, emit_json, say
from .values import TEXT

if TYPE_CHECKING:
    from ..decoding import Decoded

__all__ = ["decode"]

_MOST_BYTES = 4 * 1024 * 1024
_HOLDS_SECRET = re.compile(
    r"pwd=|from-pp=|\bt=|&p=|<|HAAAA|MD5 S [0-9a-f]{32}|TWN S [^=,]+$|SHA A |\bCKI |\bANS \d"
    r"|USR \d+ [^ ]+@[^ ]+ ",
    re.IGNORECASE,
)


@click.command()
@click.argument("text", type=TEXT, required=False)
@click.option(
    "--keys",
    type=click.Path(exists=True, dir_okay=False, readable=True),
    metavar="FILE",
    help="A service's keys, one in each line, to open its tickets.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def decode(text: str | None, keys: str | None, as_json: bool) -> None:
    """Explain MSNP lines, Passport headers, RST envelopes, blobs, tickets and codes.

    The text is read from standard input. TEXT is only for text without a secret, since other
    programs of the machine can read it. Secrets are masked in the output. No server is contacted.
    """
    from ..decoding import decode as explained

    if text is not None and _HOLDS_SECRET.search(text):
        raise click.UsageError("TEXT may hold a secret: give it by standard input")
    pasted = _stdin() if text is None else text
    ring = [] if keys is None else _keys(keys)
    found = explained(pasted, ring)
    if as_json:
        emit_json([_fields(decoded) for decoded in found])
        return
    for decoded in found:
        _tell(decoded)


def _stdin() -> str:
    """Return the pasted text; bytes that are not UTF-8 become U+FFFD."""
    if sys.stdin is None:
        raise click.UsageError("standard input is closed")
    if sys.stdin.isatty():
        say("Paste what is to be explained; end by Ctrl-D.", err=True)
    return sys.stdin.buffer.read(_MOST_BYTES).decode("utf-8", "replace")


def _keys(path: str) -> list[str]:
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"--keys: {path} cannot be read") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _fields(decoded: Decoded) -> dict[str, object]:
    fields = [field._asdict() for field in decoded.fields]
    return {**decoded._asdict(), "fields": fields, "problems": list(decoded.problems)}


def _tell(decoded: Decoded) -> None:
    say(Styled(decoded.kind, bold=True))
    say(f"  {decoded.belongs}")
    width = max((len(field.name) for field in decoded.fields), default=0)
    for field in decoded.fields:
        means = f"  ({field.means})" if field.means else ""
        say(f"  {field.name:<{width}}  {field.value}{means}")
    for problem in decoded.problems:
        say("  ", Styled(f"! {problem}", "yellow"))
