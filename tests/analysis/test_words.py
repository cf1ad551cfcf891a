"""Sentences: honest, and right in sign and rounding."""

import math

import pytest

from paribus.analysis.intervals import Interval
from paribus.analysis.words import cell_words, comparison_words, count, join, level_words, number, percent, points


def interval(mean, low=math.nan, high=math.nan, n=5):
    return Interval(mean, low, high, n, "student-t")


@pytest.mark.parametrize(
    ("difference", "n_agree", "sentence"),
    [
        (interval(0.021, 0.004, 0.038), 5, "relu beats elu by 2.1 points (0.4 to 3.8; 5 of 5 seeds)"),
        (interval(-0.021, -0.038, -0.004), 4, "elu beats relu by 2.1 points (0.4 to 3.8; 4 of 5 seeds)"),
        (
            interval(-0.008, -0.02, 0.004),
            3,
            "no difference between relu and elu that this study could see (−0.8 points, −2.0 to 0.4)",
        ),
        (
            interval(0.0, 0.0, 0.0),
            0,
            "no difference between relu and elu that this study could see (0.0 points, 0.0 to 0.0)",
        ),
        (
            interval(0.021, 0.004, 0.038, n=3),
            3,
            "relu beats elu by 2.1 points (0.4 to 3.8; 3 of 3 seeds, from 3 of 5 seeds so far)",
        ),
        (None, 0, "relu and elu cannot be compared yet: no seed has finished with both"),
    ],
)
def test_comparison(difference, n_agree, sentence):
    assert comparison_words("relu", "elu", difference, n_agree, 5) == sentence


@pytest.mark.parametrize(
    ("mean", "start"),
    [
        (0.02, "relu was 2.0 points above elu"),
        (-0.02, "elu was 2.0 points above relu"),
        (0.0, "relu and elu were equal"),
    ],
)
def test_one_seed_says_so(mean, start):
    sentence = comparison_words("relu", "elu", interval(mean, n=1), 1, 1)
    assert sentence == f"{start} with one seed, and one seed has no interval"


def test_numbers():
    assert number(-0.04) == "0.0"
    assert number(-0.06) == "−0.1"
    assert number(math.nan) == "–"
    assert percent(0.88136) == "88.1%"
    assert points(0.021, signed=True) == "+2.1"
    assert points(0.0001, signed=True) == "0.0"
    assert count(1, "seed") == "1 seed"
    assert count(1200, "seed") == "1,200 seeds"
    assert (join(["a"]), join(["a", "b"]), join(["a", "b", "c"])) == ("a", "a and b", "a, b and c")


def test_mere_values_are_named_by_their_factor():
    assert level_words("lr", "0.001") == "lr 0.001"
    assert level_words("nesterov", "true") == "nesterov true"
    assert level_words("activation", "relu") == "relu"
    assert cell_words({"model": "eegnet", "lr": "0.1"}) == "eegnet · lr 0.1"
    assert cell_words({}) == "baseline"
