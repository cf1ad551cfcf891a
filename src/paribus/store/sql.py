"""A store in an SQL database, through SQLAlchemy: SQLite or PostgreSQL."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Column, Connection, RowMapping, Select, Table, delete, func, insert, inspect, select

from paribus.errors import NoStoreError, StoreError
from paribus.record import PlannedTrial, Predictions, TrialFailure, TrialRecord
from paribus.spec import StudySpec
from paribus.store import rows, schema
from paribus.store.base import Store, StoredStudy
from paribus.store.database import Database, chunks, insert_rows, now
from paribus.store.leases import SqlLeases
from paribus.store.place import parse
from paribus.store.postgresql import postgresql_database
from paribus.store.searches import SqlSearches
from paribus.store.sqlite import sqlite_database
from paribus.store.versions import prepare


def open_store(path_or_url: str | Path | URL, *, create: bool = False, read_only: bool = False) -> Store:
    """Open a store, or make a new one.

    A store of an older version is migrated, after a copy was made; read-only it is read as it is.

    Args:
        path_or_url: a SQLite file, or a URL: ``sqlite:///folder/paribus.db`` or
            ``postgresql+psycopg://user:password@host:port/database``, whose password may also be in `PGPASSWORD` or
            `~/.pgpass`.
        create: make the file when it does not exist (its folder must), or the tables in an empty database.
        read_only: never write, so that a store in a read-only folder can be read.

    Raises:
        NoStoreError: the file is missing or the database is empty, and it is not to be made.
        StoreError: the store is damaged, no store, locked, out of reach or of a newer version.
    """
    if create and read_only:
        raise ValueError("a store cannot be both made and opened read-only")
    where = parse(path_or_url)
    if isinstance(where, Path):
        if where.is_dir():
            raise StoreError(f"a store is a file, and {where} is a folder: name a file in it")
        if not create and not where.exists():
            raise NoStoreError(f"there is no store at {where}: check the path, or run a study there first")
        database = sqlite_database(where, create=create, read_only=read_only)
    else:
        database = postgresql_database(where, read_only=read_only)
    try:
        # a server that cannot be reached now is most often a mistake, and told at once
        prepare(replace(database, patience=0.0), create=create, read_only=read_only)
    except BaseException:
        database.engine.dispose()
        raise
    return SqlStore(database)


class SqlStore:
    """A store in a database. Get one from `open_store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.leases = SqlLeases(database)
        self.searches = SqlSearches(database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.engine.dispose()

    # ---------------------------------------------------------------- studies

    def add_study(self, study: StudySpec, planned: Sequence[PlannedTrial], command: str) -> int:
        return self._database.run(lambda connection: _add_study(connection, study, planned, command), writes=True)

    def latest_study(self, study_id: int | None = None) -> StoredStudy | None:
        asked = select(schema.study) if study_id is None else select(schema.study).where(schema.study.c.id == study_id)
        found = self._studies(asked.order_by(schema.study.c.turn.desc()).limit(1))
        return found[0] if found else None

    def studies(self) -> tuple[StoredStudy, ...]:
        return self._studies(select(schema.study).order_by(schema.study.c.turn))

    def _studies(self, query: Select[Any]) -> tuple[StoredStudy, ...]:
        table = schema.study_trial

        def work(connection: Connection) -> tuple[StoredStudy, ...]:
            found = connection.execute(query).mappings().all()
            planned = select(*_present(connection, table)).where(table.c.study_id.in_([row["id"] for row in found]))
            by_study = _grouped(connection, planned.order_by(table.c.position), "study_id")
            return tuple(rows.stored_study(row, by_study[row["id"]]) for row in found)

        return self._database.read("a study", work)

    # ---------------------------------------------------------------- trials

    def add(self, *outcomes: TrialRecord | TrialFailure) -> None:
        self._database.run(lambda connection: _add(connection, outcomes), writes=True)

    def finished(self, trial_ids: Iterable[str]) -> frozenset[str]:
        return self._with_status("finished", trial_ids)

    def failed(self, trial_ids: Iterable[str]) -> frozenset[str]:
        return self._with_status("failed", trial_ids)

    def records(self, trial_ids: Iterable[str], *, predictions: bool = True) -> tuple[TrialRecord, ...]:
        ids = tuple(trial_ids)

        def work(connection: Connection) -> dict[str, TrialRecord]:
            found: dict[str, TrialRecord] = {}
            examples: dict[str, rows.Examples] = {}
            for chunk in chunks(ids):
                found |= _records(connection, chunk, examples, predictions=predictions)
            return found

        found = self._database.read("a record", work)
        return tuple(found[trial_id] for trial_id in ids if trial_id in found)

    def failures(self, trial_ids: Iterable[str]) -> tuple[TrialFailure, ...]:
        ids = tuple(trial_ids)

        def work(connection: Connection) -> dict[str, TrialFailure]:
            failed = (row for chunk in chunks(ids) for row in connection.execute(_trials(chunk, "failed")).mappings())
            return {row["id"]: rows.trial_failure(row) for row in failed}

        found = self._database.read("a failure", work)
        return tuple(found[trial_id] for trial_id in ids if trial_id in found)

    def _with_status(self, status: str, trial_ids: Iterable[str]) -> frozenset[str]:
        ids = tuple(trial_ids)

        def work(connection: Connection) -> frozenset[str]:
            queries = (_trials(chunk, status).with_only_columns(schema.trial.c.id) for chunk in chunks(ids))
            return frozenset(trial_id for query in queries for trial_id in connection.execute(query).scalars())

        return self._database.run(work)


def _add_study(connection: Connection, study: StudySpec, planned: Sequence[PlannedTrial], command: str) -> int:
    table = schema.study
    turn = (connection.execute(select(func.max(table.c.turn))).scalar() or 0) + 1
    row = rows.study_row(study, planned) | {"turn": turn, "command": rows.storable(command)}
    known = connection.execute(select(table.c.id).where(table.c.content == row["content"])).scalar()
    if known is not None:
        connection.execute(table.update().where(table.c.id == known).values(row))
        return int(known)
    key = connection.execute(insert(table).values(row | {"created": now()})).inserted_primary_key
    assert key is not None  # of an insert of one row
    insert_rows(connection, schema.study_trial, rows.planned_rows(key[0], planned))
    return int(key[0])


def _add(connection: Connection, outcomes: Sequence[TrialRecord | TrialFailure]) -> None:
    """Each in its turn as the rules of `Store.add` have it, but with one statement a table."""
    table = schema.trial
    finished: set[str] = set()
    for chunk in chunks(outcome.trial_id for outcome in outcomes):
        finished.update(connection.execute(_trials(chunk, "finished").with_only_columns(table.c.id)).scalars())
    kept: dict[str, TrialRecord | TrialFailure] = {}
    for outcome in outcomes:
        if outcome.trial_id not in finished:
            kept[outcome.trial_id] = outcome
            if isinstance(outcome, TrialRecord):
                finished.add(outcome.trial_id)
    for chunk in chunks(kept):
        connection.execute(delete(table).where(table.c.id.in_(chunk)))
        connection.execute(delete(schema.lease).where(schema.lease.c.trial_id.in_(chunk)))
    added = now()
    records = [outcome for outcome in kept.values() if isinstance(outcome, TrialRecord)]
    for of_kind in (records, [outcome for outcome in kept.values() if isinstance(outcome, TrialFailure)]):
        insert_rows(connection, table, [rows.trial_row(outcome, added) for outcome in of_kind])
    insert_rows(connection, schema.epoch, [row for record in records for row in rows.epoch_rows(record)])
    predicted = [(record.trial_id, *each) for record in records for each in record.predictions.items()]
    examples = _share_examples(connection, [predictions for _, _, predictions in predicted])
    insert_rows(
        connection,
        schema.prediction,
        [
            rows.prediction_row(trial_id, part, predictions, example_set)
            for (trial_id, part, predictions), example_set in zip(predicted, examples, strict=True)
        ],
    )


def _present(connection: Connection, table: Table) -> list[Column[Any]]:
    """The columns that a table has: a store of an older version, only read, may lack some."""
    names = {column["name"] for column in inspect(connection).get_columns(table.name)}
    return [column for column in table.columns if column.name in names]


def _grouped(connection: Connection, query: Select[Any], key: str) -> defaultdict[Any, list[RowMapping]]:
    groups: defaultdict[Any, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        groups[row[key]].append(row)
    return groups


def _trials(trial_ids: Sequence[str], status: str) -> Select[Any]:
    return select(schema.trial).where(schema.trial.c.id.in_(trial_ids), schema.trial.c.status == status)


def _share_examples(connection: Connection, predictions: Sequence[Predictions]) -> list[str]:
    """The ids of the predictions' examples, which are kept once for all trials."""
    table = schema.example_set
    found = [rows.example_set_row(each) for each in predictions]
    known: set[str] = set()
    for chunk in chunks(row["id"] for row in found):
        known.update(connection.execute(select(table.c.id).where(table.c.id.in_(chunk))).scalars())
    insert_rows(connection, table, list({row["id"]: row for row in found if row["id"] not in known}.values()))
    return [row["id"] for row in found]


def _records(
    connection: Connection, trial_ids: Sequence[str], examples: dict[str, rows.Examples], *, predictions: bool
) -> dict[str, TrialRecord]:
    """Records by id, in four queries. ``examples`` keeps what was read of `example_set` for the next call."""
    epoch, prediction, example_set = schema.epoch, schema.prediction, schema.example_set
    epochs = _grouped(
        connection, select(epoch).where(epoch.c.trial_id.in_(trial_ids)).order_by(epoch.c.epoch), "trial_id"
    )
    of_these = prediction.c.trial_id.in_(trial_ids if predictions else [])
    predicted = _grouped(connection, select(prediction).where(of_these), "trial_id")
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
