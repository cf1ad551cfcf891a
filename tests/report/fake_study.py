"""Records with plausible learning curves, made without training, for tests of the analysis and the report."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from paribus.grid import expand
from paribus.record import (
    DataSummary,
    Environment,
    EpochRow,
    LayerRow,
    PlannedTrial,
    Predictions,
    TrialFailure,
    TrialRecord,
)
from paribus.spec import StudySpec

ENVIRONMENT = Environment(
    versions={"python": "3.11.2", "paribus": "0.1.0", "torch": "2.13.0", "numpy": "2.3.5"},
    platform="Linux-6.1-x86_64",
    cpu="Some CPU @ 2.5 GHz",
    device="cpu",
    threads=1,
    git_commit="0123456789abcdef0123456789abcdef01234567",
    command="paribus run study.yaml --out runs/one",
    started="2025-01-02T03:04:05Z",
    kernels="compiled for AVX2 by g++ 12",
)


def study(**changes: Any) -> StudySpec:
    """Two networks by three activations, three seeds, 40 epochs."""
    plain: dict[str, Any] = {
        "name": "eeg-activations",
        "question": "Which activation suits EEGNet and DeepConvNet on two-channel motor imagery?",
        "baseline": {
            "data": {"source": "bci3b", "path": "data/bci3b"},
            "model": {"name": "eegnet", "activation": "relu"},
            "train": {"epochs": 40, "batch_size": 128},
        },
        "factors": {
            "model": {"path": "model.name", "levels": ["eegnet", "deepconvnet"]},
            "activation": {"path": "model.activation", "levels": ["elu", "relu", "leaky_relu"]},
        },
        "seeds": 3,
        "reported": [
            {
                "source": "R0",
                "data": {"source": "bci3b"},
                "figures": [
                    {
                        "cell": {"model": "eegnet", "activation": "elu"},
                        "test_accuracy": 83.33,
                        "validation_accuracy": 91.5,
                    },
                    {"cell": {"model": "eegnet", "activation": "leaky_relu"}, "test_accuracy": 88.89},
                    {"cell": {"model": "deepconvnet"}, "test_accuracy": 81.20},
                ],
            }
        ],
    }
    return StudySpec.model_validate({**plain, **changes})


def plan(spec: StudySpec) -> tuple[PlannedTrial, ...]:
    """All trials, with a made-up fingerprint of the data."""
    return expand(spec, lambda data: "f1" * 32)


def fake_record(
    trial: PlannedTrial,
    *,
    ceiling: float = 0.85,
    n_test: int = 400,
    class_names: tuple[str, ...] = ("left hand", "right hand"),
    stop_at: int | None = None,
) -> TrialRecord:
    """A record whose accuracy rises towards ``ceiling`` and whose test loss rises again, as in R0."""
    rng = np.random.default_rng(int(trial.trial_id[:8], 16))
    n = stop_at or trial.spec.train.epochs
    floor, shift = 1 / len(class_names), rng.normal(0, 0.012)
    rows = []
    for epoch in range(1, n + 1):
        gone = 1 - math.exp(-epoch / 7)
        train = floor + (0.985 - floor) * (1 - math.exp(-epoch / 11))
        validation = floor + (ceiling + shift - floor) * gone + rng.normal(0, 0.012)
        test = round(n_test * min(1, floor + (ceiling + shift - 0.01 - floor) * gone + rng.normal(0, 0.012))) / n_test
        over = 0.006 * max(0, epoch - 15)
        loss = math.log(len(class_names)) * (1 - 0.55 * gone) + over
        rows.append(
            EpochRow(
                epoch=epoch,
                train_loss=0.08 + 0.65 * math.exp(-epoch / 10) + abs(rng.normal(0, 0.008)),
                train_accuracy=train,
                validation_loss=loss + rng.normal(0, 0.012),
                validation_accuracy=validation,
                test_loss=loss + 0.03 + rng.normal(0, 0.012),
                test_accuracy=test,
                lr=1e-3,
                seconds=0.6,
            )
        )
    selected = max(rows, key=lambda row: row.validation_accuracy)
    return TrialRecord(
        trial_id=trial.trial_id,
        spec=trial.spec,
        fingerprint="f1" * 32,
        environment=ENVIRONMENT,
        data=_data(class_names, n_test),
        layers=_layers(trial.spec.model.name, trial.spec.model.activation),
        history=tuple(rows),
        selected_epoch=selected.epoch,
        stopped_early=stop_at is not None,
        predictions={
            "validation": _predictions(rng, 100, len(class_names), 0.8),
            "test": _predictions(rng, n_test, len(class_names), selected.test_accuracy),
        },
        checkpoint=f"checkpoints/{trial.trial_id}.safetensors",
        seconds=0.6 * n,
    )


def fake_records(trials: Iterable[PlannedTrial], ceilings: Mapping[str, float]) -> tuple[TrialRecord, ...]:
    """A record a trial; a cell's ceiling is 0.82 plus what is given for its levels."""
    return tuple(
        fake_record(trial, ceiling=0.82 + sum(ceilings.get(level, 0.0) for _, level in trial.cell)) for trial in trials
    )


def fake_failure(trial: PlannedTrial, message: str = "the loss became nan in epoch 3, batch 2") -> TrialFailure:
    """A trial that went wrong."""
    return TrialFailure(
        trial_id=trial.trial_id,
        spec=trial.spec,
        fingerprint="f1" * 32,
        environment=ENVIRONMENT,
        kind="NonFiniteLoss",
        message=message,
        traceback='Traceback (most recent call last):\n  File "loop.py", line 1, in <module>\nNonFiniteLoss: nan',
        seconds=1.5,
    )


def _predictions(rng: np.random.Generator, n: int, n_classes: int, accuracy: float) -> Predictions:
    y = np.arange(n) % n_classes
    predicted = y.copy()
    wrong = rng.permutation(n)[: n - round(accuracy * n)]
    predicted[wrong] = (y[wrong] + rng.integers(1, n_classes, len(wrong))) % n_classes
    logits = rng.normal(0, 0.3, (n, n_classes)).astype(np.float32)
    logits[np.arange(n), predicted] += 2.5
    return Predictions(np.array([f"e{i}" for i in range(n)]), y.astype(np.int64), logits)


def _data(class_names: tuple[str, ...], n_test: int) -> DataSummary:
    k = len(class_names)
    return DataSummary(
        description="BCI Competition III, data set IIIb: two subjects, two bipolar channels",
        kind="eeg",
        input_shape=(1, 2, 750),
        class_names=class_names,
        counts={"train": (432,) * k, "validation": (108,) * k, "test": (n_test // k,) * k},
        sfreq_hz=125.0,
        notes=("3 trials with NaN dropped from training",),
    )


def _layers(name: str, activation: str) -> tuple[LayerRow, ...]:
    return (
        LayerRow("temporal", "Conv2d 1→16, 1×51", (16, 2, 750), 816),
        LayerRow("temporal_norm", "BatchNorm2d", (16, 2, 750), 32),
        LayerRow("spatial", "Conv2d 16→32, 2×1, 16 groups", (32, 1, 750), 64),
        LayerRow("activation", activation, (32, 1, 750), 0),
        LayerRow("pool", "AvgPool2d 1×4", (32, 1, 187), 0),
        LayerRow("head", "Linear", (2,), 1474 if name == "eegnet" else 17202),
    )
