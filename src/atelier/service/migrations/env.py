"""Alembic's way into the tables: how a migration is run."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from atelier.service.database import connect
from atelier.service.tables import metadata

LOCK = 7_216_450_143
"""Any number: servers that start together migrate one after the other."""

url = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True)["url"]
engine = connect(url)
with engine.execution_options(writing=True).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
    with context.begin_transaction():
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        context.run_migrations()
engine.dispose()
