"""`msnpauth services`: lists known networks, checks them, and fetches newer addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .failures import UNAVAILABLE
from .output import Styled, emit_json, say
from .values import TEXT

if TYPE_CHECKING:
    from ..networks import Network
    from ..published import Change

__all__ = ["services"]

_DETAILS = (
    "nexus",
    "login",
    "rst",
    "rst2",
    "contacts",
    "oim",
    "trusted_hosts",
    "schemes",
    "dialects",
    "ca_file",
    "note",
    "evidence",
)


@click.command()
@click.argument("names", nargs=-1, type=TEXT)
@click.option("--check", is_flag=True, help="Contact each network once, and say what answers.")
@click.option(
    "--update",
    type=TEXT,
    metavar="URL",
    help="Fetch addresses that a network or somebody has published, show them, and keep them.",
)
@click.option("--yes", is_flag=True, help="With --update: keep them without a question.")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, readable=True),
    help="With --check or --update: certificates (PEM) to trust instead of the system's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def services(
    names: tuple[str, ...],
    check: bool,
    update: str | None,
    yes: bool,
    ca_file: str | None,
    as_json: bool,
) -> None:
    """List the known networks, or describe some.

    With NAMES: what is known about these networks, and the evidence for it.
    """
    from ..networks import find, known_networks, own_file

    _check_options(names, check=check, update=update, yes=yes, ca_file=ca_file, as_json=as_json)
    _tell_damage()
    if update is not None:
        _update(update, yes, ca_file)
        return
    known = [find(name) for name in names] or list(known_networks().values())
    if check:
        _check(known, ca_file, as_json)
        return
    if as_json:
        emit_json([service._asdict() for service in known])
        return
    for service in known:
        where = service.notification or service.host or "no notification server"
        name = Styled(f"{service.name:<16}", bold=True)
        say(name, f"{service.state:<8} {where:<34} {service.title}")
        if names:
            _tell_details(service)
    if not names:
        say()
        say("What is known of one, and its evidence: msnpauth services NAME")
        say("Whether they answer: msnpauth services --check")
        say(f"Your own networks go into this file: {own_file()}")


def _check_options(
    names: tuple[str, ...],
    *,
    check: bool,
    update: str | None,
    yes: bool,
    ca_file: str | None,
    as_json: bool,
) -> None:
    """Refuse options that would have no effect.

    Raises:
        click.UsageError: an option would have no effect.
    """
    if update is not None and (names or check):
        raise click.UsageError("--update stands alone: leave --check and the names out")
    if update is not None and as_json:
        raise click.UsageError("--json has no effect with --update, which is for a person to read")
    if yes and update is None:
        raise click.UsageError("--yes has no effect without --update")
    if ca_file is not None and update is None and not check:
        raise click.UsageError("--ca-file has no effect without --check or --update")


def _tell_damage() -> None:
    from ..networks import published_problem

    problem = published_problem()
    if problem is not None:
        text = f"{problem.text}; it is passed over until `services --update` writes it anew"
        say("msnpauth:", Styled(f"warning: {text}", "yellow"), err=True)


def _tell_details(service: Network) -> None:
    for label in _DETAILS:
        for line in _lines(getattr(service, label)):
            say(f"  {label.replace('_', ' ') + ':':<15} {line}")


def _lines(value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"{key} {url}" for key, url in value.items()]
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return [str(value)] if value else []


# --- whether they answer -------------------------------------------------------------------------


def _check(known: list[Network], ca_file: str | None, as_json: bool) -> None:
    """Contact each network that is not known to be gone, and print the results."""
    told, is_well = [], True
    for service in known:
        fields = _looked_at(service, ca_file)
        is_well = is_well and not fields["problems"]
        told.append(fields)
        if not as_json:
            _tell_look(service, fields)
    if as_json:
        emit_json(told)
    if not is_well:
        click.get_current_context().exit(UNAVAILABLE)


def _looked_at(service: Network, ca_file: str | None) -> dict[str, Any]:
    """Check a network, and return the result as values for JSON."""
    from ..doctor.glance import glance

    fields: dict[str, Any] = {"name": service.name, "state": service.state}
    if service.state == "gone":
        return fields | {"answers": [], "version": "", "problems": []}
    seen = glance(service.servers(), ca_file=ca_file)
    problems = [f"{problem.step}: {problem.seen}" for problem in seen.problems]
    return fields | {"answers": list(seen.answers), "version": seen.version, "problems": problems}


def _tell_look(service: Network, fields: dict[str, Any]) -> None:
    name = Styled(f"{service.name:<16}", bold=True)
    if service.state == "gone":
        say(name, f"not asked: {service.note}")
        return
    what = ", ".join(fields["answers"])
    version = f" ({fields['version']})" if fields["version"] else ""
    line = f"{what} answer{version}" if what else "nothing answers"
    say(name, Styled(line, "yellow" if fields["problems"] else "green"))
    for problem in fields["problems"]:
        say(f"{'':<16} {problem}")


# --- newer addresses -----------------------------------------------------------------------------


def _update(place: str, yes: bool, ca_file: str | None) -> None:
    from ..networks import published_file
    from ..published import changes, fetch_published, keep, published_at

    url = published_at(place)
    text = fetch_published(url, ca_file=ca_file)
    found = changes(text, str(url))
    if not found:
        say(f"{url} has nothing that is not known.")
        return
    for change in found:
        _tell_change(change)
    say()
    say("Passwords of these networks will go to these addresses: do you trust who published them?")
    if not yes and not _agreed():
        say("Nothing was kept.", err=True)
        return
    keep(text)
    say(f"Kept in {published_file()}.")


def _tell_change(change: Change) -> None:
    verb = "new" if change.before is None else "changed"
    say(Styled(f"{change.name}", bold=True), f"({verb}) {change.after.title}")
    for label in ("state", "host", "notification", *_DETAILS):
        after = _lines(getattr(change.after, label))
        before = [] if change.before is None else _lines(getattr(change.before, label))
        for line in before:
            if line not in after:
                say(Styled(f"  - {label.replace('_', ' ') + ':':<15} {line}", "red"))
        for line in after:
            if line not in before:
                say(Styled(f"  + {label.replace('_', ' ') + ':':<15} {line}", "green"))


def _agreed() -> bool:
    """Ask on the terminal whether to keep the addresses.

    Raises:
        click.UsageError: there is no terminal.
    """
    import sys

    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: add --yes to keep them")
    return click.confirm("Keep them?", err=True)
