"""Whether 95% intervals hold the truth 95 times in 100: simulated studies, the fast form of benchmarks/calibration.

Draws are fixed, so these tests pass or fail for good; bounds are three standard errors of 400 studies wide.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from paribus.analysis.crossed import crossed_mean, holm

_PATH = Path(__file__).parents[2] / "benchmarks" / "calibration" / "simulate.py"
_SPEC = importlib.util.spec_from_file_location("simulate", _PATH)
assert _SPEC
assert _SPEC.loader
simulate = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(simulate)

N = 400
MARGIN = 3 * (0.95 * 0.05 / N) ** 0.5
CASES = [(3, 100, 0.003), (3, 100, 0.02), (5, 1000, 0.02), (10, 1000, 0.003), (3, 2000, 0.02)]


def world(accuracies, case):
    n_seeds, n_test, seed_sd = case
    return simulate.World(accuracies, n_seeds, n_test, seed_sd)


@pytest.mark.parametrize("case", CASES)
def test_intervals_hold_a_true_difference(case):
    held = []
    for better, worse in simulate.studies(world((0.82, 0.8), case), N):
        interval = crossed_mean([better.astype(float) - worse]).interval()
        held.append(interval.low <= 0.02 <= interval.high)
    assert 0.93 - MARGIN <= np.mean(held) <= 0.97 + MARGIN


@pytest.mark.parametrize("case", CASES)
def test_equals_seldom_beat_each_other(case):
    one, of_three = [], []
    for base, *others in simulate.studies(world((0.8,) * 4, case), N, seed=3):
        p_values = [crossed_mean([other.astype(float) - base]).p_value for other in others]
        one.append(p_values[0] <= 0.05)
        of_three.append(min(holm(p_values)) <= 0.05)
    assert np.mean(one) <= 0.05 + MARGIN
    assert np.mean(of_three) <= 0.05 + MARGIN


@pytest.mark.parametrize("case", [(3, 100, 0.004), (10, 100, 0.004), (5, 400, 0.01)])
@pytest.mark.parametrize("accuracy", [0.5, 0.98])
def test_intervals_of_a_cell_hold_its_accuracy(accuracy, case):
    held, plain = [], []
    for (right,) in simulate.studies(world((accuracy,), case), N, seed=4):
        mean = crossed_mean([right.astype(float)])
        for found, interval in ((held, mean.share_interval()), (plain, mean.interval())):
            found.append(interval.low <= accuracy <= interval.high)
    assert 0.93 - MARGIN <= np.mean(held) <= 0.98 + MARGIN
    assert np.mean(held) >= np.mean(plain) - MARGIN


def test_simulated_accuracies_are_as_promised():
    right = [study[0].mean() for study in simulate.studies(world((0.8, 0.9), (5, 500, 0.02)), N)]
    assert np.mean(right) == pytest.approx(0.8, abs=0.005)
    # Seeds' own share shows between two cells that share seeds and examples no more.
    by_seed = [s[0].mean(axis=1) - 0.8 for s in simulate.studies(simulate.World((0.8,), 2, 20_000, 0.02, 0.0), N, 5)]
    within = np.std([a - b for a, b in by_seed]) / 2**0.5
    assert within == pytest.approx(0.02, rel=0.15)
