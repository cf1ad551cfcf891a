"""Means over seeds and examples: variances against statsmodels' two-way analysis, quantiles and p values by hand."""

import math

import numpy as np
import pytest

from paribus.analysis.crossed import CrossedMean, balanced_mean, crossed_mean, holm, mcnemar
from paribus.errors import DataError


@pytest.fixture
def block():
    rng = np.random.default_rng(5)
    values = rng.normal(0, 0.3, (4, 1)) + rng.normal(0, 1.5, 30) + rng.normal(0, 1, (4, 30))
    return np.clip(np.round(values), -1, 1)


def test_variances_are_those_of_a_two_way_layout(block):
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    seed, example = np.indices(block.shape)
    frame = pd.DataFrame({"value": block.ravel(), "seed": seed.ravel(), "example": example.ravel()})
    table = anova_lm(ols("value ~ C(seed) + C(example)", frame).fit())
    squares = table["sum_sq"] / table["df"]
    found = crossed_mean([block])
    assert found.mean == pytest.approx(block.mean())
    assert found.seeds == pytest.approx(squares["C(seed)"] / 120)
    assert found.rest == pytest.approx(squares["Residual"] / 120)
    half_an_example = 0.5 / 29 / 120
    assert found.examples == pytest.approx((squares["C(example)"] - squares["Residual"]) / 120 + half_an_example)
    assert (found.n_seeds, found.n_examples) == (4, 30)


def test_seeds_alone_give_students_t():
    """Where examples have no effect of their own, the interval is the paired t interval over seeds."""
    rng = np.random.default_rng(0)
    block = np.where(rng.random((5, 20_000)) < 0.5 + np.array([[-0.2], [-0.1], [0], [0.1], [0.2]]), 1.0, -1.0)
    by_seed = block.mean(axis=1)
    half = 2.776445 * by_seed.std(ddof=1) / math.sqrt(5)
    assert crossed_mean([block]).interval().half_width == pytest.approx(half, rel=2e-3)


def test_one_seed_is_the_examples_alone():
    block = np.array([[1, 0, 0, -1, 1, 1, 0, 0, 0, 1.0]])
    found = crossed_mean([block])
    interval = found.interval()
    assert math.isnan(found.seeds)
    # Squares around the mean 0.3, half an example more; t(0.975, 9) = 2.262157
    variance = (5 - 10 * 0.09 + 0.5) / 9 / 10
    assert interval.half_width == pytest.approx(2.262157 * math.sqrt(variance), rel=1e-6)
    assert interval.method == "examples"
    with pytest.raises(DataError, match="at least two seeds"):
        found.seeds_for(0.01)


def test_several_sets_of_examples_add_up():
    rng = np.random.default_rng(1)
    one, other = rng.integers(-1, 2, (3, 40)).astype(float), rng.integers(-1, 2, (3, 25)).astype(float)
    both = crossed_mean([one, other])
    assert both.mean == pytest.approx(one.mean() + other.mean())
    assert both.examples == pytest.approx(crossed_mean([one]).examples + crossed_mean([other]).examples)
    assert both.seeds == pytest.approx((one.mean(axis=1) + other.mean(axis=1)).var(ddof=1) / 3)


def test_p_value_is_where_the_interval_meets_zero(block):
    found = crossed_mean([block + 0.3])
    interval = found.interval(1 - found.p_value)
    assert min(abs(interval.low), abs(interval.high)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("block", "p"),
    [
        (np.zeros((3, 100)), 1.0),  # a perfect tie
        (np.ones((3, 100)), 1e-12),  # one is always right, the other never
    ],
)
def test_extremes_have_finite_intervals(block, p):
    found = crossed_mean([block])
    assert 0 < found.interval().half_width < 0.05
    assert found.p_value == pytest.approx(p)


def test_seeds_that_happen_to_be_equal_are_not_without_effect():
    block = np.zeros((2, 100))
    block[0, :4], block[1, 10:14] = 1, 1  # four examples each, not the same ones
    found = crossed_mean([block])
    assert found.seeds == found.rest > 0
    assert found.p_value > 0.05


def test_a_single_test_example_is_no_error():
    assert crossed_mean([np.array([[1.0], [0.0]])]).interval().known
    with pytest.raises(DataError, match="at least one of both"):
        crossed_mean([np.zeros((0, 5))])


def test_detectable_by_hand():
    # All by the examples, of which there are very many: (1.959964 + 0.841621) standard errors.
    found = CrossedMean(0.0, 1e-15, 1e-4, 1e-15, 5, 10**8)
    assert found.detectable() == pytest.approx(0.02801585, rel=1e-5)
    assert found.seeds_for(0.0281) == 2
    assert found.seeds_for(0.02) is None, "more seeds do not help against too few examples"
    # All by the seeds: 3.76106 standard errors, for noncentral t with 4 degrees lies above t(0.975, 4) in 80%.
    by_seeds = CrossedMean(0.0, 1e-4, 1e-15, 1e-6, 5, 10**8)
    assert by_seeds.detectable() == pytest.approx(0.0376106, rel=1e-5)
    needed = by_seeds.seeds_for(0.02)
    assert by_seeds.with_seeds(needed).detectable() <= 0.02 < by_seeds.with_seeds(needed - 1).detectable()


@pytest.mark.parametrize(("only", "others"), [(0, 0), (0, 3), (5, 5), (7, 19), (300, 250)])
def test_mcnemar_against_statsmodels(only, others):
    from scipy.stats import binom
    from statsmodels.stats.contingency_tables import mcnemar as reference

    n, fewer = only + others, min(only, others)
    exact = reference([[50, only], [others, 40]], exact=True).pvalue
    mid_p = 1.0 if only == others else exact - binom.pmf(fewer, n, 0.5)
    assert mcnemar(only, others) == pytest.approx(mid_p, abs=1e-12)


def test_holm_against_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p_values = [0.01, 0.04, 0.03, 0.005, 0.9, 0.04]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())
    assert holm([]) == []


def test_a_mean_over_data_sets_has_the_floor_of_each_scaled():
    """Ten sets of examples on which two cells are equal: no wider than one set of as many examples."""
    one = crossed_mean([np.zeros((3, 100))]).interval().half_width
    ten = crossed_mean([np.zeros((3, 100))] * 10, [0.1] * 10).interval().half_width
    assert ten < one / 2


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 0.97, 1.0])
def test_the_interval_of_a_share_is_wilsons_and_stays_within(accuracy):
    right = np.zeros((1, 200))
    right[0, : round(200 * accuracy)] = 1
    found = crossed_mean([right]).share_interval()
    assert 0 <= found.low <= accuracy <= found.high <= 1
    assert found.half_width > 0.004
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(round(200 * accuracy), 200, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), abs=4e-3), "with t for z, and half an example"


def test_balanced_accuracy_is_the_mean_over_classes():
    right = np.array([[1, 1, 0, 1, 0, 0], [1, 0, 0, 1, 1, 0]], float)
    y = np.array([0, 0, 0, 0, 1, 1])
    assert balanced_mean(right, y).mean == pytest.approx(np.mean([(0.75 + 0.0) / 2, (0.5 + 0.5) / 2]))
