"""Reads the password from stdin, the environment, or a prompt; never from the argument list.

Other programs of the machine can read an argument list. No function here has a variable with the
password as plain text: the traceback of an exception would show it.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import click

from .output import clean, say

if TYPE_CHECKING:
    from ..core.secrets import Secret

__all__ = ["VARIABLE", "ask_password", "checked_line"]

VARIABLE = "MSNPAUTH_PASSWORD"

_LONGEST = 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def ask_password(passport: str, from_stdin: bool, *, place: str = "") -> Secret:
    """Return the password of `passport`.

    Args:
        passport: the account, for the prompt.
        from_stdin: read a line of stdin.
        place: a text for the error that says which line of stdin it is, when there are several.

    Raises:
        click.UsageError: there is no password, or it is not valid.
    """
    from ..core.secrets import Secret

    if from_stdin:
        return _checked(_line_of_stdin(place), "--password-stdin")
    if os.environ.get(VARIABLE):
        return _checked(Secret(os.environ[VARIABLE].rstrip("\r\n")), f"${VARIABLE}")
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(
            f"there is no password: use --password-stdin, set ${VARIABLE}, or run this on a"
            " terminal"
        )
    return _checked(_typed(passport), "the prompt")


def _line_of_stdin(place: str) -> Secret:
    """Return a line of stdin.

    It is read as UTF-8 with any locale, so that one file means one password everywhere.
    PowerShell 5.1 puts a UTF-8 byte order mark before the text that it pipes to a program.
    """
    from ..core.secrets import Secret

    if sys.stdin is None:
        raise click.UsageError("--password-stdin: stdin is closed")
    try:
        return Secret(
            sys.stdin.buffer.readline(_LONGEST)
            .decode("utf-8")
            .removeprefix("\ufeff")
            .rstrip("\r\n")
            or _nothing(place)
        )
    except UnicodeDecodeError:
        why = "is not UTF-8 text"
    except OSError as problem:
        why = f"cannot be read ({problem.strerror})"
    raise click.UsageError(f"--password-stdin: stdin {why}")


def checked_line(password: Secret) -> Secret:
    """Check and return a password that other code has read from stdin.

    Surrogates in it stand for bytes that are not UTF-8.

    Raises:
        click.UsageError: the password is not valid.
    """
    if not password:
        _nothing("")
    if _SURROGATES.search(password.reveal()):
        raise click.UsageError("--password-stdin: stdin is not UTF-8 text")
    return _checked(password, "--password-stdin")


def _nothing(place: str) -> str:
    raise click.UsageError(f"--password-stdin: there is no password on stdin{place}")


def _typed(passport: str) -> Secret:
    """Ask on the terminal, without an echo."""
    import getpass

    from ..core.secrets import Secret

    try:
        return Secret(getpass.getpass(f"Password of {clean(passport)}: "))
    except EOFError:
        say(err=True)  # ends the line of the prompt
        why = "no password was typed"
    except UnicodeDecodeError:
        why = "what was typed is not text in this terminal's encoding"
    except OSError as problem:
        why = f"the terminal cannot be read ({problem.strerror})"
    raise click.UsageError(why)


def _checked(password: Secret, source: str) -> Secret:
    """Return a password if every scheme can send it.

    Raises:
        click.UsageError: the password is not valid.
    """
    if not password:
        why = "is empty"
    elif len(password) >= _LONGEST:
        why = f"is longer than {_LONGEST} characters"
    elif _SURROGATES.search(password.reveal()):
        why = "holds bytes that are not UTF-8"
    elif _CONTROL.search(password.reveal()):
        why = "holds a control character, such as NUL or a line break"
    else:
        return password
    raise click.UsageError(f"the password from {source} {why}")
