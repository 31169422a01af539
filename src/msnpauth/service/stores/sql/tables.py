"""The tables, and the number of their form.

The keys of accounts are passports in folded letter case, because passports are compared without
regard to letter case; another column has the passport as its owner wrote it.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

__all__ = [
    "METADATA",
    "OLDEST_COMPATIBLE",
    "REVISION",
    "SCHEMA_VERSION",
    "accounts",
    "app_passwords",
    "changes",
    "invitations",
    "kept_secrets",
    "known_networks",
    "left",
    "lists",
    "notes",
    "page_sessions",
    "used",
]

SCHEMA_VERSION = 2
"""The number of the present form of the tables. It grows with each change of the tables, and the
file in `migrations` that makes the change has the same number.
"""
OLDEST_COMPATIBLE = 2
"""The number of the form of the oldest service that can still work with these tables.

Nodes are upgraded one after another, after the database. So a change adds tables and columns, and
unused ones are removed only when no node of an earlier version is left.
"""
REVISION = f"{SCHEMA_VERSION:04}"
"""The name of the present form in alembic."""

METADATA = MetaData()

LONGEST_PASSPORT = 129
"""The length of the longest account name in bytes (hypothetic.org, names)."""
_PASSPORT = String(LONGEST_PASSPORT)


def _of_account() -> Column[str]:
    owner = ForeignKey("accounts.passport", ondelete="CASCADE")
    return Column("passport", _PASSPORT, owner, nullable=False)


notes = Table(
    "notes",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("value", Integer, nullable=False),
)
"""Numbers by name: `form` (`SCHEMA_VERSION`), `serves` (`OLDEST_COMPATIBLE`), and `changes`, the
number of the last row of `account_changes`.
"""

changes = Table(
    "account_changes",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("passport", _PASSPORT, nullable=False),
)
"""The accounts that were changed lately, for other processes that keep them in memory (SQLite)."""

accounts = Table(
    "accounts",
    METADATA,
    Column("passport", _PASSPORT, primary_key=True),
    Column("spelled", _PASSPORT, nullable=False),
    Column("display_name", Text, nullable=False, default=""),
    Column("hash", Text, nullable=False),
    # Official clients cut a password at 16 characters. A hash does not show the length.
    Column("is_long", Boolean, nullable=False),
    # A random value that changes with the password. A ticket contains it, and is valid only as long
    # as the account has the same value.
    Column("stamp", String(16), nullable=False),
    Column("verified", Boolean, nullable=False, default=True),
    Column("restricted", Boolean, nullable=False, default=False),
    Column("refusal", Integer),
    Column("is_disabled", Boolean, nullable=False, default=False),
    Column("created", Float, nullable=False),
    Column("changed", Float, nullable=False),
    Column("signed_in", Float),
)

app_passwords = Table(
    "app_passwords",
    METADATA,
    Column("id", String(16), primary_key=True),
    _of_account(),
    Column("name", String(60), nullable=False),
    Column("schemes", String(40), nullable=False),
    # A fast hash is enough, because 79 random bits cannot be guessed.
    Column("digest", String(64), nullable=False),
    # The password itself, encrypted by a key of the service. Only MD5 needs the password itself.
    Column("sealed", Text),
    Column("created", Float, nullable=False),
    Column("used", Float),
    Column("used_scheme", String(8)),
)

known_networks = Table(
    "known_networks",
    METADATA,
    Column("passport", _PASSPORT, primary_key=True),
    Column("network", String(64), primary_key=True),
    Column("seen", Float, nullable=False),
)

lists = Table(
    "lists",
    METADATA,
    Column("passport", _PASSPORT, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("content", Text, nullable=False),
)

left = Table(
    "left_messages",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("passport", _PASSPORT, nullable=False, index=True),
    Column("id", String(64), nullable=False),
    Column("sender", _PASSPORT, nullable=False),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("sent", Float, nullable=False),
)

used = Table(
    "used_tickets",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("until", Float, nullable=False, index=True),
)

kept_secrets = Table(
    "kept_secrets",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("sealed", Text, nullable=False),
)
"""The keys that all nodes of a network share, encrypted by a key that is in no database."""

invitations = Table(
    "invitations",
    METADATA,
    # A hash of the code, so that a person who reads the database cannot use the invitation.
    Column("digest", String(64), primary_key=True),
    Column("note", Text, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Column("until", Float, nullable=False),
)

page_sessions = Table(
    "page_sessions",
    METADATA,
    # A hash of the token in the cookie, for the same reason.
    Column("digest", String(64), primary_key=True),
    _of_account(),
    # The session ends when the password with which it began is replaced.
    Column("stamp", String(16), nullable=False),
    Column("created", Float, nullable=False),
    Column("until", Float, nullable=False, index=True),
)
