"""`msnpauth ticket` as scripts write it, without click.

A script asks for tickets again and again, by the same few words. To import click and all commands
takes three times as long as to ask for a ticket. So these words are read here. Whatever else is
written (another command, another option, a value that cannot be right, a password that has to be
typed) is left to `cli`, before anything has been done: what it says of it is said by one place.
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
"""Longer passwords are looked at by `cli`, as is what no terminal shows; none has 4,096 bytes."""


def ticket(words: Sequence[str]) -> int | None:
    """Print a ticket and return the exit status; None when it is left to `cli`.

    Args:
        words: the arguments of the command.
    """
    if words[:1] != ["ticket"] or sys.stdout is None or os.environ.get("_MSNPAUTH_COMPLETE"):
        return None
    # The process ends before there could be much to collect: a fifth of its time went into looking
    # for it, most of that at the end.
    gc.disable()
    try:
        status = _granted(words[1:])
    except SystemExit:  # of a signal
        raise
    except BaseException as problem:  # noqa: BLE001 - what becomes of it is for `cli` to say
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
    gc.freeze()  # at the end the interpreter collects all the same
    return 0


def _read(words: Sequence[str]) -> dict[str, str] | None:
    """Return the values of the options, and the passport as ""; None for what is not usual."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name = word if word in _VALUES or word in _FLAGS else _PASSPORT
        value = next(rest, "") if word in _VALUES else word.removeprefix("--")
        # Surrogates (bytes that are no text) are not printable either.
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
    """Return what asks for the ticket; None when one of the values cannot be right."""
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
        # What cannot be right is told before the password is read.
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
    """Return the password; None when `cli` has to ask for it. No variable here holds it as text."""
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
        return None  # `cli` will meet the same, and tell
    if _is_usual(password):
        return password
    from .cli.password import checked_line

    return checked_line(password)


def _unwind_by_signals() -> None:
    """Have SIGTERM, and the end of the terminal, end the command by the status that shells know."""
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
    """Have `cli` tell what went wrong; return the exit status."""
    import click

    from .cli import main as whole
    from .cli.failures import ended

    if isinstance(problem, click.UsageError) and problem.ctx is None:  # click names the command
        above = click.Context(whole, info_name="msnpauth")
        problem.ctx = click.Context(whole.commands["ticket"], above, "ticket")

    def work() -> None:
        raise problem

    return ended(work, as_json=as_json)
