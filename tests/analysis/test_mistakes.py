"""Which examples are named wrongly."""

import numpy as np

from paribus.analysis.mistakes import always_wrong, mistakes, of_pairs
from paribus.record import Predictions


def made(probabilities, y=(0, 0, 1, 2)):
    p = np.array(probabilities)
    return Predictions(np.array([f"e{i}" for i in range(len(p))]), np.array(y), np.log(p).astype(np.float32))


ONE = [[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.5, 0.3, 0.2]]
OTHER = [[0.1, 0.8, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]]


def test_by_the_mean_probability_the_most_confident_first():
    found = mistakes([made(ONE), made(OTHER)])
    # Example 2: (0.1 + 0.8) / 2 for class 1 and as much for class 2: the first of equals, which is right.
    assert [(one.id, one.true, one.named) for one in found] == [("e0", 0, 1), ("e3", 2, 0)]
    np.testing.assert_allclose([one.probability for one in found], [0.75, 0.55], rtol=1e-6)
    np.testing.assert_allclose([one.of_true for one in found], [0.15, 0.15], rtol=1e-6)
    assert mistakes([made(np.eye(3)[[0, 0, 1, 2]] + 1e-9)]) == ()


def test_pairs_by_how_often():
    found = mistakes([made([[0.2, 0.7, 0.1]] * 3 + [[0.5, 0.3, 0.2]], y=(0, 0, 0, 2))])
    assert [(pair, len(some)) for pair, some in of_pairs(found)] == [((0, 1), 3), ((2, 0), 1)]


def test_wrong_in_every_trial_of_every_cell():
    found, n = always_wrong([[made(ONE)], [made(OTHER)]])
    assert n == 2
    assert [one.id for one in found] == ["e0", "e3"]
    found, n = always_wrong([[made(ONE)], [made(np.eye(3)[[0, 1, 1, 0]] + 1e-9)]])
    assert (n, [one.id for one in found]) == (1, ["e3"])
