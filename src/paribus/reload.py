"""Trained networks held against what they scored: the same weights, preprocessing and code path as their own test."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_moved
from paribus.errors import CheckpointError, StoreError
from paribus.plan import open_run
from paribus.store.place import has_store, remembered
from paribus.training.checkpoint import Description, load
from paribus.training.evaluate import loss_and_accuracy, predict_logits
from paribus.training.examples import prepare
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
    dataset = load_moved(spec.data, data_path)
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


def _against_store(
    checkpoint: Path, description: Description, ids: npt.NDArray[np.str_], logits: npt.NDArray[np.float32]
) -> tuple[tuple[str, ...], float]:
    path = checkpoint.resolve().parent.parent
    if not has_store(path):
        return (), float("nan")
    try:
        with open_run(path) as store:
            found = store.records([description.trial_id])
    except StoreError:
        if remembered(path) is None:
            raise
        return (), float("nan")  # elsewhere and out of reach now; the checkpoint knows what it predicted
    if not found:
        return (), float("nan")
    stored = found[0].predictions["test"]
    if not np.array_equal(stored.ids, ids) or stored.logits.shape != logits.shape:
        raise CheckpointError(f"the store of {path} holds predictions of other examples than the data give now")
    difference = np.abs(stored.logits.astype(np.float64) - logits).max(axis=1)
    return tuple(ids[difference > 0].tolist()), float(difference.max())
