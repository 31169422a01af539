"""The tables, and the number of their form.

Passports are keys in folded letter case, because accounts are compared without regard to it; how an
account is spelled stands beside its key.
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
    "FORM",
    "METADATA",
    "accounts",
    "app_passwords",
    "known_networks",
    "left",
    "lists",
    "notes",
    "used",
]

FORM = 1
"""Grows with each change of the tables. A service does not open what a later one has written."""

METADATA = MetaData()

_PASSPORT = String(129)


def _of_account() -> Column[str]:
    owner = ForeignKey("accounts.passport", ondelete="CASCADE")
    return Column("passport", _PASSPORT, owner, nullable=False)


notes = Table(
    "notes",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("value", Integer, nullable=False),
)
"""`form`, the number of the tables' form; `changes`, which grows with each change of an account."""

accounts = Table(
    "accounts",
    METADATA,
    Column("passport", _PASSPORT, primary_key=True),
    Column("spelled", _PASSPORT, nullable=False),
    Column("display_name", Text, nullable=False, default=""),
    Column("hash", Text, nullable=False),
    # Official clients cut a password at 16 characters. A hash does not tell how long it was.
    Column("is_long", Boolean, nullable=False),
    # A random word that a new password replaces. Tickets carry it, and end with it.
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
    # 80 random bits cannot be guessed, so that a fast hash is enough, and is fast.
    Column("digest", String(64), nullable=False),
    # The password itself under a key of the service, for MD5 alone, which asks for it.
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
