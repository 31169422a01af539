"""Ends the command: the exit status of each kind of failure, and its error message in one line.

0    signed in, or another request was carried out
1    refused: the passport, the password, or the account
2    usage: an option or argument is not valid, and nothing was sent
3    unavailable: the network or the service
70   a fault in msnpauth itself (EX_SOFTWARE of sysexits.h)
74   the output cannot be written (EX_IOERR)
130  Ctrl-C; 143 SIGTERM; 129 the terminal was closed; 141 the reader of the output is gone
     (128 and the signal's number, as shells have it)
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click

from .output import OutputFailed, Styled, emit_json, output_failed, say

if TYPE_CHECKING:
    from ..core.errors import SignInError

__all__ = ["REFUSED", "UNAVAILABLE", "USAGE", "Stopped", "ended", "tell"]

REFUSED, USAGE, UNAVAILABLE = 1, 2, 3
_INTERNAL, _NO_OUTPUT, _INTERRUPTED, _READER_GONE = 70, 74, 130, 141

_MAIN = Path(__file__).parent / "__init__.py"
_PACKAGE = _MAIN.parent.parent


class Stopped(BaseException):
    """A signal requested the end of the command.

    Like KeyboardInterrupt it unwinds every `with` block, so that a session sends OUT.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def ended(work: Callable[[], object], *, as_json: bool, verbose: bool = False) -> int:
    """Do the command's work; report an error, and return the exit status.

    Args:
        work: the function that does the command's work.
        as_json: report an error as JSON.
        verbose: also print the explanation of the error.
    """
    try:
        with _signals_stop(), _strays_told():
            try:
                work()
                return 0
            except (Exception, KeyboardInterrupt, Stopped) as problem:  # noqa: BLE001 - reports all
                return _told(problem, as_json, verbose)
    except KeyboardInterrupt:  # a second Ctrl-C, while the first was being reported
        return _INTERRUPTED
    except Stopped as stopped:
        return 128 + stopped.number


def _told(problem: BaseException, as_json: bool, verbose: bool) -> int:
    """Report the problem where the output still works; return the exit status in any case."""
    from ..core.errors import ConnectionFailed, SignInError

    if isinstance(problem, OSError) and problem.errno in (errno.EMFILE, errno.ENFILE):
        # It can happen wherever a file or a connection is opened, and is not a fault of msnpauth.
        problem = ConnectionFailed(
            "the system lets this process open no more files and connections",
            hint="see `ulimit -n`, or LimitNOFILE= of systemd",
        )
    elif isinstance(problem, OSError) and _place(problem.__traceback__)[0] == _MAIN:
        # The error came from click, which was printing a help text.
        problem = output_failed(problem)
    with suppress(OutputFailed, OSError):
        match problem:
            case OutputFailed():
                _without_output(problem)
            case KeyboardInterrupt() | click.Abort():
                if sys.stderr is not None and sys.stderr.isatty():
                    say(err=True)  # ends the line in which the terminal shows ^C
            case click.ClickException():
                _tell_usage(problem, as_json)
            case SignInError():
                tell(problem, as_json)
                if verbose:
                    _explain(problem)
            case Stopped() | click.exceptions.Exit():
                pass
            case _:
                _tell_fault(type(problem), problem.__traceback__, as_json)
    return _status(problem)


def _status(problem: BaseException) -> int:
    from ..core.errors import AccountBlocked, LocalProtocolError, SignInError, WrongCredentials

    match problem:
        case click.exceptions.Exit():
            return problem.exit_code
        case OutputFailed():
            return _READER_GONE if problem.closed else _NO_OUTPUT
        case Stopped():
            return 128 + problem.number
        case KeyboardInterrupt() | click.Abort():
            return _INTERRUPTED
        case click.ClickException() | LocalProtocolError():
            return USAGE
        case WrongCredentials() | AccountBlocked():
            return REFUSED
        case SignInError():
            return UNAVAILABLE
    return _INTERNAL


def tell(error: SignInError, as_json: bool = False) -> None:
    """Report an error in one line, with the options of the command instead of keywords."""
    from .hints import for_command

    error = for_command(error)
    if as_json:
        names = ("text", "step", "server", "code", "server_text", "hint", "retry_after", "finding")
        fields = {name: getattr(error, name, None) for name in names}
        emit_json({"error": {"kind": type(error).__name__, **fields}})
    else:
        say("msnpauth:", Styled(str(error), "red"), err=True)


def _explain(error: SignInError) -> None:
    """Print the explanation of that kind of error, as the doctor does."""
    say(err=True)
    for line in error.explain().splitlines():
        say(line, err=True)
    say("`msnpauth doctor` with the same options walks the whole way, and says more.", err=True)


def _tell_usage(problem: click.ClickException, as_json: bool) -> None:
    """Report what is wrong with the options, in one line instead of click's four."""
    context = getattr(problem, "ctx", None)
    if type(problem).__name__ == "NoArgsIsHelpError":  # `msnpauth` alone, since click 8.2
        problem.show()
        return
    text = problem.format_message().rstrip(".")
    # click gives no context when an option lacks its value.
    hint = f"see `{context.command_path} --help`" if context else "see that command's --help"
    if as_json:
        emit_json({"error": {"kind": "UsageError", "text": text, "hint": hint}})
    else:
        say("msnpauth:", Styled(f"{text} ({hint})", "red"), err=True)


def _tell_fault(
    kind: type[BaseException], traceback: TracebackType | None, as_json: bool = False
) -> None:
    """Report a fault in msnpauth and its place: enough for a bug report, without any secret.

    Neither the exception's text nor a traceback is shown: the text of another library's exception
    can quote the data that was being sent, and that can be a password.
    """
    path, line = _place(traceback)
    place = f" at {path.relative_to(_PACKAGE.parent).as_posix()} line {line}" if path else ""
    text = f"internal error ({kind.__name__}{place}); please report it"
    if as_json:
        emit_json({"error": {"kind": "InternalError", "text": text, "hint": None}})
    else:
        say("msnpauth:", Styled(text, "red"), err=True)


def _place(traceback: TracebackType | None) -> tuple[Path | None, int]:
    """Return the innermost file of this package in a traceback, and the line."""
    found: tuple[Path | None, int] = (None, 0)
    while traceback is not None:
        path = Path(traceback.tb_frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            found = (path, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def _without_output(problem: OutputFailed) -> None:
    """End quietly when the reader is gone; report another reason, such as a full disk."""
    if not problem.closed:
        with suppress(OutputFailed):
            say("msnpauth:", f"the output cannot be written: {problem.reason}", err=True)
    # Otherwise the interpreter would try to write again at its end, and print an error.
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


# --- signals, and errors in other threads --------------------------------------------------------


@contextmanager
def _signals_stop() -> Iterator[None]:
    """Make SIGTERM, and the end of the terminal, unwind the command as Ctrl-C does."""

    def stop(number: int, _frame: object) -> None:
        raise Stopped(number)

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        # `nohup` ignores SIGHUP, and that must not change. Other threads cannot set handlers.
        if number is None or signal.getsignal(number) is not signal.SIG_DFL:
            continue
        if threading.current_thread() is threading.main_thread():
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Warnings(logging.Handler):
    """Prints the warnings of every library in one line, without their tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        if hasattr(record, "channel"):
            return  # an event, which the observer shows
        with suppress(OutputFailed):
            if record.exc_info and record.exc_info[0]:
                _tell_fault(record.exc_info[0], record.exc_info[2])
            else:
                say("msnpauth:", record.getMessage(), err=True)


@contextmanager
def _strays_told() -> Iterator[None]:
    """Report logged warnings, and exceptions that end a thread, in one line each."""

    def in_thread(problem: threading.ExceptHookArgs) -> None:
        with suppress(OutputFailed):
            _tell_fault(problem.exc_type, problem.exc_traceback)

    handler = _Warnings(logging.WARNING)
    hook, threading.excepthook = threading.excepthook, in_thread
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        threading.excepthook = hook
