"""The same images from everywhere are the same data."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from image_files import COLOUR, encoded, load_folder, one_folder, png
from paribus.data import files, images
from paribus.data.dataset import Dataset
from paribus.data.examples import read_examples
from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.errors import DataError
from paribus.folders import cache_folder
from paribus.spec import FolderData, HubData, NpzData

CLASSES = ("ant", "bee", "cat")


def some_images(n: int = 30, shape: tuple[int, ...] = (9, 7, 3), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(n, H, W[, 3]) with exact copies in it, some of another class, and labels."""
    random = np.random.default_rng(seed)
    x = random.integers(0, 256, size=(n, *shape)).astype(np.uint8)
    y = np.arange(n) % 3
    x[3] = x[0]  # a copy of the same class
    x[7] = x[0]  # and one of another
    return x, y


def write_folder(root: Path, part: str, x: np.ndarray, y: np.ndarray, seed: int = 0) -> None:
    """Under names that say nothing, so that the order of files is another than that of arrays."""
    names = np.random.default_rng(seed).permutation(10_000)[: len(y)]
    for pixels, label, name in zip(x, y, names, strict=True):
        folder = root / part / CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(png(pixels))


def write_parquet(path: Path, parts: dict[str, tuple[np.ndarray, np.ndarray]], shuffle: int = 3) -> None:
    rows = [
        {"image": {"bytes": png(pixels), "path": "same.png"}, "label": int(label), "split": part}
        for part, (x, y) in parts.items()
        for pixels, label in zip(x, y, strict=True)
    ]
    order = np.random.default_rng(shuffle).permutation(len(rows))
    table = pyarrow.Table.from_pylist([rows[i] for i in order])
    features = {"label": {"names": list(CLASSES), "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)


def planes(x: np.ndarray) -> np.ndarray:
    return x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)


def assert_the_same(one: Dataset, other: Dataset) -> None:
    for name in ("x", "y", "ids", "part"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.x.dtype == other.x.dtype == np.uint8
    assert one.class_names == other.class_names
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize("shape", [(9, 7, 3), (6, 6)])
def test_folder_parquet_arrays_and_cache_are_the_same_data(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """R2's trap: the same images scored differently as folders and as arrays."""
    train, test = some_images(30, shape), some_images(12, shape, seed=1)
    root = tmp_path / "faces and 臉部 é"
    write_folder(root, "train", *train)
    write_folder(root, "test", *test, seed=5)
    write_parquet(tmp_path / "images.parquet", {"train": train, "test": test})
    np.savez(
        tmp_path / "images.npz",
        x=planes(train[0]),
        y=train[1],
        x_test=planes(test[0]),
        y_test=test[1],
        class_names=np.array(CLASSES),
        kind=np.array("image"),
    )
    folder = load_dataset(FolderData(source="folder", path=str(root)))
    again = load_dataset(FolderData(source="folder", path=str(root)))
    parquet = load_dataset(HubData(source="hub", path=str(tmp_path / "images.parquet"), part="split"))
    arrays = load_dataset(NpzData(source="npz", path=str(tmp_path / "images.npz")))
    for other in (again, parquet, arrays):
        assert_the_same(folder, other)
    assert isinstance(again.x.base, np.memmap) or isinstance(again.x.base.base, np.memmap)
    assert folder.names is not None
    row = int(np.flatnonzero(folder.names == folder.names[4])[0])
    picture = np.asarray(Image.open(root / folder.names[row]))
    assert np.array_equal(planes(picture[None])[0], folder.x[row]), "the name leads to the file"
    assert sorted(folder.part.tolist()) == ["test"] * 12 + ["train"] * 30
    copies = [name for name in folder.ids if "." in name]
    assert [name.split("/")[0] for name in copies] == ["train"] * 2 + ["test"] * 2, "as made: two copies a part"
    assert [name.split(".")[1] for name in copies] == ["2", "3", "2", "3"]


def test_a_drawn_test_part_is_the_same_too(tmp_path: Path) -> None:
    x, y = some_images(60)
    write_folder(tmp_path / "folder", "", x, y)
    np.savez(tmp_path / "a.npz", x=planes(x)[::-1], y=y[::-1], class_names=np.array(CLASSES), kind=np.array("image"))
    folder = load_dataset(FolderData(source="folder", path=str(tmp_path / "folder")))
    arrays = load_dataset(NpzData(source="npz", path=str(tmp_path / "a.npz")))
    assert_the_same(folder, arrays)
    assert (folder.part == "test").sum() == 12
    assert any("test part drawn: 20 %" in note for note in folder.notes)


def test_an_id_is_its_pixels(tmp_path: Path) -> None:
    x, y = some_images()
    write_folder(tmp_path / "a", "train", x, y)
    write_folder(tmp_path / "a", "test", x[:9], y[:9])
    before = load_dataset(FolderData(source="folder", path=str(tmp_path / "a")))
    gone = next((tmp_path / "a" / "train" / "bee").iterdir())
    gone.unlink()
    after = load_dataset(FolderData(source="folder", path=str(tmp_path / "a")))
    assert len(after.ids) == len(before.ids) - 1
    rows = {name: i for i, name in enumerate(before.ids.tolist())}
    for i, name in enumerate(after.ids.tolist()):
        assert np.array_equal(after.x[i], before.x[rows[name]])


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("name", "data", "channels"),
    [
        ("cmyk.jpg", encoded(COLOUR.convert("CMYK"), "jpeg"), 3),
        ("palette.png", encoded(COLOUR.convert("P"), "png"), 3),
        ("rgba.png", encoded(COLOUR.convert("RGBA"), "png"), 3),
        ("bits.png", encoded(COLOUR.convert("1"), "png"), 1),
        ("la.png", encoded(COLOUR.convert("LA"), "png"), 1),
        ("sixteen.png", encoded(Image.fromarray(np.full((5, 4), 257 * 90, np.uint16)), "png"), 1),
        ("sixteen.pgm", b"P5 4 5 65535\n" + np.full((5, 4), 257 * 90, ">u2").tobytes(), 1),
    ],
)
def test_modes(tmp_path: Path, name: str, data: bytes, channels: int) -> None:
    """Beside five grey images of 5 x 4."""
    root = one_folder(tmp_path, {f"train/a/{name}": data})
    dataset = load_folder(root)
    assert dataset.input_shape == (channels, 5, 4)
    assert dataset.names is not None
    pixels = dataset.x[dataset.names.tolist().index(f"train/a/{name}")]
    if name.startswith("sixteen"):
        assert (pixels == 90).all()
        assert "images of 16 bits scaled to 8: 1" in dataset.notes
    if name == "palette.png":
        assert np.array_equal(pixels, np.asarray(COLOUR.convert("P").convert("RGB")).transpose(2, 0, 1))
    if channels == 3:
        assert any("grey images beside colour ones" in note for note in dataset.notes)
    if name in ("rgba.png", "la.png"):
        assert "alpha channels dropped: 1" in dataset.notes
    assert load_folder(root, channels=1).input_shape == (1, 5, 4)
    assert load_folder(root, channels=3).input_shape == (3, 5, 4)


def test_resized(tmp_path: Path) -> None:
    root = one_folder(tmp_path, {"train/a/other.png": png(np.full((9, 9), 7, np.uint8))})
    with pytest.raises(
        DataError, match=r"one size, found 5 x 4: 12 \(as .*\), 9 x 9: 1 \(as train/a/other.png\).*data.size"
    ):
        load_folder(root)
    dataset = load_folder(root, size=6)
    assert dataset.input_shape == (1, 6, 6)
    assert dataset.names is not None
    for name, pixels in zip(dataset.names.tolist(), dataset.x, strict=True):
        expected = Image.open(root / name).resize((6, 6), Image.Resampling.BILINEAR)
        assert np.array_equal(pixels[0], np.asarray(expected))
    assert load_folder(root, size=(3, 8)).input_shape == (1, 3, 8)
    assert dict(dataset.formats) == {"5 x 4 grey": 12, "9 x 9 grey": 1}


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path, kind: str) -> None:
    image = Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5))
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    root = one_folder(tmp_path, {f"train/a/turned.{kind}": file.getvalue()})
    dataset = load_folder(root)
    assert dataset.names is not None
    turned = dataset.x[dataset.names.tolist().index(f"train/a/turned.{kind}"), 0]
    assert np.array_equal(turned, np.rot90(np.arange(20).reshape(4, 5), -1))


@pytest.mark.parametrize("kind", ["gif", "png", "tiff", "webp"])
def test_of_several_pictures_in_a_file_the_first_counts_and_it_is_said(tmp_path: Path, kind: str) -> None:
    first, *rest = (Image.fromarray(np.full((5, 4), value, np.uint8)) for value in (10, 200, 90))
    file = io.BytesIO()
    first.save(file, kind, save_all=True, append_images=rest)
    name = f"train/a/several.{kind}"
    dataset = load_folder(one_folder(tmp_path, {name: file.getvalue()}))
    assert dataset.names is not None
    assert np.abs(dataset.x[dataset.names.tolist().index(name)].astype(int) - 10).max() <= 2
    assert "files with several pictures, of which the first is taken: 1" in dataset.notes


# ---------------------------------------------------------------- cache


def test_a_damaged_cache_is_built_anew(tmp_path: Path) -> None:
    root = one_folder(tmp_path, {})
    before = fingerprint(load_folder(root))
    (entry,) = [path.parent for path in cache_folder().rglob("x.npy")]
    for damage in (lambda data: data[: len(data) // 2], lambda data: data[:-1] + bytes([data[-1] ^ 1])):
        path = entry / "x.npy"
        path.write_bytes(damage(path.read_bytes()))
        assert fingerprint(load_folder(root)) == before
        assert fingerprint(load_folder(root)) == before


def test_nothing_is_decoded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = one_folder(tmp_path, {})
    before = fingerprint(load_folder(root))

    def never(*_: Any) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(images, "_decode", never)
    assert fingerprint(load_folder(root)) == before
    with pytest.raises(AssertionError):
        load_folder(root, size=3)


def test_a_cache_that_cannot_be_written_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = one_folder(tmp_path, {})
    before = fingerprint(load_folder(root))
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path / "a file"))
    assert fingerprint(load_folder(root)) == before


def test_a_changed_file_changes_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    os.utime(path, ns=(10**18, 10**18))

    def digest() -> str:
        return files.digest_files(tmp_path, [path.name])

    before = digest()
    path.write_bytes(b"two")  # of the same size …
    os.utime(path, ns=(10**18, 10**18))  # … and with the same time of modification
    assert digest() != before
    path.write_bytes(b"one")
    assert digest() == before


def test_contents_are_read_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    later = path.stat().st_ctime_ns + 10**10
    monkeypatch.setattr(files.time, "time_ns", lambda: later)
    before = files.digest_files(tmp_path, [path.name])
    reads: list[Path] = []
    original: Callable[..., Any] = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: (reads.append(self), original(self, *a, **k))[1])
    assert files.digest_files(tmp_path, [path.name]) == before
    assert path not in reads


def test_where_data_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIBUS_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match=r"found none of a.bin, b.bin in .*data and .*downloads: ask somebody"):
        files.data_path(None, ("a.bin", "b.bin"), "ask somebody")
    files.downloads_folder().mkdir(parents=True)
    (files.downloads_folder() / "a.bin").touch()
    assert files.data_path(None, ("a.bin", "b.bin"), "") == files.downloads_folder() / "a.bin"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.bin").touch()
    assert files.data_path(None, ("a.bin", "b.bin"), "") == tmp_path / "data" / "b.bin"
    with pytest.raises(DataError, match="there is no file or folder"):
        files.data_path(str(tmp_path / "none"), (), "")


# ---------------------------------------------------------------- predicting


def test_images_to_predict(tmp_path: Path) -> None:
    root = one_folder(tmp_path, {})
    x, names = read_examples(root / "train" / "a", (1, 5, 4))
    assert names == ("0.png", "1.png", "2.png")
    assert x.shape == (3, 1, 5, 4)
    assert np.array_equal(x[1, 0], np.asarray(Image.open(root / "train" / "a" / "1.png")))
    assert read_examples(root / "train" / "a" / "1.png", (3, 5, 4))[0].shape == (1, 3, 5, 4)
    with pytest.raises(DataError, match="5 x 4 pixels, the network takes 6 x 6: resize it"):
        read_examples(root / "train" / "a", (1, 6, 6))
    assert read_examples(root / "train" / "a", (1, 6, 6), resize=True)[0].shape == (3, 1, 6, 6)
    (root / "train" / "a" / "0.png").write_bytes(b"text")
    with pytest.raises(DataError, match=r"0.png cannot be read as an image"):
        read_examples(root / "train" / "a", (1, 5, 4))


@pytest.mark.skipif(not os.environ.get("PARIBUS_DATA"), reason="PARIBUS_DATA names no folder of real data")
def test_real_folder() -> None:
    dataset = load_folder(Path(os.environ["PARIBUS_DATA"]) / "fer2013-folder-small")
    assert [int((dataset.part == part).sum()) for part in ("train", "validation", "test")] == [420, 140, 140]
    assert dataset.input_shape == (1, 48, 48)
    assert dataset.n_classes == 7
