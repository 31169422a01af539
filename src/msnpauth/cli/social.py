"""`msnpauth send`, `contacts` and `listen`: send a message, print contacts, print events."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

import click

from .output import clean, emit_json, say
from .session import open_session, session_options
from .values import PASSPORT

if TYPE_CHECKING:
    from ..core.people.contact import Contact

__all__ = ["contacts", "listen", "send"]


@click.command()
@session_options
@click.argument("to", type=PASSPORT)
@click.argument("text", required=False)
@click.option(
    "--and",
    "others",
    type=PASSPORT,
    multiple=True,
    metavar="PASSPORT",
    help="Somebody else for the same chat; may be repeated.",
)
def send(
    passport: str,
    to: str,
    text: str | None,
    others: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Send one message, and say whether it arrived.

    Without TEXT the message is read from standard input.
    """
    if text is None and options["password_stdin"]:
        raise click.UsageError(
            "standard input cannot be the password and the text: give TEXT, or the password"
            " by $MSNPAUTH_PASSWORD"
        )
    said = text if text is not None else sys.stdin.read().removesuffix("\n")
    if not said:
        raise click.UsageError("there is no text to send")
    people = (to, *others)
    with open_session(passport, receive=False, **options) as session:
        session.go_online()
        session.send_message(people, said)
    if as_json:
        emit_json({"sent": True, "to": list(people)})
    else:
        say(f"Sent to {', '.join(people)}.")


@click.command()
@session_options
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV for a spreadsheet.")
def contacts(passport: str, as_csv: bool, as_json: bool, **options: Any) -> None:
    """Print the contact list: each contact with name, status, groups and lists."""
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    with open_session(passport, **options) as session:
        # Invisible, so that the server sends presence and nobody is disturbed. It sends the
        # presence after its first answer, and before the second one.
        session.go_online("invisible")
        session.set_status("invisible")
        found = session.contacts()
    if as_json:
        for contact in found:
            emit_json(_fields(contact))
    elif as_csv:
        _print_csv(found)
    else:
        _print_table(found)


@click.command()
@session_options
@click.option("--reconnect", is_flag=True, help="Sign in again when the connection is lost.")
def listen(passport: str, reconnect: bool, as_json: bool, **options: Any) -> None:
    """Go online, and print each event as a line, until Ctrl-C."""
    with open_session(passport, reconnect=reconnect, **options) as session:
        session.go_online()
        for event in session.events():
            if as_json:
                emit_json(_event_fields(event))
            else:
                say(_event_line(event))
        if session.ended is not None:
            say(f"The session is over: {session.ended.text}", err=True)


# --- contacts ------------------------------------------------------------------------------------

_COLUMNS = ("passport", "name", "status", "groups", "lists")


def _fields(contact: Contact) -> dict[str, object]:
    return {
        "passport": contact.passport,
        "name": contact.name,
        "status": contact.status.value,
        "groups": list(contact.groups),
        "lists": sorted(name.value for name in contact.lists),
        "personal_message": contact.personal_message,
    }


def _row(contact: Contact) -> list[str]:
    values = (_fields(contact)[column] for column in _COLUMNS)
    return [", ".join(value) if isinstance(value, list) else str(value) for value in values]


def _print_table(contacts: list[Contact]) -> None:
    if not contacts:
        say("The contact list is empty.")
        return
    rows = [list(_COLUMNS), *([clean(cell) for cell in _row(contact)] for contact in contacts)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, row[-1]]).rstrip())


def _print_csv(contacts: list[Contact]) -> None:
    for row in (list(_COLUMNS), *map(_row, contacts)):
        line = io.StringIO()
        # A spreadsheet treats a cell that begins like this as a formula, and other people choose
        # the names.
        safe = [f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell for cell in row]
        csv.writer(line, lineterminator="").writerow(safe)
        say(line.getvalue())


# --- events --------------------------------------------------------------------------------------


def _event_fields(event: Any) -> dict[str, object]:
    """Return an event as values for JSON: its kind, and its fields."""
    fields: dict[str, object] = {"event": type(event).__name__}
    for name in event.__match_args__:
        value = getattr(event, name)
        match name:
            case "chat":
                fields["members"] = list(value.members)
            case "contact" | "before":
                fields[name] = _fields(value)
            case "error":
                fields[name] = str(value)
            case "looks":
                pass
            case _:
                fields[name] = value.isoformat() if hasattr(value, "isoformat") else value
    return fields


def _event_line(event: Any) -> str:
    """Return an event as a line."""
    kind = type(event).__name__
    match kind:
        case "MessageReceived":
            left = f" ({event.sent_at:%Y-%m-%d %H:%M} UTC)" if event.sent_at else ""
            return f"{event.sender}{left}: {event.text}"
        case "ContactOnline" | "ContactChanged":
            contact = event.contact
            message = f" – {contact.personal_message}" if contact.personal_message else ""
            return f"{contact.passport} ({contact.name}) is {contact.status}{message}"
        case "ContactRequest":
            return f"{event.passport} ({event.name}) has added you"
        case "Typing" | "NudgeReceived":
            return f"{event.sender} {'is typing' if kind == 'Typing' else 'sends a nudge'}"
        case "JoinedChat" | "LeftChat":
            return f"{event.passport} has {'joined' if kind == 'JoinedChat' else 'left'} the chat"
        case "ChatOpened":
            return f"a chat with {', '.join(event.members)}"
        case "CameBack":
            return f"back at {event.server}"
        case _:
            return str(event.error)
