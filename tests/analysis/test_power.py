"""What a study could have seen."""

import pytest

from conformance.build import make_planned, make_records, make_study
from paribus.analysis.power import power
from paribus.analysis.study import analyse
from paribus.errors import DataError


def result(seeds=5, n_test=500, levels=("relu", "elu", "gelu")):
    study = make_study(factors={"activation": {"path": "model.activation", "levels": list(levels)}}, seeds=seeds)
    planned = make_planned(study)
    accuracies = [0.8 + 0.004 * ((7 * i) % 5) for i in range(len(planned))]
    return analyse(study, planned, make_records(planned, accuracies, n_test=n_test), [])


def test_seeds_needed_are_just_enough():
    found = power(result(), 0.05)
    assert [(one.level, one.against, one.n_seeds) for one in found] == [("relu", "elu", 5), ("gelu", "elu", 5)] or len(
        found
    ) == 2
    for one, comparison in zip(found, result().comparisons, strict=True):
        assert one.detectable == comparison.detectable
        level = 1 - 0.05 / 2  # two comparisons
        enough = comparison.difference.with_seeds(one.seeds_needed)
        assert enough.detectable(level) <= 0.05
        assert one.seeds_needed == 2 or comparison.difference.with_seeds(one.seeds_needed - 1).detectable(level) > 0.05
        assert 0 <= one.share_of_seeds <= 1


def test_a_test_set_can_be_too_small():
    assert all(one.seeds_needed is None and one.examples_needed > 100 for one in power(result(n_test=100), 0.001))


def test_bad_questions():
    with pytest.raises(DataError, match="between 0 and 100 points, got 0"):
        power(result(), 0.0)
    with pytest.raises(DataError, match="two finished seeds of two levels"):
        power(result(seeds=1), 0.01)
    with pytest.raises(DataError, match="two finished seeds of two levels"):
        power(result(levels=("relu",)), 0.01)
