"""Which class was taken for which."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paribus.errors import DataError


def confusion_matrix(
    y: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], n_classes: int
) -> npt.NDArray[np.int64]:
    """Counts of (true class, predicted class).

    Args:
        y: (n,) true classes, 0 to n_classes - 1.
        predicted: (n,) predicted classes, 0 to n_classes - 1.
        n_classes: at least 1.

    Returns:
        (n_classes, n_classes) int64; rows are true classes, columns predicted ones.

    Raises:
        DataError: the lengths differ, or a class is out of range.
    """
    if y.shape != predicted.shape or y.ndim != 1:
        raise DataError(f"y and predicted must be vectors of one length, got {y.shape} and {predicted.shape}")
    for name, classes in (("y", y), ("predicted", predicted)):
        if len(classes) and not (classes.min() >= 0 and classes.max() < n_classes):
            raise DataError(
                f"{name}: classes must be from 0 to {n_classes - 1}, got {classes.min()} to {classes.max()}"
            )
    pairs = y.astype(np.int64) * n_classes + predicted
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)


MOST_CONFUSED = 3
"""Pairs of classes that are named."""


def most_confused(confusion: npt.NDArray[np.int64], class_names: Sequence[str]) -> tuple[tuple[str, str, float], ...]:
    """The pairs (true class, class named for it) with the largest shares of the true class, largest first.

    Args:
        confusion: (n_classes, n_classes) counts of (true, predicted).
        class_names: of rows and columns.

    Returns:
        At most `MOST_CONFUSED` of them, each with its share, above 0.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [(int(i) // len(shares), int(i) % len(shares)) for i in order]
    return tuple((class_names[t], class_names[p], float(shares[t, p])) for t, p in pairs if shares[t, p] > 0)
