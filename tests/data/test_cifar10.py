"""CIFAR-10 as parquet and in the official pickles, which may hold nothing but arrays."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paribus.data.cifar10 import CLASS_NAMES
from paribus.data.sources import load_dataset
from paribus.errors import DataError
from paribus.spec import Cifar10Data

SUITE_CACHE = os.environ["PARIBUS_CACHE"]  # conftest sees to it


def load(path: Path | None = None) -> Any:
    return load_dataset(Cifar10Data(source="cifar10", path=None if path is None else str(path)))


def official(folder: Path, n: int = 20) -> dict[str, dict[bytes, Any]]:
    """Batches as Python 2 wrote them: protocol 2, byte strings as keys."""
    folder.mkdir()
    random, batches = np.random.default_rng(0), {}
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        data = random.integers(0, 256, size=(n, 3072)).astype(np.uint8)
        batches[name] = {b"batch_label": name.encode(), b"labels": [i % 10 for i in range(n)], b"data": data}
        (folder / name).write_bytes(pickle.dumps(batches[name], protocol=2))
    return batches


def test_the_official_folder(tmp_path: Path) -> None:
    batches = official(tmp_path / "cifar-10-batches-py")
    for path in (tmp_path / "cifar-10-batches-py", tmp_path):
        dataset = load(path)
        assert dataset.class_names == CLASS_NAMES
        assert dataset.input_shape == (3, 32, 32)
        assert [int((dataset.part == part).sum()) for part in ("train", "test")] == [100, 20]
    rows = {name: i for i, name in enumerate(dataset.names.tolist())}
    for name, batch in batches.items():
        row = rows[f"{name} row 3"]
        assert np.array_equal(dataset.x[row].ravel(), batch[b"data"][3]), "red, green and blue planes, row by row"
        assert dataset.y[row] == 3
        assert dataset.part[row] == ("test" if name == "test_batch" else "train")


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch evil",)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    official(tmp_path / "c")
    (tmp_path / "c" / "data_batch_2").write_bytes(pickle.dumps({b"data": Evil()}, protocol=2))
    with pytest.raises(DataError, match=r"data_batch_2 .*it asks for (posix|nt).system, which could run code: refused"):
        load(tmp_path / "c")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "damaged or not the official file"),
        (pickle.dumps({b"data": 3}, protocol=2), "must hold `data`"),
        (pickle.dumps([1, 2], protocol=2), "must hold `data`"),
        (
            pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 10]}, protocol=2),
            "data_batch_3 row 1: the label must be from 0 to 9, got 10",
        ),
    ],
)
def test_damaged_batches(tmp_path: Path, content: bytes, says: str) -> None:
    official(tmp_path / "c")
    (tmp_path / "c" / "data_batch_3").write_bytes(content)
    with pytest.raises(DataError, match=says):
        load(tmp_path / "c")


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    official(tmp_path / "c")
    (tmp_path / "c" / "data_batch_3").unlink()
    with pytest.raises(DataError, match="data_batch_3 is missing"):
        load(tmp_path / "c")
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"")
    with pytest.raises(DataError, match="unpack it"):
        load(tmp_path / "cifar-10-python.tar.gz")
    monkeypatch.setenv("PARIBUS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="paribus data fetch cifar10"):
        load()


@pytest.mark.skipif(not os.environ.get("PARIBUS_DATA"), reason="PARIBUS_DATA names no folder of real data")
def test_real_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the suite's own cache: decoding takes a quarter of a minute."""
    monkeypatch.setenv("PARIBUS_CACHE", SUITE_CACHE)
    dataset = load()
    assert np.bincount(dataset.y[dataset.part == "train"]).tolist() == [5000] * 10
    assert np.bincount(dataset.y[dataset.part == "test"]).tolist() == [1000] * 10
    assert dataset.description == "CIFAR-10, JPEG copy"
    assert dataset.input_shape == (3, 32, 32)
