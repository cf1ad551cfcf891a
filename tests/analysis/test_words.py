"""Sentences: honest, and right in sign and rounding."""

import math

import pytest

from paribus.analysis.crossed import CrossedMean
from paribus.analysis.result import Comparison
from paribus.analysis.words import cell_words, comparison_words, count, join, level_words, number, percent, points


def comparison(mean=None, n=5, verdict="unseen", n_agree=5, corrected=0.01, n_together=1, n_failed=0):
    """A difference with a standard error of 0.01, as good as all of it by the examples: 1.96 of it to each side."""
    found = None if mean is None else CrossedMean(mean, math.nan if n == 1 else 1e-12, 1e-4, 1e-12, n, 10**6)
    return Comparison(
        "activation", "relu", "elu", found, corrected, verdict, n_together, n_failed, 1, 1, n_agree, 5, ()
    )


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (comparison(0.03, verdict="beats"), "relu beats elu by 3.0 points (1.0 to 5.0; 5 of 5 seeds)"),
        (comparison(-0.03, verdict="beats", n_agree=4), "elu beats relu by 3.0 points (1.0 to 5.0; 4 of 5 seeds)"),
        (
            comparison(-0.008, n_agree=3),
            "no difference between relu and elu that this study could see (−0.8 points, −2.8 to 1.2); "
            "it could have seen 2.8",
        ),
        (
            comparison(0.0),
            "no difference between relu and elu that this study could see (0.0 points, −2.0 to 2.0); "
            "it could have seen 2.8",
        ),
        (
            comparison(0.03, n=3, n_agree=3, verdict="beats"),
            "relu beats elu by 3.0 points (1.0 to 5.0; 3 of 3 seeds, from 3 of 5 seeds so far)",
        ),
        (
            comparison(-0.021, verdict="unsure", corrected=0.071, n_together=2),
            "elu was 2.1 points above relu (0.1 to 4.1; 5 of 5 seeds), which can be chance among 2 comparisons "
            "(corrected p = 0.07)",
        ),
        (
            comparison(0.02, n=1, verdict="one seed"),
            "relu was 2.0 points above elu with one seed (0.0 to 4.0 by the test examples alone: other seeds may "
            "differ more, from 1 of 5 seeds so far)",
        ),
        (
            comparison(0.0, n=1, verdict="one seed"),
            "relu and elu were equal with one seed (−2.0 to 2.0 by the test examples alone: other seeds may differ "
            "more, from 1 of 5 seeds so far)",
        ),
        (comparison(verdict="no pairs"), "relu and elu cannot be compared yet: no seed has finished with both"),
    ],
)
def test_comparison(one, sentence):
    assert comparison_words("relu", "elu", one) == sentence


def test_failed_seeds_are_told():
    assert "from 3 of 5 seeds (2 failed)" in comparison_words("relu", "elu", comparison(0.03, n=3, n_failed=2))
    assert comparison_words("relu", "elu", comparison(verdict="no pairs", n_failed=5)) == (
        "relu and elu cannot be compared: no seed has finished with both (5 failed)"
    )


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
    assert level_words("drop", "nothing") == "drop nothing"
    assert level_words("activation", "relu") == "relu"
    assert cell_words({"model": "eegnet", "lr": "0.1"}) == "eegnet · lr 0.1"
    assert cell_words({}) == "baseline"
