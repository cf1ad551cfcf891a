"""Grids of two factors: marginal means and interactions worked out by hand."""

import numpy as np
import pytest

from conformance.build import make_planned, make_record, make_study
from paribus.analysis.crossed import CrossedMean
from paribus.analysis.result import Interaction
from paribus.analysis.study import analyse

N = 1000


def right(*levels):
    """Share of 1,000 examples that a cell has right: elu does 10 points with eegnet, none with deepconvnet."""
    return {
        ("eegnet", "relu"): 0.70,
        ("eegnet", "elu"): 0.80,
        ("deepconvnet", "relu"): 0.6,
        ("deepconvnet", "elu"): 0.6,
    }[levels]


def records(planned, share, n_test=N):
    found = []
    for trial in planned:
        levels = tuple(level for _, level in trial.cell)
        found.append(
            make_record(
                trial.trial_id, spec=trial.spec, accuracy=share(*levels) + 0.002 * trial.spec.seed, n_test=n_test
            )
        )
    return found


@pytest.fixture(scope="module")
def study():
    return make_study(
        baseline={
            "data": {"source": "digits"},
            "model": {"name": "eegnet", "activation": "gelu"},
            "train": {"epochs": 3},
        },
        factors={
            "network": {"path": "model.name", "levels": ["eegnet", "deepconvnet"]},
            "activation": {"path": "model.activation", "levels": ["relu", "elu"]},
        },
        seeds=5,
    )


def test_means_over_each_factor(study):
    planned = make_planned(study)
    (both,) = analyse(study, planned, records(planned, right), []).two_ways
    assert both.factors == ("network", "activation")
    assert both.means["eegnet", None].mean == pytest.approx(0.754)
    assert both.means[None, "relu"].mean == pytest.approx(0.654)
    assert both.means[None, None].mean == pytest.approx(np.mean([0.7, 0.8, 0.6, 0.6]) + 0.004)
    assert both.means["deepconvnet", "elu"].mean == pytest.approx(0.604)


def test_an_interaction_is_the_difference_of_differences(study):
    planned = make_planned(study)
    result = analyse(study, planned, records(planned, right), [])
    (one,) = result.two_ways[0].interactions
    # Neither level is the baseline's own (gelu): elu is measured against the first, relu.
    assert one.levels == (("network", "deepconvnet", "eegnet"), ("activation", "elu", "relu"))
    assert one.difference.mean == pytest.approx((0.6 - 0.8) - (0.6 - 0.7))
    assert one.corrected < 0.05
    does, depends = one.sentence.split(": ")
    assert does == "deepconvnet against eegnet does −20.0 points with elu, −10.0 points with relu"
    assert depends.startswith("it depends on activation (−10.0, ")


def test_no_interaction_says_what_could_have_been_seen(study):
    planned = make_planned(study)
    flat = records(planned, lambda network, activation: 0.7 + 0.05 * (network == "eegnet"))
    (one,) = analyse(study, planned, flat, []).two_ways[0].interactions
    assert one.corrected > 0.05
    assert "could not be seen to depend on elu or relu" in one.sentence


def test_a_grid_with_a_missing_cell(study):
    planned = make_planned(study)
    some = [one for one in records(planned, right) if one.spec.model.name != "deepconvnet"]
    (both,) = analyse(study, planned, some, []).two_ways
    assert ("deepconvnet", "relu") not in both.means
    assert both.interactions == ()


def test_effects_are_of_the_seeds_of_their_interaction(study):
    """elu with deepconvnet has two hard seeds only: what the others did must not show in the other corners."""
    planned = make_planned(study)

    def share(trial):
        base = right(*(level for _, level in trial.cell))
        return base - 0.3 * (trial.spec.seed > 1)

    some = [t for t in planned if t.spec.seed > 1 or tuple(level for _, level in t.cell) != ("deepconvnet", "elu")]
    records_of = [make_record(t.trial_id, spec=t.spec, accuracy=share(t), n_test=N) for t in some]
    (both,) = analyse(study, planned, records_of, []).two_ways
    (one,) = both.interactions
    assert one.difference.n_seeds == 3
    assert "does −20.0 points with elu, −10.0 points with relu" in one.sentence
    assert both.means["eegnet", None].mean == pytest.approx(0.75 - 0.3)
    assert both.means["eegnet", "elu"].n == 3


def test_of_three_factors_only_whole_slices_count():
    study = make_study(
        baseline={"data": {"source": "digits"}, "model": {"name": "eegnet"}, "train": {"epochs": 3}},
        factors={
            "network": {"path": "model.name", "levels": ["eegnet", "deepconvnet"]},
            "activation": {"path": "model.activation", "levels": ["relu", "elu"]},
            "size": {"path": "train.batch_size", "levels": [32, 64]},
        },
        seeds=3,
    )
    planned = make_planned(study)
    lost = ("deepconvnet", "elu", "64")
    there = [t for t in planned if tuple(level for _, level in t.cell) != lost]
    result = analyse(study, planned, records(there, lambda *levels: right(*levels[:2])), [])
    both = result.two_ways[0]
    assert both.factors == ("network", "activation")
    assert both.means["eegnet", "elu"].mean == pytest.approx(0.802)
    assert len(both.interactions) == 1


def test_an_interaction_that_may_be_chance_is_not_called_unseen():
    found = CrossedMean(0.055, 1e-5, 2e-4, 1e-5, 5, 400)
    one = Interaction((("a", "x", "y"), ("b", "v", "w")), found, 0.064, 9, (found, found))
    assert "which can be chance among 9 interactions (corrected p = 0.06)" in one.sentence
    assert one.detectable > one.difference.detectable()
