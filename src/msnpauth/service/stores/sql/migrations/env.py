"""Where alembic begins: it runs the scripts on the connection that it was given."""

from __future__ import annotations

from alembic import context

from msnpauth.service.stores.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite changes a table by copying it.
    render_as_batch=True,
    # The caller's own transaction holds all scripts: all of them count, or none.
    transactional_ddl=False,
)
context.run_migrations()
