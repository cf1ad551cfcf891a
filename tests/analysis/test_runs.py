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
    assert all(pair.same and pair.n_same == 3 and not pair.environment for pair in found.cells)


def test_what_differs_is_told():
    first = a_run([0.8] * 6)
    first = a_run([0.8] * 6, n_test=2000)
    result, records = a_run(
        [0.9] * 6,
        n_test=2000,
        baseline={"data": {"source": "digits"}, "model": {"name": "simple_cnn"}, "train": {"epochs": 4}},
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


def test_no_seed_in_common_is_not_other_examples():
    found = compare_runs(a_run([0.8] * 6), a_run([0.8] * 6, seeds=[5, 6, 7]))
    assert all(pair.same_test for pair in found.cells)
    assert "no seed has finished with both" in found.cells[0].comparison.sentence


def test_cells_are_corrected_for_each_other():
    levels = {"activation": {"path": "model.activation", "levels": ["relu", "elu", "gelu", "silu"]}}
    longer = {"data": {"source": "digits"}, "model": {"name": "simple_cnn"}, "train": {"epochs": 4}}
    found = compare_runs(
        a_run([0.8] * 12, factors=levels), a_run([0.81, 0.84, 0.82] * 4, factors=levels, baseline=longer)
    )
    assert [pair.comparison.n_together for pair in found.cells] == [4] * 4


def test_a_run_with_more_seeds_waits_for_none():
    first = a_run([0.8] * 6, n_test=2000)
    second = a_run(
        [0.9] * 10,
        n_test=2000,
        seeds=5,
        baseline={"data": {"source": "digits"}, "model": {"name": "simple_cnn"}, "train": {"epochs": 4}},
    )
    assert "so far" not in compare_runs(first, second).cells[0].comparison.sentence
