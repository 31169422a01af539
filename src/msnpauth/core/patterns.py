"""Regular expressions that are compiled when they are first used.

The modules here have about fifty regular expressions, and a successful sign-in uses ten. To compile
all of them took a sixth of the time that the import of this package takes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, overload

__all__ = ["pattern"]


class _Uncompiled:
    """A regular expression that the first use of a method compiles; the method is then kept."""

    def __init__(self, text: Any, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(self._text, self._flags), name)
        setattr(self, name, found)
        return found


if TYPE_CHECKING:

    @overload
    def pattern(text: str, flags: int = 0) -> re.Pattern[str]: ...
    @overload
    def pattern(text: bytes, flags: int = 0) -> re.Pattern[bytes]: ...


def pattern(text: Any, flags: int = 0) -> Any:
    """Return an object that can be used like `re.compile(text, flags)`."""
    return _Uncompiled(text, flags)
