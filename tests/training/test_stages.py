"""Cross-validation, refitting and held streams, in whole trials."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.grid import trial_id
from paribus.models.build import create
from paribus.record import EpochRow, PlannedTrial, TrialRecord
from paribus.reload import evaluate
from paribus.spec import STREAMS, RunSpec, TrialSpec
from paribus.training import loop
from paribus.training.divide import divide, everything, load_once
from paribus.training.evaluate import predict_logits
from paribus.training.examples import prepare
from paribus.training.loop import fit
from paribus.training.rng import stream_seed
from paribus.training.select import selected
from paribus.training.stages import mean_history
from paribus.training.trial import TrialTask, deterministic, run_trial
from paribus.validate import validate


@pytest.fixture
def specify(eeg_file: Path):
    def specify(**changes: Any) -> TrialSpec:
        plain: dict[str, Any] = {
            "data": {"source": "npz", "path": str(eeg_file)},
            "model": {"name": "eegnet"},
            "train": {"epochs": 4, "batch_size": 16},
        }
        for key, value in changes.items():
            plain[key] = {**plain[key], **value} if isinstance(value, dict) else value
        return validate(TrialSpec, plain)

    return specify


@pytest.fixture
def run(specify, tmp_path: Path):
    def run(**changes: Any) -> tuple[TrialRecord, list[EpochRow]]:
        spec, rows = specify(**changes), []
        content = fingerprint(load_dataset(spec.data.origin()))
        planned = PlannedTrial(cell=(), spec=spec, trial_id=trial_id(spec, content))
        outcome = run_trial(TrialTask(planned, content, RunSpec(out=str(tmp_path))), rows.append)
        assert isinstance(outcome, TrialRecord), outcome
        return outcome, rows

    return run


def trained(spec: TrialSpec, train: np.ndarray, until: int) -> torch.nn.Module:
    """A network trained on these rows for so many epochs, by the loop alone."""
    dataset, _ = load_once(spec.data.origin())
    parts = everything(spec, divide(spec))
    examples = prepare(dataset, train, parts.normalisation, torch.device("cpu"))
    model = create(
        spec.model, dataset.input_shape, dataset.n_classes, lambda name: stream_seed(spec.seed, "weights", name)
    )
    with deterministic(1):
        fitted = fit(model, examples, None, None, spec, lambda _: None, until)
    model.load_state_dict(fitted.weights)
    return model


def test_refit_trains_on_everything_for_the_chosen_epochs(run, specify, tmp_path: Path) -> None:
    record, rows = run(train={"refit": "all", "epochs": 5})
    n = record.selected_epoch
    assert [row.epoch for row in rows] == [1, 2, 3, 4, 5, *range(1, n + 1)]
    assert all(np.isnan(row.validation_loss) for row in rows[5:])
    assert len(record.history) == 5
    plain, _ = run(train={"epochs": 5})
    assert [r.validation_loss for r in record.history] == [r.validation_loss for r in plain.history]
    assert np.array_equal(record.predictions["validation"].logits, plain.predictions["validation"].logits)
    assert not np.array_equal(record.predictions["test"].logits, plain.predictions["test"].logits)
    # The same by hand.
    spec = specify(train={"refit": "all", "epochs": 5})
    dataset, _ = load_once(spec.data.origin())
    whole = everything(spec, divide(spec))
    assert whole.rows["train"].tolist() == np.flatnonzero(dataset.part == "train").tolist()
    model = trained(spec, whole.rows["train"], n)
    test = prepare(dataset, whole.rows["test"], whole.normalisation, torch.device("cpu"))
    with deterministic(1):
        logits = predict_logits(model, test, "fp32").numpy()
    assert np.array_equal(logits, record.predictions["test"].logits)
    assert sum(record.data.counts["train"]) == 60
    assert evaluate(tmp_path / record.checkpoint).identical


@pytest.mark.parametrize("folds", [{}, {"folds": "groups"}])
def test_no_subject_stands_on_two_sides_of_data_without_a_test_part(specify, tmp_path: Path, folds: Any) -> None:
    group, rng = np.repeat(["a", "b", "c", "d", "e"], 16), np.random.default_rng(0)
    path = str(tmp_path / "subjects.npz")
    np.savez(path, x=rng.normal(size=(80, 2, 64)).astype(np.float32), y=np.arange(80) % 2, group=group)
    divided = divide(specify(data={"path": path, "split_by_group": True, **folds}, train={"refit": "all"}))
    assert len(divided) == (4 if folds else 1)
    for parts in divided:
        sides = [set(group[parts.rows[part]].tolist()) for part in ("train", "validation", "test")]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 5


def test_in_folds_every_example_is_predicted_by_a_network_that_has_not_seen_it(run, specify) -> None:
    record, rows = run(data={"folds": 3}, train={"refit": "all"})
    spec = specify(data={"folds": 3}, train={"refit": "all"})
    dataset, _ = load_once(spec.data.origin())
    n = record.selected_epoch
    assert len(rows) == 3 * 4 + n
    validation = record.predictions["validation"]
    assert validation.ids.tolist() == dataset.ids[np.flatnonzero(dataset.part == "train")].tolist()
    by_id = dict(zip(validation.ids.tolist(), validation.logits, strict=True))
    for parts in divide(spec):
        model = create(spec.model, dataset.input_shape, 2, lambda name: stream_seed(spec.seed, "weights", name))
        train, held = (prepare(dataset, parts.rows[p], parts.normalisation, torch.device("cpu"))
                       for p in ("train", "validation"))  # fmt: skip
        with deterministic(1):
            model.load_state_dict(fit(model, train, None, None, spec, lambda _: None, n).weights)
            logits = predict_logits(model, held, "fp32").numpy()
        for example, row in zip(dataset.ids[parts.rows["validation"]].tolist(), logits, strict=True):
            assert np.array_equal(by_id[example], row)
    means = [np.average([rows[4 * k + e].validation_accuracy for k in range(3)], weights=[20] * 3) for e in range(4)]
    assert [row.validation_accuracy for row in record.history] == pytest.approx(means)
    accuracy = (validation.logits.argmax(1) == validation.y).mean()
    assert accuracy == pytest.approx(record.history[n - 1].validation_accuracy)


def test_early_stopping_does_not_reach_the_refit(run) -> None:
    record, rows = run(train={"refit": "all", "epochs": 6, "early_stop": {"patience": 1, "min_improvement": 10.0}})
    assert record.stopped_early
    assert len(record.history) == 2
    assert len(rows) == 2 + record.selected_epoch


def test_limit_and_drop_hold_in_a_refit(run) -> None:
    record, _ = run(data={"limit": 20}, train={"refit": "all"})
    assert sum(record.data.counts["train"]) == 20


def test_held_streams_are_those_of_seed_0(run, monkeypatch) -> None:
    seen: list[tuple[str, int]] = []
    real = loop.stream_seed

    def spy(seed, purpose, part=""):
        seen.append((purpose, seed))
        return real(seed, purpose, part)

    monkeypatch.setattr(loop, "stream_seed", spy)
    run(seed=3, vary=["init"])
    assert {seed for purpose, seed in seen if purpose == "dropout"} == {0}
    seen.clear()
    run(seed=3, vary=["dropout"])
    assert {seed for purpose, seed in seen if purpose == "dropout"} == {3}


@pytest.mark.parametrize("stream", ["split", "init", "order", "dropout"])
def test_a_stream_alone_makes_seeds_differ(run, stream: str) -> None:
    """And at seed 0 all is as it would be with everything varying."""
    one, other = (run(seed=seed, vary=[stream])[0].predictions["test"].logits for seed in (0, 5))
    assert not np.array_equal(one, other)
    everything_varies = run(seed=0)[0].predictions["test"].logits
    assert np.array_equal(one, everything_varies)


def test_what_is_held_is_the_same_for_every_seed(run, specify) -> None:
    """Without augmentation nothing follows its stream, so that seeds give the same bits."""
    one, other = (run(seed=seed, vary=["augmentation"])[0].predictions["test"].logits for seed in (1, 2))
    assert np.array_equal(one, other)
    assert specify(seed=7, vary=["order", "split"]).vary == ("split", "order")
    assert [specify(seed=7, vary=["init"]).seed_of(stream) for stream in STREAMS] == [0, 7, 0, 0, 0]


def test_mean_history_by_hand() -> None:
    row = EpochRow(1, 1.0, 0.5, 1.0, 0.6, 1.0, 0.7, 0.1, 2.0)
    other = replace(row, validation_accuracy=0.9, train_loss=3.0, seconds=1.0)
    (mean,) = mean_history([(row,), (other,)], [10, 30])
    assert mean.validation_accuracy == pytest.approx((10 * 0.6 + 30 * 0.9) / 40)
    assert mean.train_loss == pytest.approx(2.5)
    assert mean.seconds == 3.0
    later = replace(mean, epoch=2, validation_accuracy=0.99)
    assert selected("best_validation", (mean, later)).epoch == 2
    assert selected("last", (mean, later)).epoch == 2


def test_of_a_fold_only_its_curves_are_kept(specify, monkeypatch) -> None:
    """Networks and examples of earlier folds are gone when a later one begins."""
    import gc
    import weakref

    from paribus.training import stages

    alive: list[weakref.ref] = []
    most = []
    real = stages.create

    def create_and_count(*arguments):
        gc.collect()
        most.append(sum(ref() is not None for ref in alive))
        model = real(*arguments)
        alive.append(weakref.ref(model))
        return model

    monkeypatch.setattr(stages, "create", create_and_count)
    spec = specify(data={"folds": 6}, train={"refit": "all", "epochs": 1})
    dataset, _ = load_once(spec.data.origin())
    with deterministic(1):
        stages.train(spec, dataset, torch.device("cpu"), lambda _: None)
    assert len(most) == 7
    assert max(most) <= 1


def test_a_refit_that_breaks_is_a_failure(specify, tmp_path: Path) -> None:
    """One step in the first training, two in the refit, of which the second has nothing finite to go by."""
    spec = specify(
        train={"refit": "all", "epochs": 1, "batch_size": 48,
               "optimizer": {"name": "sgd", "lr": 1e20, "weight_decay": 1.0}},
    )  # fmt: skip
    content = fingerprint(load_dataset(spec.data.origin()))
    planned = PlannedTrial(cell=(), spec=spec, trial_id=trial_id(spec, content))
    outcome = run_trial(TrialTask(planned, content, RunSpec(out=str(tmp_path))), lambda _: None)
    assert type(outcome).__name__ == "TrialFailure"
    assert outcome.kind == "NonFiniteLoss"
