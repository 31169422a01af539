"""Reads the accounts of an Escargot server from its database, SQLite or PostgreSQL.

Both forms of Escargot's tables (its `core/db.py`) are understood: contacts and groups in tables of
their own, and the older form, JSON in `t_user`. The hashes of the accounts are not changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, MetaData, Table, create_engine, inspect, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from ....core.errors import LocalProtocolError
from ....core.people.contact import ListName
from ..listing import LONGEST_GROUP_NAME, new_group, put_into_group, put_on, shortened
from ..protocol import Lists
from .foreign_hashes import is_foreign
from .kept import is_storable

__all__ = ["EscargotAccount", "is_database", "read_escargot"]

_FILE_MARK = b"SQLite format 3\x00"


class EscargotAccount(NamedTuple):
    """An account of an Escargot server.

    Attributes:
        passport: the address.
        hash: the hash of its password; "" when there is no hash that can be checked.
        display_name: the display name; empty when it equals the address.
        verified: the address was verified.
        lists: its contact list.
    """

    passport: str
    hash: str
    display_name: str
    verified: bool
    lists: Lists

    def __repr__(self) -> str:
        return f"EscargotAccount({self.passport!r})"


def is_database(path: Path) -> bool:
    """Tell whether a file is an SQLite database."""
    try:
        with path.open("rb") as file:
            return file.read(len(_FILE_MARK)) == _FILE_MARK
    except OSError:
        return False


def read_escargot(where: Path | URL) -> list[EscargotAccount]:
    """Return every account of an Escargot server.

    Args:
        where: the path of its SQLite file, or the URL of its PostgreSQL database.

    Raises:
        LocalProtocolError: the database cannot be read, or is not a database of Escargot.
    """
    found = _accounts(where)
    if isinstance(found, int):  # raised here, where no variable holds a row any more
        raise LocalProtocolError(
            f"row {found} of Escargot's t_user cannot be read, or what belongs to it",
            hint="look at its address, and at the JSON of its settings, groups and contacts",
        )
    return found


def _accounts(where: Path | URL) -> list[EscargotAccount] | int:
    """Return every account, or the number of the first row that is damaged."""
    with _connected(where) as connection:
        if "t_user" not in inspect(connection).get_table_names():  # a view may have no end
            raise LocalProtocolError(
                "that is no database of Escargot: it has no table t_user",
                hint="name the file that Escargot's settings.DB names",
            )
        users = _rows(connection, "t_user", "uuid", "email", "verified", "password")
        passports = {user["uuid"]: user["email"] for user in users}
        contacts = _by_user(_rows(connection, "t_user_contact", "user_uuid"), "user_uuid")
        groups = _by_user(_rows(connection, "t_user_group", "user_uuid"), "user_uuid")
    found: list[EscargotAccount] = []
    for user in users:
        mine = groups.get(user["uuid"]), contacts.get(user["uuid"])
        try:
            found.append(_account(user, *mine, passports))
        except (TypeError, ValueError, RecursionError):
            return len(found) + 1
    return found


def _account(
    user: dict[str, Any],
    groups: list[dict[str, Any]] | None,
    contacts: list[dict[str, Any]] | None,
    passports: dict[str, str],
) -> EscargotAccount:
    """Return an account.

    Raises:
        TypeError, ValueError, RecursionError: something in its rows is not what it has to be.
    """
    if not isinstance(user["email"], str):
        raise TypeError
    lists = _lists(
        groups or _objects(user.get("groups")),
        contacts or _objects(user.get("contacts")),
        passports,
    )
    lists.allows_others = _object(user.get("settings")).get("BLP", "AL") != "BL"
    name = _name(user.get("name"))
    shown = "" if name == user["email"] else name
    return EscargotAccount(user["email"], _hash(user), shown, bool(user["verified"]), lists)


@contextmanager
def _connected(where: Path | URL) -> Iterator[Connection]:
    if isinstance(where, Path):
        # Read-only, because Escargot may still be running. As a URI, in which a `#` or a `?` of the
        # file's name is quoted.
        url = URL.create(
            "sqlite", database=where.resolve().as_uri(), query={"mode": "ro", "uri": "true"}
        )
    else:
        url = where.set(drivername="postgresql+psycopg")
    why = ""
    try:
        engine = create_engine(url, hide_parameters=True)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as fault:
        why = type(getattr(fault, "orig", None) or fault).__name__
    if why:
        # Outside of `except`, so that the new error does not refer to the old one, which may quote
        # the URL and rows.
        raise LocalProtocolError(
            f"the database of Escargot cannot be read ({why})",
            hint="is it a copy that is whole, and may this user read it?",
        )


def _rows(connection: Connection, name: str, *columns: str) -> list[dict[str, Any]]:
    """Return the rows of a table; none where it is not there.

    Raises:
        LocalProtocolError: it lacks a column.
    """
    if name not in inspect(connection).get_table_names():
        return []
    table = Table(name, MetaData(), autoload_with=connection)
    missing = [column for column in ("id", *columns) if column not in table.c]
    if missing:
        raise LocalProtocolError(
            f"that is no database of Escargot: its table {name} has no column {missing[0]}"
        )
    return [dict(row._mapping) for row in connection.execute(select(table).order_by(table.c.id))]


def _by_user(rows: Iterable[dict[str, Any]], column: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


def _read(value: Any) -> Any:
    """Return the value of a JSON column: SQLite returns it as text, PostgreSQL already decoded."""
    return json.loads(value) if isinstance(value, str) and value else value


def _objects(value: Any) -> list[dict[str, Any]]:
    found = _read(value)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _object(value: Any) -> dict[str, Any]:
    found = _read(value)
    return found if isinstance(found, dict) else {}


def _name(value: Any) -> str:
    """Return the name of a person or a group in a form that a client could have sent.

    The service would close the connection of a client to which it cannot write the name.
    """
    return shortened(value) if isinstance(value, str) and is_storable(value) else ""


def _hash(user: dict[str, Any]) -> str:
    """Return the stronger hash of an account: MD5 is kept beside PBKDF2 for old clients."""
    of_msn = _object(user.get("front_data")).get("msn")
    md5 = of_msn.get("pw_md5") if isinstance(of_msn, dict) else user.get("password_md5")
    both = (user["password"], md5)
    return next((one for one in both if isinstance(one, str) and is_foreign(one)), "")


def _lists(
    groups: list[dict[str, Any]], contacts: list[dict[str, Any]], passports: dict[str, str]
) -> Lists:
    lists = Lists()
    ids: dict[str, str] = {}
    for group in groups:
        made = new_group(lists, shortened(_name(group.get("name")), LONGEST_GROUP_NAME))
        ids |= {str(group[key]): made for key in ("id", "group_id", "uuid") if group.get(key)}
    for contact in contacts:
        passport = passports.get(str(contact.get("uuid")))
        if not isinstance(passport, str) or not is_storable(passport):
            continue  # an account that Escargot has deleted
        bits = int(contact.get("lists") or 0)
        for list_name in [one for one in ListName if one.bit & bits]:
            entry = put_on(lists, passport, list_name, _name(contact.get("name")))
            if list_name is ListName.FORWARD:
                for group_id in _groups(contact.get("groups")):
                    if group_id in ids:
                        put_into_group(lists, entry, ids[group_id], is_in=True)
    lists.serial = 1
    return lists


def _groups(value: Any) -> list[str]:
    """Return the ids of a contact's groups. The column has numbers, or objects with an id."""
    found = _read(value)
    several = found if isinstance(found, list) else []
    return [str(one.get("id") if isinstance(one, dict) else one) for one in several]
