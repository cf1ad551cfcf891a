"""What can happen to a SQLite file while it is in use. Locks, rights and full disks are in test_sql.py."""

import shutil
from pathlib import Path

import pytest

from conformance.build import make_record
from conformance.store import assert_same
from paribus.errors import StoreError
from paribus.store import open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one record (t0)."""
    path = tmp_path / "run" / "store.sqlite"
    path.parent.mkdir()
    with open_store(path, create=True) as store:
        store.add(make_record())
    return path


def test_a_file_that_is_deleted(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_store(path) as store:
        store.add(make_record("t1"))
        for left in path.parent.iterdir():
            left.unlink()
        store.add(make_record("t2"))
        store.add(make_record("t3"))
    assert [record.message for record in caplog.records] == [
        f"{path} was deleted while it was in use: written anew, nothing is missing"
    ]
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    with open_store(path, read_only=True) as store:
        for trial_id in ("t0", "t1", "t2", "t3"):
            assert_same(store.records([trial_id])[0], make_record(trial_id))


def test_a_file_that_is_deleted_under_two(path: Path) -> None:
    with open_store(path) as one, open_store(path) as two:
        one.add(make_record("one"))
        two.add(make_record("two"))
        path.unlink()
        one.add(make_record("one more"))
        two.add(make_record("two more"))
        assert one.finished(["two more"]) == {"two more"}
    everything = ["t0", "one", "two", "one more", "two more"]
    with open_store(path, read_only=True) as store:
        assert store.finished(everything) == set(everything)


def test_a_folder_that_is_deleted(path: Path) -> None:
    with open_store(path) as store:
        shutil.rmtree(path.parent)
        with pytest.raises(StoreError, match="was deleted while it was in use and cannot be written anew"):
            store.add(make_record("t1"))


def test_a_file_that_is_replaced(path: Path) -> None:
    with open_store(path) as store:
        store.add(make_record("t1"))
        other = path.with_name("other.sqlite")
        with open_store(other, create=True) as another:
            another.add(make_record("else"))
        other.replace(path)
        with pytest.raises(StoreError, match="was replaced by another file while it was in use"):
            store.add(make_record("t2"))


def test_a_file_that_is_cut_short(path: Path) -> None:
    large = make_record("large", n_test=5000)
    with open_store(path) as store:
        store.add(large)
    whole = path.read_bytes()
    with open_store(path) as store:
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(StoreError, match=r"is damaged|cannot be read") as caught:
            store.records(["large"])
        assert str(path) in str(caught.value)
        path.write_bytes(whole)
    with open_store(path) as store:
        assert_same(store.records(["large"])[0], large)
