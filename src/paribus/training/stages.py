"""The trainings of a trial: as a rule one; in cross-validation one for each fold; one more on everything to refit."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from paribus.data.dataset import Dataset
from paribus.errors import NonFiniteLoss, TrainingError
from paribus.models.build import create
from paribus.record import EpochRow, Predictions
from paribus.spec import TrialSpec
from paribus.training.divide import Parts, divide, everything
from paribus.training.evaluate import predict_logits
from paribus.training.examples import Examples, prepare
from paribus.training.loop import Fitted, fit
from paribus.training.loop import fitted as fitted_of
from paribus.training.rng import stream_seed
from paribus.training.select import selected
from paribus.training.state import TrialState


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What a trial's trainings gave."""

    model: nn.Module
    """With the weights that count, on the device."""
    parts: Parts
    """Of that network; its validation part holds all examples that validated."""
    fitted: Fitted
    """The weights that count; the history and the epoch by which it was chosen."""
    predictions: dict[str, Predictions]
    """``validation``: by networks that were not trained on the example. ``test``: by the one that counts."""


def train(
    spec: TrialSpec,
    dataset: Dataset,
    device: torch.device,
    on_epoch: Callable[[EpochRow], None],
    state: TrialState | None = None,
) -> Trained:
    """All trainings of a trial, one after the other.

    Every training starts from the same initial weights and draws from the same streams.

    Args:
        spec: the trial.
        dataset: its data.
        device: where to train.
        on_epoch: told of each epoch of each training; of a refit without validation and test.
        state: to go on from and to keep; then it is told of earlier epochs too.

    Raises:
        DataError, TrainingError: the data cannot be divided as asked, or a loss is not finite.
    """
    divided, state = divide(spec), state or TrialState()
    if spec.data.folds is None:
        model, fitted, examples = _fit(spec, dataset, divided[0], device, on_epoch, state)
        model.load_state_dict(fitted.weights)
        said = [predict_logits(model, examples["validation"], spec.train.precision)]
    else:
        # Of each fold only its curves and what it said of its own examples is kept: there can be many.
        folds = [_fit(spec, dataset, parts, device, on_epoch, state)[1] for parts in divided]
        history = mean_history([one.history for one in folds], [len(parts.rows["validation"]) for parts in divided])
        fitted = replace(folds[0], history=history, selected_epoch=selected(spec.selection, history).epoch)
        said = [one.outputs[fitted.selected_epoch - 1] for one in folds]
    validation = np.concatenate([parts.rows["validation"] for parts in divided])
    logits = torch.cat(said).numpy()
    parts = divided[0]
    if spec.train.refit == "all":  # as every study with folds has it
        parts = everything(spec, divided)
        model, refitted, examples = _fit(spec, dataset, parts, device, on_epoch, state, until=fitted.selected_epoch)
        model.load_state_dict(refitted.weights)
        fitted = replace(fitted, weights=refitted.weights)
    order = np.argsort(validation, kind="stable")
    test = predict_logits(model, examples["test"], spec.train.precision)
    if not bool(torch.isfinite(test).all()):  # a refit measures nothing on the way
        raise NonFiniteLoss(fitted.selected_epoch, 1, math.nan)
    return Trained(
        model=model,
        parts=parts._replace(rows={**parts.rows, "validation": validation[order]}),
        fitted=fitted,
        predictions={
            "validation": _predictions(dataset, validation[order], logits[order]),
            "test": _predictions(dataset, parts.rows["test"], test.numpy()),
        },
    )


def _fit(
    spec: TrialSpec,
    dataset: Dataset,
    parts: Parts,
    device: torch.device,
    on_epoch: Callable[[EpochRow], None],
    state: TrialState,
    until: int | None = None,
) -> tuple[nn.Module, Fitted, dict[str, Examples]]:
    """One training; up to a known epoch nothing is measured on the way."""
    examples: dict[str, Examples] = {
        part: prepare(dataset, rows, parts.normalisation, device) for part, rows in parts.rows.items() if len(rows)
    }
    seed_of = partial(stream_seed, spec.seed_of("init"), "weights")
    model = create(spec.model, dataset.input_shape, dataset.n_classes, seed_of).to(device)
    if spec.train.batch_size == 1 and any(isinstance(layer, nn.BatchNorm1d) for layer in model.modules()):
        raise TrainingError(
            "train.batch_size must be at least 2: batch normalisation of single values needs two examples"
        )
    validation, test = (None if until else examples[part] for part in ("validation", "test"))
    ended = state.take()
    if ended is None:
        return model, fit(model, examples["train"], validation, test, spec, on_epoch, until, state), examples
    for row in ended.history:
        on_epoch(row)
    return model, fitted_of(ended, stopped_early=len(ended.history) < (until or spec.train.epochs)), examples


def mean_history(histories: Sequence[tuple[EpochRow, ...]], weights: Sequence[int]) -> tuple[EpochRow, ...]:
    """Epoch by epoch the mean over folds, by their validation examples; seconds add up.

    Args:
        histories: of the folds, of one length.
        weights: validation examples of each.
    """
    total = sum(weights)

    def mean(rows: Sequence[EpochRow], name: str) -> float:
        return math.fsum(w * getattr(row, name) for w, row in zip(weights, rows, strict=True)) / total

    names = [f"{part}_{what}" for part in ("train", "validation", "test") for what in ("loss", "accuracy")]
    return tuple(
        EpochRow(
            epoch=rows[0].epoch,
            **{name: mean(rows, name) for name in names},
            lr=rows[0].lr,
            seconds=sum(row.seconds for row in rows),
        )
        for rows in zip(*histories, strict=True)
    )


def _predictions(dataset: Dataset, rows: npt.NDArray[np.int64], logits: npt.NDArray[np.float32]) -> Predictions:
    return Predictions(ids=dataset.ids[rows], y=dataset.y[rows], logits=logits)
