"""One trial: all else equal, to the last bit, and failures that are records."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.kernels.dropout import Chance
from paribus.models.side_effects import seeded
from paribus.record import PlannedTrial, TrialFailure, TrialPruned, TrialRecord
from paribus.spec import RunSpec, TrialSpec
from paribus.training import checkpoint, loop
from paribus.training.trial import TrialTask, run_trial
from paribus.validate import validate


def test_a_trial_below_its_bar_ends_there(run, tmp_path: Path) -> None:
    recipe = {"epochs": 6, "early_stop": {"patience": 1}, "refit": "all", "optimizer": {"name": "adam", "lr": 0.1}}
    whole = run(train=recipe)
    n = len(whole.history)
    assert n < 6
    begun = run(train=recipe, bar=(0.0, 2.0))
    assert isinstance(begun, TrialPruned)
    assert [row.validation_loss for row in begun.history] == [row.validation_loss for row in whole.history[:2]]
    assert [row.train_loss for row in begun.history] == [row.train_loss for row in whole.history[:2]]
    # early stop had ended the training before the bar rose, and the refit is not held against it
    kept = run(train=recipe, bar=(0.0,) * n + (2.0,) * (6 - n))
    assert isinstance(kept, TrialRecord)
    assert np.array_equal(kept.predictions["test"].logits, whole.predictions["test"].logits)


def finished(outcome: TrialRecord | TrialFailure) -> TrialRecord:
    assert isinstance(outcome, TrialRecord), outcome
    return outcome


def without_time(record: TrialRecord) -> list[tuple]:
    return [(r.epoch, r.train_loss, r.validation_loss, r.test_loss, r.train_accuracy, r.lr) for r in record.history]


@pytest.mark.parametrize("name", ["eegnet", "deepconvnet"])
def test_the_same_trial_gives_the_same_bits(run, name: str, tmp_path: Path) -> None:
    first = finished(run(model={"name": name}))
    weights = (tmp_path / first.checkpoint).read_bytes()
    torch.manual_seed(123)  # whatever the process drew before must not matter
    torch.rand(7)
    second = finished(run(model={"name": name}))
    assert without_time(first) == without_time(second)
    assert np.array_equal(first.predictions["test"].logits, second.predictions["test"].logits)
    assert (tmp_path / second.checkpoint).read_bytes() == weights
    other = finished(run(model={"name": name}, seed=1))
    assert without_time(first) != without_time(other)


DRAWS_AS_IT_TRAINS = """
import random
import numpy as np
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, input_shape, n_classes):
        super().__init__()
        self.last = nn.Linear(input_shape[0] * input_shape[1] * input_shape[2], n_classes)

    def forward(self, x):
        noise = random.random() + np.random.rand() + torch.rand(()) if self.training else 0
        return self.last(x.flatten(1) + noise)
"""


def draws() -> tuple[float, ...]:
    return random.random(), float(np.random.random()), float(torch.rand(1))  # noqa: NPY002  # as others' code does


def test_a_network_may_draw_from_any_global_generator(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net_that_draws.py").write_text(DRAWS_AS_IT_TRAINS)
    monkeypatch.chdir(tmp_path)
    model = {"name": "net_that_draws:Net"}
    first = finished(run(model=model))
    with seeded(123):
        expected = draws()
    with seeded(123):
        again = finished(run(model=model))
        assert draws() == expected
    assert np.array_equal(first.predictions["test"].logits, again.predictions["test"].logits)
    assert without_time(first) != without_time(finished(run(model=model, seed=1)))


def test_the_process_keeps_its_own_settings(run) -> None:
    torch.manual_seed(5)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    finished(run(threads=1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


class Spy:
    """Notes what the loop draws: the order of each epoch, and the key of each dropout mask."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.orders: list[torch.Tensor] = []
        self.masks: list[tuple[str, tuple[int, int]]] = []
        randperm, key = torch.randperm, Chance.key

        def spy_order(*arguments: Any, **options: Any) -> torch.Tensor:
            self.orders.append(randperm(*arguments, **options))
            return self.orders[-1]

        def spy_key(chance: Chance, name: str) -> tuple[int, int]:
            self.masks.append((name, key(chance, name)))
            return self.masks[-1][1]

        monkeypatch.setattr(loop.torch, "randperm", spy_order)
        monkeypatch.setattr(Chance, "key", spy_key)


def test_changing_the_activation_leaves_every_draw_as_it_was(run, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    for activation in ("relu", "elu"):
        with monkeypatch.context() as patch:
            spy = Spy(patch)
            record = finished(run(model={"activation": activation}))
        drawn.append((spy, record))
    (one, first), (two, second) = drawn
    assert len(one.orders) == 2
    assert len(one.masks) == 2 * 3 * 2, "epochs x batches x dropout layers"
    assert all(torch.equal(a, b) for a, b in zip(one.orders, two.orders, strict=True))
    assert one.masks == two.masks
    assert len(set(one.masks)) == len(one.masks), "each layer and step has a mask of its own"
    assert not torch.equal(one.orders[0], one.orders[1]), "each epoch has an order of its own"
    for part in ("validation", "test"):
        assert first.predictions[part].ids.tolist() == second.predictions[part].ids.tolist()
    assert without_time(first) != without_time(second)


@pytest.mark.parametrize(
    "change",
    [
        {"train": {"optimizer": {"name": "sgd"}}},
        {"train": {"loss": {"flooding": 0.3}}},
        {"data": {"normalise": "none"}},
        {"model": {"dropout": 0.1}},
        {"selection": "last"},
    ],
)
def test_split_order_and_first_weights_do_not_depend_on_other_factors(run, monkeypatch, change) -> None:
    started: list[dict[str, torch.Tensor]] = []
    orders: list[torch.Tensor] = []
    fit = loop.fit

    def spy_fit(model: nn.Module, *rest: Any, **options: Any) -> loop.Fitted:
        started.append({name: value.clone() for name, value in model.state_dict().items()})
        return fit(model, *rest, **options)

    monkeypatch.setattr("paribus.training.stages.fit", spy_fit)
    spy = Spy(monkeypatch)
    records = []
    for changes in ({}, change):
        records.append(finished(run(**changes)))
        orders.append(torch.stack(spy.orders))
        spy.orders.clear()
    assert all(torch.equal(started[0][name], started[1][name]) for name in started[0])
    assert torch.equal(orders[0], orders[1])
    assert records[0].predictions["validation"].ids.tolist() == records[1].predictions["validation"].ids.tolist()


def test_the_record_tells_all(run, tmp_path: Path) -> None:
    record = finished(run(train={"epochs": 4}))
    assert [row.epoch for row in record.history] == [1, 2, 3, 4]
    chosen = record.history[record.selected_epoch - 1]
    assert chosen.validation_accuracy == max(row.validation_accuracy for row in record.history)
    test = record.predictions["test"]
    assert (test.logits.argmax(1) == test.y).mean() == pytest.approx(chosen.test_accuracy, abs=1e-12)
    assert record.data.counts == {"train": (24, 24), "validation": (6, 6), "test": (10, 10)}
    assert record.data.class_names == ("left", "right")
    assert record.environment.threads == 1
    assert record.environment.versions["torch"] == torch.__version__
    assert (tmp_path / record.checkpoint).exists()


def test_it_learns(run) -> None:
    record = finished(run(train={"epochs": 25}, seed=1))
    assert record.history[-1].train_loss < 0.6 * record.history[0].train_loss
    assert record.history[record.selected_epoch - 1].test_accuracy >= 0.8


def test_losses_are_means_over_examples(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """48 training examples in batches of 20, 20 and 8: the last must not weigh as much as the others."""
    seen: list[tuple[float, int]] = []
    original = loop.cross_entropy

    def spy(logits: torch.Tensor, y: torch.Tensor, **options: Any) -> torch.Tensor:
        assert options == {"reduction": "sum"}
        seen.append((original(logits, y, reduction="mean").item(), len(y)))
        return original(logits, y, **options)

    monkeypatch.setattr(loop, "cross_entropy", spy)
    record = finished(run(train={"epochs": 1, "batch_size": 20}))
    assert [n for _, n in seen] == [20, 20, 8]
    assert record.history[0].train_loss == pytest.approx(sum(loss * n for loss, n in seen) / 48, rel=1e-6)


def test_early_stopping_keeps_the_best_weights(run) -> None:
    recipe = {"epochs": 60, "early_stop": {"patience": 2}, "optimizer": {"name": "adam", "lr": 0.05}}
    record = finished(run(train=recipe))
    losses = [row.validation_loss for row in record.history]
    assert record.stopped_early
    assert len(losses) < 60
    assert min(losses[:-2]) <= min(losses[-2:])
    assert record.selected_epoch <= len(losses)


def test_max_norm_holds_after_training(run, tmp_path: Path) -> None:
    limits = {"conv": 0.3, "dense": 0.2}
    record = finished(run(model={"max_norm": limits}, train={"optimizer": {"name": "adam", "lr": 0.05}}))
    description, model = checkpoint.load(tmp_path / record.checkpoint)
    assert description.dtype == "float32"
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            limit = limits["dense"] if isinstance(layer, nn.Linear) else limits["conv"]
            assert layer.weight.flatten(1).norm(dim=1).max() <= limit * (1 + 1e-5)


def test_bf16_trains_near_fp32(run) -> None:
    full, half = finished(run()), finished(run(train={"precision": "bf16"}))
    assert half.history[0].train_loss == pytest.approx(full.history[0].train_loss, rel=0.05)
    assert half.history[0].train_loss != full.history[0].train_loss


def test_a_loss_that_is_not_finite_is_a_failure_that_names_epoch_and_batch(run) -> None:
    outcome = run(train={"optimizer": {"name": "sgd", "lr": 1e30}})
    assert isinstance(outcome, TrialFailure)
    assert outcome.kind == "NonFiniteLoss"
    assert "in epoch 1, batch 2" in outcome.message
    assert "train.optimizer.lr" in outcome.message
    assert "Traceback" in outcome.traceback


def test_weights_that_break_in_an_epochs_last_step_are_a_failure(run) -> None:
    """One batch an epoch: the loss before the only step is finite, the weights after it are not."""
    outcome = run(train={"batch_size": 48, "epochs": 1, "optimizer": {"name": "sgd", "lr": 1e30}})
    assert isinstance(outcome, TrialFailure)
    assert outcome.kind == "NonFiniteLoss"
    assert "in epoch 1, batch 1" in outcome.message


def test_a_batch_larger_than_the_training_part(run) -> None:
    outcome = run(train={"batch_size": 49})
    assert isinstance(outcome, TrialFailure)
    assert "train.batch_size 49 is larger than the training part, which has 48 examples" in outcome.message
    assert isinstance(run(train={"batch_size": 48, "epochs": 1}), TrialRecord)


def test_a_full_disk_while_the_checkpoint_is_written(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import errno

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    outcome = run()
    assert isinstance(outcome, TrialFailure)
    assert outcome.kind == "CheckpointError"
    assert "No space left on device" in outcome.message
    assert list((tmp_path / "checkpoints").iterdir()) == [], "nothing half-written stays"


def test_a_device_that_is_not_there(run, eeg_file: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    spec = validate(TrialSpec, {"data": {"source": "npz", "path": str(eeg_file)}, "model": {"name": "eegnet"}})
    task = TrialTask(PlannedTrial((), spec, "t"), "f", RunSpec(out=str(tmp_path), device="cuda"))
    outcome = run_trial(task, lambda _: None)
    assert isinstance(outcome, TrialFailure)
    assert "use --device cpu" in outcome.message


def write_images(folder: Path, n: int = 48) -> dict[str, dict[str, str]]:
    """The same small images, three bright classes, as a folder of PNG, as parquet and as arrays; the data of each."""
    import io

    import pyarrow
    import pyarrow.parquet
    from PIL import Image

    random, names = np.random.default_rng(0), ("ant", "bee", "cat")
    y = np.arange(n) % 3
    x = (random.normal(size=(n, 12, 12, 3)) * 30 + 60 * (1 + y[:, None, None, None])).clip(0, 255).astype(np.uint8)
    rows, order = [], random.permutation(n)
    for i in order:
        file = io.BytesIO()
        Image.fromarray(x[i]).save(file, "png")
        part = "test" if i % 4 == 3 else "train"
        path = folder / "images" / part / names[y[i]] / f"{1000 - i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.getvalue())
        rows.append({"image": {"bytes": file.getvalue(), "path": None}, "label": names[y[i]], "split": part})
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "images.parquet")
    test, planes = np.arange(n) % 4 == 3, x.transpose(0, 3, 1, 2)
    arrays = {"x": planes[~test], "y": y[~test], "x_test": planes[test], "y_test": y[test]}
    np.savez(folder / "images.npz", **arrays, class_names=np.array(names), kind=np.array("image"))
    return {
        "folder": {"source": "folder", "path": str(folder / "images")},
        "parquet": {"source": "hub", "path": str(folder / "images.parquet"), "part": "split"},
        "arrays": {"source": "npz", "path": str(folder / "images.npz")},
    }


AUGMENTED = [{"name": "crop", "padding": 2}, "horizontal_flip", {"name": "rotation", "degrees": 20}, "mixup"]


def test_folder_parquet_and_arrays_give_the_same_predictions(run, tmp_path: Path) -> None:
    """R2's trap: the same images as files and as arrays gave different accuracies. Here every bit is the same."""
    outcomes = {}
    for name, data in write_images(tmp_path).items():
        spec = validate(TrialSpec, {"data": data, "model": {"name": "simple_cnn"}})
        train = {"epochs": 2, "batch_size": 8, "augmentation": AUGMENTED}
        outcomes[name] = finished(run(data=spec.data.model_dump(), model={"name": "simple_cnn"}, train=train))
    first = outcomes["folder"]
    for other in outcomes.values():
        assert other.trial_id == first.trial_id
        assert without_time(other) == without_time(first)
        for part in ("validation", "test"):
            assert np.array_equal(other.predictions[part].logits, first.predictions[part].logits)
            assert np.array_equal(other.predictions[part].ids, first.predictions[part].ids)


def test_images_kept_whole_or_not_are_the_same_bits(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_images(tmp_path)["arrays"]
    whole = finished(run(data=data, model={"name": "simple_cnn"}))
    monkeypatch.setattr("paribus.training.examples.KEPT_WHOLE", 0)
    piecewise = finished(run(data=data, model={"name": "simple_cnn"}))
    assert without_time(whole) == without_time(piecewise)
    assert np.array_equal(whole.predictions["test"].logits, piecewise.predictions["test"].logits)


def test_only_training_is_augmented(run, tmp_path: Path) -> None:
    """R3's trap: its validation images were augmented. Without learning, augmentation must change training alone."""
    data, still = write_images(tmp_path)["arrays"], {"name": "sgd", "lr": 1e-30, "momentum": 0.0}
    plain = finished(run(data=data, model={"name": "logistic"}, train={"optimizer": still}))
    train = {"optimizer": still, "augmentation": ["vertical_flip", {"name": "brightness", "amount": 0.9}]}
    augmented = finished(run(data=data, model={"name": "logistic"}, train=train))
    assert augmented.history[0].train_loss != plain.history[0].train_loss
    assert augmented.history[0].train_loss != augmented.history[1].train_loss, "another draw each epoch"
    for a, b in zip(plain.history, augmented.history, strict=True):
        assert (a.validation_loss, a.test_loss) == (b.validation_loss, b.test_loss)


def test_what_is_left_out_of_training_is_told(run, tmp_path: Path) -> None:
    data = write_images(tmp_path)["arrays"]
    arrays = dict(np.load(tmp_path / "images.npz"))
    arrays["x"][0] = arrays["x_test"][0]
    arrays["x"][1] = 0
    np.savez(tmp_path / "images.npz", **arrays)
    changes = {"drop": ["constant", "cross_split_duplicates"], "limit": 20}
    plain = finished(run(data=data, model={"name": "logistic"}, train={"batch_size": 8}))
    record = finished(run(data={**data, **changes}, model={"name": "logistic"}, train={"batch_size": 8}))
    assert list(record.data.dropped) == ["constant", "cross_split_duplicates", "limit"]
    assert sum(record.data.counts["train"]) == 20
    assert checkpoint.check(tmp_path / record.checkpoint).dtype == "uint8"
    assert record.data.counts["validation"] == plain.data.counts["validation"]
    assert sum(plain.data.counts["train"]) - 20 == sum(record.data.dropped.values())
    assert record.data.audit is not None
    names = {finding.name for finding in record.data.audit.findings}
    assert {"constant", "cross_split_duplicates"} <= names


def test_class_balanced_draws(run, tmp_path: Path) -> None:
    data = write_images(tmp_path)["arrays"]
    shuffled = finished(run(data=data, model={"name": "logistic"}))
    balanced = finished(run(data=data, model={"name": "logistic"}, train={"sampling": "class_balanced"}))
    assert shuffled.history[0].train_loss != balanced.history[0].train_loss
    assert np.array_equal(shuffled.predictions["test"].ids, balanced.predictions["test"].ids)


def test_a_source_that_changed_since_the_trial_was_planned_is_refused(
    tmp_path: Path, eeg_file: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "net_of_" + "".join(letter if letter.isalnum() else "_" for letter in tmp_path.name)
    (tmp_path / f"{name}.py").write_text(
        "from torch import nn\ndef net(n_classes):\n    return nn.LazyLinear(n_classes)\n"
    )
    plain = {"data": {"source": "npz", "path": str(eeg_file)}, "model": {"name": f"{name}:net"}}
    spec = validate(TrialSpec, plain)
    content = fingerprint(load_dataset(spec.data))
    task = TrialTask(PlannedTrial((), spec, "t"), content, RunSpec(out=str(tmp_path)), code="of another source")
    outcome = run_trial(task, lambda _: None)
    assert isinstance(outcome, TrialFailure)
    assert outcome.message == f"the source of {name}:net changed while the study ran: run the same command again"
