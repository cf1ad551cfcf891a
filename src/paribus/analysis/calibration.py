"""Whether probabilities mean what they say: of 100 classes named with 80%, 80 should be right."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paribus.analysis.metrics import log_probabilities

BINS = 15
"""Of confidence, equally wide (Guo et al. 2017)."""
COLDEST, HOTTEST = 0.02, 50.0
"""Temperatures that are looked at."""

Classes = npt.NDArray[np.integer]
Logits = npt.NDArray[np.floating]


def brier(y: Classes, logits: Logits) -> float:
    """Brier score: mean over examples of the squared distance between probabilities and the truth, from 0 to 2.

    As Brier (1950) has it, summed over all classes; with two classes it is twice what scikit-learn gives.

    Args:
        y: (n,) true classes, n at least 1.
        logits: (n, n_classes).
    """
    p = np.exp(log_probabilities(logits))
    p[np.arange(len(y)), y] -= 1
    return float((p**2).sum(axis=1).mean())


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How often a network is right, by how sure it is; all arrays (bins,).

    Attributes:
        count: examples of each bin.
        confidence: their mean probability of the class that is named; NaN where there are none.
        accuracy: the share of them that is named rightly; NaN where there are none.
    """

    count: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error, a share from 0 to 1."""
        gap = np.nan_to_num(np.abs(self.confidence - self.accuracy))
        return float((gap * self.count).sum() / self.count.sum())

    @property
    def too_sure(self) -> float:
        """Mean confidence less accuracy, a difference of shares; below 0 where the network is not sure enough."""
        gap = np.nan_to_num(self.confidence - self.accuracy)
        return float((gap * self.count).sum() / self.count.sum())


def reliability(y: Classes, logits: Logits, bins: int = BINS) -> Reliability:
    """Examples in bins by the probability of the class that is named, as in a reliability diagram.

    Args:
        y: (n,) true classes, n at least 1.
        logits: (n, n_classes).
        bins: equally wide, from 0 to 1.
    """
    log_p = log_probabilities(logits)
    named = log_p.argmax(axis=1)
    confidence = np.exp(log_p[np.arange(len(y)), named])
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        means = [np.bincount(place, values, minlength=bins) / count for values in (confidence, named == y)]
    return Reliability(count, *means)


def calibration_error(y: Classes, logits: Logits, bins: int = BINS) -> float:
    """Expected calibration error (Guo et al. 2017, "On calibration of modern neural networks"), a share from 0 to 1.

    Examples are put into bins by the probability of the class that is named; each bin's distance between mean
    probability and accuracy counts by its number of examples.

    Args:
        y: (n,) true classes, n at least 1.
        logits: (n, n_classes).
        bins: equally wide, from 0 to 1.
    """
    return reliability(y, logits, bins).error


def best_temperature(y: Classes, logits: Logits) -> float:
    """What logits are to be divided by for the least cross-entropy (Guo et al. 2017): above 1 where too sure.

    Found where the derivative is 0: in 1 / T the cross-entropy is convex. 1, which changes nothing, where there is none
    between `COLDEST` and `HOTTEST`: where all examples are right, or all logits equal, there is no telling.

    Args:
        y: (n,) true classes of validation, n at least 1.
        logits: (n, n_classes).
    """
    from scipy.optimize import brentq

    z = logits.astype(np.float64)
    own = z[np.arange(len(y)), y].mean()

    def slope(log_sharpness: float) -> float:
        p = np.exp(log_probabilities(z * np.exp(log_sharpness)))
        return float((p * z).sum(axis=1).mean() - own)

    flattest, sharpest = -np.log(HOTTEST), -np.log(COLDEST)
    if slope(flattest) >= 0 or slope(sharpest) <= 0:
        return 1.0
    return float(np.exp(-brentq(slope, flattest, sharpest, xtol=1e-6)))
