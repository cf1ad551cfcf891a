"""A store in an SQL database, through SQLAlchemy: SQLite for now."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, RowMapping, Select, Table, delete, func, insert, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from paribus.errors import StoreError
from paribus.record import PlannedTrial, Predictions, TrialFailure, TrialRecord
from paribus.spec import StudySpec
from paribus.store import rows, schema
from paribus.store.base import Store, StoredStudy
from paribus.store.sqlite import in_words, sqlite_engine

CHUNK = 500
"""Trials a query; databases limit the number of parameters."""


def open_store(path_or_url: str | Path, *, create: bool = False, read_only: bool = False) -> Store:
    """Open a store, or make a new one.

    Args:
        path_or_url: a SQLite file, or its URL (``sqlite:///folder/paribus.db``).
        create: make the file when it does not exist; its folder must.
        read_only: never write, so that a store in a read-only folder can be read.

    Raises:
        StoreError: the file is missing, damaged, no store, locked or of a newer version.
    """
    if create and read_only:
        raise ValueError("a store cannot be both made and opened read-only")
    path = _sqlite_path(path_or_url)
    if path.is_dir():
        raise StoreError(f"a store is a file, and {path} is a folder: name a file in it")
    if not create and not path.exists():
        raise StoreError(f"there is no store at {path}: check the path, or run a study there first")
    store = SqlStore(sqlite_engine(path, create=create, read_only=read_only), str(path))
    try:
        store.prepare(create=create)
    except BaseException:
        store.close()
        raise
    return store


def _sqlite_path(path_or_url: str | Path) -> Path:
    if isinstance(path_or_url, Path) or "://" not in path_or_url:
        return Path(path_or_url)
    try:
        url = make_url(path_or_url)
    except ArgumentError as error:
        raise StoreError(f"not the URL of a database: {path_or_url!r}; give a path or sqlite:///PATH") from error
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise StoreError(f"a store is a SQLite file, got {url.render_as_string()!r}: give a path or sqlite:///PATH")
    return Path(str(url.database))


class SqlStore:
    """A store behind a SQLAlchemy engine. Get one from `open_store`.

    Args:
        engine: of the database.
        place: where it is, for messages.
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine = engine
        self._place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()

    def prepare(self, *, create: bool) -> None:
        """Check the version of the tables, after making them in an empty database when asked to."""
        version_column = schema.meta.c.schema_version
        with self._transaction(writes=create) as connection:
            present = inspect(connection).get_table_names()
            if create and not present:
                schema.tables.create_all(connection)
                connection.execute(insert(schema.meta).values(schema_version=schema.SCHEMA_VERSION))
            elif schema.meta.name not in present:
                raise StoreError(f"{self._place} is a database, but not a store of paribus: check the path")
            elif lacking := sorted(set(schema.tables.tables) - set(present)):  # a view may be anything, and endless
                raise StoreError(
                    f"{self._place} does not have the tables of a store, there is no table {lacking[0]}: it is "
                    "damaged, or no store of paribus; check the path"
                )
            version = connection.execute(select(func.max(version_column))).scalar()
        if not isinstance(version, int) or version < 1:
            raise StoreError(f"{self._place} does not say its version: it is damaged; restore it from a copy")
        if version > schema.SCHEMA_VERSION:
            raise StoreError(
                f"{self._place} was written by paribus store version {version}, "
                f"this one reads {schema.SCHEMA_VERSION}: upgrade paribus"
            )

    # ---------------------------------------------------------------- studies

    def add_study(self, study: StudySpec, planned: Sequence[PlannedTrial], command: str) -> int:
        table = schema.study
        row = rows.study_row(study, planned)
        with self._transaction(writes=True) as connection:
            turn = (connection.execute(select(func.max(table.c.turn))).scalar() or 0) + 1
            row |= {"turn": turn, "command": rows.storable(command)}
            known = connection.execute(select(table.c.id).where(table.c.content == row["content"])).scalar()
            if known is not None:
                connection.execute(table.update().where(table.c.id == known).values(row))
                return int(known)
            key = connection.execute(insert(table).values(row | {"created": _now()})).inserted_primary_key
            assert key is not None  # of an insert of one row
            _insert(connection, schema.study_trial, rows.planned_rows(key[0], planned))
            return int(key[0])

    def latest_study(self) -> StoredStudy | None:
        found = self._studies(select(schema.study).order_by(schema.study.c.turn.desc()).limit(1))
        return found[0] if found else None

    def studies(self) -> tuple[StoredStudy, ...]:
        return self._studies(select(schema.study).order_by(schema.study.c.turn))

    def _studies(self, query: Select[Any]) -> tuple[StoredStudy, ...]:
        table = schema.study_trial
        with self._transaction() as connection, self._intact("a study"):
            found = connection.execute(query).mappings().all()
            planned = select(table).where(table.c.study_id.in_([row["id"] for row in found]))
            by_study = _grouped(connection, planned.order_by(table.c.position), "study_id")
            return tuple(rows.stored_study(row, by_study[row["id"]]) for row in found)

    # ---------------------------------------------------------------- trials

    def add(self, outcome: TrialRecord | TrialFailure) -> None:
        table = schema.trial
        of_trial = table.c.id == outcome.trial_id
        with self._transaction(writes=True) as connection:
            if connection.execute(select(table.c.status).where(of_trial)).scalar() == "finished":
                return
            connection.execute(delete(table).where(of_trial))
            _insert(connection, table, [rows.trial_row(outcome, _now())])
            if isinstance(outcome, TrialRecord):
                _insert(connection, schema.epoch, rows.epoch_rows(outcome))
                for part, predictions in outcome.predictions.items():
                    examples = _share_examples(connection, predictions)
                    row = rows.prediction_row(outcome.trial_id, part, predictions, examples)
                    _insert(connection, schema.prediction, [row])

    def finished(self, trial_ids: Iterable[str]) -> frozenset[str]:
        return self._with_status("finished", trial_ids)

    def failed(self, trial_ids: Iterable[str]) -> frozenset[str]:
        return self._with_status("failed", trial_ids)

    def record(self, trial_id: str) -> TrialRecord:
        found = self.records([trial_id])
        if not found:
            raise StoreError(f"{self._place} holds no finished trial {trial_id}: check the id, or run its study first")
        return found[0]

    def records(self, trial_ids: Iterable[str]) -> tuple[TrialRecord, ...]:
        ids = tuple(trial_ids)
        found: dict[str, TrialRecord] = {}
        examples: dict[str, rows.Examples] = {}
        with self._transaction() as connection, self._intact("a record"):
            for chunk in _chunks(ids):
                found |= _records(connection, chunk, examples)
        return tuple(found[trial_id] for trial_id in ids if trial_id in found)

    def failures(self, trial_ids: Iterable[str]) -> tuple[TrialFailure, ...]:
        ids = tuple(trial_ids)
        found: dict[str, TrialFailure] = {}
        with self._transaction() as connection, self._intact("a failure"):
            for chunk in _chunks(ids):
                for row in connection.execute(_trials(chunk, "failed")).mappings():
                    found[row["id"]] = rows.trial_failure(row)
        return tuple(found[trial_id] for trial_id in ids if trial_id in found)

    def _with_status(self, status: str, trial_ids: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        with self._transaction() as connection:
            for chunk in _chunks(trial_ids):
                found.update(connection.execute(_trials(chunk, status).with_only_columns(schema.trial.c.id)).scalars())
        return frozenset(found)

    # ---------------------------------------------------------------- errors in words

    @contextmanager
    def _transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        try:
            with self._engine.execution_options(writes=writes).begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(in_words(error, self._place)) from error
        except UnicodeDecodeError as error:
            raise StoreError(f"{self._place} is damaged, a text in it is none: restore it from a copy") from error

    @contextmanager
    def _intact(self, what: str) -> Iterator[None]:
        """Rows that do not make a valid value are damage, or were written by a newer paribus."""
        try:
            yield
        except (ValueError, TypeError, LookupError, zlib.error) as error:
            reason = "; ".join(str(error).splitlines()[:3])
            raise StoreError(
                f"{what} in {self._place} cannot be read ({reason}): it is damaged or was written by a newer paribus; "
                "upgrade paribus, or restore the file from a copy"
            ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _chunks(trial_ids: Iterable[str]) -> Iterator[list[str]]:
    distinct = list(dict.fromkeys(trial_ids))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]


def _insert(connection: Connection, table: Table, values: list[dict[str, Any]]) -> None:
    if values:  # SQLAlchemy takes an empty list for one row of defaults
        connection.execute(insert(table), values)


def _grouped(connection: Connection, query: Select[Any], key: str) -> defaultdict[Any, list[RowMapping]]:
    groups: defaultdict[Any, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        groups[row[key]].append(row)
    return groups


def _trials(trial_ids: Sequence[str], status: str) -> Select[Any]:
    return select(schema.trial).where(schema.trial.c.id.in_(trial_ids), schema.trial.c.status == status)


def _share_examples(connection: Connection, predictions: Predictions) -> str:
    """The id of the predictions' examples, which are kept once for all trials."""
    table = schema.example_set
    row = rows.example_set_row(predictions)
    example_set_id = str(row["id"])
    if connection.execute(select(table.c.id).where(table.c.id == example_set_id)).scalar() is None:
        _insert(connection, table, [row])
    return example_set_id


def _records(
    connection: Connection, trial_ids: Sequence[str], examples: dict[str, rows.Examples]
) -> dict[str, TrialRecord]:
    """Records by id, in four queries. ``examples`` keeps what was read of `example_set` for the next call."""
    epoch, prediction, example_set = schema.epoch, schema.prediction, schema.example_set
    epochs = _grouped(
        connection, select(epoch).where(epoch.c.trial_id.in_(trial_ids)).order_by(epoch.c.epoch), "trial_id"
    )
    predicted = _grouped(connection, select(prediction).where(prediction.c.trial_id.in_(trial_ids)), "trial_id")
    missing = {row["example_set_id"] for group in predicted.values() for row in group} - examples.keys()
    for row in connection.execute(select(example_set).where(example_set.c.id.in_(missing))).mappings():
        examples[row["id"]] = rows.examples(row)
    return {
        row["id"]: rows.trial_record(
            row,
            epochs[row["id"]],
            {
                each["part"]: rows.stored_predictions(each, examples[each["example_set_id"]])
                for each in predicted[row["id"]]
            },
        )
        for row in connection.execute(_trials(trial_ids, "finished")).mappings()
    }
