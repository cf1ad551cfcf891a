"""The tables.

Specifications and other nested values are JSON text, as pydantic writes it. Arrays are little-endian
bytes, exact to the bit. Nothing here is particular to one database.
"""

import math
from dataclasses import fields

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from paribus.record import EpochRow

SCHEMA_VERSION = 4
"""Raise it with every change of the tables, and say in `migrations/versions` how an older store gets there."""
OLDEST_READ = 1
"""The oldest version that can be read without being migrated."""


class Number(TypeDecorator[float]):
    """A float64 that may be NaN or infinite. SQLite has no NaN and keeps NULL, so NULL it is everywhere."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        return math.nan if value is None else value


tables = MetaData()

meta = Table("meta", tables, Column("schema_version", Integer, nullable=False))

# Alembic's own; its revisions are called as the versions are
alembic_version = Table("alembic_version", tables, Column("version_num", String(32), primary_key=True))

study = Table(
    "study",
    tables,
    Column("id", Integer, primary_key=True),
    Column("content", String(64), nullable=False, unique=True, comment="SHA-256 of the study and its trials"),
    Column("spec", Text, nullable=False),
    Column("created", String(40), nullable=False),
    Column("command", Text, nullable=False),
    Column("turn", Integer, nullable=False, comment="the latest study has the highest"),
)

study_trial = Table(
    "study_trial",
    tables,
    Column("study_id", ForeignKey("study.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    # no foreign key: a planned trial has no row in `trial` until it has run
    Column("trial_id", String(80), nullable=False),
    Column("cell", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("bar", Text, comment="JSON, of a search's candidate"),
)

trial = Table(
    "trial",
    tables,
    Column("id", String(80), primary_key=True),
    Column("status", String(8), CheckConstraint("status IN ('finished', 'failed')"), nullable=False),
    Column("spec", Text, nullable=False),
    Column("fingerprint", String(80), nullable=False),
    Column("environment", Text),
    Column("seconds", Number, nullable=True),
    Column("added", String(40), nullable=False),
    # of a finished trial
    Column("data", Text),
    Column("layers", Text),
    Column("selected_epoch", Integer),
    Column("stopped_early", Boolean),
    Column("checkpoint", Text),
    # of a failed trial
    Column("failure_kind", Text),
    Column("failure_message", Text),
    Column("failure_traceback", Text),
)

epoch = Table(
    "epoch",
    tables,
    Column("trial_id", ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    *(Column(field.name, Number) for field in fields(EpochRow) if field.name != "epoch"),
)

example_set = Table(
    "example_set",
    tables,
    Column("id", String(64), primary_key=True, comment="SHA-256 of the ids and classes"),
    Column("ids", LargeBinary, nullable=False, comment="JSON list, deflated"),
    Column("y", LargeBinary, nullable=False, comment="int64, little-endian"),
)

prediction = Table(
    "prediction",
    tables,
    Column("trial_id", ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True),
    Column("part", String(10), primary_key=True),
    Column("example_set_id", ForeignKey("example_set.id"), nullable=False),
    Column("n_classes", Integer, nullable=False),
    Column("logits", LargeBinary, nullable=False, comment="float32 (n, n_classes), little-endian"),
    # SQLite does not see damage inside a long value
    Column("crc32", BigInteger, nullable=False, comment="of the bytes of logits"),
)

pruned = Table(
    "pruned",
    tables,
    # an outcome of the search, not of the trial, which other studies still train
    Column("study_id", ForeignKey("study.id", ondelete="CASCADE"), primary_key=True),
    Column("trial_id", String(80), primary_key=True),
    Column("spec", Text, nullable=False),
    Column("fingerprint", String(80), nullable=False),
    Column("environment", Text, nullable=False),
    Column("history", Text, nullable=False, comment="JSON"),
    Column("seconds", Number, nullable=True),
    Column("added", String(40), nullable=False),
)

lease = Table(
    "lease",
    tables,
    # no foreign key: what is leased has no row in `trial` yet
    Column("trial_id", String(80), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("clock", String(80), nullable=False, comment="that `until` is read on"),
    Column("until", Double, nullable=False, comment="seconds on that clock"),
    Column("seconds", Double, nullable=False, comment="how long it lasts unless it is kept"),
)

SINCE = {alembic_version.name: 2, lease.name: 2, pruned.name: 3}
"""Table -> the version that has it, of those that the first did not have."""
