"""Jobs, keys, totals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("body", sa.String(64), nullable=False),
        sa.Column("idempotency", sa.String(255)),
        *(sa.Column(name, sa.Float, nullable=name != "created") for name in ("created", "started", "finished", "expires")),
        sa.Column("worker", sa.String(64)),
        sa.Column("lease", sa.Float),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("stopping", sa.Boolean, nullable=False),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("result", sa.String(255)),
        sa.Column("etag", sa.String(64)),
        sa.Column("media", sa.String(64)),
        *(sa.Column(name, sa.Integer) for name in ("length", "width", "height")),
        sa.Column("seconds", sa.Float),
        sa.UniqueConstraint("owner", "idempotency", name="one_job_a_key"),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "created"])
    op.create_index("jobs_by_owner", "jobs", ["owner", "state", "created"])
    op.create_index("jobs_by_expiry", "jobs", ["expires"])
    op.create_table(
        "keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("scopes", sa.String(255), nullable=False),
        sa.Column("rate", sa.Integer, nullable=False),
        sa.Column("active", sa.Integer, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("revoked", sa.Float),
    )
    totals = op.create_table("totals", sa.Column("name", sa.String(64), primary_key=True), sa.Column("value", sa.Float, nullable=False))
    names = ("done", "failed", "cancelled", "retried", "seconds")
    op.bulk_insert(totals, [{"name": name, "value": 0.0} for name in names])


def downgrade() -> None:
    for table in ("totals", "keys", "jobs"):
        op.drop_table(table)
