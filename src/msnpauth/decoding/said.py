"""What is said of a piece of text that somebody has pasted."""

from __future__ import annotations

from typing import NamedTuple

from ..core.secrets import MASK, printable

__all__ = ["Decoded", "Field", "masked", "on_one_line", "shown"]


class Field(NamedTuple):
    """One part of it.

    Attributes:
        name: what the part is called.
        value: as it may be shown; secrets are masked.
        means: what it means; "" where the name says it.
    """

    name: str
    value: str
    means: str = ""


class Decoded(NamedTuple):
    """A piece of text, explained.

    Attributes:
        kind: what it is, in words.
        belongs: who says it to whom, and when.
        fields: its parts.
        problems: what is wrong with it.
    """

    kind: str
    belongs: str
    fields: tuple[Field, ...] = ()
    problems: tuple[str, ...] = ()


def on_one_line(decoded: Decoded) -> Decoded:
    """Return the same, with each of its words safe on a terminal.

    The names of fields are pasted text as much as their values are, and an error's text may quote
    what was pasted. So this is done once, for all that is said.
    """
    return Decoded(
        _line(decoded.kind),
        _line(decoded.belongs),
        tuple(Field(*map(_line, field)) for field in decoded.fields),
        tuple(map(_line, decoded.problems)),
    )


def _line(text: str) -> str:
    return printable(text, max(1, len(text)))


def masked(text: str) -> str:
    """Return what is shown in the place of a secret: how long it is, and nothing of it."""
    return f"{MASK} ({len(text)} characters)" if text else "(empty)"


def shown(text: str) -> str:
    """Return a text that may be shown, as one line."""
    return printable(text, 200) or "(empty)"
