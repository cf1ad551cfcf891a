"""Figures of merit, each a share from 0 to 1 except the cross-entropy (nats)."""

import numpy as np
import numpy.typing as npt

from paribus.errors import DataError

Counts = npt.NDArray[np.int64]


def accuracy(y: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer]) -> float:
    """Share of examples whose predicted class is the true one.

    Args:
        y: (n,) true classes, n at least 1.
        predicted: (n,) predicted classes.

    Raises:
        DataError: there are no examples, or the lengths differ.
    """
    if y.shape != predicted.shape or y.ndim != 1 or not len(y):
        raise DataError(f"accuracy needs two vectors of one length, at least 1, got {y.shape} and {predicted.shape}")
    return float(np.count_nonzero(y == predicted) / len(y))


def balanced_accuracy(confusion: Counts) -> float:
    """Mean recall over the classes that are present among the true ones.

    Args:
        confusion: (n_classes, n_classes) counts of (true, predicted), at least one in all.
    """
    of_class = _some(confusion).sum(axis=1)
    present = of_class > 0
    return float(np.mean(np.diag(confusion)[present] / of_class[present]))


def macro_f1(confusion: Counts) -> float:
    """Mean F1 over the classes that are true or predicted at least once; F1 is 0 where nothing was hit.

    Equals scikit-learn's ``f1_score(average="macro", zero_division=0)``.

    Args:
        confusion: (n_classes, n_classes) counts of (true, predicted), at least one in all.
    """
    true_and_predicted = _some(confusion).sum(axis=1) + confusion.sum(axis=0)
    present = true_and_predicted > 0
    return float(np.mean(2 * np.diag(confusion)[present] / true_and_predicted[present]))


def cross_entropy(y: npt.NDArray[np.integer], logits: npt.NDArray[np.floating]) -> float:
    """Mean cross-entropy in nats, computed in float64.

    Args:
        y: (n,) true classes, n at least 1.
        logits: (n, n_classes).

    Raises:
        DataError: there are no examples, or the shapes do not fit.
    """
    if logits.ndim != 2 or y.shape != logits.shape[:1] or not len(y):
        raise DataError(f"y (n,) and logits (n, n_classes) must fit, n at least 1, got {y.shape} and {logits.shape}")
    z = logits.astype(np.float64)
    top = z.max(axis=1)
    log_sum = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - z[np.arange(len(y)), y]))


def _some(confusion: Counts) -> Counts:
    if not confusion.sum():
        raise DataError("a confusion matrix must hold at least one example, got none")
    return confusion
