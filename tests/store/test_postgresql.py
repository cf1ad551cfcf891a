"""The store in PostgreSQL: what every store must do, and what is particular to a server."""

import builtins
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest

from conformance.build import make_failure, make_planned, make_record, make_study
from conformance.leases import LeasesConformance
from conformance.store import StoreConformance, assert_same
from paribus.errors import StoreError
from paribus.shown import hide_password
from paribus.store import Store, open_store, postgresql
from paribus.store.database import Database
from paribus.store.place import parse
from postgresql import PASSWORD, Server

IDS = [f"t{i}" for i in range(40)]


@pytest.fixture
def url(server: Server) -> str:
    """Of a new database."""
    return server.url(server.new_database())


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url, create=True) as store:
        yield store


class TestPostgresql(StoreConformance):
    pass


class TestPostgresqlLeases(LeasesConformance):
    @pytest.fixture
    def place(self, url: str) -> str:
        return url

    @pytest.fixture
    def database(self, url: str) -> Iterator[Database]:
        database = postgresql.postgresql_database(parse(url), read_only=False)  # type: ignore[arg-type]
        yield database
        database.engine.dispose()


# ---------------------------------------------------------------- a connection that is lost


def add_all(store: Store) -> None:
    store.add_study(make_study(), make_planned(make_study()), "")
    for trial_id in IDS:
        store.add(make_record(trial_id))


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_the_server_is_started_again_while_records_are_added(
    server: Server, store: Store, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    thread = Thread(target=add_all, args=(store,))
    thread.start()
    while len(store.finished(IDS)) < 5:
        time.sleep(0.01)
    server.stop(how)
    time.sleep(0.7)
    server.start()
    thread.join(timeout=60)
    assert store.finished(IDS) == set(IDS)
    for record in store.records(IDS):
        assert_same(record, make_record(record.trial_id))
    assert len(store.studies()) == 1
    told = [record.getMessage() for record in caplog.records]
    assert sum("was lost: trying again for up to 5 min" in line for line in told) == 1
    assert PASSWORD not in " ".join(told)


def test_connections_that_the_server_ends(server: Server, store: Store, url: str) -> None:
    claimed = store.leases.claim(["t0"], "me", 60)
    with server.connect() as connection:
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'paribus'"
        assert connection.execute(ended).rowcount > 0
    store.add(make_record("t1"), make_failure("t2"))
    assert store.leases.keep("me", 60) == claimed
    assert store.finished(["t1", "t2"]) == {"t1"}


def test_a_record_whose_commit_was_not_confirmed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server keeps it and dies before it can say so: it is added again, which changes nothing."""
    from psycopg import OperationalError
    from sqlalchemy.engine.default import DefaultDialect

    commits = []
    commit = DefaultDialect.do_commit

    def lose(self: DefaultDialect, connection: object) -> None:
        commit(self, connection)  # type: ignore[arg-type]
        commits.append(1)
        if len(commits) == 1:
            raise OperationalError("the connection is closed")

    monkeypatch.setattr(DefaultDialect, "do_commit", lose)
    store.add(make_record("t1"), make_failure("t2"))
    assert len(commits) == 2
    assert_same(store.records(["t1"])[0], make_record("t1"))
    assert store.failures(["t2"]) == (make_failure("t2"),)


def test_a_server_that_stays_away(server: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "PATIENCE", 0.5)
    with open_store(url, create=True) as store:
        server.stop()
        try:
            start = time.monotonic()
            with pytest.raises(
                StoreError, match=r"cannot connect to .*tried again for 0.5 s; finished trials are kept"
            ):
                store.add(make_record())
            assert 0.2 < time.monotonic() - start < 5
            start = time.monotonic()
            with pytest.raises(StoreError, match="cannot connect to") as caught:
                open_store(url)  # the first connection is not tried again
            assert time.monotonic() - start < 0.4
            assert PASSWORD not in str(caught.value)
        finally:
            server.start()
        store.add(make_record())


# ---------------------------------------------------------------- opening


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql", "postgres"])
def test_forms_of_the_url(server: Server, url: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(url.replace("postgresql+psycopg", scheme), create=True).close()
    bare = server.url(url.rsplit("/", 1)[-1], password=None)
    with pytest.raises(StoreError, match=r"no password supplied.*PARIBUS_STORE, from PGPASSWORD"):
        open_store(bare)
    open_store(f"{bare}?password={quote(PASSWORD, safe='')}").close()
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    open_store(bare).close()


def test_a_password_file(server: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:{server.port}:*:me:{PASSWORD}\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    open_store(server.url(url.rsplit("/", 1)[-1], password=None), create=True).close()


def test_what_cannot_be_opened(server: Server, url: str) -> None:
    database = url.rsplit("/", 1)[-1]
    for wrong, words in (
        (server.url("nowhere"), "does not exist"),
        (server.url(database, password="wr0ng"), "password authentication failed"),
        (server.url(database, user="you", password="wr0ng"), "password authentication failed"),
        (url.replace("127.0.0.1", "nowhere.invalid"), "cannot connect to"),
        (url, "not a store of paribus"),  # empty, and not asked to make one
    ):
        with pytest.raises(StoreError, match=words) as caught:
            open_store(wrong)
        told = str(caught.value)
        assert PASSWORD not in told
        assert "wr0ng" not in told


def test_a_password_that_is_not_escaped() -> None:
    with pytest.raises(StoreError, match="write %40 for @") as caught:
        open_store("postgresql://me:sec@ret@host/db")
    assert "sec" not in str(caught.value)
    assert "ret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("postgresql://me:a:b/c@d@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("--store=postgresql+psycopg://me:pw@host/db?x=1", "--store=postgresql+psycopg://me:***@host/db?x=1"),
        ("postgres://host/db?sslmode=require&password=pw&x=1", "postgres://host/db?sslmode=require&password=***&x=1"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("train.epochs=20", "train.epochs=20"),
        ("runs/a:b@c", "runs/a:b@c"),
    ],
)
def test_text_without_its_password(text: str, told: str) -> None:
    assert hide_password(text) == told


def test_the_database_of_something_else(server: Server, url: str) -> None:
    with server.connect(url.rsplit("/", 1)[-1]) as connection:
        connection.execute("CREATE TABLE contact (name text)")
    with pytest.raises(StoreError, match="not a store of paribus"):
        open_store(url, create=True)


def test_a_schema_of_its_own(server: Server, url: str) -> None:
    """In a database that others use too."""
    with server.connect(url.rsplit("/", 1)[-1]) as connection:
        connection.execute("CREATE TABLE contact (name text)")
        connection.execute("CREATE SCHEMA study")
    with open_store(f"{url}?options=-csearch_path%3Dstudy", create=True) as store:
        store.add(make_record())
    with server.connect(url.rsplit("/", 1)[-1]) as connection:
        assert connection.execute("SELECT id FROM study.trial").fetchall() == [("t0",)]


def test_several_make_it_at_once(url: str) -> None:
    program = "import sys; from paribus.store import open_store; open_store(sys.argv[1], create=True).close()"
    running = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(3)]
    assert [each.wait(timeout=60) for each in running] == [0, 0, 0]


def test_a_table_is_missing(server: Server, store: Store, url: str) -> None:
    store.add(make_record())
    with server.connect(url.rsplit("/", 1)[-1]) as connection:
        connection.execute("DROP TABLE epoch")
    with pytest.raises(StoreError, match="does not have the tables of a store"):
        store.records(["t0"])


def test_the_extra_is_not_installed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.split(".")[0] == "psycopg":
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StoreError, match=r"pip install 'paribus\[postgresql\]'"):
        open_store(url)


# ---------------------------------------------------------------- several at once


def test_read_only_refuses_to_write(store: Store, url: str) -> None:
    with open_store(url, read_only=True) as reader:
        for write in (lambda: reader.add(make_record("t2")), lambda: reader.leases.claim(["t2"], "me", 60)):
            with pytest.raises(StoreError, match="is read-only"):
                write()
        assert reader.finished(["t2"]) == frozenset()


def test_a_writer_that_never_ends(server: Server, store: Store, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "LOCK_SECONDS", 1)
    with server.connect(url.rsplit("/", 1)[-1]) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('paribus'), hashtext('public'))")
        with pytest.raises(StoreError, match="is locked by another process"):
            store.add(make_record())
    store.add(make_record())


def test_two_add_the_same_trials_at_once(url: str, store: Store) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from conformance.build import make_record; from paribus.store import open_store\n"
        "with open_store(sys.argv[1]) as store:\n"
        "    for i in range(40): store.add(make_record(f't{i}'))"
    )
    tests = next(path for path in sys.path if path.endswith("tests"))
    running = [subprocess.Popen([sys.executable, "-c", program, url, tests]) for _ in range(3)]
    assert [each.wait(timeout=60) for each in running] == [0, 0, 0]
    assert [record.trial_id for record in store.records(IDS)] == IDS
