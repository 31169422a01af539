"""`msnpauth ticket` for scripts, without click.

A script requests tickets again and again, with the same few options. Importing click and all
commands takes three times as long as requesting a ticket. So these options are read here.
Everything else (another command, another option, a value that is not valid, a password that has to
be typed) is left to `cli`, before anything has been done, so that all its messages come from there.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .core.secrets import Secret
    from .core.tickets.ticket import Ticket
    from .sync.auth import MSNPAuth

__all__ = ["ticket"]

_VALUES = frozenset({"--challenge", "--host", "--nexus", "--login", "--ca-file", "--timeout"})
_FLAGS = frozenset({"--json", "--password-stdin"})
_SERVERS = frozenset({"--host", "--nexus", "--login"})
_PASSPORT = ""

_USUAL, _LONGEST = 1024, 4096
"""Passwords that are longer than the first number, or not printable, are checked by `cli`. No
password has as many bytes as the second number."""


def ticket(words: Sequence[str]) -> int | None:
    """Print a ticket and return the exit status; None when it is left to `cli`.

    Args:
        words: the command-line arguments.
    """
    if words[:1] != ["ticket"] or sys.stdout is None or os.environ.get("_MSNPAUTH_COMPLETE"):
        return None
    # The process ends before there is much garbage to collect: a fifth of its time was spent on
    # looking for garbage, mostly at the end.
    gc.disable()
    try:
        status = _granted(words[1:])
    except SystemExit:  # a signal came
        raise
    except BaseException as problem:  # noqa: BLE001 - `cli` reports it
        failed = problem
    else:
        if status is None:
            gc.enable()
        return status
    return _told(failed, as_json="--json" in words)


def _granted(words: Sequence[str]) -> int | None:
    options = _read(words)
    asking = None if options is None else _asking(options)
    if options is None or asking is None:
        return None
    _unwind_by_signals()
    with asking:
        granted = asking.get_ticket()
    _print(granted, as_json="--json" in options)
    gc.freeze()  # otherwise the interpreter collects garbage at its end
    return 0


def _read(words: Sequence[str]) -> dict[str, str] | None:
    """Return the options' values by name, the passport by ""; None if `cli` has to read them."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name = word if word in _VALUES or word in _FLAGS else _PASSPORT
        value = next(rest, "") if word in _VALUES else word.removeprefix("--")
        # Surrogates, which stand for bytes that are not text, are not printable either.
        if not value or value.startswith("-") or name in found or not value.isprintable():
            return None
        if name == _PASSPORT and word.startswith("-"):
            return None
        found[name] = value
    seconds = found.get("--timeout", "30")
    is_time = seconds.isascii() and seconds.isdecimal() and 0 < int(seconds[:6]) <= 86400
    is_usual = {_PASSPORT, "--challenge"} <= found.keys() and bool(_SERVERS & found.keys())
    return found if is_usual and is_time else None


def _asking(options: dict[str, str]) -> MSNPAuth | None:
    """Return the object that requests the ticket; None when a value is not valid."""
    from .core.credentials import check_challenge, check_passport
    from .core.errors import LocalProtocolError
    from .core.servers import Servers
    from .sync.auth import MSNPAuth

    ca_file = options.get("--ca-file")
    if ca_file is not None and not (os.path.isfile(ca_file) and os.access(ca_file, os.R_OK)):  # noqa: PTH113 - pathlib is slow to import
        return None
    try:
        where = Servers(
            options.get("--host"), nexus=options.get("--nexus"), login=options.get("--login")
        )
        # Values that are not valid are reported before the password is read.
        check_passport(options[_PASSPORT])
        check_challenge(options["--challenge"])
    except LocalProtocolError:
        return None
    password = _password(from_stdin="--password-stdin" in options)
    if password is None:
        return None
    return MSNPAuth(
        options[_PASSPORT],
        password,
        options["--challenge"],
        servers=where,
        ca_file=ca_file,
        timeout=float(options.get("--timeout", "30")),
    )


def _password(*, from_stdin: bool) -> Secret | None:
    """Return the password; None when `cli` has to ask for it. No variable here has it as text."""
    from .core.secrets import Secret

    if not from_stdin:
        variable = "MSNPAUTH_PASSWORD"
        password = Secret(os.environ.get(variable, ""))
        return password if _is_usual(password) else None
    if sys.stdin is None:
        return None
    try:
        password = Secret(
            sys.stdin.buffer.readline(_LONGEST)
            .decode("utf-8", "surrogateescape")
            .removeprefix("\ufeff")
            .rstrip("\r\n")
        )
    except OSError:
        return None  # `cli` will have the same error, and report it
    if _is_usual(password):
        return password
    from .cli.password import checked_line

    return checked_line(password)


def _unwind_by_signals() -> None:
    """Make SIGTERM, and the end of the terminal, end the command with the status of that signal."""
    import signal

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores it
            signal.signal(number, stop)


def _is_usual(password: Secret) -> bool:
    return 0 < len(password) < _USUAL and password.reveal().isprintable()


def _print(granted: Ticket, *, as_json: bool) -> None:
    if as_json:
        import json

        expires = granted.expires.isoformat() if granted.expires else None
        shown = {"ticket": granted.reveal(), "server": granted.server, "expires": expires}
        text = json.dumps(shown, ensure_ascii=False)
    else:
        text = granted.reveal()
    if not text.isascii() or not text.isprintable():
        from .cli.output import emit_json, say

        emit_json(shown) if as_json else say(text)
        return
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as problem:
        from .cli.output import output_failed

        failed = output_failed(problem)
    else:
        return
    raise failed


def _told(problem: BaseException, *, as_json: bool) -> int:
    """Make `cli` report the problem; return the exit status."""
    import click

    from .cli import main as whole
    from .cli.failures import ended

    if isinstance(problem, click.UsageError) and problem.ctx is None:  # click names the command
        above = click.Context(whole, info_name="msnpauth")
        problem.ctx = click.Context(whole.commands["ticket"], above, "ticket")

    def work() -> None:
        raise problem

    return ended(work, as_json=as_json)
