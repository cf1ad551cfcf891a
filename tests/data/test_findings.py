import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paribus.data.dataset import Dataset
from paribus.data.drop import reduce_training
from paribus.data.findings import audit
from paribus.data.split import split
from paribus.errors import DataError
from paribus.record import DataAudit, Finding
from paribus.spec import Preparation


def named(found: DataAudit, name: str) -> list[Finding]:
    return [finding for finding in found.findings if finding.name == name]


def only(found: DataAudit, name: str) -> Finding:
    (finding,) = named(found, name)
    return finding


def faces(make: Any, images: list[tuple[int, int, str]], **fields: Any) -> Dataset:
    """Images of 2 x 2 by (content, class, part); equal contents are equal images, 0 is black."""
    content, y, part = zip(*images, strict=True)
    x = np.arange(4, dtype=np.uint8) * np.array(content, dtype=np.uint8)[:, None]
    dataset: Dataset = make(x=x.reshape(-1, 1, 2, 2), y=np.array(y), part=np.array(part), **{"kind": "image", **fields})
    return dataset


SOUND = [(i + 1, i % 2, "train" if i < 8 else "test") for i in range(12)]


def test_sound_data_give_counts_and_no_findings(make: Any) -> None:
    found = audit(faces(make, SOUND, formats=(("2 x 2 grey", 11), ("2 x 2 colour", 1))))
    assert found == DataAudit({"train": (4, 4), "test": (2, 2)}, {"2 x 2 grey": 11, "2 x 2 colour": 1}, ())


def test_sound_eeg_gives_no_findings(make: Any) -> None:
    x = np.random.default_rng(0).normal(size=(60, 1, 3, 100)).astype(np.float32)
    assert audit(make(x=x, y=np.arange(60) % 2)).findings == ()


def test_classes_that_differ_much_in_size(make: Any) -> None:
    found = audit(faces(make, [(i + 1, int(i > 7), "train") for i in range(10)] + [(20, 0, "test")]))
    finding = only(found, "imbalance")
    assert finding.n == 2
    assert finding.text.endswith("of 10 training examples 8 are `left` and 2 `right`, 4.0 : 1")
    six_to_four = [(i + 1, int(i > 5), "train") for i in range(10)]
    assert named(audit(faces(make, six_to_four)), "imbalance")  # 1.5 : 1
    assert not named(audit(faces(make, [*six_to_four, (30, 1, "train")])), "imbalance")


def test_unreadable_files_are_listed(make: Any) -> None:
    names = tuple(f"train/left/{i}.jpg" for i in range(7))
    finding = only(audit(faces(make, SOUND, unreadable=names)), "unreadable")
    assert (finding.n, finding.examples) == (7, names), "all of them"
    assert finding.text == "7 files could not be decoded and were left out"


def test_constant_images_and_how_many_are_black(make: Any) -> None:
    dataset = faces(make, [*SOUND, (0, 0, "train"), (0, 1, "test"), (40, 0, "train")])
    x = dataset.x.copy()
    x[14] = 255
    finding = only(audit(make(x=x, y=dataset.y, part=dataset.part, kind="image")), "constant")
    assert finding.n == 3
    assert finding.text == "3 images of a single colour (2 in training, 1 in test); all black: 2"
    assert finding.examples == ("e/0012", "e/0013", "e/0014")


COPIES = [
    (1, 0, "train"),  # 0: thrice in training, once as another class
    (1, 0, "train"),
    (1, 1, "train"),
    (2, 0, "train"),  # 3: twice in training, in validation, twice in test
    (2, 0, "train"),
    (3, 1, "train"),  # 5: in test, as another class
    (4, 1, "train"),
    (5, 0, "train"),
    (2, 0, "validation"),  # 8
    (6, 1, "validation"),  # 9: in test
    (2, 0, "test"),  # 10
    (2, 0, "test"),
    (3, 0, "test"),  # 12
    (6, 1, "test"),  # 13
    (7, 1, "test"),
]


def test_copies_within_a_part(make: Any) -> None:
    train, test = named(audit(faces(make, COPIES)), "duplicates")
    assert train.n == 3
    assert train.text == (
        "3 training examples are exact copies of an earlier training example: 2 groups of equal ones, 5 examples in all"
    )
    assert train.examples == ("e/0001 = e/0000", "e/0002 = e/0000", "e/0004 = e/0003")
    assert test.text.startswith("1 test example is an exact copy of an earlier test example: 1 group of equal ones, 2 ")
    assert test.examples == ("e/0011 = e/0010",)


def test_where_validation_is_drawn_copies_may_be_parted(make: Any) -> None:
    images = [image for image in COPIES if image[2] != "validation"]
    assert named(audit(faces(make, images)), "duplicates")[0].text.endswith(
        "; a validation split that is drawn may part them"
    )


def test_copies_of_conflicting_classes(make: Any) -> None:
    finding = only(audit(faces(make, COPIES)), "conflicting")
    assert finding.n == 3
    assert finding.text == "1 group of exact copies in training has conflicting classes, 3 examples in all"
    assert finding.examples == ("e/0000", "e/0001", "e/0002")


def test_copies_across_parts_by_pair_of_parts(make: Any) -> None:
    found = named(audit(faces(make, COPIES)), "cross_split_duplicates")
    assert [finding.n for finding in found] == [1, 3, 3]
    assert found[0].text == (
        "1 of 2 validation examples also stands in training as exact copies (1 distinct; 2 copies in training)"
    )
    assert found[1].text == (
        "3 of 5 test examples also stand in training as exact copies (2 distinct; 3 copies in training); "
        "1 of them with another class there"
    )
    assert found[1].examples == ("e/0010 = e/0003", "e/0011 = e/0003", "e/0012 = e/0005")
    assert found[2].text.startswith("3 of 5 test examples also stand in validation as exact copies (2 distinct; 2 ")


def test_examples_are_named_as_their_files(make: Any) -> None:
    files = np.array([f"img/{i}.png" for i in range(len(COPIES))])
    found = audit(faces(make, COPIES, names=files))
    assert named(found, "duplicates")[1].examples == ("img/11.png = img/10.png",)
    assert only(found, "conflicting").examples == ("img/0.png", "img/1.png", "img/2.png")


def test_only_the_first_few_are_named(make: Any) -> None:
    found = audit(faces(make, [(0, i % 2, "train") for i in range(8)] + SOUND))
    assert only(found, "constant").n == 8
    assert only(found, "constant").examples == tuple(f"e/{i:04d}" for i in range(5))


def test_images_that_look_alike_are_found_on_request(make: Any) -> None:
    """Rows 3 and 40 are the same image but for its brightness, 5 and 6 are equal, 7 and 8 of one colour."""
    x = np.random.default_rng(0).integers(20, 120, (60, 3, 16, 16), dtype=np.uint8)
    x[40] = x[3] + 9
    x[6], x[7], x[8] = x[5], 0, 200
    dataset = make(x=x, y=np.arange(60) % 2, kind="image")  # rows from 40 on are of the test part
    assert not named(audit(dataset), "near_duplicates")
    finding = only(audit(dataset, near_duplicates=True), "near_duplicates")
    assert finding.n == 2
    assert finding.text.startswith(
        "2 images look nearly like another, in 1 pair, of which 1 (with 2 images) lie across"
    )
    assert finding.examples == ("e/0040 = e/0003",)


def test_eeg_does_not_look_like_anything(make: Any) -> None:
    with pytest.raises(DataError, match="these data are EEG"):
        audit(make(), near_duplicates=True)


# ---------------------------------------------------------------- EEG


def eeg(make: Any, n: int = 60, n_times: int = 700, **fields: Any) -> tuple[Any, Any]:
    x = np.random.default_rng(1).normal(size=(n, 1, 3, n_times)).astype(np.float32)
    return x, lambda: audit(make(**{"x": x, "y": np.arange(n) % 2, **fields}))


def test_flat_channels(make: Any) -> None:
    x, look = eeg(make)
    x[4, 0, 0] = 1
    x[:, 0, 2] = np.arange(60)[:, None]
    finding = only(look(), "flat_channels")
    assert finding.n == 60
    assert finding.text == (
        "60 trials of 60 with a flat channel, 61 channels in all; flat in every trial: 1 channel of 3 (channel 3)"
    )
    x[1:, 0, 2, 0] = 0.5
    x[4, 0, 2, 0] = 0.5
    finding = only(look(), "flat_channels")
    assert (finding.n, finding.examples) == (2, ("e/0000", "e/0004"))
    assert "every trial" not in finding.text


def test_a_trial_without_any_signal_is_constant(make: Any) -> None:
    x, look = eeg(make)
    x[9] = 0
    finding = only(look(), "constant")
    assert finding.text == "1 trial without a signal, every channel flat (1 in training); all zero: 1"


@pytest.mark.parametrize(
    ("n_times", "length", "found"), [(700, 7, True), (700, 6, False), (100, 5, True), (100, 4, False), (4, 4, False)]
)
@pytest.mark.parametrize("side", [1, -1])
def test_clipped_trials_stay_at_their_extreme(make: Any, n_times: int, length: int, found: bool, side: int) -> None:
    """1 % of the trial, and 5 samples at least."""
    x, look = eeg(make, n_times=n_times)
    x[11, 0, 1, :length] = 9 * side
    x[11, 0, 2, -length:] = 9 * side
    x[12, 0, 0, : 2 * length : 2] = 9 * side  # the same value again and again, but not in a row
    if length < n_times:
        x[13, 0, 0, :length] = 0.01  # a plateau amid the range
    clipped = named(look(), "clipped")
    assert bool(clipped) == found
    if found:
        assert clipped[0].examples == ("e/0011",)
        assert clipped[0].text == (
            "1 trial of 60 looks clipped: a channel stays at its highest or lowest value for "
            f"{length} samples or more (channels 2, 3)"
        )


def test_outlying_trials_come_farthest_first(make: Any) -> None:
    x, look = eeg(make)
    x[7, 0, 1] *= 3
    x[30, 0, 2] *= 0.1
    x[31] = 0  # no variance, no logarithm
    finding = only(look(), "outlying")
    assert finding.examples == ("e/0030", "e/0007")
    log = np.log(x[:, 0, 2].astype(np.float64).var(axis=1)[np.arange(60) != 31])
    apart = np.abs(log - np.median(log))
    assert finding.text.endswith(f"the farthest first, by {apart[30] / (1.4826 * np.median(apart)):.1f}")


def test_values_that_are_no_numbers_are_counted_and_break_nothing(make: Any) -> None:
    x, look = eeg(make)
    x[2, 0, 0, 3] = np.nan
    x[5, 0, 1, 3] = np.inf
    found = look()
    assert only(found, "non_finite").examples == ("e/0002", "e/0005")
    assert [finding.name for finding in found.findings] == ["non_finite"]


def test_subjects_whose_classes_are_unbalanced(make: Any) -> None:
    group = np.repeat(["anna", "ben", "carl"], 20)
    y = np.concatenate([np.arange(20) % 2, np.arange(20) < 5, np.arange(20) < 8]).astype(np.int64)
    _, look = eeg(make, y=y, group=group)
    finding = only(look(), "group_imbalance")
    assert (finding.n, finding.examples) == (40, ("ben", "carl"))
    assert finding.text == (
        "2 of 3 groups have a class at least 1.5 times as large as another; the most uneven, ben, has 15 : 5"
    )


# ---------------------------------------------------------------- real data


def real(name: str) -> Path:
    if "PARIBUS_DATA" not in os.environ:
        pytest.skip("set PARIBUS_DATA to the folder of the real data")
    return Path(os.environ["PARIBUS_DATA"]) / name


@pytest.fixture(scope="module")
def fer2013() -> Dataset:
    """Decoded here, apart from the loader."""
    path = real("fer2013.parquet")
    from PIL import Image
    from pyarrow import parquet

    table = parquet.read_table(path)
    x = np.stack([np.asarray(Image.open(io.BytesIO(row["bytes"]))) for row in table["image"].to_pylist()])[:, None]
    parts = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
    return Dataset(
        x=x,
        y=np.array(table["label"], dtype=np.int64),
        ids=np.array([f"{i:05d}" for i in range(len(x))]),
        part=np.array([parts[usage] for usage in table["usage"].to_pylist()]),
        class_names=("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"),
        kind="image",
        description="FER2013",
    )


def test_fer2013_holds_what_is_known_of_it(fer2013: Dataset) -> None:
    found = audit(fer2013)
    assert {part: sum(counts) for part, counts in found.counts.items()} == {
        "train": 28_709,
        "validation": 3589,
        "test": 3589,
    }
    assert named(found, "duplicates")[0].text.startswith("1,236 training examples are exact copies")
    assert "1,035 groups of equal ones" in named(found, "duplicates")[0].text
    assert only(found, "conflicting").text.startswith("39 groups of exact copies in training have conflicting classes")
    assert [finding.n for finding in named(found, "cross_split_duplicates")] == [280, 288, 44]
    assert only(found, "constant").text.endswith("(11 in training, 1 in validation); all black: 12")


def test_fer2013_cleaned_has_none_of_it_left(fer2013: Dataset) -> None:
    preparation = Preparation(drop=("constant", "conflicting", "cross_split_duplicates", "duplicates"), limit=7000)
    rng = np.random.default_rng(0)
    rows, dropped = reduce_training(fer2013, split(fer2013, preparation, rng), preparation, rng)
    assert dropped["constant"] == 11
    assert len(rows["train"]) == 7000
    assert sum(dropped.values()) == 28_709 - 7000
    kept = [image.tobytes() for image in fer2013.x[rows["train"]]]
    evaluated = {image.tobytes() for part in ("validation", "test") for image in fer2013.x[rows[part]]}  # type: ignore[index]
    assert len(set(kept)) == 7000
    assert not evaluated & set(kept)
    assert (len(rows["validation"]), len(rows["test"])) == (3589, 3589)


def test_the_small_folder_holds_what_is_known_of_it() -> None:
    """Found by comparing the decoded files in a dictionary."""
    root = real("fer2013-folder-small")
    from PIL import Image

    files = sorted(root.rglob("*.jpg"))
    classes = sorted({file.parent.name for file in files})
    parts = {"train": "train", "val": "validation", "test": "test"}
    dataset = Dataset(
        x=np.stack([np.asarray(Image.open(file)) for file in files])[:, None],
        y=np.array([classes.index(file.parent.name) for file in files]),
        ids=np.array([str(i) for i in range(len(files))]),
        part=np.array([parts[file.parent.parent.name] for file in files]),
        class_names=tuple(classes),
        kind="image",
        description="small",
        names=np.array([file.name for file in files]),
    )
    found = audit(dataset)
    assert only(found, "constant").examples == ("Training_10131352.jpg",)
    assert only(found, "duplicates").examples == ("Training_22935237.jpg = Training_1654496.jpg",)
    assert [finding.n for finding in named(found, "cross_split_duplicates")] == [4, 3, 1]
    assert named(found, "cross_split_duplicates")[2].examples == ("PrivateTest_104142.jpg = PublicTest_13980590.jpg",)
    assert len(found.findings) == 5
