"""A section: what is said about one thing that can be found."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Section"]


class Section(NamedTuple):
    """What one code stands for.

    Attributes:
        code: `MA-`, the family, and a number that is never given to anything else.
        title: what it is, in a few words.
        recognised: how the package recognises it.
        advice: what it means, and what to do about it, in whole sentences.
        says: the text of the error, with names in braces for what differs; "" when no error says
            it, but the doctor does.
        hint: the hint of the error, in the same form.
        clients: which clients of the network it matters to, when it is not all of them.
    """

    code: str
    title: str
    recognised: str
    advice: str
    says: str = ""
    hint: str = ""
    clients: str = "every client"

    def text(self) -> str:
        """Return the section as plain text."""
        return f"{self.code}: {self.title}\n\n{self.recognised}\n\n{self.advice}"
