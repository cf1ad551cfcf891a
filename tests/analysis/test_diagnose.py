"""Signs in learning curves: synthetic ones whose diagnosis is known, false alarms counted; advice names real fields."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.build import make_failure, make_record, make_trial
from paribus.analysis.diagnose import SHORTEST, SIGNS, curve_of, diagnose, roughness, smooth
from paribus.spec import Baseline
from paribus.validate import spec_class_at

FOLDER = Path(__file__).parents[2] / "benchmarks" / "curves"


@pytest.fixture(scope="module")
def counting():
    """benchmarks/curves/count.py, which imports its neighbour by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        found = importlib.util.spec_from_file_location("count_signs", FOLDER / "count.py")
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        yield module
        sys.modules.pop("synthetic", None)


SHAPES = ("healthy", "improving", "overfitting", "overconfident", "chance", "diverged", "oscillating", "above")
DRAWS = 60


@pytest.mark.parametrize("n_epochs", [20, 60, 300])
@pytest.mark.parametrize("name", SHAPES)
def test_known_shapes_are_seen_and_nothing_else(counting, name, n_epochs):
    assert set(counting.SHAPES) == set(SHAPES)
    _, _, must, may = counting.SHAPES[name]
    found = [counting.signs_of(name, n_epochs, seed) for seed in range(DRAWS)]
    assert sum(must <= signs for signs in found) >= 0.9 * DRAWS
    assert sum(bool(signs - must - may) for signs in found) <= 0.05 * DRAWS


def record(counting, name, n_epochs=60, seed=0, **spec):
    made = counting.record_of(counting.rows(name, n_epochs, seed))
    return replace(made, spec=make_trial(seed=seed, **spec))


def test_a_cell_has_what_half_of_its_seeds_have(counting):
    three = [record(counting, name, seed=i) for i, name in enumerate(("overfitting", "overfitting", "improving"))]
    overfitting = next(one for one in diagnose(three) if one.sign == "overfitting")
    assert overfitting.seeds == (0, 1)
    assert overfitting.text.startswith("since epoch 1")
    assert "validation loss rises, 0.5" in overfitting.text
    assert overfitting.text.endswith("(2 of 3 seeds, median)")
    assert "still improving" not in {one.sign for one in diagnose(three)}


def test_early_stopping_is_tried_and_its_price_told(counting):
    (one,) = (one for one in diagnose([record(counting, "overfitting", 100)]) if one.sign == "early stopping")
    rows = counting.rows("overfitting", 100, 0)
    losses = [row.validation_loss for row in rows]
    end = next(i for i in range(len(rows)) if i - losses.index(min(losses[: i + 1])) >= 10) + 1
    assert f"ended in epoch {end} of 100" in one.text
    stopping = record(counting, "overfitting", 100, train={"early_stop": {"patience": 3}})
    assert "early stopping" not in {one.sign for one in diagnose([stopping])}


def test_failed_trials_count_as_diverged():
    failure = make_failure("t1", spec=make_trial(seed=1))
    failure = replace(failure, kind="NonFiniteLoss", message="the loss became nan in epoch 3, batch 2")
    (one,) = diagnose([make_record(epochs=3)], [failure])
    assert (one.sign, one.seeds, one.n_seeds) == ("diverged", (1,), 2)
    assert one.text == "1 trial of 2 ended in the loss became nan in epoch 3, batch 2"
    assert one.advice == "lower the learning rate (0.001)"


def test_validation_above_training_points_to_dropout_or_a_leak(counting):
    def advice(**model):
        made = record(counting, "above", model={"name": "simple_cnn", "activation": "relu", **model})
        return next(one for one in diagnose([made]) if one.sign == "validation above training")

    assert advice(dropout=0.4).fields == ("model.dropout",)
    assert "dropout (0.4)" in advice(dropout=0.4).advice
    assert "`paribus data audit`" in advice(dropout=0.0).advice
    assert advice(dropout=0.0).fields == ("data.drop",)


def test_advice_names_fields_that_exist(counting):
    baseline = Baseline.model_validate(
        {"data": {"source": "digits"}, "model": {"name": "simple_cnn"}, "train": {"augmentation": ["horizontal_flip"]}}
    ).model_dump(mode="json")
    seen = set()
    for name in SHAPES:
        for one in diagnose([record(counting, name)]):
            seen.add(one.sign)
            for field in one.fields:
                *owner, last = field.split(".")
                assert last in spec_class_at(Baseline, baseline, tuple(owner)).model_fields, field
    assert seen == set(SIGNS)


def test_short_histories_say_nothing(counting):
    assert diagnose([record(counting, "overfitting", SHORTEST - 1)]) == ()
    assert diagnose([]) == ()


def test_noise_is_told_from_course():
    import numpy as np

    rng = np.random.default_rng(0)
    course = 3 * np.exp(-np.arange(400) / 60)
    assert roughness(course + rng.normal(0, 0.05, 400)) == pytest.approx(0.05, rel=0.15)
    assert roughness(np.array([1.0, 2.0])) == 0
    assert smooth(np.full(17, 2.5)) == pytest.approx(np.full(17, 2.5))


def test_curves_of_a_record():
    curve = curve_of(make_record(epochs=12, n_validation=20))
    assert curve.chance == 0.5
    assert curve.n_validation == 20


def test_what_still_improves_on_validation_is_no_plateau(counting):
    """Training loss saturated in its first epochs, one of them far above all others; validation climbs."""
    import numpy as np

    rows = counting.rows("healthy", 60, 0)
    climbing = [
        replace(row, train_loss=300.0 if i == 0 else 0.1, validation_accuracy=0.6 + 0.25 * i / 59)
        for i, row in enumerate(rows)
    ]
    signs = {one.sign for one in diagnose([replace(counting.record_of(tuple(climbing)), spec=make_trial())])}
    assert "plateau" not in signs
    falling = [replace(row, train_loss=300.0 if i == 0 else 2.2 - 1.5 * i / 59) for i, row in enumerate(rows)]
    assert "plateau" not in {one.sign for one in diagnose([counting.record_of(tuple(falling))])}
    assert np.isfinite(curve_of(counting.record_of(tuple(falling))).loss_noise)
