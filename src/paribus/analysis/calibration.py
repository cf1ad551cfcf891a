"""Whether probabilities mean what they say: of 100 classes named with 80%, 80 should be right."""

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


def calibration_error(y: Classes, logits: Logits, bins: int = BINS) -> float:
    """Expected calibration error (Guo et al. 2017, "On calibration of modern neural networks"), a share from 0 to 1.

    Examples are put into bins by the probability of the class that is named; each bin's distance between mean
    probability and accuracy counts by its number of examples.

    Args:
        y: (n,) true classes, n at least 1.
        logits: (n, n_classes).
        bins: equally wide, from 0 to 1.
    """
    log_p = log_probabilities(logits)
    named = log_p.argmax(axis=1)
    confidence = np.exp(log_p[np.arange(len(y)), named])
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, confidence - (named == y), minlength=bins)
    return float(np.abs(gap).sum() / len(y))


def best_temperature(y: Classes, logits: Logits) -> float:
    """What logits are to be divided by for the least cross-entropy (Guo et al. 2017): above 1 where too sure.

    Found where the derivative is 0: in 1 / T the cross-entropy is convex. From `COLDEST` to `HOTTEST`.

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
    if slope(flattest) >= 0:
        return HOTTEST
    if slope(sharpest) <= 0:
        return COLDEST
    return float(np.exp(-brentq(slope, flattest, sharpest, xtol=1e-6)))
