"""From the messages of a run to what a tracker is told. A tracker that fails costs no trial."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from paribus.analysis.metrics import accuracy, cross_entropy
from paribus.errors import RunError
from paribus.execute.base import Crashed, Finished, Progress, Started
from paribus.live import VALUES
from paribus.record import EpochRow, PlannedTrial, TrialPruned, TrialRecord
from paribus.run import RunGrew, RunMessage, RunStarted
from paribus.spec import StudySpec
from paribus.suggest import from_known

TRACKERS = ("tensorboard", "mlflow")


class Tracker(Protocol):
    """A tool that is told of trials. Trials are named by their place among those that run."""

    def begin(self, index: int, name: str, trial: PlannedTrial) -> None:
        """A trial starts, perhaps again; ``name`` is its cell and seed in words."""
        ...

    def epoch(self, index: int, step: int, values: Mapping[str, float]) -> None:
        """An epoch: ``loss/train``, ``accuracy/test``, ``lr``; finite. Losses in nats, accuracies from 0 to 1."""
        ...

    def end(self, index: int, values: Mapping[str, float], *, finished: bool) -> None:
        """A trial has ended: with these final figures, or failed or pruned by a search, and then there are none."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class Tracking:
    """Listens to a run and tells trackers of it. The first error of one is told, and it hears no more.

    Args:
        trackers: by name.
        warn: told of an error in words.
    """

    def __init__(self, trackers: Mapping[str, Tracker], warn: Callable[[str], None]) -> None:
        self._trackers = dict(trackers)
        self._warn = warn
        self._trials: tuple[PlannedTrial, ...] = ()
        self._training: dict[int, tuple[int, int]] = {}  # of each trial: which training, and its latest epoch

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tell(lambda tracker: tracker.close())

    def __call__(self, message: RunMessage) -> None:
        """Take a message of the run."""
        if not self._trackers:
            return
        if isinstance(message, RunStarted):
            self._trials = message.trials
        elif isinstance(message, RunGrew):
            self._trials += message.trials
        elif isinstance(message, Started):
            index, trial = message.index, self._trials[message.index]
            self._training.pop(index, None)
            name = ", ".join([*(level for _, level in trial.cell if level), f"seed {trial.spec.seed}"])
            self._tell(lambda tracker: tracker.begin(index, name, trial))
        elif isinstance(message, Progress):
            index, row = message.index, message.event
            values = self._values(index, row)
            self._tell(lambda tracker: tracker.epoch(index, row.epoch, values))
        elif isinstance(message, Finished | Crashed):
            index, record = message.index, message.result if isinstance(message, Finished) else None
            final = final_values(record) if isinstance(record, TrialRecord) else {}
            self._tell(
                lambda tracker: tracker.end(index, final, finished=isinstance(record, TrialRecord | TrialPruned))
            )

    def _values(self, index: int, row: EpochRow) -> dict[str, float]:
        """By tag; those of the second training of a trial (a fold, a refit) and so on have its number before them."""
        training, last = self._training.get(index, (1, 0))
        training += row.epoch <= last
        self._training[index] = training, row.epoch
        before = f"training {training}/" if training > 1 else ""
        named = {_tag(name): getattr(row, name) for name in VALUES} | {"lr": row.lr}
        return {before + name: value for name, value in named.items() if math.isfinite(value)}

    def _tell(self, what: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                what(tracker)
            except Exception as error:  # whatever another tool does, the run goes on
                del self._trackers[name]
                self._warn(f"{name} gets no more of this run: {type(error).__name__}: {error}")


def _tag(name: str) -> str:
    """``train_loss`` -> ``loss/train``, as trackers group figures by what stands before the slash."""
    part, _, quantity = name.partition("_")
    return f"{quantity}/{part}"


def final_values(record: TrialRecord) -> dict[str, float]:
    """Of the selected epoch, on test: what comparisons are about."""
    test = record.predictions["test"]
    return {
        "final/test accuracy": accuracy(test.y, test.logits.argmax(axis=1)),
        "final/test loss": cross_entropy(test.y, test.logits),
        "final/selected epoch": float(record.selected_epoch),
    }


def parameters(trial: PlannedTrial) -> dict[str, str]:
    """All fields of a trial's specification by their path, as ``train.optimizer.lr``, and its factors' levels."""

    def walk(value: Any, path: str) -> dict[str, str]:
        if isinstance(value, dict) and value:
            return {
                k: v for key, each in value.items() for k, v in walk(each, f"{path}.{key}" if path else key).items()
            }
        return {path: str(value)}

    return {f"factor.{factor}": level for factor, level in trial.cell if level} | walk(
        trial.spec.model_dump(mode="json"), ""
    )


def open_tracking(names: Sequence[str], study: StudySpec, out: Path, warn: Callable[[str], None]) -> Tracking:
    """A listener for `run_study`.

    Args:
        names: of `TRACKERS`; may be none.
        study: that runs.
        out: folder of the run.
        warn: told of what goes wrong later.

    Raises:
        RunError: there is no such tracker, its extra is not installed, or it cannot be reached.
    """
    found: dict[str, Tracker] = {}
    for name in names:
        if name not in TRACKERS:
            raise RunError(f"no tracker `{name}`{from_known(name, TRACKERS)}")
        try:
            found[name] = _open(name, study, out)
        except ImportError as error:
            raise RunError(f"--track {name} needs its extra ({error.name}): pip install 'paribus[{name}]'") from None
        except Exception as error:
            raise RunError(f"--track {name}: {type(error).__name__}: {error}") from None
    return Tracking(found, warn)


def _open(name: str, study: StudySpec, out: Path) -> Tracker:
    if name == "tensorboard":
        from paribus.track.tensorboard import TensorBoard

        return TensorBoard(out / "tensorboard")
    from paribus.track.mlflow import MLflow

    return MLflow(study)
