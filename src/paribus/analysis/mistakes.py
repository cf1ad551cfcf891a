"""Which test examples are named wrongly: with most confidence, for which class, and by everybody."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paribus.analysis.metrics import log_probabilities
from paribus.record import Predictions

AT_MOST = 12
"""Examples of each kind."""
PAIRS, OF_A_PAIR = 3, 4
"""Pairs of classes, and examples of each."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One test example that is named wrongly by the mean probability over seeds.

    Attributes:
        id: of the example.
        true: its class.
        named: the class that is named.
        probability: of the class that is named.
        of_true: of the true class.
    """

    id: str
    true: int
    named: int
    probability: float
    of_true: float


def mistakes(tests: Sequence[Predictions]) -> tuple[Mistake, ...]:
    """All mistakes of a cell, the most confident first.

    Args:
        tests: of its seeds, at least one, on the same test examples.
    """
    p = _mean_probabilities(tests)
    wrong = np.flatnonzero(p.argmax(axis=1) != tests[0].y)
    return tuple(sorted(_examples(tests[0], p, wrong), key=lambda one: -one.probability))


def _examples(test: Predictions, mean: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> list[Mistake]:
    """These test examples, each with the wrong class that is most probable in the mean (n, n_classes)."""
    p, y = mean[rows], test.y[rows]
    at = np.arange(len(rows))
    of_true = p[at, y].copy()
    p[at, y] = -1.0
    named = p.argmax(axis=1)
    return [
        Mistake(str(test.ids[row]), int(y[i]), int(named[i]), float(p[i, named[i]]), float(of_true[i]))
        for i, row in enumerate(rows)
    ]


def of_pairs(found: Sequence[Mistake]) -> tuple[tuple[tuple[int, int], tuple[Mistake, ...]], ...]:
    """The pairs (true, named) that are confused most often, each with its most confident mistakes."""
    by_pair: dict[tuple[int, int], list[Mistake]] = {}
    for one in found:
        by_pair.setdefault((one.true, one.named), []).append(one)
    often = sorted(by_pair.items(), key=lambda item: -len(item[1]))
    return tuple((pair, tuple(some[:OF_A_PAIR])) for pair, some in often[:PAIRS])


def always_wrong(cells: Sequence[Sequence[Predictions]]) -> tuple[tuple[Mistake, ...], int]:
    """What no network of any cell names rightly, the least probable true class first, and how many there are.

    Such examples are hard, or their label is wrong. The class named is the wrong one with the highest mean probability.

    Args:
        cells: for each cell the test predictions of its seeds, all on the same test examples.
    """
    tests = [test for cell in cells for test in cell]
    never = np.all([test.logits.argmax(axis=1) != test.y for test in tests], axis=0)
    found = sorted(_examples(tests[0], _mean_probabilities(tests), np.flatnonzero(never)), key=lambda one: one.of_true)
    return tuple(found[:AT_MOST]), len(found)


def _mean_probabilities(tests: Sequence[Predictions]) -> npt.NDArray[np.float64]:
    """(n, n_classes)."""
    total = np.exp(log_probabilities(tests[0].logits))
    for test in tests[1:]:
        total += np.exp(log_probabilities(test.logits))
    return np.asarray(total / len(tests))
