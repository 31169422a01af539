"""The types of the options' values: values are checked before the command begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..core.secrets import printable

__all__ = [
    "CARRIER",
    "COUNT",
    "DIALECT",
    "HOST",
    "PASSPORT",
    "PORT",
    "SCHEME",
    "SECONDS",
    "TEXT",
]

if TYPE_CHECKING:
    _ParamType = click.ParamType[object]
else:  # not generic before click 8.4
    _ParamType = click.ParamType

_LONGEST_TIMEOUT = 86400.0
"""A day, in seconds. Some systems cannot wait longer than 24 days at once (2**31 milliseconds)."""

_NUMBER = re.compile("[0-9]{1,5}")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")
_COUNT = re.compile("[1-9][0-9]{0,8}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")


class _Checked(_ParamType):
    """The type of a value that a function reads.

    The function's ValueError, or the library's error, says what is wrong with the value.
    """

    def __init__(self, name: str, read: Callable[[str], object]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Return the converted value, or fail with one line that names the option."""
        from ..core.errors import LocalProtocolError
        from .hints import for_command

        if not isinstance(value, str):  # a default
            return value
        try:
            return self._read(value)
        except ValueError as problem:
            why = str(problem)
        except LocalProtocolError as error:
            why = str(for_command(error))
        return self.fail(why, param, ctx)


def _shown(value: str) -> str:
    return repr(printable(value, 60))


def _text(value: str) -> str:
    if not value:
        raise ValueError("it is empty")
    # Python keeps bytes of the command line that are not text in its encoding as surrogates.
    if _SURROGATES.search(value):
        raise ValueError("it holds bytes that are not UTF-8")
    if _CONTROL.search(value):
        raise ValueError("it holds a control character, such as a line break")
    return value


def _passport(value: str) -> str:
    from ..core.credentials import check_passport

    return check_passport(_text(value))


def _host(value: str) -> str:
    from ..core.urls import Address

    text = _text(value)
    if ":" in text and text[0] == "[" and text[-1] == "]":
        text = text[1:-1]
    colon = ":" in text
    try:
        address = Address.parse(f"[{text}]" if colon else text)
    except ValueError:
        raise ValueError(f"{_shown(value)} is not a host name or an IP address") from None
    return address.host


def _number(value: str) -> int:
    # Not int() alone, which accepts "1_863", " 18" and digits of every script.
    if not _NUMBER.fullmatch(value):
        raise ValueError(f"{_shown(value)} is not a number")
    return int(value)


def _port(value: str) -> int:
    port = _number(value) if _NUMBER.fullmatch(value) else -1
    if not 0 <= port <= 65535:
        raise ValueError(
            f"{_shown(value)} is not a port: ports are 1 to 65535, and 0 is any free one"
        )
    return port


def _count(value: str) -> int:
    if not _COUNT.fullmatch(value):
        raise ValueError(f"{_shown(value)} is not a number of 1 and more")
    return int(value)


def _seconds(value: str) -> float:
    # Not float() alone, which accepts "1_0", " 5" and digits of every script.
    seconds = float(value) if _SECONDS.fullmatch(value) else 0.0
    if not 0 < seconds <= _LONGEST_TIMEOUT:
        raise ValueError(
            f"{_shown(value)} is not a time: it is more than 0 and at most 86400 seconds"
        )
    return seconds


def _scheme(value: str) -> str:
    from ..core.wire.dialects import scheme_named

    return str(scheme_named(_text(value)))


def _carrier(value: str) -> str:
    from ..transports import NAMES

    if value not in NAMES:
        raise ValueError(f"{_shown(value)} is none of {', '.join(NAMES)}")
    return value


TEXT = _Checked("text", _text)
PASSPORT = _Checked("passport", _passport)
HOST = _Checked("host", _host)
PORT = _Checked("port", _port)
DIALECT = _Checked("number", _number)
SECONDS = _Checked("seconds", _seconds)
COUNT = _Checked("count", _count)
SCHEME = _Checked("scheme", _scheme)
CARRIER = _Checked("transport", _carrier)
