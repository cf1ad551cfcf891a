"""Which class to name, given what a network says: rules beyond the largest probability, and what they are worth.

A rule gives each class of each example a score; the class of the highest score is named, the first of equals. What
rules have to choose they choose on validation.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from paribus.analysis.confusion import confusion_matrix
from paribus.analysis.crossed import CrossedMean, balanced_mean, crossed_mean
from paribus.analysis.intervals import Interval, mean_interval
from paribus.analysis.metrics import log_probabilities, macro_f1
from paribus.errors import DataError
from paribus.lang import msg
from paribus.record import Predictions, Rule, TrialRecord

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

TAUS = tuple(round(0.1 * step, 1) for step in range(21))
"""Strengths of prior correction that are tried."""
FEW_CLASSES = 3
"""So many thresholds are told one by one."""
SWEEPS = 10
"""At most, over all classes, in the search for thresholds."""
RULES = (msg("argmax"), msg("above share"), msg("prior correction"), msg("thresholds"), msg("least cost"))
"""Names of all rules."""


# ---------------------------------------------------------------- rules


def decide(rule: Rule, logits: npt.NDArray[np.floating]) -> Classes:
    """(n,) the class that a rule names for each row of logits (n, n_classes)."""
    log_p = log_probabilities(logits)
    named: Classes
    if rule.costs is not None:
        named = (np.exp(log_p) @ rule.costs).argmin(axis=1)
        return named
    scores: Floats = log_p + rule.offsets
    if rule.floors is not None:
        above = np.exp(log_p) > rule.floors
        above[~above.any(axis=1)] = True
        scores = np.where(above, scores, -np.inf)
    named = scores.argmax(axis=1)
    return named


def argmax(n_classes: int) -> Rule:
    """The most probable class."""
    return Rule("argmax", np.zeros(n_classes))


def above_share(shares: Floats) -> Rule:
    """The most probable of the classes whose probability exceeds their share of training (R2: proposed, not tried)."""
    return Rule("above share", np.zeros(len(shares)), floors=shares)


def prior_correction(shares: Floats, validation: Predictions) -> Rule:
    """Probability divided by share to the power tau (Menon et al. 2021, "Long-tail learning via logit adjustment").

    Tau is the least of `TAUS` with the highest macro-F1 on validation; at 1, errors on every class count alike.
    """

    def rule(tau: float) -> Rule:
        return Rule("prior correction", -tau * np.log(shares), chosen=f"tau {tau:g}")

    return max(map(rule, TAUS), key=lambda each: round(macro_f1(_confusion(each, validation)), 12))


def thresholds(validation: Predictions) -> Rule:
    """A threshold for each class, chosen for macro-F1 on validation: the class furthest above its own is named.

    Probabilities are divided by thresholds. Starting from argmax, one class's threshold after the other is set where
    macro-F1 is highest with the others as they are, until none moves.
    """
    log_p, y = log_probabilities(validation.logits), validation.y
    n_classes = log_p.shape[1]
    offsets = np.zeros(n_classes)
    best = macro_f1(_confusion(argmax(n_classes), validation))
    for _ in range(SWEEPS):
        before = best
        for c in range(n_classes):
            offset, reached = _best_offset(log_p + offsets, y, c)
            if reached > best + 1e-12:
                best, offsets[c] = reached, offsets[c] + offset
        if best == before:
            break
    factors = np.exp(offsets.min() - offsets)
    ends = factors if n_classes <= FEW_CLASSES else np.array([factors.min(), factors.max()])
    between = " : " if n_classes <= FEW_CLASSES else " to "
    return Rule("thresholds", offsets, chosen=between.join(f"{each:.2f}" for each in ends))


def least_cost(costs: Floats) -> Rule:
    """The class with the least expected cost.

    Args:
        costs: (n_classes, n_classes), of naming the column's class for the row's.

    Raises:
        DataError: it is not square, or holds what is no number.
    """
    if costs.ndim != 2 or costs.shape[0] != costs.shape[1] or not np.isfinite(costs).all():
        raise DataError(f"costs must be a square table of finite numbers, got {' x '.join(map(str, costs.shape))}")
    return Rule("least cost", np.zeros(len(costs)), costs=costs)


def _confusion(rule: Rule, part: Predictions) -> Classes:
    return confusion_matrix(part.y, decide(rule, part.logits), part.logits.shape[1])


def _best_offset(scores: Floats, y: Classes, c: int) -> tuple[float, float]:
    """What to add to the scores of class c for the highest macro-F1, and what that is.

    As it grows, one example after the other goes over to c from the class that it had. Of equally good places the one
    nearest to 0 is taken, in the middle between two examples.
    """
    n, n_classes = scores.shape
    others = np.delete(scores, c, axis=1)
    rival = others.argmax(axis=1)
    margin = others[np.arange(n), rival] - scores[:, c]  # goes over where the offset is larger
    rival += rival >= c
    order = margin.argsort(kind="stable")
    rival, true, margin = rival[order], y[order], margin[order]
    # Row i: after the first i examples went over.
    went = np.arange(n + 1)
    left = np.zeros((n + 1, n_classes), np.int64)
    left[1:] = np.eye(n_classes, dtype=np.int64)[rival].cumsum(axis=0)
    predicted = left[-1] - left
    predicted[:, c] = went
    lost = np.zeros((n + 1, n_classes), np.int64)
    lost[1:] = np.eye(n_classes, dtype=np.int64)[rival] * (rival == true)[:, None]
    lost = lost.cumsum(axis=0)
    hits = lost[-1] - lost
    hits[1:, c] = (true == c).cumsum()
    total = predicted + np.bincount(y, minlength=n_classes)
    present = total > 0
    f1 = np.where(present, 2 * hits / np.maximum(total, 1), 0).sum(axis=1) / present.sum(axis=1)
    # Between two equal margins there is no place.
    edges = np.concatenate([[margin[0] - 1], (margin[1:] + margin[:-1]) / 2, [margin[-1] + 1]])
    possible = np.concatenate([[True], (margin[1:] > edges[1:-1]) & (edges[1:-1] > margin[:-1]), [True]])
    highest = f1[possible].max()
    places = edges[possible & (f1 >= highest - 1e-12)]
    return float(places[np.abs(places).argmin()]), float(highest)


# ---------------------------------------------------------------- what they are worth


@dataclass(frozen=True, slots=True, eq=False)
class Gain:
    """A figure by a rule, on test, and what it has over argmax: over the finished seeds of a cell, seed by seed."""

    reached: Interval
    over_argmax: Interval


@dataclass(frozen=True, slots=True, eq=False)
class RuleScores:
    """A rule over the finished seeds of a cell, on test.

    Intervals are over seeds and test examples; macro-F1's are over seeds.
    """

    rule: str
    accuracy: Gain
    balanced_accuracy: Gain
    macro_f1: Gain
    recall: tuple[tuple[str, Gain], ...]
    """Class -> its recall; NaN where the test part lacks it."""
    chosen: tuple[str, ...] = ()
    """By seed, what was chosen on validation."""


def rules_of(record: TrialRecord, costs: Floats | None = None) -> tuple[Rule, ...]:
    """All rules for a trial, in the order of `RULES`; what is to be chosen is chosen on its validation part.

    Args:
        record: of a finished trial.
        costs: (n_classes, n_classes), as for `least_cost`; None leaves that rule out.

    Raises:
        DataError: the costs do not fit the classes.
    """
    counts = np.array(record.data.counts["train"], np.float64)
    shares, validation = counts / counts.sum(), record.predictions["validation"]
    found = [argmax(len(shares)), above_share(shares), prior_correction(shares, validation), thresholds(validation)]
    if costs is not None:
        if costs.shape != (len(shares), len(shares)):
            raise DataError(f"costs must be {len(shares)} x {len(shares)}, got {' x '.join(map(str, costs.shape))}")
        found.append(least_cost(costs))
    return tuple(found)


def compare_rules(records: Sequence[TrialRecord], rules: Sequence[tuple[Rule, ...]]) -> tuple[RuleScores, ...]:
    """Each rule over the seeds of one cell.

    Args:
        records: at least one, of the same cell.
        rules: of each, as `rules_of` gives them.

    Raises:
        DataError: the records are not of the same test examples.
    """
    tests = [record.predictions["test"] for record in records]
    named = [[decide(rule, test.logits) for rule in own] for own, test in zip(rules, tests, strict=True)]
    names = records[0].data.class_names
    if any(not np.array_equal(test.ids, tests[0].ids) for test in tests):
        raise DataError("the seeds of a cell must be tested on the same examples")
    scores = []
    for i, rule in enumerate(rules[0]):
        own, plain = (
            [confusion_matrix(test.y, seed[which], len(names)) for seed, test in zip(named, tests, strict=True)]
            for which in (i, 0)
        )
        right, base = (
            np.stack([seed[which] == test.y for seed, test in zip(named, tests, strict=True)]).astype(np.float64)
            for which in (i, 0)
        )
        y = tests[0].y
        scores.append(
            RuleScores(
                rule=rule.name,
                accuracy=_crossed(_mean, right, base),
                balanced_accuracy=_crossed(partial(balanced_mean, y=y), right, base),
                macro_f1=_gain(macro_f1, own, plain),
                recall=tuple((name, _recall(right[:, y == c], base[:, y == c])) for c, name in enumerate(names)),
                chosen=tuple(seed[i].chosen for seed in rules) if rule.chosen else (),
            )
        )
    return tuple(scores)


def _crossed(mean: Callable[[Floats], CrossedMean], right: Floats, base: Floats) -> Gain:
    return Gain(mean(right).share_interval(), mean(right - base).interval())


def _recall(right: Floats, base: Floats) -> Gain:
    if not right.size:
        return Gain(mean_interval([math.nan]), mean_interval([math.nan]))
    return _crossed(_mean, right, base)


def _mean(block: Floats) -> CrossedMean:
    return crossed_mean([block])


def _gain(figure: Callable[[Classes], float], own: Sequence[Classes], plain: Sequence[Classes]) -> Gain:
    reached, before = ([figure(each) for each in confusions] for confusions in (own, plain))
    return Gain(mean_interval(reached), mean_interval([a - b for a, b in zip(reached, before, strict=True)]))
