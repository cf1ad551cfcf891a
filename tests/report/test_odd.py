"""Studies that are legal and odd: the page is built, and claims nothing that the numbers do not bear."""

import re
from dataclasses import replace

import numpy as np
import pytest

from conformance.build import make_failure, make_planned, make_record, make_records, make_study
from paribus.report.html import render
from paribus.report.page import build


def page(study, records, failures=()):
    built = build(study, make_planned(study), records, list(failures))
    return built.result, render(built)


def with_test(record, y, logits, ids=None):
    """The record with other test predictions."""
    test = record.predictions["test"]
    ids = np.array([f"x{i}" for i in range(len(y))]) if ids is None else ids
    changed = replace(test, ids=ids, y=np.asarray(y, np.int64), logits=np.asarray(logits, np.float32))
    return replace(record, predictions={**record.predictions, "test": changed})


def test_perfect_classifiers_are_equal_and_not_beyond_doubt():
    study = make_study()
    planned = make_planned(study)
    result, html = page(study, make_records(planned, [1.0] * 6, n_test=200))
    (one,) = result.comparisons
    assert one.difference.mean == 0
    assert 0 < one.difference.interval().half_width < 0.05
    assert one.verdict == "unseen"
    assert "100.0" in html


def test_a_class_that_is_missing_from_test_and_one_that_is_never_named():
    study = make_study()
    planned = make_planned(study)
    y = np.array([0, 1] * 20)  # of three classes
    always = np.tile([1.0, 0.0, -1.0], (40, 1))
    records = [with_test(one, y, always) for one in make_records(planned, [0.5] * 6, n_classes=3)]
    result, html = page(study, records)
    assert result.cells[0].scores.accuracy.mean == 0.5
    assert np.isnan(result.cells[0].scores.by_class[2].recall.mean)
    assert not re.search(r"\bnan\b", html)


def test_one_level_one_seed_one_test_example():
    study = make_study(factors={"activation": {"path": "model.activation", "levels": ["elu"]}}, seeds=1)
    planned = make_planned(study)
    record = with_test(make_record(planned[0].trial_id, spec=planned[0].spec), [1], [[0.2, 0.9]])
    result, html = page(study, [record])
    assert result.comparisons == ()
    assert "There is nothing to compare" in html


def test_failed_seeds_are_told_and_never_averaged():
    study = make_study(seeds=4)
    planned = make_planned(study)
    records = [make_record(t.trial_id, spec=t.spec, accuracy=0.8) for t in planned if t.spec.seed != 2]
    failures = [make_failure(t.trial_id, spec=t.spec) for t in planned if t.spec.seed == 2]
    result, html = page(study, records, failures)
    (one,) = result.comparisons
    assert one.difference.n_seeds == 3
    assert "from 3 of 4 seeds (1 failed)" in one.sentence
    assert "2 failed" in html


def test_cells_on_other_test_examples_are_compared_by_seed_and_it_is_said():
    study = make_study(seeds=3)
    planned = make_planned(study)
    records = list(make_records(planned, [0.7, 0.72, 0.71, 0.8, 0.83, 0.81], n_test=400))
    paired, _ = page(study, records)
    for i in (3, 4, 5):
        test = records[i].predictions["test"]
        records[i] = with_test(records[i], test.y, test.logits, np.char.add("other-", test.ids))
    apart, html = page(study, records)
    (before,), (after,) = paired.comparisons, apart.comparisons
    assert after.difference.mean == pytest.approx(before.difference.mean)
    assert after.difference.seeds == pytest.approx(before.difference.seeds)
    assert "3 of 3 seeds, tested on different examples)" in after.sentence
    assert after.by_context[0].pairs == ()
    assert "tested on different examples" in html
