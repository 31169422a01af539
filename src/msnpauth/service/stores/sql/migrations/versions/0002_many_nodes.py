"""The second form: changes of accounts, shared keys, invitations, and sessions at the pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables."""
    passport = sa.String(129)
    op.create_table(
        "account_changes",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("passport", passport, nullable=False),
    )
    op.create_table(
        "kept_secrets",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    op.create_table(
        "invitations",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("uses_left", sa.Integer, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )
    op.create_table(
        "page_sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column(
            "passport",
            passport,
            sa.ForeignKey("accounts.passport", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("stamp", sa.String(16), nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("until", sa.Float, nullable=False, index=True),
    )
