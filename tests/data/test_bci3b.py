from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paribus.data.sources import load_dataset
from paribus.errors import DataError
from paribus.spec import Bci3bData

FILES = ("S4b_train", "S4b_test", "X11b_train", "X11b_test")
SIZES = dict(zip(FILES, (6, 4, 8, 5), strict=True))


def made(name: str) -> dict[str, Any]:
    n = SIZES[name]
    signal = np.random.default_rng(n).normal(size=(n, 750, 2))
    label = 1 + np.arange(n) % 2
    return {"signal": signal, "label": label[:, None] if name == "X11b_test" else label}


def write(folder: Path, changed: str = "", **arrays: Any) -> Bci3bData:
    for name in FILES:
        content = made(name) | (arrays if name == changed else {})
        np.savez(folder / f"{name}.npz", **{key: value for key, value in content.items() if value is not None})
    return Bci3bData(source="bci3b", path=str(folder))


def test_both_subjects(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path))
    assert dataset.x.shape == (23, 1, 2, 750)
    assert dataset.x.dtype == np.float32
    assert dataset.class_names == ("left", "right")
    assert dataset.sfreq_hz == 125
    assert dataset.part.tolist() == ["train"] * 6 + ["test"] * 4 + ["train"] * 8 + ["test"] * 5
    assert dataset.group is not None
    assert dataset.group.tolist() == ["S4b"] * 10 + ["X11b"] * 13
    assert dataset.ids[[5, 6, 22]].tolist() == ["S4b/train/0005", "S4b/test/0000", "X11b/test/0004"]
    assert dataset.y[:4].tolist() == [0, 1, 0, 1]
    expected = made("X11b_train")["signal"][3, 100, 1]  # trial 3, sample 100, channel 1
    assert dataset.x[13, 0, 1, 100] == np.float32(expected)


def test_nan_is_found_and_named(tmp_path: Path) -> None:
    signal = made("S4b_train")["signal"]
    signal[2, 700:, 0] = np.nan
    spec = write(tmp_path, "S4b_train", signal=signal)
    with pytest.raises(DataError, match=r"1 example .*S4b/train/0002"):
        load_dataset(spec)
    dataset = load_dataset(spec.model_copy(update={"non_finite": "drop"}))
    assert len(dataset.x) == 22
    assert "S4b/train/0002" in dataset.notes[0]


def test_missing_files_are_listed_together(tmp_path: Path) -> None:
    spec = write(tmp_path)
    for name in ("S4b_test", "X11b_train"):
        (tmp_path / f"{name}.npz").unlink()
    with pytest.raises(DataError, match=r"lacks S4b_test\.npz, X11b_train\.npz\. .*bbci\.de/competition/iii"):
        load_dataset(spec)
    with pytest.raises(DataError, match=r"folder .*nowhere does not exist; it must hold S4b_train\.npz, S4b_test"):
        load_dataset(Bci3bData(source="bci3b", path=str(tmp_path / "nowhere")))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"signal": None, "signals": np.zeros((6, 750, 2))}, "`signal` .did you mean `signals`"),
        ({"label": None}, "needs the key `label`"),
        ({"signal": np.zeros((6, 2, 750))}, r"must be \(n, 750, 2\), got shape \(6, 2, 750\)"),
        ({"signal": np.zeros((0, 750, 2)), "label": np.zeros(0)}, "must be"),
        ({"label": np.ones(5)}, r"must be \(6,\) or \(6, 1\).* got shape \(5,\)"),
        ({"label": np.array([1, 2, 1, 0, 1, 2])}, "1 .left. or 2 .right., got 0 at index 3"),
        ({"label": np.array([1, 2, np.nan, 1, 1, 2])}, "got nan at index 2"),
        ({"signal": np.zeros((6, 750, 2), complex)}, "real numbers"),
        ({"label": np.ones(6, object)}, "pickle"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, arrays: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(write(tmp_path, "S4b_train", **arrays))
    assert "S4b_train.npz" in str(caught.value)
