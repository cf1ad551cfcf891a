"""Older stores are migrated after a copy was made, newer ones refused, on both databases."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, inspect, select

from conformance.build import make_failure, make_planned, make_record, make_study
from conformance.store import assert_same
from paribus.errors import StoreError
from paribus.record import TrialRecord
from paribus.store import Store, open_store, schema, sqlite, versions
from paribus.store.place import parse
from paribus.store.postgresql import postgresql_database
from postgresql import Server

VERSION_1 = Path(__file__).with_name("data") / "version_1.sql"
"""The dump of a store that paribus wrote when its store was of version 1."""
PLANNED = make_planned(make_study())


def as_then(record: TrialRecord) -> TrialRecord:
    """As records of tests were when the file was made: without the counts of the training part."""
    counts = {part: n for part, n in record.data.counts.items() if part != "train"}
    return replace(record, data=replace(record.data, counts=counts))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A SQLite store of version 1."""
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    return path


@pytest.fixture
def old_url(server: Server, old: Path) -> str:
    """The same in PostgreSQL."""
    url = server.url(server.new_database())
    with transaction(url, writes=True) as target, transaction(old) as source:
        versions.upgrade(target, 1)
        target.exec_driver_sql("DROP TABLE alembic_version")
        for table in schema.tables.sorted_tables:
            if inspect(source).has_table(table.name):
                then = {column["name"] for column in inspect(source).get_columns(table.name)}
                columns = [column for column in table.columns if column.name in then]
                rows = [dict(row) for row in source.execute(select(*columns)).mappings()]
                if rows:
                    target.execute(insert(table), rows)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> str:
    """Of a store of version 1."""
    return str(request.getfixturevalue({"sqlite": "old", "postgresql": "old_url"}[request.param]))


def assert_whole(store: Store) -> None:
    """What version 1 held."""
    found = store.latest_study()
    assert found is not None
    assert (found.study, found.planned, found.command) == (make_study(), PLANNED, "paribus run study.yaml")
    ids = [trial.trial_id for trial in PLANNED]
    assert store.finished(ids) == set(ids[:2])
    assert store.failures(ids) == (make_failure(ids[2], spec=PLANNED[2].spec),)
    for trial, accuracy in zip(PLANNED, (0.8, 0.5), strict=False):
        assert_same(
            store.records([trial.trial_id])[0], as_then(make_record(trial.trial_id, spec=trial.spec, accuracy=accuracy))
        )


@contextmanager
def transaction(place: str | Path, *, writes: bool = False) -> Iterator[Connection]:
    where = parse(place)
    if isinstance(where, Path):
        database = sqlite.sqlite_database(where, create=writes, read_only=not writes)
    else:
        database = postgresql_database(where, read_only=not writes)
    try:
        with database.engine.execution_options(writes=writes).begin() as connection:
            yield connection
    finally:
        database.engine.dispose()


def version(place: str | Path) -> int:
    with transaction(place) as connection:
        found = connection.execute(select(schema.meta.c.schema_version)).scalar()
    assert found is not None
    return found


def backups(place: str) -> list[str]:
    where = parse(place)
    if isinstance(where, Path):
        return [str(path) for path in where.parent.glob("store.version-1.*.sqlite")]
    with transaction(place) as connection:
        names = [name for name in inspect(connection).get_schema_names() if name.startswith("paribus_backup")]
    return [f"{place}?options=-csearch_path%3D{name}" for name in names]


def test_an_older_store_is_migrated_after_a_copy_was_made(place: str, caplog: pytest.LogCaptureFixture) -> None:
    with open_store(place) as store:
        assert_whole(store)
        assert store.leases.claim(["t"], "me", 60) == {"t"}
        store.add(make_record("t"))
    assert version(place) == schema.SCHEMA_VERSION
    (copy,) = backups(place)
    (told,) = [record.message for record in caplog.records if record.name.startswith("paribus")]
    assert "was of version 1 and is now of version 4; a copy of what it was is in" in told
    assert copy.rsplit("D", 1)[-1].rsplit("/", 1)[-1] in told
    assert version(copy) == 1
    with open_store(copy, read_only=True) as store:
        assert_whole(store)
        assert store.finished(["t"]) == frozenset()
    for options in ({"create": True}, {}, {"read_only": True}):
        with open_store(place, **options) as store:
            assert_whole(store)
    assert backups(place) == [copy]


def test_a_reader_takes_an_older_store_as_it_is(place: str) -> None:
    with open_store(place, read_only=True) as store:
        assert_whole(store)
        assert store.leases.held(["t"]) == {}
        assert store.searches.pruned(1) == ()
        with pytest.raises(StoreError, match="is read-only"):
            store.add(make_record("t"))
    assert version(place) == 1
    assert backups(place) == []


def test_a_migration_that_fails_leaves_what_was(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate = versions.upgrade

    def fail(connection: object, to: int) -> None:
        migrate(connection, to)  # type: ignore[arg-type]
        raise StoreError("no power")

    with monkeypatch.context() as patch:
        patch.setattr(versions, "upgrade", fail)
        with pytest.raises(StoreError, match="no power"):
            open_store(place)
    assert version(place) == 1
    with transaction(place) as connection:
        assert not inspect(connection).has_table("lease")
    with open_store(place) as store:
        assert_whole(store)


def test_no_room_for_the_copy(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sqlite.os, "fsync", full)
    with pytest.raises(StoreError, match=r"must be copied to store.version-1\..*No space left on device.*: free space"):
        open_store(old)
    monkeypatch.undo()
    assert version(old) == 1
    assert sorted(path.name for path in old.parent.iterdir() if "version" in path.name) == []


def test_several_migrate_at_once(place: str) -> None:
    program = "import sys; from paribus.store import open_store; open_store(sys.argv[1]).close()"
    running = [subprocess.Popen([sys.executable, "-c", program, place]) for _ in range(3)]
    assert [each.wait(timeout=60) for each in running] == [0, 0, 0]
    assert version(place) == schema.SCHEMA_VERSION
    assert len(backups(place)) == 1


def test_a_user_who_may_not_make_the_copy(server: Server, old_url: str) -> None:
    database = old_url.rsplit("/", 1)[-1]
    with server.connect(database) as connection:
        connection.execute("DROP ROLE IF EXISTS weak")
        connection.execute("CREATE ROLE weak LOGIN PASSWORD 'pw'")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO weak")
    with pytest.raises(StoreError, match="GRANT CREATE ON DATABASE"):
        open_store(server.url(database, user="weak", password="pw"))
    assert version(old_url) == 1
    with server.connect(database) as connection:
        connection.execute("DROP OWNED BY weak")
        connection.execute("DROP ROLE weak")


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database that is empty."""
    if request.param == "sqlite":
        return str(tmp_path / "fresh.sqlite")
    server: Server = request.getfixturevalue("server")
    return server.url(server.new_database())


def test_migrations_lead_to_the_tables_that_a_new_store_has(fresh: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with transaction(fresh, writes=True) as connection:
        versions.upgrade(connection, schema.SCHEMA_VERSION)
        found = compare_metadata(MigrationContext.configure(connection), schema.tables)
    # Alembic does not compare its own table
    assert [each for each in found if "alembic_version" not in repr(each)] == []


@pytest.fixture
def newer(fresh: str) -> str:
    open_store(fresh, create=True).close()
    with transaction(fresh, writes=True) as connection:
        connection.execute(schema.meta.update().values(schema_version=7))
    return fresh


def test_a_newer_store_is_refused(newer: str) -> None:
    for options in ({}, {"create": True}, {"read_only": True}):
        with pytest.raises(StoreError, match=r"written by paribus store version 7, this one reads 4: upgrade paribus"):
            open_store(newer, **options)


def test_only_a_migration_needs_alembic(tmp_path: Path) -> None:
    program = (
        "import sys; from paribus.store import open_store\n"
        "open_store(sys.argv[1], create=True).close(); open_store(sys.argv[1]).close()\n"
        "assert not [m for m in sys.modules if m.startswith('alembic')]"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "new.sqlite"], check=True)
    with closing(sqlite3.connect(tmp_path / "new.sqlite")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (str(schema.SCHEMA_VERSION),)
        ]
