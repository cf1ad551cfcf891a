"""The store in SQLite: what every store must do, and what is particular to a file."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from conformance.build import make_failure, make_planned, make_record, make_study
from conformance.leases import LeasesConformance
from conformance.store import StoreConformance, assert_same
from paribus.errors import StoreError
from paribus.store import Store, open_store, schema, sqlite
from paribus.store.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one study, one record (t0) and one failure (t1), closed."""
    path = tmp_path / "paribus.db"
    with open_store(path, create=True) as store:
        store.add_study(make_study(), make_planned(make_study()), "")
        store.add(make_record())
        store.add(make_failure("t1"))
    return path


LARGE = make_record(n_test=5000, n_classes=4)
"""With values that need several pages of 4096 bytes."""


@pytest.fixture
def large_path(tmp_path: Path) -> Path:
    path = tmp_path / "large.db"
    with open_store(path, create=True) as store:
        store.add_study(make_study(), make_planned(make_study()), "")
        store.add(LARGE)
    return path


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount != 0


class TestSqlite(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with open_store(tmp_path / "paribus.db", create=True) as store:
            yield store


class TestSqliteLeases(LeasesConformance):
    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path / "paribus.db")

    @pytest.fixture
    def store(self, place: str) -> Iterator[Store]:
        with open_store(place, create=True) as store:
            yield store

    @pytest.fixture
    def database(self, place: str) -> Iterator[Database]:
        database = sqlite.sqlite_database(Path(place), create=False, read_only=False)
        yield database
        database.engine.dispose()


# ---------------------------------------------------------------- opening


@pytest.mark.parametrize("name", ["plain.db", "with space.db", "100%?#&ü.db"])
@pytest.mark.parametrize("as_url", [False, True])
def test_open_again(tmp_path: Path, name: str, as_url: bool) -> None:
    if as_url and "?" in name:
        pytest.skip("in a URL, ? begins the options")
    place = f"sqlite:///{tmp_path / name}" if as_url else str(tmp_path / name)
    with open_store(place, create=True) as store:
        store.add(make_record())
    assert (tmp_path / name).is_file()
    for options in ({}, {"create": True}, {"read_only": True}):
        with open_store(place, **options) as store:
            assert_same(store.records(["t0"])[0], make_record())
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("paribus.db", create=True).close()
    open_store("sqlite:///paribus.db").close()
    assert (tmp_path / "paribus.db").is_file()


def test_a_missing_file(tmp_path: Path) -> None:
    for read_only in (False, True):
        with pytest.raises(StoreError, match="there is no store at"):
            open_store(tmp_path / "none.db", read_only=read_only)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="its folder must exist"):
        open_store(tmp_path / "none" / "paribus.db", create=True)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        open_store(tmp_path, create=True)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://me:secret@host/db",
        "postgresql://me:secret@host",
        "postgresql://me:secret@host:port/db?password=secret",
        "what://is this",
        "://",
    ],
)
def test_other_urls(url: str) -> None:
    with pytest.raises(StoreError, match="sqlite:///PATH") as caught:
        open_store(url, create=True)
    assert "secret" not in str(caught.value)


def test_a_new_store_cannot_be_read_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        open_store(tmp_path / "paribus.db", create=True, read_only=True)


def test_an_empty_file_is_made_a_store_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "paribus.db"
    path.touch()
    with pytest.raises(StoreError, match="not a store of paribus"):
        open_store(path)
    with open_store(path, create=True) as store:
        assert store.studies() == ()


def test_two_make_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "paribus.db"
    program = "import sys; from paribus.store import open_store; open_store(sys.argv[1], create=True).close()"
    running = [subprocess.Popen([sys.executable, "-c", program, path]) for _ in range(3)]
    assert [each.wait(timeout=60) for each in running] == [0, 0, 0]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT schema_version FROM meta").fetchall() == [(schema.SCHEMA_VERSION,)]


# ---------------------------------------------------------------- what is no store, or none for us


def test_a_newer_version(path: Path) -> None:
    change(path, "UPDATE meta SET schema_version = 7")
    before = path.read_bytes()
    for options in ({}, {"create": True}, {"read_only": True}):
        with pytest.raises(StoreError, match=r"written by paribus store version 7, this one reads 4: upgrade paribus"):
            open_store(path, **options)
    assert path.read_bytes() == before


@pytest.mark.parametrize("statement", ["DELETE FROM meta", "UPDATE meta SET schema_version = 'x'"])
def test_no_version(path: Path, statement: str) -> None:
    change(path, statement)
    with pytest.raises(StoreError, match="does not say its version"):
        open_store(path)


@pytest.mark.parametrize("content", [b"name: a study\n" * 100, b"\0" * 5000, b"SQLite format 3\0" + b"\xff" * 5000])
@pytest.mark.parametrize("options", [{}, {"create": True}, {"read_only": True}])
def test_not_a_database(tmp_path: Path, content: bytes, options: dict[str, bool]) -> None:
    path = tmp_path / "paribus.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is not a store"):
        open_store(path, **options)
    assert path.read_bytes() == content


@pytest.mark.parametrize("create", [False, True])
def test_the_database_of_something_else(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE contact (name TEXT)")
    with pytest.raises(StoreError, match="not a store of paribus"):
        open_store(path, create=create)


def read_all(store: Store) -> None:
    store.studies()
    store.records(["t0"])
    store.failures(["t1"])


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_was_cut_short(path: Path, share: float, read_only: bool) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(StoreError, match=r"is damaged|is not a store"):
        open_store(path, read_only=read_only)


def read_whole_or_refuse(path: Path) -> bool:
    """Whether all was read as it was; otherwise there must be an error in words, never a traceback or other numbers."""
    complaint = ""
    try:
        with open_store(path) as store:
            read_all(store)
            assert_same(store.records(["t0"])[0], LARGE)
    except StoreError as error:
        complaint = str(error)
    assert not complaint or str(path) in complaint
    return not complaint


def test_the_last_page_was_cut(large_path: Path) -> None:
    whole = large_path.read_bytes()
    refused = 0
    for missing in (1, 500, 2000, 4095):
        large_path.write_bytes(whole[:-missing])
        refused += not read_whole_or_refuse(large_path)
    assert refused > 0


def test_pages_that_were_overwritten(large_path: Path) -> None:
    whole, size = large_path.read_bytes(), 4096
    refused = 0
    for start in range(0, len(whole), size):
        large_path.write_bytes(whole[:start] + b"\x5a" * size + whole[start + size :])
        refused += not read_whole_or_refuse(large_path)
    assert refused > len(whole) / size / 2  # the rest belongs to what was not read, as indexes


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("UPDATE prediction SET logits = ?", b"\0" * 12),
        ("UPDATE example_set SET ids = ?", b"not deflated"),
        ("UPDATE example_set SET y = ?", b"\0" * 8),
        ("UPDATE trial SET spec = ?", "{}"),
        ("UPDATE trial SET environment = ?", "{"),
        ("UPDATE trial SET data = NULL, layers = ?", "[]"),
        ("UPDATE study_trial SET cell = ?", "[1]"),
        ("UPDATE study_trial SET bar = ?", "["),
        ("UPDATE study SET spec = ?", '{"name": "from the future"}'),
    ],
)
def test_values_that_cannot_be_read(path: Path, statement: str, value: object) -> None:
    change(path, statement, value)
    with open_store(path) as store, pytest.raises(StoreError, match=r"paribus.db cannot be read"):
        read_all(store)


def test_a_table_is_missing(path: Path) -> None:
    change(path, "DROP TABLE epoch")
    with pytest.raises(StoreError, match="does not have the tables of a store, there is no table epoch"):
        open_store(path)


# ---------------------------------------------------------------- several at once


def test_one_reads_while_another_writes(path: Path) -> None:
    with open_store(path) as writer, open_store(path, read_only=True) as reader:
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM prediction")
            assert_same(reader.records(["t0"])[0], make_record())  # in the middle of another's transaction
        writer.add(make_record("t2"))
        assert reader.finished(["t0", "t2"]) == {"t0", "t2"}


def test_two_writers_take_turns(path: Path) -> None:
    with open_store(path) as one, open_store(path) as two:
        for i in range(5):
            one.add(make_record(f"one{i}"))
            two.add(make_record(f"two{i}"))
        assert len(two.finished([f"{who}{i}" for who in ("one", "two") for i in range(5)])) == 10


def test_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    with open_store(path) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another process"):
            store.add(make_record("t2"))
        other.rollback()
        store.add(make_record("t2"))


# ---------------------------------------------------------------- reading only, and no room


def test_read_only_refuses_to_write(path: Path) -> None:
    with open_store(path, read_only=True) as store:
        with pytest.raises(StoreError, match="is read-only"):
            store.add(make_record("t2"))
        assert store.finished(["t0", "t2"]) == {"t0"}


@pytest.fixture
def read_only_folder(path: Path) -> Iterator[Path]:
    """A folder with a store, in which we may not write, even if we are root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / path.name).write_bytes(path.read_bytes())
        (folder / path.name).chmod(0o444)
        folder.chmod(0o555)
        user = os.getuid()
        if user == 0:
            os.setresuid(65534, 65534, 0)
        try:
            yield folder
        finally:
            if user == 0:
                os.setresuid(0, 0, 0)
            folder.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "setresuid"), reason="needs the rights of Unix")
def test_a_read_only_folder(read_only_folder: Path) -> None:
    path = read_only_folder / "paribus.db"
    with open_store(path, read_only=True) as store:
        assert_same(store.records(["t0"])[0], make_record())
    with pytest.raises(StoreError, match=r"read-only|read and write"):
        open_store(path)
    with pytest.raises(StoreError, match=r"read-only|read and write"):
        open_store(read_only_folder / "new.db", create=True)


def test_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = path.stat().st_size // 4096
    monkeypatch.setattr(sqlite, "PRAGMAS", (*sqlite.PRAGMAS, f"max_page_count = {pages + 30}"))
    large = make_record("large", n_test=50_000)
    with open_store(path) as store:
        store.add(make_record("t2"))
        with pytest.raises(StoreError, match="the disk is full: free space and run the same command again"):
            store.add(large)
        assert store.finished(["t0", "t2", "large"]) == {"t0", "t2"}
        store.add(make_record("t3"))  # there is still room for a small one
        assert_same(store.records(["t3"])[0], make_record("t3"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


# ---------------------------------------------------------------- how it is kept


def test_examples_are_kept_once(path: Path) -> None:
    with open_store(path) as store:
        for seed in range(4):
            store.add(make_record(f"s{seed}", seed=seed))
    with closing(sqlite3.connect(path)) as connection:
        # one test part, and a validation part for each of four seeds
        assert connection.execute("SELECT count(*) FROM example_set").fetchone() == (5,)
        assert connection.execute("SELECT count(*) FROM prediction").fetchone() == (10,)


def test_pragmas(path: Path) -> None:
    engine = sqlite.sqlite_engine(path, create=False, read_only=False)
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("foreign_keys", "journal_mode")
        }
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    engine.dispose()
    assert found == {"foreign_keys": 1, "journal_mode": "wal"}


def test_importing_the_store_is_light() -> None:
    program = "import sys, paribus.store; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "aeon", "sklearn", "scipy", "matplotlib", "pandas"} & set(found.stdout.split())
