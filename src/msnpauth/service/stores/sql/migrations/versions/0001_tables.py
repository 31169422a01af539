"""The first form of the tables: accounts, lists, messages and used tickets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


_PASSPORT = sa.String(129)


def upgrade() -> None:
    """Make the tables."""
    _make_accounts()
    _make_what_they_keep()
    op.create_table(
        "notes",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )
    op.create_table(
        "used_tickets",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("until", sa.Float, nullable=False, index=True),
    )


def _make_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("passport", _PASSPORT, primary_key=True),
        sa.Column("spelled", _PASSPORT, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("is_long", sa.Boolean, nullable=False),
        sa.Column("stamp", sa.String(16), nullable=False),
        sa.Column("verified", sa.Boolean, nullable=False),
        sa.Column("restricted", sa.Boolean, nullable=False),
        sa.Column("refusal", sa.Integer),
        sa.Column("is_disabled", sa.Boolean, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("changed", sa.Float, nullable=False),
        sa.Column("signed_in", sa.Float),
    )
    op.create_table(
        "app_passwords",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column(
            "passport",
            _PASSPORT,
            sa.ForeignKey("accounts.passport", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("schemes", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("sealed", sa.Text),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("used", sa.Float),
        sa.Column("used_scheme", sa.String(8)),
    )
    op.create_table(
        "known_networks",
        sa.Column("passport", _PASSPORT, primary_key=True),
        sa.Column("network", sa.String(64), primary_key=True),
        sa.Column("seen", sa.Float, nullable=False),
    )


def _make_what_they_keep() -> None:
    op.create_table(
        "lists",
        sa.Column("passport", _PASSPORT, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "left_messages",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("passport", _PASSPORT, nullable=False, index=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("sender", _PASSPORT, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("sent", sa.Float, nullable=False),
    )
