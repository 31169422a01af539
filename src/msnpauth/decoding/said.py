"""The explanation of a pasted text, as values that can be shown."""

from __future__ import annotations

from typing import NamedTuple

from ..core.secrets import MASK, printable

__all__ = ["Decoded", "Field", "masked", "on_one_line", "shown"]


class Field(NamedTuple):
    """One part of a pasted text.

    Attributes:
        name: the name of the part.
        value: the value of the part; secrets are masked.
        means: the meaning of the value; "" where the name explains it.
    """

    name: str
    value: str
    means: str = ""


class Decoded(NamedTuple):
    """A piece of text, explained.

    Attributes:
        kind: the kind of text, in words.
        belongs: who sends it to whom, and when.
        fields: the parts of the text.
        problems: what is wrong with the text, one sentence each.
    """

    kind: str
    belongs: str
    fields: tuple[Field, ...] = ()
    problems: tuple[str, ...] = ()


def on_one_line(decoded: Decoded) -> Decoded:
    """Return the same explanation, with all its texts safe on a terminal.

    The names of fields come from the pasted text just as their values do, and an error's text may
    quote it. So this is done once, for the whole explanation.
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
    """Return the text that is shown instead of a secret: only the secret's length."""
    return f"{MASK} ({len(text)} characters)" if text else "(empty)"


def shown(text: str) -> str:
    """Return a text as one line of at most 200 characters that is safe on a terminal."""
    return printable(text, 200) or "(empty)"
