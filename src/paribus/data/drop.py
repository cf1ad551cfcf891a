"""What is left out of training, and of training only."""

import numpy as np
import numpy.typing as npt

from paribus.data.dataset import Dataset
from paribus.data.duplicates import Mask, Rows, conflicting, constant, content_groups_of, surplus
from paribus.errors import DataError
from paribus.record import Part
from paribus.spec import Preparation

ORDER = ("constant", "conflicting", "cross_split_duplicates", "duplicates")
"""In which ``data.drop`` is carried out, in whatever order it is written; each sees what the one before has left."""


def reduce_training(
    dataset: Dataset, rows: dict[Part, Rows], preparation: Preparation, rng: np.random.Generator
) -> tuple[dict[Part, Rows], dict[str, int]]:
    """The rows of each part with those of ``train`` cut down as ``drop`` and ``limit`` ask, and why how many went.

    Validation and test come back as they are. Contents are hashed once for a data set, and only where a drop asks
    for it.

    Args:
        dataset: after `audit.check`.
        rows: sorted rows of each part, as `split.split` gives them.
        preparation: its ``drop`` and ``limit`` count.
        rng: the generator that the split was drawn with, after it: limits change no draw of the split.

    Returns:
        The rows, sorted; and for each reason that was asked for, ``limit`` last, the number of examples.

    Raises:
        DataError: a class would keep no training example, or the limit is smaller than the number of classes.
    """
    train = rows["train"]
    dropped: dict[str, int] = {}
    for reason in ORDER:
        if reason in preparation.drop:
            gone = _unwanted(reason, dataset, train, rows)
            _check_classes(dataset, train, train[~gone], reason)
            dropped[reason] = int(gone.sum())
            train = train[~gone]
    if preparation.limit is not None:
        kept = train[limited(dataset.y[train], preparation.limit, rng)]
        dropped["limit"] = len(train) - len(kept)
        train = kept
    return {**rows, "train": train}, dropped


def limited(y: npt.NDArray[np.int64], limit: int, rng: np.random.Generator) -> Rows:
    """``limit`` positions drawn from y class by class, sorted; all of them where there are no more.

    Args:
        y: (n,) classes.
        limit: how many, at least the number of classes in y.

    Raises:
        DataError: the limit is smaller than the number of classes.
    """
    classes, counts = np.unique(y, return_counts=True)
    if limit < len(classes):
        raise DataError(
            f"data.limit must leave each class a training example: {limit} is too few for {len(classes)} classes"
        )
    if limit >= len(y):
        return np.arange(len(y))
    shares = allot(counts, limit)
    drawn = [rng.permutation(np.flatnonzero(y == label))[:n] for label, n in zip(classes, shares, strict=True)]
    return np.sort(np.concatenate(drawn))


def allot(counts: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int64]:
    """How many of ``total`` places each class gets: in proportion, by largest remainder, at least one each.

    Args:
        counts: (n_classes,) examples, each above 0.
        total: from n_classes to the sum of counts.
    """
    exact = counts * (total / counts.sum())
    places: npt.NDArray[np.int64] = np.maximum(np.floor(exact).astype(np.int64), 1)
    while places.sum() < total:
        places[np.argmax(np.where(places < counts, exact - places, -np.inf))] += 1
    while places.sum() > total:  # classes were raised to one: those that have most beyond their due give way
        places[np.argmin(np.where(places > 1, exact - places, np.inf))] -= 1
    return places


def _unwanted(reason: str, dataset: Dataset, train: Rows, rows: dict[Part, Rows]) -> Mask:
    """(len(train),) True for what goes for this reason."""
    if reason == "constant":
        return constant(dataset)[train]
    groups = content_groups_of(dataset)
    if reason == "conflicting":
        return conflicting(groups[train], dataset.y[train])
    if reason == "duplicates":
        return surplus(groups[train])
    return np.isin(groups[train], groups[np.concatenate([rows["validation"], rows["test"]])])


def _check_classes(dataset: Dataset, before: Rows, after: Rows, reason: str) -> None:
    lost = np.setdiff1d(dataset.y[before], dataset.y[after])
    if len(lost):
        raise DataError(
            f"each class must keep a training example: data.drop `{reason}` would leave class "
            f"`{dataset.class_names[lost[0]]}` none; take `{reason}` out of data.drop"
        )
