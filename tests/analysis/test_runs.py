"""Two runs beside each other."""

from dataclasses import replace

import pytest

from conformance.build import ENVIRONMENT, make_planned, make_records, make_study
from paribus.analysis.runs import compare_runs
from paribus.analysis.study import analyse


def a_run(accuracies, n_test=200, **changes):
    study = make_study(**changes)
    planned = make_planned(study)
    records = make_records(planned, accuracies, n_test=n_test)
    return analyse(study, planned, records, []), records


def test_a_run_and_itself():
    run = a_run([0.8] * 6)
    found = compare_runs(run, run)
    assert (found.shared.n, found.shared.n_identical, found.shared.largest_difference) == (6, 6, 0.0)
    assert all(pair.same and pair.same_trials and not pair.environment for pair in found.cells)


def test_what_differs_is_told():
    first = a_run([0.8] * 6)
    result, records = a_run(
        [0.9] * 6, baseline={"data": {"source": "digits"}, "model": {"name": "simple_cnn"}, "train": {"epochs": 4}}
    )
    second = result, [replace(one, environment=replace(ENVIRONMENT, threads=2)) for one in records]
    found = compare_runs(first, second)
    assert found.shared.n == 0
    pair = found.cells[0]
    assert pair.specification == {"train.epochs": ("3", "4")}
    assert pair.environment == {"threads": ("1", "2")}
    assert pair.comparison.difference.mean == pytest.approx(0.1)
    assert pair.comparison.sentence.startswith("second beats first by 10.0 points")


def test_other_levels_and_other_test_examples():
    first = a_run([0.8] * 6)
    second = a_run(
        [0.8] * 6, n_test=100, factors={"activation": {"path": "model.activation", "levels": ["elu", "gelu"]}}
    )
    found = compare_runs(first, second)
    assert (found.only_first, found.only_second) == (("relu",), ("gelu",))
    (pair,) = found.cells
    assert not pair.same_test
    assert pair.comparison is None
