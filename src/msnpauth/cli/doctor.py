"""`msnpauth doctor`: finds out what is wrong with a network, an account, or the connection."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import Network, password_option, place_options
from .failures import REFUSED, UNAVAILABLE
from .hints import translate
from .output import Styled, emit_json, say
from .password import ask_password
from .values import PASSPORT, SECONDS, TEXT

if TYPE_CHECKING:
    from ..doctor import Examination, Finding
    from ..networks import Servers

__all__ = ["doctor"]

_MARKS = {
    "passed": ("✓", "green"),
    "warning": ("!", "yellow"),
    "failed": ("✗", "red"),
    "not tried": ("–", None),
}


@click.command()
@click.argument("passport", type=PASSPORT, required=False)
@click.option(
    "--code",
    type=TEXT,
    metavar="CODE",
    help="Explain a code that a client shows, such as 80048821, and do nothing else.",
)
@click.option(
    "--conformance",
    is_flag=True,
    help="Also send what clients send by age or mistake, and say which of them sign on.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True),
    help="Write a page with all of it, for a bug report.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@place_options
@click.option(
    "--timeout",
    type=SECONDS,
    metavar="SECONDS",
    help="Seconds for all of it: 60 by default, and 180 with --conformance.",
)
@password_option
def doctor(
    passport: str | None,
    code: str | None,
    conformance: bool,
    html: str | None,
    as_json: bool,
    transport: str | None,
    ca_file: str | None,
    timeout: float | None,
    password_stdin: bool,
    **network: object,
) -> None:
    """Find out what is wrong with a network, an account, or the connection to them.

    Every step of a sign-in is checked. With PASSPORT the account is signed in once by each scheme,
    which may end another session of the account; a refused password is not sent again. The exit
    status is 0 when no check failed; the verdicts of --conformance on clients do not count.
    """
    if code is not None:
        _explain(code, as_json)
        return
    servers = _servers(network)
    if html is not None:
        _write(html, "")  # a path that cannot be written fails before any check
    password = None if passport is None else ask_password(passport, password_stdin)
    from ..doctor import Examination

    with _progress() as progress:
        examination = Examination(
            servers,
            passport,
            password,
            ca_file=ca_file,
            timeout=timeout or (180.0 if conformance else 60.0),
            conformance=conformance,
            progress=progress,
            transport=transport,
            words=translate,
        )
        if passport is not None and not as_json:
            say("The account will be signed in, which may end another session of it.", err=True)
        for finding in examination:
            if not as_json:
                _tell(finding)
    _end(examination, html, as_json)


def _servers(network: dict[str, Any]) -> Servers:
    """Return the network.

    Raises:
        click.UsageError: no network is named.
        ConnectionFailed: the network is known to be gone.
    """
    servers = Network(**network).servers()
    if servers is None:
        raise click.UsageError("no network is named: give --service, --host or --notification")
    return servers


def _explain(code: str, as_json: bool) -> None:
    from ..doctor import explained_code

    explained = explained_code(code)
    if as_json:
        emit_json(explained._asdict())
        return
    say(Styled(f"{explained.code}:", bold=True), explained.means)
    say(f"  {explained.advice}")
    if explained.finding and explained.finding != explained.code:
        say(f"  See {explained.finding}.")


def _tell(finding: Finding) -> None:
    mark, colour = _MARKS[finding.state.value]
    state = Styled(f"{mark} {finding.state.value:<9}", colour)
    say(state, f"{finding.code:<9} {finding.step}: {finding.seen}")
    if finding.advice:
        say(f"{'':<12}{finding.advice}")
    if finding.state.value in ("warning", "failed") and finding.clients != "every client":
        say(f"{'':<12}matters to {finding.clients}")


def _end(examination: Examination, html: str | None, as_json: bool) -> None:
    """Print the summary, and exit with the exit status."""
    from ..doctor import as_json as report
    from ..doctor import badge, page

    if html is not None:
        _write(html, page(examination))
    if as_json:
        emit_json(report(examination))
    else:
        _begin_with(examination.findings)
        line = badge(examination.findings)
        if line is not None:
            say(Styled(line, bold=True))
        states = [finding.state.value for finding in examination.findings]
        say(", ".join(f"{states.count(state)} {state}" for state in _MARKS))
    failed = [f for f in examination.findings if f.state.value == "failed"]
    if any(f.code.startswith("MA-ACC") for f in failed):
        click.get_current_context().exit(REFUSED)
    no_time = any(f.code == "MA-DOC-30" for f in examination.findings)
    if no_time or any(f.code != "MA-DOC-26" for f in failed):
        click.get_current_context().exit(UNAVAILABLE)


def _begin_with(findings: list[Finding]) -> None:
    """Say with which failure to begin: one cause may make several steps fail."""
    failed = [f for f in findings if f.state.value == "failed" and f.code != "MA-DOC-26"]
    if len(failed) > 1:
        first = failed[0]
        say(f"Begin with {first.code}, {first.step}: what failed behind it may follow from that.")


def _write(path: str, content: str) -> None:
    try:
        Path(path).write_text(content, "utf-8")
        return
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
    raise click.UsageError(f"--html: {path} cannot be written: {why}")


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show the present step on stderr, where stderr is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("examining") as status:
        yield lambda title: status.update(f"{title} …")
