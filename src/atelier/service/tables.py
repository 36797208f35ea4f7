"""The tables of the service. Times are seconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),  # of the key; "" where there are none
    Column("state", String(10), nullable=False),  # queued, running, done, failed, cancelled
    Column("asked", Text, nullable=False),  # the request and how its result is written, JSON
    Column("body", String(64), nullable=False),  # digest of what was sent
    Column("idempotency", String(255)),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Column("expires", Float),
    Column("worker", String(64)),
    Column("lease", Float),  # until when it is the worker's
    Column("attempt", Integer, nullable=False, default=0),
    Column("stopping", Boolean, nullable=False, default=False),  # somebody wants it cancelled
    Column("progress", Text, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),  # JSON: status, title, detail, field
    Column("result", String(255)),  # name of a file
    Column("etag", String(64)),
    Column("media", String(64)),
    Column("length", Integer),
    Column("width", Integer),
    Column("height", Integer),
    Column("seconds", Float),
    UniqueConstraint("owner", "idempotency", name="one_job_a_key"),
    Index("jobs_by_state", "state", "created"),
    Index("jobs_by_owner", "owner", "state", "created"),
    Index("jobs_by_expiry", "expires"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", String(255), nullable=False),
    Column("rate", Integer, nullable=False),  # requests a minute
    Column("active", Integer, nullable=False),  # jobs waiting or running at once
    Column("created", Float, nullable=False),
    Column("revoked", Float),
)

totals = Table("totals", metadata, Column("name", String(64), primary_key=True), Column("value", Float, nullable=False))
"""Sums since the beginning, also of jobs that are gone: done, failed, cancelled, retried, seconds."""
