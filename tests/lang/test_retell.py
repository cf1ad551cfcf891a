"""What audits and failures wrote down in English is told in the language of the report."""

import re
from typing import Any

import numpy as np
import pytest

from paribus.data.audit import check
from paribus.data.dataset import Dataset
from paribus.data.findings import audit
from paribus.data.sources import load_dataset
from paribus.errors import NonFiniteLoss
from paribus.lang import language
from paribus.lang.retell import retold
from paribus.spec import DigitsData

NAMES = re.compile(
    r"`kind`|`sfreq_hz`|\bx\b|e\d+|left|right|S\d\w?|X11b|a\.jpg|a\.npz|\bNaN\b|\bMAD\b|train\.optimizer\.lr|\bnan\b|scikit-learn|PyTorch|alpha"
    r"|SelfRegulationSCP1|aeon|BCI Competition III|IIIb|AVX512|bf16|g\+\+|clang\+\+|C\+\+|\$PARIBUS_KERNELS|\boff\b"
)


def dataset(kind: str, x: Any, y: Any, part: Any, **fields: Any) -> Dataset:
    ids = np.array([f"e{i}" for i in range(len(y))])
    return Dataset(
        x=x, y=np.asarray(y), ids=ids, part=np.asarray(part), class_names=("left", "right"), kind=kind, **fields
    )


def faces() -> Dataset:
    """Images of one content each, many of them equal: of all that an audit finds in images there is something."""
    rng = np.random.default_rng(0)
    distinct = rng.integers(0, 256, (40, 1, 16, 16), dtype=np.uint8)
    x = distinct[[0, 0, 0, 1, 1, *range(2, 20), 0, 1, 1, 2, *range(20, 26), 0, *range(30, 36)]].copy()
    x[5], x[6] = 0, 7
    x[8] = np.clip(x[9].astype(int) + 2, 0, 255)  # looks like its neighbour
    part = ["train"] * 23 + ["validation"] * 10 + ["test"] * (len(x) - 33)
    y = [0, 0, 1, 0, 0] + [0] * 15 + [1] * 3 + [i % 2 for i in range(len(x) - 23)]
    return dataset("image", x, y, part, description="made", unreadable=("a.jpg",), group=np.array(["S1"] * len(x)))


def eeg() -> Dataset:
    """Trials with a flat channel, clipped ones, an outlying one, one without a signal, one with NaN."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 1, 8, 200)).astype(np.float32)
    x[:, 0, 2] = 0
    x[3, 0, 0, 10:40] = 9
    x[4, 0, 1] *= 1e4
    x[5] = 0
    x[6, 0, 0, 0] = np.nan
    return dataset("eeg", x, np.arange(60) % 2, ["train"] * 40 + ["test"] * 20, description="made", sfreq_hz=100.0)


def notes() -> list[str]:
    """Of data that were checked: NaN, a class without test examples, channels that repeat."""
    wave = np.random.default_rng(0).normal(size=(30, 1, 1, 140)).astype(np.float32)
    x = np.concatenate([wave[..., 2 * i : 2 * i + 100] for i in range(4)], axis=2)
    x[2:14, 0, 0, 0] = np.nan
    part = ["train"] * 20 + ["test"] * 10
    y = [i % 2 for i in range(20)] + [0] * 10
    made = dataset("eeg", x, y, part, description="made", sfreq_hz=100.0)
    return list(check(made, "drop").notes)


SENTENCES = [
    *(finding.text for finding in audit(faces(), near_duplicates=True).findings),
    *(finding.text for finding in audit(eeg()).findings),
    *notes(),
    "keys of the file that were not used: left, right",
    "test part drawn: 20 % of each class, the same for every seed",
    "test part drawn: 12.5 % of each class, the same for every seed; its groups are those of the training part",
    "test part drawn: 2 of 9 groups, 22 % of the examples, the same for every seed",
    "1 of the 4 groups of the training part stand in the test part, too, which was brought with the data and stays as "
    "it is: S3",
    "2 of the 4 groups of the training part stand in the validation part, too, which was brought with the data and "
    "stays as it is: S1, S2",
    "x was taken for EEG, and none of its values is below 0: add `kind` to the file if these are images",
    "x was taken for images, and has values below 0: add `kind` or `sfreq_hz` to the file if this is EEG",
    "files that are no images were left alone: 3, as a.jpg",
    "files that do not end as images do were left alone: 3, as a.npz",
    "images outside of the class folders were left alone: 3, as a.jpg",
    "unreadable files left out: 1, as a.jpg",
    str(NonFiniteLoss(3, 2, float("nan"))),
    "the loss became nan in epoch 3, batch 2",
    load_dataset(DigitsData(source="digits")).description,
    "BCI Competition III, data set IIIb: subjects S4b and X11b imagining their left or right hand move",
    "SelfRegulationSCP1 of the aeon archive, 6 channels x 896 samples",
    "arrays of a.npz, examples of shape 1 x 2 x 100",
    "images of the folder left",
    "48 x 48 grey",
    "alpha channels dropped: 3",
    "files with several pictures, of which the first is taken: 3",
    "images of 16 bits scaled to 8: 2",
    "grey images beside colour ones are shown as colour: 4",
    "compiled for AVX512 with bf16 by g++ 12.2.0",
    "PyTorch's own",
    "PyTorch alone: $PARIBUS_KERNELS is off",
    "PyTorch alone: found no C++ compiler (g++ or clang++)",
]


def test_all_that_is_found_is_among_them() -> None:
    found = {
        one.name for data in (faces(), eeg()) for one in audit(data, near_duplicates=data.kind == "image").findings
    }
    assert found == {
        *("unreadable", "non_finite", "imbalance", "group_imbalance", "constant", "duplicates", "conflicting"),
        *("cross_split_duplicates", "near_duplicates", "flat_channels", "clipped", "outlying"),
    }
    assert len(notes()) == 3


@pytest.mark.parametrize("sentence", SENTENCES)
def test_nothing_english_is_left(sentence: str) -> None:
    with language("zh-TW"):
        said = retold(sentence)
    assert re.search(r"[\u4e00-\u9fff]", said), said
    assert not re.search(r"[A-Za-z]{2,}", NAMES.sub("", said)), said
    figures, told = (set(re.findall(r"\d[\d,.]*\d|\d", text)) for text in (sentence, said))
    assert told == figures, "no number is lost or made up"


@pytest.mark.parametrize("sentence", SENTENCES)
def test_english_stays_as_it_is(sentence: str) -> None:
    assert retold(sentence) == sentence


def test_what_is_not_known_stays_as_it_is() -> None:
    with language("zh-TW"):
        assert retold("something else happened to 3 files") == "something else happened to 3 files"
