"""Small studies, records and failures for tests: valid, made in no time, the same at every call."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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
from paribus.spec import Selection, StudySpec, TrialSpec

FINGERPRINT = "f" * 64
ENVIRONMENT = Environment(
    versions={"python": "3.11.2", "paribus": "0.1.0", "torch": "2.13.0", "numpy": "2.3.5"},
    platform="Linux-6.1-x86_64",
    cpu="Example CPU @ 2.00GHz",
    device="cpu",
    threads=1,
    git_commit=None,
    command="paribus run study.yaml",
    started="2025-11-22T22:00:00+00:00",
)


def make_study(**changes: Any) -> StudySpec:
    """A study of two activations and three seeds on 8 x 8 digits; ``changes`` replace its fields."""
    fields: dict[str, Any] = {
        "name": "activation",
        "question": "Does ELU do better than ReLU?",
        "baseline": {"data": {"source": "digits"}, "model": {"name": "simple_cnn"}, "train": {"epochs": 3}},
        "factors": {"activation": {"path": "model.activation", "levels": ["relu", "elu"]}},
        "seeds": 3,
    }
    return StudySpec.model_validate(fields | changes)


def make_search(**design: Any) -> StudySpec:
    """A search for the learning rate and the activation of that network; ``design`` changes its design."""
    lr = {"path": "train.optimizer.lr", "low": 1e-4, "high": 1.0, "log": True}
    activation = {"path": "model.activation", "levels": ["relu", "elu"]}
    budget = {"search": "tpe", "trials": 6, "startup": 2}
    return make_study(factors={"lr": lr, "activation": activation}, design={**budget, **design})


def make_planned(study: StudySpec) -> tuple[PlannedTrial, ...]:
    """Its trials, on data with the fingerprint ``FINGERPRINT``."""
    return expand(study, lambda _: FINGERPRINT)


def make_trial(
    *,
    seed: int = 0,
    epochs: int = 3,
    activation: str = "relu",
    lr: float = 1e-3,
    selection: Selection = "best_validation",
    **changes: Any,
) -> TrialSpec:
    """One configuration; ``changes`` replace ``data``, ``model`` or ``train`` as a whole."""
    fields: dict[str, Any] = {
        "data": {"source": "digits"},
        "model": {"name": "simple_cnn", "activation": activation},
        "train": {"epochs": epochs, "optimizer": {"name": "adam", "lr": lr}},
        "selection": selection,
        "seed": seed,
    }
    return TrialSpec.model_validate(fields | changes)


def make_predictions(
    accuracy: float, *, n: int, n_classes: int, part: str, split: int = 0, seed: int = 0
) -> Predictions:
    """Predictions of which ``round(accuracy * n)`` are right.

    Args:
        accuracy: from 0 to 1.
        n: examples, of classes 0, 1 ... n_classes - 1 in turn.
        n_classes: number of classes, at least 2.
        part: goes into the ids.
        split: goes into the ids too: which examples these are.
        seed: decides which are right, and how sure.
    """
    generator = np.random.default_rng([seed, n, n_classes, round(accuracy * 1000)])
    y = np.arange(n, dtype=np.int64) % n_classes
    right = np.zeros(n, dtype=bool)
    right[generator.permutation(n)[: round(accuracy * n)]] = True
    said = np.where(right, y, (y + generator.integers(1, n_classes, n)) % n_classes)
    logits = generator.normal(0, 0.5, (n, n_classes)).astype(np.float32)
    logits[np.arange(n), said] = logits.max(axis=1) + generator.uniform(0.1, 2, n).astype(np.float32)
    ids = np.array([f"{part}-{split}-{i}" for i in range(n)], dtype=np.str_)
    return Predictions(ids=ids, y=y, logits=logits)


def make_record(
    trial_id: str = "t0",
    *,
    seed: int = 0,
    accuracy: float = 0.8,
    validation_accuracy: float | None = None,
    n_classes: int = 2,
    n_test: int = 40,
    n_validation: int = 20,
    epochs: int = 3,
    fingerprint: str = FINGERPRINT,
    spec: TrialSpec | None = None,
    **changes: Any,
) -> TrialRecord:
    """A finished trial whose accuracies rise by epoch and whose last epoch was selected.

    Test examples are the same for all seeds; validation examples differ by seed, as a split does.

    Args:
        trial_id: its id.
        seed: of the trial; which predictions are right follows from it and the accuracy.
        accuracy: on the test part, from 0 to 1; rounded to whole examples.
        validation_accuracy: as ``accuracy`` when None.
        n_classes: number of classes.
        n_test: examples of the test part.
        n_validation: examples of the validation part.
        epochs: length of the history.
        fingerprint: of the data.
        spec: the configuration, for instance of a `PlannedTrial`; ``seed`` and ``epochs`` are then taken from it.
        changes: for `make_trial`, when ``spec`` is None (``activation="elu"``).
    """
    spec = make_trial(seed=seed, epochs=epochs, **changes) if spec is None else spec
    validation = make_predictions(
        accuracy if validation_accuracy is None else validation_accuracy,
        n=n_validation,
        n_classes=n_classes,
        part="train",
        split=spec.seed,
        seed=spec.seed,
    )
    test = make_predictions(accuracy, n=n_test, n_classes=n_classes, part="test", seed=spec.seed)
    history = make_history(spec.train.epochs, validation, test)
    return TrialRecord(
        trial_id=trial_id,
        spec=spec,
        fingerprint=fingerprint,
        environment=ENVIRONMENT,
        data=DataSummary(
            description="made for a test",
            kind="image",
            input_shape=(1, 8, 8),
            class_names=tuple(f"class {k}" for k in range(n_classes)),
            counts={
                "train": _counts(np.arange(4 * n_classes) % n_classes, n_classes),
                **{part: _counts(p.y, n_classes) for part, p in (("validation", validation), ("test", test))},
            },
            sfreq_hz=None,
            notes=("3 examples with NaN dropped",),
        ),
        layers=(LayerRow("conv", "Conv2d", (4, 8, 8), 40), LayerRow("dense", "Linear", (n_classes,), 257 * n_classes)),
        history=history,
        selected_epoch=len(history),
        stopped_early=False,
        predictions={"validation": validation, "test": test},
        checkpoint=f"checkpoints/{trial_id}.safetensors",
        seconds=1.5,
    )


def make_history(epochs: int, validation: Predictions, test: Predictions) -> tuple[EpochRow, ...]:
    """Curves that end exactly at the loss and accuracy of the predictions."""
    (validation_loss, validation_accuracy), (test_loss, test_accuracy) = _scores(validation), _scores(test)
    shares = np.arange(1, epochs + 1) / epochs
    return tuple(
        EpochRow(
            epoch=epoch,
            train_loss=validation_loss * (1.8 - float(share)),
            train_accuracy=min(1.0, validation_accuracy * float(share) * 1.1),
            validation_loss=validation_loss * (2 - float(share)),
            validation_accuracy=validation_accuracy * float(share),
            test_loss=test_loss * (2 - float(share)),
            test_accuracy=test_accuracy * float(share),
            lr=1e-3,
            seconds=0.5,
        )
        for epoch, share in enumerate(shares, start=1)
    )


def make_failure(
    trial_id: str = "t0",
    *,
    seed: int = 0,
    kind: str = "NonFiniteLoss",
    message: str = "the loss became nan in epoch 2, batch 1",
    environment: Environment | None = ENVIRONMENT,
    spec: TrialSpec | None = None,
    **changes: Any,
) -> TrialFailure:
    """A trial that could not be finished."""
    return TrialFailure(
        trial_id=trial_id,
        spec=make_trial(seed=seed, **changes) if spec is None else spec,
        fingerprint=FINGERPRINT,
        environment=environment,
        kind=kind,
        message=message,
        traceback=f"Traceback (most recent call last):\n{kind}: {message}\n",
        seconds=0.25,
    )


def make_records(planned: Sequence[PlannedTrial], accuracies: Sequence[float], **knobs: Any) -> tuple[TrialRecord, ...]:
    """A record for each planned trial, with the accuracy in its place; ``knobs`` as for `make_record`."""
    return tuple(
        make_record(trial.trial_id, spec=trial.spec, accuracy=accuracy, **knobs)
        for trial, accuracy in zip(planned, accuracies, strict=True)
    )


def _counts(y: npt.NDArray[np.int64], n_classes: int) -> tuple[int, ...]:
    return tuple(int(count) for count in np.bincount(y, minlength=n_classes))


def _scores(predictions: Predictions) -> tuple[float, float]:
    """Mean cross-entropy and share of right answers."""
    logits = predictions.logits.astype(np.float64)
    log_sum = np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) + logits.max(axis=1)
    own = logits[np.arange(len(logits)), predictions.y]
    return float(np.mean(log_sum - own)), float(np.mean(logits.argmax(axis=1) == predictions.y))
