"""A trial that was cut off goes on to the very same bits."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.grid import trial_id
from paribus.record import EpochRow, PlannedTrial, TrialRecord
from paribus.spec import RunSpec, TrialSpec
from paribus.training import state as state_module
from paribus.training.state import STATES, TrialState, remove_state, state_path
from paribus.training.trial import TrialTask, run_trial
from paribus.validate import validate


class Cut(BaseException):
    """What ends a trial from outside."""


class Trial:
    """One trial that can be cut off and run again in a folder."""

    def __init__(self, out: Path, plain: dict[str, Any], every: str = "1") -> None:
        spec = validate(TrialSpec, plain)
        content = fingerprint(load_dataset(spec.data.origin()))
        self.id = trial_id(spec, content)
        self.out = out
        self.task = TrialTask(PlannedTrial((), spec, self.id), content, RunSpec(out=str(out), checkpoint_every=every))
        self.rows: list[EpochRow] = []

    def run(self, cut_after: int | None = None) -> TrialRecord | None:
        """Its record; None where it was cut off after so many epochs of all its trainings."""
        self.rows = []

        def emit(row: EpochRow) -> None:
            if len(self.rows) == cut_after:
                raise Cut
            self.rows.append(row)

        try:
            outcome = run_trial(self.task, emit)
        except Cut:
            return None
        assert isinstance(outcome, TrialRecord), outcome
        return outcome

    def trained(self) -> int:
        """Epochs that the latest state holds, of all trainings."""
        content = state_path(self.out, self.id).read_bytes()[len(state_module._MAGIC) + 32 :]
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        told = json.loads(header["told"])
        return sum(len(one["history"]) for one in [*told["done"], told["current"]])


def bits(trial: Trial, record: TrialRecord) -> tuple[Any, ...]:
    """All that a trial gave but the time that it took."""
    rows = [replace(row, seconds=0.0) for row in trial.rows]
    history = [repr(replace(row, seconds=0.0)) for row in record.history]
    parts = {name: (p.ids.tolist(), p.logits.tobytes()) for name, p in record.predictions.items()}
    weights = (trial.out / record.checkpoint).read_bytes()
    return [repr(row) for row in rows], history, record.selected_epoch, record.stopped_early, parts, weights


EEG = {"model": {"name": "eegnet"}, "train": {"epochs": 5, "batch_size": 16}}
IMAGES: dict[str, Any] = {"data": {"source": "digits", "limit": 200}, "train": {"epochs": 4, "batch_size": 32}}
CASES: dict[str, dict[str, Any]] = {
    "eegnet": EEG,
    "deepconvnet, sgd": {
        "model": {"name": "deepconvnet"},
        "train": {**EEG["train"], "optimizer": {"name": "sgd", "lr": 0.01, "momentum": 0.9, "nesterov": True}},
    },
    "adamw, cosine, noise, balanced": {
        **EEG,
        "train": {
            **EEG["train"],
            "optimizer": {"name": "adamw", "lr": 0.001},
            "schedule": "cosine",
            "sampling": "class_balanced",
            "augmentation": ["time_shift", "gaussian_noise"],
        },
    },
    "last": {**EEG, "selection": "last"},
    "early stop": {**EEG, "train": {**EEG["train"], "epochs": 30, "early_stop": {"patience": 2}}},
    "refit": {**EEG, "train": {**EEG["train"], "refit": "all"}},
    "folds": {**EEG, "data": {"folds": 3}, "train": {**EEG["train"], "epochs": 3, "refit": "all"}},
    "simple_cnn": {
        **IMAGES,
        "model": {"name": "simple_cnn"},
        "train": {**IMAGES["train"], "augmentation": [{"name": "crop", "padding": 1}, {"name": "mixup", "alpha": 0.2}]},
    },
    "bf16": {**IMAGES, "model": {"name": "face_cnn"}, "train": {**IMAGES["train"], "epochs": 2, "precision": "bf16"}},
    "resnet18": {**IMAGES, "model": {"name": "resnet18"}, "train": {**IMAGES["train"], "epochs": 2}},
}


@pytest.mark.parametrize("name", CASES)
def test_cut_off_after_any_epoch(name: str, tmp_path: Path, eeg_file: Path) -> None:
    plain = {"selection": "best_validation", **CASES[name]}
    plain["data"] = (
        {"source": "npz", "path": str(eeg_file), **plain["data"]}
        if "folds" in plain.get("data", {})
        else (plain.get("data") or {"source": "npz", "path": str(eeg_file)})
    )
    whole = Trial(tmp_path / "whole", plain, every="never")
    record = whole.run()
    assert record
    assert not (tmp_path / "whole" / STATES).exists()
    expected, n = bits(whole, record), len(whole.rows)
    for cut in sorted({1, min(2, n - 1), n // 2, n - 1}):
        trial = Trial(tmp_path / str(cut), plain)
        assert trial.run(cut_after=cut) is None
        assert trial.trained() == cut, "the epoch that was not told was not kept"
        ended = trial.run()
        assert ended
        assert bits(trial, ended) == expected, f"cut after {cut}"


def test_cut_off_again_and_again(tmp_path: Path, eeg_file: Path) -> None:
    plain = {**EEG, "data": {"source": "npz", "path": str(eeg_file), "folds": 2}}
    plain["train"] = {**EEG["train"], "epochs": 3, "refit": "all"}
    whole = Trial(tmp_path / "whole", plain)
    record = whole.run()
    assert record
    trial = Trial(tmp_path / "cut", plain)
    for cut in range(1, len(whole.rows)):
        assert trial.run(cut_after=cut) is None
    ended = trial.run()
    assert ended
    assert bits(trial, ended) == bits(whole, record)


@pytest.fixture
def trial(tmp_path: Path, eeg_file: Path) -> Trial:
    """Cut off after three of five epochs."""
    made = Trial(tmp_path, {**EEG, "data": {"source": "npz", "path": str(eeg_file)}})
    assert made.run(cut_after=3) is None
    return made


def epochs_trained(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> int:
    """Of the rest of a trial: optimiser steps tell what was truly computed."""
    from paribus.training import loop

    steps = []
    real = loop.objective
    monkeypatch.setattr(loop, "objective", lambda *a: (steps.append(1), real(*a))[1])
    assert trial.run()
    return len(steps)


def test_only_the_rest_is_computed(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Trial(trial.out / "whole", trial.task.planned.spec.model_dump(mode="json"))
    steps = epochs_trained(whole, monkeypatch)
    assert epochs_trained(trial, monkeypatch) == 2 * steps // 5


@pytest.mark.parametrize("damage", ["cut short", "a bit flipped", "empty", "no state at all"])
def test_a_damaged_state_gives_way_to_the_one_before(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    path = state_path(trial.out, trial.id)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"cut short": content[:-9], "a bit flipped": content, "empty": b""}.get(damage, b"#" * 2000))
    whole = Trial(trial.out / "whole", trial.task.planned.spec.model_dump(mode="json"))
    steps = epochs_trained(whole, monkeypatch)
    record = trial.out / "whole" / "checkpoints" / f"{trial.id}.safetensors"
    assert epochs_trained(trial, monkeypatch) == 3 * steps // 5
    assert (trial.out / "checkpoints" / record.name).read_bytes() == record.read_bytes()


def test_with_both_damaged_it_begins_anew(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (trial.out / STATES).iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    whole = Trial(trial.out / "whole", trial.task.planned.spec.model_dump(mode="json"))
    assert epochs_trained(trial, monkeypatch) == epochs_trained(whole, monkeypatch)


def test_another_environment_begins_anew(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other threads, kernels or versions give other last bits, and a mixture could not be repeated."""
    trial.task = replace(trial.task, run=trial.task.run.model_copy(update={"threads": 2}))
    steps = epochs_trained(trial, monkeypatch)
    whole = Trial(trial.out / "whole", trial.task.planned.spec.model_dump(mode="json"))
    assert steps == epochs_trained(whole, monkeypatch)


def test_two_generations_are_kept_and_both_removed(trial: Trial) -> None:
    names = sorted(path.name for path in (trial.out / STATES).iterdir())
    assert names == [f"{trial.id}.state", f"{trial.id}.state.previous"]
    remove_state(trial.out, trial.id)
    assert not list((trial.out / STATES).iterdir())
    remove_state(trial.out, trial.id)


def test_a_full_disk_costs_the_state_only(tmp_path: Path, eeg_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync
    full = OSError(28, "No space left on device")

    def fsync(handle: int) -> None:
        if STATES in os.readlink(f"/proc/self/fd/{handle}"):
            raise full
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    trial = Trial(tmp_path, {**EEG, "data": {"source": "npz", "path": str(eeg_file)}})
    assert trial.run()
    assert not list((tmp_path / STATES).iterdir()), "nothing half-written is left"


@pytest.mark.parametrize(("every", "kept"), [("1", 6), ("2", 3), ("4", 1), ("0s", 6), ("9999s", 0), ("never", 0)])
def test_how_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: str, kept: int) -> None:
    monkeypatch.setattr(state_module, "_COST", 0.0)
    written = []
    monkeypatch.setattr(state_module, "_write", lambda *_: written.append(1))
    model = torch.nn.Linear(2, 2)
    state = TrialState(tmp_path / "x.state", "key", every)
    for _ in range(6):
        state.keep(model, torch.optim.SGD(model.parameters()), state_module.Course())
    assert len(written) == kept


def test_writing_takes_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write of one second is followed by at least 50 without one."""
    now = [0.0]
    monkeypatch.setattr(state_module.time, "monotonic", lambda: now[0])
    times = []

    def slow(*_: Any) -> None:
        now[0] += 1.0
        times.append(now[0])

    monkeypatch.setattr(state_module, "_write", slow)
    model = torch.nn.Linear(2, 2)
    state = TrialState(tmp_path / "x.state", "key", "0s")
    for _ in range(300):
        now[0] += 0.5
        state.keep(model, torch.optim.SGD(model.parameters()), state_module.Course())
    assert np.diff(times).min() >= 50


def test_time_before_the_cut_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(state_module.time, "monotonic", lambda: now[0])
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters())
    state = TrialState(tmp_path / "x.state", "key", "1")
    now[0] += 40
    course = state_module.Course([EpochRow(1, *[0.5] * 6, 0.1, 40.0)], EpochRow(1, *[0.5] * 6, 0.1, 40.0))
    state.keep(model, optimizer, course)
    now[0] += 1000  # between the cut and the next start
    again = TrialState(tmp_path / "x.state", "key", "1")
    now[0] += 2
    assert again.seconds == pytest.approx(42)


def test_nothing_in_it_is_code(trial: Trial) -> None:
    """Tensors and JSON: what remains after the sum is read by safetensors alone."""
    content = state_path(trial.out, trial.id).read_bytes()[len(state_module._MAGIC) + 32 :]
    plain = trial.out / "plain.safetensors"
    plain.write_bytes(content)
    assert {name.split("/")[0] for name in load_file(plain)} == {"model", "optimizer", "current"}
