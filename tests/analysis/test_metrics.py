"""Metrics, confusion and intervals against scikit-learn, scipy and values worked by hand."""

import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from paribus.analysis.calibration import BINS, best_temperature, brier, calibration_error, reliability
from paribus.analysis.confusion import confusion_matrix, most_confused
from paribus.analysis.intervals import Interval, mean_interval
from paribus.analysis.metrics import accuracy, auroc, balanced_accuracy, cross_entropy, kappa, macro_f1, weighted_f1
from paribus.errors import DataError


def cases():
    rng = np.random.default_rng(7)
    for n, k in ((5, 2), (200, 2), (300, 7), (40, 10)):
        y = rng.integers(0, k, n)
        yield y, np.where(rng.random(n) < 0.6, y, rng.integers(0, k, n)), k
    yield np.array([0, 0, 0]), np.array([1, 1, 1]), 3  # nothing hit, a class that never occurs
    yield np.array([2, 2, 0]), np.array([2, 0, 0]), 4


@pytest.mark.parametrize(("y", "predicted", "k"), list(cases()))
def test_as_scikit_learn(y, predicted, k):
    confusion = confusion_matrix(y, predicted, k)
    assert confusion.dtype == np.int64
    np.testing.assert_array_equal(confusion, sklearn.metrics.confusion_matrix(y, predicted, labels=range(k)))
    assert accuracy(y, predicted) == pytest.approx(sklearn.metrics.accuracy_score(y, predicted), abs=1e-15)
    recalls = sklearn.metrics.recall_score(y, predicted, average=None, labels=np.unique(y), zero_division=0)
    assert balanced_accuracy(confusion) == pytest.approx(recalls.mean(), abs=1e-15)
    expected = sklearn.metrics.f1_score(y, predicted, average="macro", zero_division=0)
    assert macro_f1(confusion) == pytest.approx(expected, abs=1e-15)
    expected = sklearn.metrics.f1_score(y, predicted, average="weighted", zero_division=0)
    assert weighted_f1(confusion) == pytest.approx(expected, abs=1e-15)
    assert kappa(confusion) == pytest.approx(sklearn.metrics.cohen_kappa_score(y, predicted), abs=1e-12)


def test_cross_entropy_by_hand_and_for_great_logits():
    logits = np.array([[0.0, 0.0], [math.log(3), 0.0]], dtype=np.float64)
    assert cross_entropy(np.array([0, 1]), logits) == pytest.approx((math.log(2) + math.log(4)) / 2)
    great = np.array([[10_000.0, 0.0], [0.0, 10_000.0]], dtype=np.float32)
    assert cross_entropy(np.array([0, 0]), great) == pytest.approx(5_000.0)


def test_cross_entropy_as_scikit_learn():
    rng = np.random.default_rng(1)
    logits, y = rng.normal(0, 3, (50, 4)).astype(np.float32), rng.integers(0, 4, 50)
    z = logits.astype(np.float64)
    probabilities = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert cross_entropy(y, logits) == pytest.approx(sklearn.metrics.log_loss(y, probabilities, labels=range(4)))


@pytest.mark.parametrize(
    "call",
    [
        lambda: accuracy(np.array([], dtype=int), np.array([], dtype=int)),
        lambda: accuracy(np.array([0, 1]), np.array([0])),
        lambda: confusion_matrix(np.array([0, 1]), np.array([0]), 2),
        lambda: confusion_matrix(np.array([0, 2]), np.array([0, 1]), 2),
        lambda: confusion_matrix(np.array([0, 1]), np.array([0, -1]), 2),
        lambda: balanced_accuracy(np.zeros((2, 2), dtype=np.int64)),
        lambda: macro_f1(np.zeros((2, 2), dtype=np.int64)),
        lambda: cross_entropy(np.array([0]), np.zeros((2, 2))),
        lambda: mean_interval([]),
        lambda: mean_interval([1.0], level=1.0),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(DataError):
        call()


@pytest.mark.parametrize("values", [[0.8, 0.9], [0.71, 0.74, 0.69, 0.8, 0.77], list(np.linspace(0, 1, 30))])
@pytest.mark.parametrize("level", [0.95, 0.8])
def test_interval_as_scipy(values, level):
    found = mean_interval(values, level)
    low, high = scipy.stats.t.interval(level, len(values) - 1, np.mean(values), scipy.stats.sem(values))
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), low, high))
    assert (found.n, found.method) == (len(values), "student-t")


def test_interval_by_hand():
    # mean 2, standard deviation 1, t(0.975, 2) = 4.30265, so 2 ± 4.30265 / sqrt(3)
    found = mean_interval([1.0, 2.0, 3.0])
    assert found.half_width == pytest.approx(4.30265 / math.sqrt(3), abs=1e-5)
    assert not found.excludes_zero


def test_one_value_has_no_interval():
    found = mean_interval([0.5])
    assert (found.mean, found.n, found.method) == (0.5, 1, "none")
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert not found.known
    assert not found.excludes_zero


@pytest.mark.parametrize(
    ("low", "high", "excludes"), [(0.1, 0.2, True), (-0.2, -0.1, True), (0, 1, False), (-1, 1, False), (1, 1, False)]
)
def test_excludes_zero(low, high, excludes):
    assert Interval((low + high) / 2, low, high, 3, "student-t").excludes_zero is excludes


@pytest.mark.parametrize("k", [2, 5])
def test_auroc_as_scikit_learn(k):
    rng = np.random.default_rng(k)
    y = np.concatenate([np.arange(k), rng.integers(0, k, 120)])
    logits = np.round(rng.normal(size=(len(y), k)) + np.eye(k)[y], 1)  # with ties
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p = np.round(p, 12)
    given = p[:, 1] if k == 2 else p / p.sum(axis=1, keepdims=True)
    assert auroc(y, np.log(p)) == pytest.approx(sklearn.metrics.roc_auc_score(y, given, multi_class="ovr"), abs=2e-4)


def test_auroc_by_hand():
    logits = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 2.0]])
    assert auroc(np.array([0, 0, 1, 1]), logits) == 3.5 / 4  # of four pairs, three in order and one equal
    assert math.isnan(auroc(np.array([1, 1, 1, 1]), logits))
    three = np.array([[2.0, 0, 0], [0, 2, 0], [0, -5, 0]])
    assert auroc(np.array([0, 1, 1]), three) == pytest.approx((1 + 0.5) / 2), "class 2 does not occur"


def test_perfect_and_constant_networks():
    assert kappa(np.diag([5, 5])) == 1
    assert math.isnan(kappa(np.array([[7, 0], [0, 0]])))
    assert kappa(np.array([[3, 0], [3, 0]])) == 0


def test_brier_score_as_scikit_learn():
    rng = np.random.default_rng(3)
    y, logits = rng.integers(0, 2, 50), rng.normal(size=(50, 2))
    p = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    assert brier(y, logits) == pytest.approx(2 * sklearn.metrics.brier_score_loss(y, p))
    assert brier(np.array([2]), np.zeros((1, 4))) == pytest.approx(0.75**2 + 3 * 0.25**2)


def test_calibration_error_by_hand():
    # 4 examples named with 90%, of which 2 are right; 6 with 60%, of which 3 are.
    p = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 6)
    y = np.array([0, 0, 1, 1, 1, 1, 1, 0, 0, 0])
    assert calibration_error(y, np.log(p)) == pytest.approx(0.4 * (0.9 - 0.5) + 0.6 * (0.6 - 0.5))
    assert calibration_error(np.array([1]), np.array([[-1000.0, 0.0]])) == 0, "a probability of 1 is in the last bin"
    assert BINS == 15


def test_temperature_gives_back_what_logits_were_multiplied_by():
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(40_000, 3)) * 1.5
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)  # drawn as the logits say
    for sure in (0.5, 1.0, 4.0):
        found = best_temperature(y, logits * sure)
        assert found == pytest.approx(sure, rel=0.03)
        losses = [cross_entropy(y, logits * sure / t) for t in (found * 0.97, found, found * 1.03)]
        assert losses[1] == min(losses)


def test_temperature_of_perfect_and_of_hopeless_networks_changes_nothing():
    y = np.array([0, 1, 2])
    for logits in (np.eye(3), -np.eye(3), np.zeros((3, 3))):
        assert best_temperature(y, logits) == 1.0


def test_reliability_by_hand():
    logits = np.log(np.array([[0.9, 0.1], [0.92, 0.08], [0.65, 0.35], [0.3, 0.7]]))
    y = np.array([0, 1, 0, 1])
    found = reliability(y, logits, bins=10)
    assert found.count.tolist() == [0] * 6 + [1, 1, 0, 2]
    assert found.confidence[9] == pytest.approx(0.91)
    assert found.accuracy[[6, 7, 9]] == pytest.approx([1, 1, 0.5])
    assert found.error == pytest.approx((2 * 0.41 + 0.35 + 0.3) / 4)
    assert found.too_sure == pytest.approx((2 * 0.41 - 0.35 - 0.3) / 4)
    assert np.isnan(found.confidence[0])


def test_most_confused_pairs():
    matrix = np.array([[50, 30, 20], [0, 90, 10], [0, 0, 0]])
    assert most_confused(matrix, ("a", "b", "c")) == (("a", "b", 0.3), ("a", "c", 0.2), ("b", "c", 0.1))
    assert most_confused(np.diag([5, 5]), ("a", "b")) == ()


def test_kappa_against_statsmodels():
    from statsmodels.stats.inter_rater import cohens_kappa

    matrix = np.array([[50, 30, 20], [5, 90, 10], [7, 3, 40]])
    assert kappa(matrix) == pytest.approx(cohens_kappa(matrix, return_results=False))
