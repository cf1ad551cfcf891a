"""FER2013 in all the forms in which it is passed on."""

import os
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from paribus.data.duplicates import content_groups
from paribus.data.fer2013 import CLASS_NAMES
from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.errors import DataError
from paribus.spec import Fer2013Data

USAGES = ("Training", "PublicTest", "PrivateTest")


def load(path: Path | None):
    return load_dataset(Fer2013Data(source="fer2013", path=None if path is None else str(path)))


def faces(n: int = 42) -> list[tuple[np.ndarray, int, str]]:
    random = np.random.default_rng(0)
    return [
        (random.integers(0, 256, size=(48, 48)).astype(np.uint8), i % 7, USAGES[0 if i < 28 else 1 + i % 2])
        for i in range(n)
    ]


def write_csv(path: Path, rows: list[tuple[np.ndarray, int, str]]) -> Path:
    lines = ["emotion,pixels,Usage"]
    lines += [f"{label},{' '.join(map(str, face.ravel()))},{usage}" for face, label, usage in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_icml_csv(path: Path, rows: list[tuple[np.ndarray, int, str]]) -> Path:
    """As icml_face_data.csv: other order, spaces before the names."""
    lines = ["emotion, Usage, pixels"]
    lines += [f"{label},{usage},{' '.join(map(str, face.ravel()))}" for face, label, usage in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_folders(root: Path, rows: list[tuple[np.ndarray, int, str]], prefixed: bool) -> Path:
    """``Training/Angry/17.png``, or ``angry/Training_17.png``."""
    for i, (face, label, usage) in enumerate(rows):
        name = CLASS_NAMES[label]
        path = root / name.lower() / f"{usage}_{1000 - i}.png" if prefixed else root / usage / name / f"{1000 - i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)
    return root


def write_parquet(path: Path, rows: list[tuple[np.ndarray, int, str]]) -> Path:
    import io

    found = []
    for face, label, usage in rows:
        file = io.BytesIO()
        Image.fromarray(face).save(file, "png")
        found.append({"image": {"bytes": file.getvalue(), "path": "x.png"}, "label": label, "usage": usage})
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(found), path)
    return path


def test_every_form_is_the_same_data(tmp_path: Path) -> None:
    rows = faces()
    forms = [
        write_csv(tmp_path / "fer2013.csv", rows),
        write_icml_csv(tmp_path / "icml_face_data.csv", rows),
        write_parquet(tmp_path / "fer2013.parquet", rows[::-1]),
        write_folders(tmp_path / "plain", rows, prefixed=False),
        write_folders(tmp_path / "prefixed", rows, prefixed=True),
    ]
    found = [load(path) for path in forms]
    assert len({fingerprint(each) for each in found}) == 1
    dataset = found[0]
    assert dataset.class_names == ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
    assert [int((dataset.part == part).sum()) for part in ("train", "validation", "test")] == [28, 7, 7]
    by_pixels = {face.tobytes(): (label, usage) for face, label, usage in rows}
    parts = dict(zip(USAGES, ("train", "validation", "test"), strict=True))
    for pixels, label, part in zip(dataset.x, dataset.y, dataset.part, strict=True):
        expected = by_pixels[pixels.tobytes()]
        assert (label, part) == (expected[0], parts[expected[1]])


def test_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIBUS_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"found none of fer2013.parquet, .* from Kaggle"):
        load(None)
    write_csv(tmp_path / "fer2013.csv", faces())
    assert len(load(None).y) == 42


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("3,1 2 3,Training", "line 44 of .* must have 2304 pixels .*, it has 3"),
        ("3," + "256 " * 2304 + ",Training", "line 44 of .* from 0 to 255, got 256"),
        ("3," + "x " * 2304 + ",Training", "line 44 of .* whole numbers"),
        ("7," + "1 " * 2304 + ",Training", "line 44 of .* emotion must be from 0 to 6, got '7'"),
        ("3," + "1 " * 2304 + ",Tst", "line 44 of .* usage must be .* got 'Tst'"),
        ("3,1 2", "line 44 of .* must have 3 columns, it has 2"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = write_csv(tmp_path / "fer2013.csv", faces())
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=says):
        load(path)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="columns emotion, pixels, Usage"):
        load(tmp_path / "empty.csv")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        load(tmp_path / "a.parquet")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        load(tmp_path / "none")
    write_folders(tmp_path / "odd", faces(), prefixed=False)
    (tmp_path / "odd" / "Training" / "Angry").rename(tmp_path / "odd" / "Training" / "Bored")
    with pytest.raises(DataError, match=r"Bored/.* no folder above it is called as an expression"):
        load(tmp_path / "odd")


@pytest.mark.skipif(not os.environ.get("PARIBUS_DATA"), reason="PARIBUS_DATA names no folder of real data")
def test_real_data(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    dataset = load(None)
    assert [int((dataset.part == part).sum()) for part in ("train", "validation", "test")] == [28709, 3589, 3589]
    assert dataset.input_shape == (1, 48, 48)
    train = content_groups(dataset.x[dataset.part == "train"])
    assert len(train) - len(np.unique(train)) == 1236  # ../shared/data/README.md


def test_publictest_and_privatetest_in_one_folder_test(tmp_path: Path) -> None:
    """As a copy that is passed on has it; the names of the files say more than the folder."""
    rows = faces()
    for i, (face, label, usage) in enumerate(rows):
        folder = tmp_path / "mixed" / ("train" if usage == "Training" else "test") / CLASS_NAMES[label].lower()
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(folder / f"{usage}_{i}.png")
    mixed, sheet = load(tmp_path / "mixed"), load(write_csv(tmp_path / "a.csv", rows))
    assert fingerprint(mixed) == fingerprint(sheet)
    assert mixed.part.tolist() == sheet.part.tolist()
    (tmp_path / "mixed" / "Training" / "angry").mkdir(parents=True)
    Image.fromarray(rows[0][0]).save(tmp_path / "mixed" / "Training" / "angry" / "PublicTest_1.png")
    with pytest.raises(DataError, match="must belong to one part, its names say publictest and training"):
        load(tmp_path / "mixed")


def test_a_quote_left_open(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", faces())
    path.write_text(path.read_text().replace("\n3,", '\n3,"', 1) + "0 " * 140_000)
    with pytest.raises(DataError, match=r"of .*a\.csv"):
        load(path)


@pytest.mark.parametrize("value", [None, "a path"])
def test_a_column_without_images(tmp_path: Path, value: str | None) -> None:
    rows = [{"image": {"bytes": value, "path": "x.png"}, "label": i % 7, "Usage": "Training"} for i in range(3)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    says = "3 are not: row 0" if value is None else "row 0 of .* must hold an encoded image .bytes., holds str"
    with pytest.raises(DataError, match=says):
        load(tmp_path / "a.parquet")
