"""One trial from its specification to its record; runs in whatever process it is called in."""

import hashlib
import os
import time
import traceback as traceback_module
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.utils.deterministic

from paribus.data.dataset import Dataset
from paribus.data.findings import audit
from paribus.data.normalise import Normalisation
from paribus.errors import DataError, ModelError
from paribus.models.custom import code_digest, own_code
from paribus.models.side_effects import draws_kept
from paribus.models.summary import summarise
from paribus.record import (
    DataSummary,
    Environment,
    EpochRow,
    Part,
    PlannedTrial,
    Predictions,
    TrialFailure,
    TrialPruned,
    TrialRecord,
)
from paribus.search import is_behind
from paribus.spec import DataSpec, RunSpec
from paribus.training.checkpoint import Description, SavedScore, save
from paribus.training.divide import load_once
from paribus.training.environment import environment, resolve_device
from paribus.training.evaluate import loss_and_accuracy
from paribus.training.loop import Fitted
from paribus.training.stages import train
from paribus.training.state import TrialState, state_key, state_path

CHECKPOINTS = "checkpoints"
"""Folder of the weights inside a run folder."""


@dataclass(frozen=True, slots=True)
class TrialTask:
    """What a worker needs for one trial."""

    planned: PlannedTrial
    fingerprint: str
    run: RunSpec
    code: str = ""
    """Of what is not of paribus, when the trial was planned (`models.custom.own_code`)."""


class _Behind(Exception):
    """The trial is below its bar."""


def run_trial(task: TrialTask, emit: Callable[[EpochRow], None]) -> TrialRecord | TrialPruned | TrialFailure:
    """Train one trial, save its weights, and give its record; any error becomes a `TrialFailure`.

    A trial that falls below its bar ends there, and gives what it came to.

    Args:
        task: the trial.
        emit: told of each epoch.
    """
    started = time.perf_counter()
    where: Environment | None = None
    history: list[EpochRow] = []

    def heard(row: EpochRow) -> None:
        """A trial that goes on from a state hears of its earlier epochs too, so it ends where it would have."""
        emit(row)
        history.append(row)
        curve = [each.validation_accuracy for each in history]
        first = row.epoch == len(history)  # a refit, which begins anew, is not held against the bar
        if first and is_behind(task.planned.bar, curve, task.planned.spec.train.epochs):
            raise _Behind

    try:
        device = resolve_device(task.run.device)
        where = environment(task.run, device)
        with deterministic(task.run.threads):
            return _run(task, device, where, heard)
    except _Behind:
        assert where is not None
        planned, seconds = task.planned, sum(row.seconds for row in history)
        return TrialPruned(planned.trial_id, planned.spec, task.fingerprint, where, tuple(history), seconds)
    except Exception as error:
        return TrialFailure(
            trial_id=task.planned.trial_id,
            spec=task.planned.spec,
            fingerprint=task.fingerprint,
            environment=where,
            kind=type(error).__name__,
            message=str(error),
            traceback=traceback_module.format_exc(),
            seconds=time.perf_counter() - started,
        )


def _run(
    task: TrialTask,
    device: torch.device,
    where: Environment,
    emit: Callable[[EpochRow], None],
) -> TrialRecord:
    spec, trial_id = task.planned.spec, task.planned.trial_id
    dataset, found = load_once(spec.data.origin())
    if found != task.fingerprint:
        raise DataError("the data changed while the study ran: run the same command again")
    if own_code(spec) != task.code:
        raise ModelError(
            f"the source of {' or '.join(spec.foreign())} changed while the study ran: run the same command again"
        )
    path = None if task.run.checkpoint_every == "never" else state_path(Path(task.run.out), trial_id)
    state = TrialState(path, state_key(trial_id, where), task.run.checkpoint_every)
    trained = train(spec, dataset, device, emit, state)
    fitted, parts = trained.fitted, trained.parts
    description = _describe(task, dataset, parts.normalisation, fitted, trained.predictions["test"])
    saved = save(Path(task.run.out) / CHECKPOINTS, description, fitted.weights)
    return TrialRecord(
        trial_id=trial_id,
        spec=spec,
        fingerprint=task.fingerprint,
        environment=where,
        data=_summary(spec.data, parts.rows, parts.dropped),
        layers=summarise(trained.model.cpu(), dataset.input_shape),
        history=fitted.history,
        selected_epoch=fitted.selected_epoch,
        stopped_early=fitted.stopped_early,
        predictions=trained.predictions,
        checkpoint=f"{CHECKPOINTS}/{saved.name}",
        seconds=state.seconds,
    )


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """A fixed number of threads and deterministic operations; the process's own settings come back after.

    The global generators, from which code of one's own draws, come back as they were too.
    """
    settings: Any = torch.utils.deterministic
    before, was = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = settings.fill_uninitialized_memory
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
    try:
        with torch.random.fork_rng(), draws_kept():
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(True)
            settings.fill_uninitialized_memory = False  # costs time and changes nothing here
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(was, warn_only=warn_only)
        settings.fill_uninitialized_memory = filled


def logits_digest(logits: npt.NDArray[np.float32]) -> str:
    """SHA-256 of (n, n_classes) logits as little-endian float32."""
    return hashlib.sha256(np.ascontiguousarray(logits, dtype="<f4").tobytes()).hexdigest()


def _describe(
    task: TrialTask, dataset: Dataset, normalisation: Normalisation, fitted: Fitted, test: Predictions
) -> Description:
    loss, accuracy = loss_and_accuracy(torch.from_numpy(test.logits), torch.from_numpy(test.y))
    return Description(
        trial_id=task.planned.trial_id,
        spec=task.planned.spec,
        fingerprint=task.fingerprint,
        epoch=fitted.selected_epoch,
        input_shape=dataset.input_shape,
        class_names=dataset.class_names,
        kind=dataset.kind,
        normalisation=normalisation,
        threads=task.run.threads,
        test=SavedScore(n=len(test.y), accuracy=accuracy, loss=loss, logits_sha256=logits_digest(test.logits)),
        code=code_digest(task.planned.spec.model),
        dtype=dataset.x.dtype.name,
        channel_names=dataset.channel_names,
        sfreq_hz=dataset.sfreq_hz,
    )


_audit = lru_cache(maxsize=2)(audit)
"""Of the very data set that `load_once` keeps."""


def _summary(spec: DataSpec, rows: dict[Part, npt.NDArray[np.int64]], dropped: dict[str, int]) -> DataSummary:
    dataset, _ = load_once(spec.origin())
    return DataSummary(
        description=dataset.description,
        kind=dataset.kind,
        input_shape=dataset.input_shape,
        class_names=dataset.class_names,
        counts={
            part: tuple(np.bincount(dataset.y[index], minlength=dataset.n_classes).tolist())
            for part, index in rows.items()
        },
        sfreq_hz=dataset.sfreq_hz,
        notes=dataset.notes,
        dropped=dropped,
        audit=_audit(dataset),
    )
