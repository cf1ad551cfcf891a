"""Decision rules, by hand and by trying everything."""

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

from paribus.analysis import decide as module
from paribus.analysis.decide import (
    RULES,
    above_share,
    argmax,
    compare_rules,
    decide,
    least_cost,
    prior_correction,
    rules_of,
    thresholds,
)
from paribus.errors import DataError
from paribus.record import Predictions


def logits_of(probabilities: list[list[float]]) -> np.ndarray:
    return np.log(np.array(probabilities)).astype(np.float32)


def part(y: np.ndarray, logits: np.ndarray) -> Predictions:
    return Predictions(ids=np.arange(len(y)).astype(str), y=y.astype(np.int64), logits=logits.astype(np.float32))


def made(n: int, shares: tuple[float, ...], seed: int, signal: float = 1.0) -> Predictions:
    """What a network calibrated to the shares would say."""
    rng = np.random.default_rng(seed)
    y = rng.choice(len(shares), n, p=shares)
    x = rng.normal(size=(n, len(shares))) + signal * np.eye(len(shares))[y]
    return part(y, signal * x + np.log(shares))


P = [[0.5, 0.3, 0.2], [0.45, 0.15, 0.4], [0.2, 0.5, 0.3], [0.34, 0.33, 0.33]]


def test_rules_by_hand() -> None:
    shares = np.array([0.6, 0.1, 0.3])
    assert decide(argmax(3), logits_of(P)).tolist() == [0, 0, 1, 0]
    # Above their shares: {1}; {1, 2}; {1}; {1, 2}.
    assert decide(above_share(shares), logits_of(P)).tolist() == [1, 2, 1, 1]
    # Expected costs of naming 0, 1, 2 where missing class 2 costs 10: p1 + 10 p2; p0 + 10 p2; p0 + p1.
    costs = np.array([[0, 1, 1], [1, 0, 1], [10, 10, 0]])
    assert decide(least_cost(costs), logits_of(P)).tolist() == [2, 2, 2, 2]
    assert decide(least_cost(1.0 - np.eye(3)), logits_of(P)).tolist() == [0, 0, 1, 0]


def test_where_no_class_exceeds_its_share_argmax_is_left() -> None:
    assert decide(above_share(np.array([0.5, 0.5])), logits_of([[0.5, 0.5]])).tolist() == [0]


def test_prior_correction_at_1_divides_by_share(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = np.array([0.7, 0.2, 0.1])
    monkeypatch.setattr(module, "TAUS", (1.0,))
    test = made(500, (0.7, 0.2, 0.1), 1)
    p = np.exp(module.log_probabilities(test.logits))
    assert decide(prior_correction(shares, test), test.logits).tolist() == (p / shares).argmax(axis=1).tolist()


def test_prior_correction_takes_the_best_tau_and_none_where_none_is_better() -> None:
    shares = (0.8, 0.15, 0.05)
    validation = made(3000, shares, 2)
    scores = {
        tau: f1_score(
            validation.y,
            (module.log_probabilities(validation.logits) - tau * np.log(shares)).argmax(axis=1),
            average="macro",
        )
        for tau in module.TAUS
    }
    rule = prior_correction(np.array(shares), validation)
    assert rule.chosen == f"tau {max(scores, key=lambda tau: scores[tau]):g}"
    even = made(300, (0.5, 0.5), 3)
    assert prior_correction(np.array([0.5, 0.5]), even).chosen == "tau 0"


@pytest.mark.parametrize("seed", range(5))
def test_one_threshold_is_the_best_there_is(seed: int) -> None:
    given = made(40, (0.6, 0.3, 0.1), seed)
    scores = module.log_probabilities(given.logits)
    for c in range(3):
        offset, reached = module._best_offset(scores, given.y, c)
        # Everything that can happen as the score of class c rises: one more example goes over.
        margins = np.sort(np.delete(scores, c, 1).max(axis=1) - scores[:, c])
        tried = []
        for place in [margins[0] - 1, *(margins + 1e-9)]:
            moved = scores.copy()
            moved[:, c] += place
            tried.append(f1_score(given.y, moved.argmax(axis=1), average="macro", zero_division=0))
        moved = scores.copy()
        moved[:, c] += offset
        got = f1_score(given.y, moved.argmax(axis=1), average="macro", zero_division=0)
        assert reached == pytest.approx(got)
        assert reached == pytest.approx(max(tried))


def test_thresholds_are_no_worse_than_argmax_on_validation_and_near_the_best_of_a_grid() -> None:
    validation = made(200, (0.75, 0.2, 0.05), 7)
    log_p, y = module.log_probabilities(validation.logits), validation.y

    def reached(offsets: Any) -> float:
        return float(f1_score(y, (log_p + offsets).argmax(axis=1), average="macro", zero_division=0))

    rule = thresholds(validation)
    grid = max(reached([0.0, a, b]) for a, b in itertools.product(np.linspace(-3, 5, 33), repeat=2))
    assert reached(rule.offsets) >= max(reached(np.zeros(3)), grid - 0.03)
    assert rule.chosen == " : ".join(f"{t:.2f}" for t in np.exp(-rule.offsets - (-rule.offsets).max()))


def test_ties_do_not_break_thresholds() -> None:
    same = part(np.array([0, 1, 1, 0, 1]), np.zeros((5, 2)))
    rule = thresholds(same)
    assert np.isfinite(rule.offsets).all()


def test_comparison_equals_scikit_learn() -> None:
    shares = (0.8, 0.15, 0.05)
    y = made(600, shares, 100).y
    records: list[Any] = []
    for s in range(3):
        rng = np.random.default_rng(200 + s)
        x = rng.normal(size=(600, 3)) + np.eye(3)[y]  # what a network calibrated to the shares would say of y
        records.append(
            SimpleNamespace(
                data=SimpleNamespace(counts={"train": (800, 150, 50)}, class_names=("a", "b", "c")),
                predictions={"validation": made(400, shares, s), "test": part(y, x + np.log(shares))},
            )
        )
    found = compare_rules(records, [rules_of(record, 1.0 - np.eye(3)) for record in records])
    assert tuple(each.rule for each in found) == RULES
    predicted = [record.predictions["test"].logits.argmax(axis=1) for record in records]
    truth = [record.predictions["test"].y for record in records]
    pairs = list(zip(truth, predicted, strict=True))
    assert found[0].macro_f1.reached.mean == pytest.approx(np.mean([f1_score(y, p, average="macro") for y, p in pairs]))
    assert found[0].balanced_accuracy.reached.mean == pytest.approx(
        np.mean([balanced_accuracy_score(y, p) for y, p in pairs])
    )
    recalls = np.mean([recall_score(y, p, average=None) for y, p in pairs], axis=0)
    assert [each.reached.mean for _, each in found[0].recall] == pytest.approx(recalls.tolist())
    assert found[4].accuracy.over_argmax.mean == 0, "equal costs are argmax"
    # What the networks say is calibrated: dividing by share must raise balanced accuracy and cost accuracy.
    assert found[1].balanced_accuracy.over_argmax.low > 0 > found[1].accuracy.over_argmax.high
    assert len(found[2].chosen) == 3


@pytest.mark.parametrize("costs", [np.zeros((2, 3)), np.array([[0, np.nan], [1, 0]]), np.zeros(2)])
def test_costs_that_cannot_be(costs: np.ndarray) -> None:
    with pytest.raises(DataError, match="costs must be"):
        least_cost(costs)
