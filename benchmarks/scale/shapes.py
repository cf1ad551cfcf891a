"""Studies of n trials in three shapes, and a stand-in for training that gives a plausible record at once."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from paribus.record import (
    DataSummary,
    Environment,
    EpochRow,
    LayerRow,
    PlannedTrial,
    Predictions,
    TrialRecord,
)
from paribus.spec import StudySpec
from paribus.training.trial import TrialTask

SHAPES = {"even": 10, "many cells": 2, "many seeds": 1000}
"""Name -> seeds of a cell; of 1,000 and 100 trials, a tenth and a hundredth of 1,000."""
N_CLASSES, N_EXAMPLES, EPOCHS = 3, 60, 10
CLASS_NAMES = ("rest", "left", "right")


def study(shape: str, n: int, data: Path, *, epochs: int = EPOCHS) -> StudySpec:
    """A grid of learning rate, weight decay and dropout with n trials in all."""
    seeds = SHAPES[shape] if SHAPES[shape] <= 10 else SHAPES[shape] * n // 10_000
    n_cells = n // seeds
    sizes = {10: (10, 1, 1), 50: (10, 5, 1), 100: (10, 10, 1), 500: (10, 10, 5), 1000: (10, 10, 10)}
    a, b, c = {**sizes, 5000: (25, 20, 10)}[n_cells]
    grid = {
        "lr": {"path": "train.optimizer.lr", "levels": [round(1e-4 * (1 + i), 6) for i in range(a)]},
        "decay": {"path": "train.optimizer.weight_decay", "levels": [round(1e-5 * (1 + i), 6) for i in range(b)]},
        "dropout": {"path": "model.dropout", "levels": [round(0.05 * i, 2) for i in range(c)]},
    }
    plain: dict[str, Any] = {
        "name": "scale",
        "question": f"What do {n} trials cost?",
        "baseline": {
            "data": {"source": "npz", "path": str(data)},
            "model": {"name": "eegnet", "dropout": 0.0},
            "train": {
                "epochs": epochs,
                "batch_size": 48,
                "optimizer": {"name": "adamw", "lr": 1e-4, "weight_decay": 1e-5},
            },
        },
        "factors": {name: factor for name, factor in grid.items() if len(factor["levels"]) > 1},
        "seeds": seeds,
    }
    return StudySpec.model_validate(plain)


def write_data(path: Path) -> None:
    """60 examples to train on and validate, 60 to test, of 2 channels by 64 samples."""
    rng = np.random.default_rng(0)
    y = np.arange(2 * N_EXAMPLES) % N_CLASSES
    x = rng.normal(size=(len(y), 2, 64)).astype(np.float32) + 0.2 * y[:, None, None]
    np.savez(path, x=x[:N_EXAMPLES], y=y[:N_EXAMPLES], x_test=x[N_EXAMPLES:], y_test=y[N_EXAMPLES:])


def record(trial: PlannedTrial, fingerprint: str) -> TrialRecord:
    """As training would give it, with accuracies that depend on the levels and on chance."""
    rng = np.random.default_rng(int(trial.trial_id[:8], 16))
    levels = trial.spec.train.optimizer.lr * 200 - getattr(trial.spec.model, "dropout", 0.0) / 5
    ceiling = 0.7 + levels + rng.normal(0, 0.02)
    plain = _plain()
    return replace(
        plain,
        trial_id=trial.trial_id,
        spec=trial.spec,
        fingerprint=fingerprint,
        history=tuple(
            replace(
                row,
                train_loss=row.train_loss + rng.normal(0, 0.01),
                validation_accuracy=min(1.0, row.validation_accuracy * ceiling),
                test_accuracy=min(1.0, row.test_accuracy * ceiling),
            )
            for row in plain.history
        ),
        predictions={part: _predictions(rng, p, ceiling) for part, p in plain.predictions.items()},
        checkpoint=f"checkpoints/{trial.trial_id}.safetensors",
    )


def stand_in(task: TrialTask, emit: Callable[[EpochRow], None]) -> TrialRecord:
    """In place of `run_trial`: tells of each epoch and gives a record, in a millisecond."""
    made = record(task.planned, task.fingerprint)
    for row in made.history:
        emit(row)
    return made


def _predictions(rng: np.random.Generator, like: Predictions, accuracy: float) -> Predictions:
    logits = rng.normal(0, 0.4, like.logits.shape).astype(np.float32)
    right = rng.random(len(like.y)) < accuracy
    logits[np.arange(len(like.y)), np.where(right, like.y, (like.y + 1) % N_CLASSES)] += 2
    return Predictions(like.ids, like.y, logits)


@lru_cache(maxsize=1)
def _plain() -> TrialRecord:
    """What all records share."""
    y = np.arange(N_EXAMPLES) % N_CLASSES
    examples = {
        part: Predictions(
            np.array([f"{part}-{i}" for i in range(n)]), y[:n].astype(np.int64), np.zeros((n, N_CLASSES), np.float32)
        )
        for part, n in (("validation", N_EXAMPLES // 5), ("test", N_EXAMPLES))
    }
    gone = [1 - 0.6 ** (epoch + 1) for epoch in range(EPOCHS)]
    return TrialRecord(
        trial_id="",
        spec=None,  # type: ignore[arg-type]  # each record has its own
        fingerprint="",
        environment=Environment(
            versions={"python": "3.11.2", "paribus": "0.1.0", "torch": "2.13.0", "numpy": "2.3.5"},
            platform="Linux-6.1-x86_64",
            cpu="stand-in",
            device="cpu",
            threads=1,
            git_commit=None,
            command="benchmarks/scale/study.py",
            started="2026-11-24T00:00:00+00:00",
        ),
        data=DataSummary(
            description="made for a benchmark",
            kind="eeg",
            input_shape=(1, 2, 64),
            class_names=CLASS_NAMES,
            counts={"train": (16,) * N_CLASSES, "validation": (4,) * N_CLASSES, "test": (20,) * N_CLASSES},
            sfreq_hz=None,
            notes=(),
        ),
        layers=tuple(LayerRow(f"layer {i}", "Conv2d", (8, 1, 64), 128) for i in range(12)),
        history=tuple(
            EpochRow(epoch, 1.1 - 0.5 * g, g, 1.1 - 0.4 * g, g, 1.1 - 0.4 * g, g, 1e-3, 0.0001)
            for epoch, g in enumerate(gone, start=1)
        ),
        selected_epoch=EPOCHS,
        stopped_early=False,
        predictions=examples,
        checkpoint="",
        seconds=0.001,
    )
