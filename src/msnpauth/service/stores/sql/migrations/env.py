"""The start of alembic: runs the scripts on the connection that the caller has given."""

from __future__ import annotations

from alembic import context

from msnpauth.service.stores.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite can change a table only by copying it.
    render_as_batch=True,
    # The caller's own transaction contains all scripts: all of them take effect, or none.
    transactional_ddl=False,
)
context.run_migrations()
