"""Trained networks put to use again: the same weights, preprocessing and code path as training's own test."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from paribus.analysis.decide import argmax, decide
from paribus.data.audit import finite
from paribus.data.examples import read_examples
from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.errors import CheckpointError, DataError, StoreError
from paribus.plan import open_run
from paribus.spec import DataSpec
from paribus.store.place import has_store, remembered
from paribus.training.checkpoint import Description, load
from paribus.training.evaluate import loss_and_accuracy, predict_logits
from paribus.training.examples import prepare, unlabelled
from paribus.training.trial import deterministic, logits_digest


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A reloaded network on its test part, held against what it scored when it was saved."""

    n: int
    accuracy: float
    loss: float
    identical: bool
    """Whether every logit is the same to the last bit."""
    saved_accuracy: float
    differing: tuple[str, ...]
    """Ids of the examples whose logits differ; empty when the stored predictions cannot be found."""
    largest_difference: float
    """Between logits; NaN when the stored predictions cannot be found."""


def evaluate(checkpoint: Path, data_path: str | None = None, *, allow_import: bool = False) -> Evaluation:
    """Load a checkpoint, predict its test part anew and compare.

    Args:
        checkpoint: path of the weights or their description.
        data_path: where the data are now, when they have moved.
        allow_import: a network that is not of paribus may be imported, which runs its code.

    Raises:
        ImportRefused: it is such a network, and that is not allowed.
        CheckpointError: the checkpoint is damaged, or the data are not those it was trained on.
    """
    description, model = load(checkpoint, allow_import=allow_import)
    spec = description.spec
    dataset = load_dataset(_moved(spec.data, data_path))
    if fingerprint(dataset) != description.fingerprint:
        raise CheckpointError(
            f"the data are not those that {checkpoint} was trained on (their content differs); "
            "name the right ones with --data-path"
        )
    rows = np.flatnonzero(dataset.part == "test")
    with deterministic(description.threads):
        examples = prepare(dataset, rows, description.normalisation, torch.device("cpu"))
        logits = predict_logits(model, examples, description.spec.train.precision)
    loss, accuracy = loss_and_accuracy(logits, examples.y)
    differing, largest = _against_store(checkpoint, description, dataset.ids[rows], logits.numpy())
    return Evaluation(
        n=len(rows),
        accuracy=accuracy,
        loss=loss,
        identical=logits_digest(logits.numpy()) == description.test.logits_sha256,
        saved_accuracy=description.test.accuracy,
        differing=differing,
        largest_difference=largest,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a network says of examples whose classes are not known."""

    examples: tuple[str, ...]
    """The file of each, or its place in the array."""
    class_names: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]
    """(n, n_classes)."""
    named: npt.NDArray[np.int64]
    """(n,) the class that the checkpoint's decision rule names."""
    rule: str
    """Its name, ``argmax`` as a rule."""


def predict(checkpoint: Path, file: Path, *, allow_import: bool = False) -> Prediction:
    """Probabilities of each example in a file, and the class that the checkpoint's decision rule names.

    Args:
        checkpoint: path of the weights or their description.
        file: ``.npz`` (array ``x``), ``.npy`` or ``.ts``, an image or a folder of images, shaped as those of training.
        allow_import: a network that is not of paribus may be imported, which runs its code.

    Raises:
        ImportRefused: it is such a network, and that is not allowed.
        CheckpointError, DataError: either cannot be read, or the examples do not fit the network.
    """
    description, model = load(checkpoint, allow_import=allow_import)
    x, names = read_examples(file, description.input_shape, getattr(description.spec.data, "size", None))
    if x.shape[1:] != description.input_shape:
        raise DataError(f"{file} holds examples of shape {x.shape[1:]}, the network takes {description.input_shape}")
    _refuse(file, ~finite(x), "hold NaN or infinite values")
    with deterministic(description.threads):
        examples = unlabelled(x, description.kind, description.normalisation, torch.device("cpu"))
        logits = predict_logits(model, examples, description.spec.train.precision)
    _refuse(file, ~torch.isfinite(logits).all(dim=1).numpy(), "have values too large for the network")
    rule = description.rule or argmax(len(description.class_names))
    return Prediction(
        examples=names,
        class_names=description.class_names,
        probabilities=torch.softmax(logits.double(), dim=1).numpy(),
        named=decide(rule, logits.numpy()),
        rule=rule.name,
    )


def _refuse(file: Path, bad: npt.NDArray[np.bool_], what: str) -> None:
    if bad.any():
        raise DataError(f"{file}: {bad.sum()} examples {what}, the first is number {bad.argmax()} (from 0)")


def _moved(spec: DataSpec, data_path: str | None) -> DataSpec:
    if data_path is None:
        return spec
    if "path" not in type(spec).model_fields:
        raise DataError(f"source `{spec.source}` has no path: leave out --data-path")
    return spec.model_copy(update={"path": data_path})


def _against_store(
    checkpoint: Path, description: Description, ids: npt.NDArray[np.str_], logits: npt.NDArray[np.float32]
) -> tuple[tuple[str, ...], float]:
    path = checkpoint.resolve().parent.parent
    if not has_store(path):
        return (), float("nan")
    try:
        with open_run(path) as store:
            if not store.finished([description.trial_id]):
                return (), float("nan")
            stored = store.record(description.trial_id).predictions["test"]
    except StoreError:
        if remembered(path) is None:
            raise
        return (), float("nan")  # elsewhere and out of reach now; the checkpoint knows what it predicted
    if not np.array_equal(stored.ids, ids) or stored.logits.shape != logits.shape:
        raise CheckpointError(f"the store of {path} holds predictions of other examples than the data give now")
    difference = np.abs(stored.logits.astype(np.float64) - logits).max(axis=1)
    return tuple(ids[difference > 0].tolist()), float(difference.max())
