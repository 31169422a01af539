"""`msnpauth account`: the accounts of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO, cast

import click

from .common import password_option
from .output import emit_json, say
from .password import ask_password
from .values import COUNT, PASSPORT, SCHEME, TEXT
from .where import Where, where

if TYPE_CHECKING:
    from datetime import datetime

    from ..core.wire.dialects import Scheme
    from ..service.stores.sql.directory import AccountDirectory
    from ..service.stores.sql.invitations import Invitation
    from ..service.stores.sql.kept import AppPassword, KeptAccount

__all__ = ["account"]


@click.group()
def account() -> None:
    """Add, show and change the accounts of a service.

    Each change takes effect at once, also for a running service.
    """


_passport = click.argument("passport", type=PASSPORT)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")


def _opened(place: Where, *, make: bool = False) -> AccountDirectory:
    from ..service import open_directory

    # It first checks whether the extra is installed.
    accounts = open_directory(place.data, database=place.database, make=make)
    if place.data is not None:
        from ..service.data_folder import DataFolder
        from ..service.journal import log_to_file

        # The audit log has an operator's changes beside the events of the service.
        log_to_file(DataFolder(place.data).audit_log)
    return accounts


def _note(event: str, passport: str, **about: str) -> None:
    from ..service.journal import audit

    audit(event, passport=passport, **about)


@account.command()
@_passport
@password_option
@click.option("--display-name", type=TEXT, help="How others see the account at first.")
@click.option("--unverified", is_flag=True, help="The address was not verified.")
@where(new=True)
def add(
    passport: str, password_stdin: bool, display_name: str | None, unverified: bool, where: Where
) -> None:
    """Add an account."""
    with _opened(where, make=True) as accounts:
        password = ask_password(passport, password_stdin)
        accounts.add(passport, password, display_name=display_name or "", verified=not unverified)
        _note("account added", passport)
    say(f"{passport} can sign in.")


@account.command(name="list")
@_json
@where()
def list_(as_json: bool, where: Where) -> None:
    """List the accounts."""
    with _opened(where) as accounts:
        found = accounts.all()
    if as_json:
        emit_json([_about(one) for one in found])
        return
    for one in found:
        say(one.passport, "disabled" if one.is_disabled else "", _when(one.signed_in))


@account.command()
@_passport
@_json
@where()
def show(passport: str, as_json: bool, where: Where) -> None:
    """Show an account and the names of its app passwords."""
    with _opened(where) as accounts:
        found = accounts.get(passport)
    if as_json:
        emit_json(_about(found) | {"app_passwords": [_about_app(a) for a in found.app_passwords]})
        return
    say(f"passport        {found.passport}")
    say(f"state           {'disabled' if found.is_disabled else 'may sign in'}")
    say(f"added           {_when(found.created)}")
    say(f"password of     {_when(found.changed)}")
    say(f"last sign-in    {_when(found.signed_in)}")
    for app in found.app_passwords:
        schemes = ", ".join(sorted(app.schemes))
        used = f"{_when(app.used)} ({app.used_scheme})" if app.used else "never"
        say(f"app password    {app.name} [{app.id}] for {schemes}; last used: {used}")


@account.command(name="end-tickets")
@_passport
@where()
def end_tickets(passport: str, where: Where) -> None:
    """End an account's sessions and tickets; the password stays the same."""
    with _opened(where) as accounts:
        accounts.end_tickets(passport)
        _note("tickets ended", passport)
    say(f"The sessions of {passport} end, and its tickets are no longer taken.")


@account.command()
@_passport
@where()
def disable(passport: str, where: Where) -> None:
    """Forbid signing in to an account, and end its sessions."""
    with _opened(where) as accounts:
        accounts.disable(passport)
        _note("account disabled", passport)
    say(f"{passport} cannot sign in any more.")


@account.command()
@_passport
@where()
def enable(passport: str, where: Where) -> None:
    """Let an account sign in again."""
    with _opened(where) as accounts:
        accounts.enable(passport)
        _note("account enabled", passport)
    say(f"{passport} can sign in.")


@account.command()
@_passport
@click.confirmation_option(
    "--yes", help="Do not ask.", prompt="Remove the account, its lists and its messages?"
)
@where()
def remove(passport: str, where: Where) -> None:
    """Remove an account, its contact list and its messages."""
    with _opened(where) as accounts:
        accounts.remove(passport)
        _note("account removed", passport)
    say(f"{passport} is gone.")


@account.command()
@_passport
@password_option
@where()
def password(passport: str, password_stdin: bool, where: Where) -> None:
    """Give an account another password, and end its sessions and tickets."""
    with _opened(where) as accounts:
        accounts.get(passport)
        accounts.set_password(passport, ask_password(passport, password_stdin))
        _note("password changed", passport)
    say(f"{passport} has a new password. Its sessions end, and its tickets are no longer taken.")


@account.group(name="app-password")
def app_password() -> None:
    """Make and revoke passwords for single devices, short enough for every client."""


@app_password.command(name="add")
@_passport
@click.argument("name", type=TEXT)
@click.option(
    "--scheme",
    "schemes",
    type=SCHEME,
    multiple=True,
    default=("TWN", "SSO"),
    show_default=True,
    metavar="SCHEME",
    help="What it may be used for: MD5, TWN, SSO; may be repeated. MD5 is for MSN Messenger before"
    " 5.0; the service then keeps it in a form that it can read.",
)
@where()
def add_app_password(passport: str, name: str, schemes: tuple[str, ...], where: Where) -> None:
    """Make an app password, and show it this one time."""
    with _opened(where) as accounts:
        made = accounts.add_app_password(passport, name, [_scheme(word) for word in schemes])
        _note("app password added", passport, name=name, schemes=" ".join(schemes))
    # The purpose of this command is to print the secret, to a terminal or a pipe.
    say(made.password.reveal())


@app_password.command(name="revoke")
@_passport
@click.argument("name_or_id", type=TEXT)
@where()
def revoke_app_password(passport: str, name_or_id: str, where: Where) -> None:
    """Revoke an app password, by its name or its id."""
    with _opened(where) as accounts:
        accounts.revoke_app_password(passport, name_or_id)
        _note("app password revoked", passport, name=name_or_id)
    say(f"{name_or_id} of {passport} is revoked.")


@account.command()
@click.option("--uses", type=COUNT, default=1, show_default=True, help="Accounts that it may make.")
@click.option("--days", type=COUNT, default=14, show_default=True, help="How long it is good for.")
@click.option("--note", type=TEXT, help="Whom it is for; only you see it.")
@where()
def invite(uses: int, days: int, note: str | None, where: Where) -> None:
    """Make a code for signing up on the pages for people, and show it this one time."""
    with _opened(where) as accounts:
        made = accounts.invitations.add(uses=uses, days=days, note=note or "")
        _note("invitation made", "", id=made.about.id, uses=str(uses), note=note or "")
    # The purpose of this command is to print the secret, to a terminal or a pipe.
    say(made.code.reveal())


@account.command()
@_json
@where()
def invitations(as_json: bool, where: Where) -> None:
    """List the invitations that can still be used; their codes are not kept."""
    with _opened(where) as accounts:
        found = accounts.invitations.all()
    if as_json:
        emit_json([_about_invitation(one) for one in found])
        return
    for one in found:
        say(f"{one.id}  uses left: {one.uses_left}  until {_when(one.until)}  {one.note}".rstrip())


@account.command(name="revoke-invitation")
@click.argument("id", metavar="ID", type=TEXT)
@where()
def revoke_invitation(id: str, where: Where) -> None:  # noqa: A002 - as the help names it
    """Revoke an invitation, by the id that `invitations` shows."""
    with _opened(where) as accounts:
        accounts.invitations.revoke(id)
        _note("invitation revoked", "", id=id)
    say(f"The invitation {id} is revoked.")


@account.command(name="import")
@click.argument("source", type=TEXT, metavar="FILE")
@where(new=True)
def import_(source: str, where: Where) -> None:
    """Add the accounts of a CSV file, `-` for stdin, or of an Escargot server.

    The CSV file's first line names the columns: passport, and password or hash (argon2id, or in
    Escargot's form); optionally display_name, verified and disabled (yes or no).

    For an Escargot server, FILE is its SQLite database, or postgresql://… with its user. The
    accounts' contact lists are added, too.
    """
    with _opened(where, make=True) as accounts:
        count = _imported(source, accounts)
        _note("accounts imported", "", count=str(count))
    say(f"{count} accounts were added.")


def _imported(source: str, accounts: AccountDirectory) -> int:
    from pathlib import Path

    from ..service.storage import database_url, has_password
    from ..service.stores.sql.escargot import is_database, read_escargot

    if source.startswith("postgresql://"):
        url = database_url(source)
        if has_password(url):
            raise click.BadParameter(
                "everybody on this machine can read a password that stands on the command line: put"
                " it into ~/.pgpass",
                param_hint="FILE",
            )
        return accounts.import_escargot(read_escargot(url))
    if source != "-" and is_database(Path(source)):
        return accounts.import_escargot(read_escargot(Path(source)))
    try:
        with click.open_file(source, encoding="utf-8-sig") as file:
            text = cast("TextIO", file)
            return accounts.import_csv(text, lambda done: say(f"{done} accounts …", err=True))
    except OSError as problem:
        raise click.BadParameter(f"{source}: {problem.strerror}", param_hint="FILE") from None


def _scheme(word: str) -> Scheme:
    from ..core.wire.dialects import Scheme

    return Scheme(word)


def _when(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def _about(found: KeptAccount) -> dict[str, object]:
    return {
        "passport": found.passport,
        "display_name": found.principal.display_name,
        "verified": found.principal.verified,
        "disabled": found.is_disabled,
        "added": found.created.isoformat(),
        "password_changed": found.changed.isoformat(),
        "signed_in": None if found.signed_in is None else found.signed_in.isoformat(),
    }


def _about_invitation(one: Invitation) -> dict[str, object]:
    return {
        "id": one.id,
        "note": one.note,
        "uses_left": one.uses_left,
        "made": one.created.isoformat(),
        "until": one.until.isoformat(),
    }


def _about_app(app: AppPassword) -> dict[str, object]:
    return {
        "id": app.id,
        "name": app.name,
        "schemes": sorted(app.schemes),
        "added": app.created.isoformat(),
        "used": None if app.used is None else app.used.isoformat(),
        "used_scheme": app.used_scheme,
    }
