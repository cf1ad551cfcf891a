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
    return float(-log_probabilities(logits)[np.arange(len(y)), y].mean())


def log_probabilities(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(n, n_classes) natural logarithms of softmax, in float64."""
    z = logits.astype(np.float64)
    z = z - z.max(axis=1, keepdims=True)
    found: npt.NDArray[np.float64] = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return found


def weighted_f1(confusion: Counts) -> float:
    """Mean F1 over classes, each by its share of the true ones.

    Equals scikit-learn's ``f1_score(average="weighted", zero_division=0)``.

    Args:
        confusion: (n_classes, n_classes) counts of (true, predicted), at least one in all.
    """
    true = _some(confusion).sum(axis=1)
    both = true + confusion.sum(axis=0)
    f1 = np.divide(2 * np.diag(confusion), both, out=np.zeros(len(both)), where=both > 0)
    return float((f1 * true).sum() / true.sum())


def kappa(confusion: Counts) -> float:
    """Cohen's kappa (1960): agreement beyond chance, 1 at best, 0 by chance; NaN where chance explains everything.

    Args:
        confusion: (n_classes, n_classes) counts of (true, predicted), at least one in all.
    """
    n = _some(confusion).sum()
    reached = np.diag(confusion).sum() / n
    by_chance = (confusion.sum(axis=0) / n) @ (confusion.sum(axis=1) / n)
    return float((reached - by_chance) / (1 - by_chance)) if by_chance < 1 else float("nan")


def auroc(y: npt.NDArray[np.integer], logits: npt.NDArray[np.floating]) -> float:
    """Area under the receiver operating characteristic: how often a random example of a class gets a higher
    probability of it than a random example of another; ties count half.

    With two classes it is that of the second; with more, the mean over classes (one against the rest) of those that
    are there, and are not all there is. NaN where there is none.

    Args:
        y: (n,) true classes.
        logits: (n, n_classes).
    """
    log_p = log_probabilities(logits)
    classes = [1] if logits.shape[1] == 2 else range(logits.shape[1])
    areas = [_area(y == c, log_p[:, c]) for c in classes if 0 < np.count_nonzero(y == c) < len(y)]
    return float(np.mean(areas)) if areas else float("nan")


def _area(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> float:
    """Mann and Whitney's U of the positives' ranks, as a share of all pairs."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]  # from 1; of equals, the mean of theirs
    n = int(np.count_nonzero(positive))
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * (len(score) - n)))


def _some(confusion: Counts) -> Counts:
    if not confusion.sum():
        raise DataError("a confusion matrix must hold at least one example, got none")
    return confusion
