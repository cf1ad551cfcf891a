"""Stores of strangers: SQL in names, views in place of tables, bombs, lies; and what others on the machine may read."""

import json
import sqlite3
import stat
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance.build import make_planned, make_record, make_study
from conformance.store import assert_same
from paribus.errors import RunError, StoreError
from paribus.plan import checkpoint_in
from paribus.record import PlannedTrial, Predictions
from paribus.store import open_store
from paribus.store.rows import LONGEST_ID

SQL = "x'; DROP TABLE trial; --"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.sqlite"
    with open_store(path, create=True) as store:
        store.add_study(make_study(), make_planned(make_study()), "")
        store.add(make_record())
    return path


def change(path: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement, values)


def test_sql_in_names_is_text(tmp_path: Path) -> None:
    """Everywhere that a person or a file names something."""
    study = make_study()
    record = make_record(SQL)
    n = len(record.data.class_names)
    ids = np.array([SQL, '"; DELETE FROM epoch; "', "%_\\", "a'||'b"])
    record = replace(
        record,
        fingerprint=SQL,
        data=replace(record.data, class_names=tuple(f"{SQL}{i}" for i in range(n))),
        predictions={"test": Predictions(ids, np.zeros(4, np.int64), np.zeros((4, n), np.float32))},
        checkpoint=SQL,
    )
    planned = PlannedTrial(cell=((SQL, SQL),), spec=record.spec, trial_id=SQL)
    with open_store(tmp_path / "s.db", create=True) as store:
        store.add_study(study, [planned], SQL)
        store.add(record)
    with open_store(tmp_path / "s.db") as store:
        assert_same(store.records([SQL])[0], record)
        assert store.finished([SQL, "' OR 1=1 --"]) == {SQL}
        latest = store.latest_study()
        assert latest is not None
        assert latest.planned == (planned,)
        assert latest.command == SQL


def test_a_view_is_no_table(path: Path) -> None:
    """It could be made of a query without end."""
    change(
        path,
        "DROP TABLE epoch",
        "CREATE VIEW epoch AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS trial_id FROM n",
    )
    for read_only in (False, True):
        with pytest.raises(StoreError, match="there is no table epoch"):
            open_store(path, read_only=read_only)


def test_triggers_of_a_file_get_no_functions_with_effects(path: Path, tmp_path: Path) -> None:
    with open_store(path) as store, store._database.engine.connect() as connection:  # type: ignore[attr-defined]
        assert connection.exec_driver_sql("PRAGMA trusted_schema").scalar() == 0
        with pytest.raises(Exception, match=r"not authorized|no such function"):
            connection.exec_driver_sql("SELECT load_extension('evil')")


def test_ids_that_unpack_to_more_than_there_can_be(path: Path) -> None:
    bomb = zlib.compress(b"[" + b" " * 500_000_000 + b"]")
    assert len(bomb) < 1_000_000
    change(path, "UPDATE example_set SET ids = ?", values=(bomb,))
    with open_store(path) as store, pytest.raises(StoreError, match="longer than they can be"):
        store.records(["t0"])


def test_long_ids_are_kept(tmp_path: Path) -> None:
    record = make_record()
    n = len(record.data.class_names)
    ids = np.array(["\u6f22" * (LONGEST_ID // 7), "b"])
    record = replace(
        record, predictions={"test": Predictions(ids, np.zeros(2, np.int64), np.zeros((2, n), np.float32))}
    )
    with open_store(tmp_path / "s.db", create=True) as store:
        store.add(record)
        assert_same(store.records(["t0"])[0], record)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trial SET selected_epoch = 99",
        "UPDATE trial SET selected_epoch = 0",
        "DELETE FROM epoch",
        "UPDATE prediction SET n_classes = 1",
        "UPDATE prediction SET n_classes = -1",
        "UPDATE prediction SET n_classes = 1000000000000",
        "UPDATE trial SET layers = '[[[['",
        "UPDATE trial SET data = NULL",
        "UPDATE trial SET spec = '{}'",
        "UPDATE trial SET environment = 7",
        "UPDATE prediction SET logits = 'text'",
        "UPDATE example_set SET ids = x'00'",
        "UPDATE trial SET selected_epoch = 'x'",
    ],
)
def test_lies_are_told_in_words(path: Path, statement: str) -> None:
    change(path, statement)
    with open_store(path, read_only=True) as store, pytest.raises(StoreError, match=r"cannot be read|cannot be used"):
        store.records(["t0"])


def test_classes_that_are_none(path: Path) -> None:
    data = make_record().data
    names = ["a"]
    plain = f'"class_names":{json.dumps(list(data.class_names), separators=(",", ":"))}'
    change(path, f"""UPDATE trial SET data = replace(data, '{plain}', '"class_names":{json.dumps(names)}')""")
    with open_store(path) as store, pytest.raises(StoreError, match="of other than the 1 classes"):
        store.records(["t0"])


def test_a_checkpoint_is_inside_its_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert checkpoint_in(run, "checkpoints/a.safetensors") == run / "checkpoints" / "a.safetensors"
    for place in ("../other/a.safetensors", "/etc/passwd", "checkpoints/../../a"):
        with pytest.raises(RunError, match="outside of its run"):
            checkpoint_in(run, place)


def test_a_store_is_private_where_the_environment_holds_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mode(name: str) -> int:
        with open_store(tmp_path / name, create=True) as store:
            store.add(make_record())
            modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob(f"{name}*")}
        assert len(modes) == 1, "SQLite's own files beside it are as private"
        return modes.pop()

    monkeypatch.setattr("os.environ", {})
    assert mode("public.sqlite") & 0o044
    monkeypatch.setattr("os.environ", {"DATABASE_URL": "postgresql://me:secret@host/db"})
    assert mode("private.sqlite") == 0o600


def test_a_schema_that_is_no_text(path: Path) -> None:
    """Found by fuzzing: SQLite hands on a text that is no UTF-8."""
    content = path.read_bytes()
    assert content.count(b"CREATE TABLE epoch") == 1
    path.write_bytes(content.replace(b"CREATE TABLE epoch", b"CREATE TABLE \xea\xea\xea\xea\xea"))
    with pytest.raises(StoreError):
        open_store(path, read_only=True).records(["t0"])
