from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paribus.data.fingerprint import fingerprint
from paribus.data.npz import load, read_arrays
from paribus.data.sources import load_dataset
from paribus.errors import DataError
from paribus.spec import NpzData

X = np.arange(20 * 3 * 4, dtype=np.float64).reshape(20, 3, 4) - 100
Y = np.arange(20) % 2


def write(tmp_path: Path, **arrays: Any) -> NpzData:
    np.savez(tmp_path / "d.npz", **{"x": X, "y": Y, **arrays})
    return NpzData(source="npz", path=str(tmp_path / "d.npz"))


def test_eeg_of_three_axes(tmp_path: Path) -> None:
    dataset = load(write(tmp_path))
    assert (dataset.kind, dataset.input_shape, dataset.class_names) == ("eeg", (1, 3, 4), ("0", "1"))
    np.testing.assert_array_equal(dataset.x[:, 0], X.astype(np.float32))
    assert dataset.y.tolist() == Y.tolist()
    assert dataset.ids[7] == "x/0007"


def test_a_test_part_is_drawn_by_class_once_for_all_seeds(tmp_path: Path) -> None:
    spec = write(tmp_path).model_copy(update={"test": 0.3})
    dataset = load(spec)
    assert np.bincount(dataset.y[dataset.part == "test"]).tolist() == [3, 3]
    assert load(spec).part.tolist() == dataset.part.tolist()
    assert dataset.notes == ("test part drawn: 30 % of each class, the same for every seed",)


def test_a_test_part_of_whole_groups_where_they_are_to_be_kept_together(tmp_path: Path) -> None:
    """Of EEG, and of images, which are put in an order of their own: no subject stands on both sides."""
    pixels = np.random.default_rng(0).integers(0, 256, size=(20, 1, 3, 4))
    for arrays in ({}, {"x": pixels}):
        alike = write(tmp_path, group=np.arange(20) // 4, **arrays)
        apart = load(alike.model_copy(update={"split_by_group": True}))
        assert apart.group is not None
        assert not set(apart.group[apart.part == "train"]) & set(apart.group[apart.part == "test"])
        assert apart.notes == ("test part drawn: 1 of 5 groups, 20 % of the examples, the same for every seed",)
        mixed = load(alike)
        assert mixed.group is not None
        assert set(mixed.group[mixed.part == "train"]) & set(mixed.group[mixed.part == "test"])
        assert "its groups are those of the training part" in mixed.notes[0]


def test_given_parts_are_kept(tmp_path: Path) -> None:
    spec = write(
        tmp_path, x_test=X[:4] + 1000, y_test=Y[:4], x_validation=X[:2] + 500, y_validation=Y[:2], group=np.arange(20),
        group_validation=[7, 8], group_test=[5] * 4, sfreq_hz=250,
    )  # fmt: skip
    dataset = load(spec)
    assert dataset.part.tolist() == ["train"] * 20 + ["validation"] * 2 + ["test"] * 4
    assert dataset.ids[[0, 20, 22]].tolist() == ["train/0000", "validation/0000", "test/0000"]
    assert dataset.group is not None
    assert dataset.group[[19, 21, 25]].tolist() == ["19", "8", "5"]
    assert dataset.x[[20, 22], 0, 0, 0].tolist() == [400, 900]
    assert dataset.sfreq_hz == 250
    assert dataset.notes == ()


@pytest.mark.parametrize(
    ("arrays", "sfreq_hz", "kind", "shape", "dtype"),
    [
        ({"x": np.full((20, 1, 3, 4), 0.5)}, None, "image", (1, 3, 4), np.float32),
        ({"x": np.full((20, 1, 3, 4), -1)}, None, "image", (1, 3, 4), np.float32),
        ({"x": np.full((20, 1, 3, 4), 256)}, None, "image", (1, 3, 4), np.float32),
        ({"x": np.full((20, 1, 3, 4), 255.0)}, None, "image", (1, 3, 4), np.uint8),
        ({"x": np.zeros((20, 1, 3, 4))}, 250.0, "eeg", (1, 3, 4), np.float32),
        ({"x": np.zeros((20, 1, 3, 4)), "sfreq_hz": 100.0}, None, "eeg", (1, 3, 4), np.float32),
        ({"x": np.zeros((20, 1, 3, 4)), "kind": "eeg"}, None, "eeg", (1, 3, 4), np.float32),
        ({"x": np.zeros((20, 3, 5, 4), np.uint8)}, None, "image", (3, 5, 4), np.uint8),
        ({"x": np.zeros((20, 3, 5, 4), np.int16)}, 250.0, "image", (3, 5, 4), np.uint8),
        ({"x": np.zeros((20, 5, 4), np.uint8), "kind": "image"}, None, "image", (1, 5, 4), np.uint8),
        ({"x": np.zeros((20, 5, 4), np.uint8), "kind": "eeg"}, None, "eeg", (1, 5, 4), np.float32),
        ({"x": np.zeros((20, 5, 4), ">f8")}, None, "eeg", (1, 5, 4), np.float32),
    ],
)
def test_kind_and_type(tmp_path: Path, arrays: Any, sfreq_hz: float | None, kind: str, shape: Any, dtype: Any) -> None:
    dataset = load(write(tmp_path, **arrays).model_copy(update={"sfreq_hz": sfreq_hz}))
    assert (dataset.kind, dataset.input_shape, dataset.x.dtype) == (kind, shape, dtype)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros((20, 5, 4), np.uint8), "from 0 to 255 in three axes: add `kind`"),
        (np.full((20, 5, 4), 9), "from 0 to 255 in three axes: add `kind`"),
        (np.zeros((20, 48, 40, 3), np.uint8), r"got \(20, 48, 40, 3\): use x.transpose\(0, 3, 1, 2\)"),
    ],
)
def test_axes_that_are_not_what_they_seem(tmp_path: Path, x: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        load(write(tmp_path, x=x))


def test_pixels_are_the_same_images_whatever_type_they_were_saved_in(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 1, 4, 5))
    found = [load(write(tmp_path, x=x.astype(kind))) for kind in (np.uint8, np.int64, np.float32, np.float64)]
    assert len({fingerprint(dataset) for dataset in found}) == 1
    assert len({tuple(dataset.ids.tolist()) for dataset in found}) == 1


def test_the_sampling_rate_of_the_specification_has_precedence(tmp_path: Path) -> None:
    spec = write(tmp_path, sfreq_hz=100.0)
    assert load(spec).sfreq_hz == 100
    assert load(spec.model_copy(update={"sfreq_hz": 250.0})).sfreq_hz == 250


def test_byte_order_of_the_file_does_not_count(tmp_path: Path) -> None:
    little = fingerprint(load(write(tmp_path, x=X.astype("<f4"), y=Y.astype("<i8"))))
    assert fingerprint(load(write(tmp_path, x=X.astype(">f4"), y=Y.astype(">i2")))) == little


@pytest.mark.parametrize(
    ("y", "more", "class_names", "first"),
    [
        (Y * 5 + 5, {}, ("5", "10"), [0, 1]),
        (np.array(["right", "left"] * 10), {}, ("left", "right"), [1, 0]),
        (np.array([b"right", b"left"] * 10), {}, ("left", "right"), [1, 0]),
        (Y, {"class_names": ["right", "left"]}, ("right", "left"), [0, 1]),
        (np.array(["right", "left"] * 10), {"class_names": ["right", "left"]}, ("right", "left"), [0, 1]),
        (Y[:, None], {}, ("0", "1"), [0, 1]),
    ],
)
def test_labels(tmp_path: Path, y: Any, more: Any, class_names: Any, first: list[int]) -> None:
    dataset = load(write(tmp_path, y=y, **more))
    assert dataset.class_names == class_names
    assert dataset.y[:2].tolist() == first


def test_ids_and_unused_keys(tmp_path: Path) -> None:
    dataset = load(write(tmp_path, ids=[f"p{i}" for i in range(20)], montage=[1], group=["a"] * 20))
    assert dataset.ids[3] == "p3"
    assert dataset.notes[0] == "keys of the file that were not used: montage"
    assert dataset.notes[1].endswith("its groups are those of the training part")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X.astype(complex)}, "`x` in .* real numbers, got complex128"),
        ({"x": X.astype(str)}, "real numbers, got <U"),
        ({"x": X.astype(object)}, "`x` in .* Python objects, which only pickle"),
        ({"x": X[0]}, r"must be \(N, n_channels, n_times\).* got shape \(3, 4\)"),
        ({"x": X[:0], "y": Y[:0]}, "no axis of it empty"),
        ({"x": np.zeros((20, 2, 3, 4)), "kind": "eeg"}, "for EEG"),
        ({"y": Y[:19]}, r"`y` in .* must be \(20,\), one value for each example of `x`, got shape \(19,\)"),
        ({"y": np.eye(20)}, r"got shape \(20, 20\)"),
        ({"y": Y.astype(float)}, r"whole numbers or strings, got float64: use y.astype\(int\)"),
        ({"y": np.where(np.arange(20) == 6, np.nan, Y)}, "got nan at index 6: leave such examples out"),
        ({"y": Y * 0.75}, "got 0.75 at index 1: leave such examples out"),
        ({"y": np.array(["a", "a "] * 10)}, "differ by more than spaces"),
        ({"y": Y + 1, "class_names": ["a", "b"]}, r"`y` in .* from 0 to 1.*, got 2 at index 1"),
        ({"y": Y - 1, "class_names": ["a", "b"]}, "got -1 at index 0"),
        ({"y": np.array(["a", "c"] * 10), "class_names": ["a", "b"]}, "in `class_names`, got c at index 1"),
        ({"class_names": ["a", "a"]}, "class_names must be unique"),
        ({"class_names": [0.5, 1.5]}, "strings or whole numbers, got float64"),
        ({"x_test": X[:3], "y_test": [0, 1, 2]}, "`y_test` in .* classes of the training part, got 2 at index 2"),
        ({"x_test": X[:3], "y_test": ["a", "b", "a"]}, "same type as `y`"),
        ({"x_test": X[:3]}, "needs `y_test` beside it"),
        ({"y_test": Y[:3]}, "needs `x_test` beside it"),
        ({"x_test": X[:3, :2], "y_test": Y[:3]}, r"same shape as `x`, \(1, 3, 4\), got \(1, 2, 4\)"),
        ({"x_test": X[:3], "y_test": Y[:3], "group": np.zeros(20, int)}, "some parts only: add `group_test`"),
        ({"group": np.zeros(19, int)}, r"`group` in .* \(20,\)"),
        ({"group": np.zeros(20)}, "strings or whole numbers, got float64"),
        ({"group": [b"\xff"] * 20}, "no UTF-8"),
        ({"ids": [0] * 20}, "ids must be unique, `0`"),
        ({"sfreq_hz": -1}, "`sfreq_hz` in .* above 0"),
        ({"sfreq_hz": "fast"}, "`sfreq_hz` in"),
        ({"sfreq_hz": [1, 2]}, "one number"),
        ({"kind": "meg"}, "`eeg` or `image`"),
        ({"kind": 3.0}, "strings or whole numbers"),
        ({"x_tset": X}, "key `x_tset`: did you mean `x_test`"),
        ({"groups": Y}, "did you mean `group`"),
        ({"x_val": X[:3], "y_val": Y[:3]}, "has the key `x_val`: call it `x_validation`"),
        ({"test_x": X[:3], "test_y": Y[:3]}, "has the key `test_x`: call it `x_test`"),
        ({"X_dev": X[:3], "y_dev": Y[:3]}, "has the key `X_dev`: call it `x_validation`"),
        ({"x_train": X[:3], "y_train": Y[:3]}, "has the keys `x_train` and `x`, which mean the same"),
        ({"x": X / 1e6 + 1000}, r"varies too little beside its mean for float32.*; subtract the mean"),
        ({"x": X.astype(np.int64) + 10**12}, r"varies too little beside its mean for float32"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(write(tmp_path, **arrays))


@pytest.mark.parametrize(("keys", "message"), [(("X", "y"), "`x` .did you mean `X`"), (("x", "z"), "`y`.* x, z")])
def test_missing_keys(tmp_path: Path, keys: tuple[str, str], message: str) -> None:
    np.savez(tmp_path / "d.npz", **{keys[0]: X, keys[1]: Y})
    with pytest.raises(DataError, match=message):
        load(NpzData(source="npz", path=str(tmp_path / "d.npz")))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("compressed", [False, True])
def test_files_cut_off_anywhere(tmp_path: Path, share: float, compressed: bool) -> None:
    path = tmp_path / "d.npz"
    (np.savez_compressed if compressed else np.savez)(path, x=X, y=Y)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match="cut off or damaged"):
        load(NpzData(source="npz", path=str(path)))


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    spec = write(tmp_path)
    content = bytearray(Path(spec.path).read_bytes())
    content[len(content) // 3] ^= 1
    Path(spec.path).write_bytes(content)
    with pytest.raises(DataError, match="cut off or damaged"):
        load(spec)


@pytest.mark.parametrize("content", [b"not a zip file", b"PK\x03\x04 but no more", b"\x80\x04K\x01."])
def test_files_of_another_kind(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        load(NpzData(source="npz", path=str(tmp_path / "d.npz")))


def test_a_header_spoilt_in_place(tmp_path: Path) -> None:
    """Any byte of it: numpy has errors of five kinds for this."""
    np.save(tmp_path / "x.npy", X)
    content = (tmp_path / "x.npy").read_bytes()
    for place in range(72):
        for byte in b"(}'\x00":
            (tmp_path / "x.npy").write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
            if content[place] != byte:
                with pytest.raises(DataError):
                    read_arrays(tmp_path / "x.npy")


def test_no_file_a_folder_a_single_array(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*none\.npz"):
        load(NpzData(source="npz", path=str(tmp_path / "none.npz")))
    with pytest.raises(DataError, match="cannot be read"):
        load(NpzData(source="npz", path=str(tmp_path)))
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(DataError, match="single array"):
        load(NpzData(source="npz", path=str(tmp_path / "x.npy")))


def test_a_large_mean_alone_is_no_obstacle(tmp_path: Path) -> None:
    """Raw EEG has an offset of thousands of microvolts; a reference channel may hold nothing but rounding errors."""
    x = np.random.default_rng(0).normal(size=(20, 3, 40)) * 10 + 2e5
    x[:, 1] = 0.1
    x[:, 2] = np.random.default_rng(1).normal(size=(20, 40)) * 1e-17 + 0.1
    np.testing.assert_array_equal(load(write(tmp_path, x=x)).x[:, 0], x.astype(np.float32))


def test_a_kind_that_is_guessed_is_doubted_where_values_speak_against_it(tmp_path: Path) -> None:
    doubts = {
        "taken for EEG, and none": {"x": np.abs(X) / 255},
        "taken for images, and has": {"x": X[:, None]},
    }
    for says, arrays in doubts.items():
        assert says in load(write(tmp_path, **arrays)).notes[-1]
        assert len(load(write(tmp_path, **arrays, kind="eeg")).notes) == 1
    assert len(load(write(tmp_path)).notes) == 1


def test_values_beyond_float32_are_found_by_the_audit(tmp_path: Path) -> None:
    x = X.copy()
    x[4, 0, 0] = 1e300
    with pytest.raises(DataError, match="x/0004"):
        load_dataset(write(tmp_path, x=x))


def test_arrays_to_predict(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 3, 4, 5), np.uint8))
    assert read_arrays(tmp_path / "x.npy").shape == (20, 1, 3, 4)
    assert read_arrays(tmp_path / "x.npy").dtype == np.float32
    assert read_arrays(tmp_path / "x.npz").dtype == np.uint8
    for name, value in {"flat": X[0], "objects": X.astype(object)}.items():
        np.save(tmp_path / f"{name}.npy", value)
        with pytest.raises(DataError, match=r"got shape|Python objects"):
            read_arrays(tmp_path / f"{name}.npy")
    np.savez(tmp_path / "no_x.npz", signal=X)
    with pytest.raises(DataError, match="needs the key `x`; it holds signal"):
        read_arrays(tmp_path / "no_x.npz")


def test_channels_may_have_names(tmp_path: Path) -> None:
    names = ["Fz", "Cz", "Pz"]
    spec = write(tmp_path, channel_names=names)
    assert load(spec).channel_names == ("Fz", "Cz", "Pz")
    assert fingerprint(load(spec)) == fingerprint(load(write(tmp_path))), "names change no result"
    with pytest.raises(DataError, match=r"`channel_names` in .*npz must be 3 strings, one a channel, got <U2"):
        load(write(tmp_path, channel_names=names[:2]))
    with pytest.raises(DataError, match=r"must be 3 strings.*: is it the other way round\?"):
        load(write(tmp_path, channel_names=list("abcd")))
    with pytest.raises(DataError, match="must be 0 names, one a channel of EEG, got 4"):
        load(write(tmp_path, x=np.zeros((20, 1, 4, 4)), channel_names=list("abcd"), kind="image"))
