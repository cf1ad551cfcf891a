"""Figures of a trial beyond accuracy: what is usual in other fields, each class by itself, and calibration."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from paribus.analysis.calibration import best_temperature, brier, calibration_error
from paribus.analysis.crossed import crossed_mean
from paribus.analysis.intervals import Interval, mean_interval
from paribus.analysis.metrics import auroc, cross_entropy, kappa, weighted_f1
from paribus.lang import msg
from paribus.record import TrialRecord

FURTHER: dict[str, Literal["percent", "number"]] = {
    msg("Cohen's kappa"): "number",
    msg("weighted F1"): "percent",
    msg("AUROC"): "number",
    msg("Brier score"): "number",
    msg("calibration error"): "percent",
    msg("temperature"): "number",
    msg("loss at temperature"): "number",
    msg("calibration error at temperature"): "percent",
}
"""Names, and what kind of number each is."""


def further(record: TrialRecord, confusion: npt.NDArray[np.int64]) -> dict[str, float]:
    """The figures of `FURTHER`, on test; the temperature is fitted on validation.

    Args:
        record: of a finished trial.
        confusion: (n_classes, n_classes), of its test part.
    """
    test, validation = record.predictions["test"], record.predictions["validation"]
    temperature = best_temperature(validation.y, validation.logits)
    return {
        "Cohen's kappa": kappa(confusion),
        "weighted F1": weighted_f1(confusion),
        "AUROC": auroc(test.y, test.logits),
        "Brier score": brier(test.y, test.logits),
        "calibration error": calibration_error(test.y, test.logits),
        "temperature": temperature,
        "loss at temperature": cross_entropy(test.y, test.logits / temperature),
        "calibration error at temperature": calibration_error(test.y, test.logits / temperature),
    }


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class over the seeds of a cell, on test. NaN where the test part or a seed's predictions lack the class.

    Recall's interval is over seeds and test examples, the others' over seeds.
    """

    name: str
    precision: Interval
    recall: Interval
    f1: Interval
    n: int
    """Examples in the test part of the first seed."""


def by_class(
    confusions: Sequence[npt.NDArray[np.int64]],
    right: npt.NDArray[np.float64],
    y: npt.NDArray[np.int64],
    class_names: Sequence[str],
) -> tuple[ClassScores, ...]:
    """Each class over seeds.

    Args:
        confusions: one a seed, at least one.
        right: (n_seeds, n_test), 1 where the example is named rightly, else 0.
        y: (n_test,) true classes.
        class_names: of rows and columns.
    """
    found = []
    for c, name in enumerate(class_names):
        hits = np.array([matrix[c, c] for matrix in confusions], np.float64)
        named, there = (np.array([matrix.sum(axis=axis)[c] for matrix in confusions]) for axis in (0, 1))
        with np.errstate(invalid="ignore"):  # 0 of 0 is NaN, and shown as unknown
            precision, f1 = (mean_interval((x / n).tolist()) for x, n in ((hits, named), (2 * hits, named + there)))
        own = right[:, y == c]
        recall = crossed_mean([own]).share_interval() if own.size else mean_interval([math.nan] * len(right))
        found.append(ClassScores(name, precision, recall, f1, int(there[0])))
    return tuple(found)
