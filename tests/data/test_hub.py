"""Parquet in the hub's convention, and data sets that the library datasets has fetched."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.errors import DataError
from paribus.spec import HubData


def png(seed: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, size=(6, 6)).astype(np.uint8)
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def write(path: Path, labels: list[Any], names: list[str] | None = None, start: int = 0, **more: list[Any]) -> Path:
    rows = [{"image": {"bytes": png(start + i), "path": None}, "label": label} for i, label in enumerate(labels)]
    for key, values in more.items():
        rows = [{**row, key: value} for row, value in zip(rows, values, strict=True)]
    table = pyarrow.Table.from_pylist(rows)
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    features["label"] = {"names": names, "_type": "ClassLabel"} if names else {"dtype": "int64", "_type": "Value"}
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)
    return path


def load(path: Path, **fields: Any) -> Any:
    return load_dataset(HubData(source="hub", path=str(path), **fields))


def test_a_folder_of_files_by_part(tmp_path: Path) -> None:
    names = ["no", "yes"]
    write(tmp_path / "d" / "train-00000-of-00002.parquet", [0, 1, 0, 1], names)
    write(tmp_path / "d" / "train-00001-of-00002.parquet", [1, 0, 1, 0], names, start=4)
    write(tmp_path / "d" / "valid-00000-of-00001.parquet", [1, 0], names, start=8)
    write(tmp_path / "d" / "test-00000-of-00001.parquet", [1, 0], names, start=10)
    dataset = load(tmp_path / "d")
    assert [int((dataset.part == part).sum()) for part in ("train", "validation", "test")] == [8, 2, 2]
    assert dataset.class_names == ("no", "yes")
    assert np.bincount(dataset.y).tolist() == [6, 6]


@pytest.mark.parametrize(
    ("labels", "names", "class_names", "y"),
    [
        ([3, 7] * 10, None, ("3", "7"), [0, 1] * 10),  # labels that are not 0 … n - 1
        (["dog", "cat"] * 10, None, ("cat", "dog"), [1, 0] * 10),
        ([0, 1] * 10, ["cat", "dog"], ("cat", "dog"), [0, 1] * 10),
        (["dog", "cat"] * 10, ["dog", "cat"], ("dog", "cat"), [0, 1] * 10),
    ],
)
def test_labels(tmp_path: Path, labels: list[Any], names: list[str] | None, class_names: Any, y: list[int]) -> None:
    dataset = load(write(tmp_path / "a.parquet", labels, names))
    assert dataset.class_names == class_names
    rows = [int(name.split()[-1]) for name in dataset.names]
    assert dataset.y.tolist() == [y[row] for row in rows]


@pytest.mark.parametrize(
    ("labels", "names", "says"),
    [
        ([0, 1, 2] * 5, ["cat", "dog"], r"labels from 0 to 1 \(cat, dog\), got 2 in row 2"),
        ([0.5, 1.5] * 5, None, "whole numbers or strings, one for each image, found float"),
        ([0, None] * 5, None, "found NoneType, int"),
    ],
)
def test_bad_labels(tmp_path: Path, labels: list[Any], names: list[str] | None, says: str) -> None:
    with pytest.raises(DataError, match=says):
        load(write(tmp_path / "a.parquet", labels, names))


def test_bad_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [0, 1] * 5, part=["train", "tst"] * 5)
    with pytest.raises(DataError, match=r"has a column `part`, which seems to tell parts: set data\.part to it"):
        load(path)
    with pytest.raises(DataError, match=r"needs a column `lable` \(did you mean `label`"):
        load(path, label="lable", part="part")
    with pytest.raises(DataError, match="needs a column `img`"):
        load(write(tmp_path / "b.parquet", [0, 1] * 5), image="img")
    with pytest.raises(DataError, match=r"column `part` of .* must be train, validation or test, got 'tst'"):
        load(path, part="part")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read as parquet"):
        load(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no parquet files"):
        load(tmp_path / "empty")
    with pytest.raises(DataError, match="no file or folder"):
        load(tmp_path / "nowhere")


def test_a_fetched_data_set_is_the_same_as_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in the library's convention stands for one of the hub: no network is needed."""
    pytest.importorskip("datasets", reason="the extra `hub` is not installed")
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    names = ["no", "yes"]
    write(tmp_path / "d" / "data" / "train-00000-of-00001.parquet", [0, 1] * 5, names)
    write(tmp_path / "d" / "data" / "test-00000-of-00001.parquet", [0, 1] * 2, names, start=10)
    by_name = load_dataset(HubData(source="hub", name=str(tmp_path / "d")))
    by_path = load(tmp_path / "d" / "data")
    assert by_name.class_names == ("no", "yes")
    assert fingerprint(by_name) == fingerprint(by_path)
    assert not datasets.config.HF_HUB_OFFLINE
    with pytest.raises(DataError, match="fetch it with `paribus data fetch hub:nobody/nothing`"):
        load_dataset(HubData(source="hub", name="nobody/nothing"))
    with pytest.raises(DataError, match="has no column `img`; it has image, label"):
        load_dataset(HubData(source="hub", name=str(tmp_path / "d"), image="img"))


def test_files_that_name_their_classes_otherwise(tmp_path: Path) -> None:
    write(tmp_path / "d" / "train-0.parquet", [0, 1] * 5, names=["x", "y"])
    write(tmp_path / "d" / "test-0.parquet", [0, 1] * 5, names=["y", "x"], start=50)
    with pytest.raises(DataError, match="must name the classes alike, in the same order"):
        load(tmp_path / "d")
