"""What a run tells while it goes, in a file that others can follow: `RUN/live.jsonl`.

One JSON object a line: first the run and its trials, then an epoch or an end of one of them. A process that works
beside another in the same folder has a file of its own, `RUN/live.OWNER.jsonl`. The store has what is finished; this
is only for looking on, and losing it costs nothing.
"""

import json
import math
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from paribus.record import EpochRow, PlannedTrial

LIVE = "live.jsonl"
# In the order that `EpochRow` has them in.
VALUES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy")
_HEAD = 60
"""Bytes at the start of the file that tell one run from another."""

Values = tuple[float | None, ...]
"""In the order of `VALUES`; None where something is not measured or not finite."""


def journals(out: Path) -> list[Path]:
    """The files of a run folder, that of the process that was there first before those beside it."""
    return [out / LIVE, *sorted(out.glob(_beside("*")))]


def _beside(owner: str) -> str:
    return f"live.{owner}.jsonl"


def clear(out: Path, works: Callable[[str], bool]) -> None:
    """Remove what processes told of that worked beside another, and do no more.

    Args:
        out: the run folder.
        works: whether an owner still does.
    """
    before, after = _beside("*").split("*")
    for path in journals(out)[1:]:
        if not works(path.name.removeprefix(before).removesuffix(after)):
            with suppress(OSError):
                path.unlink()


class Journal:
    """Writes the file; a full disk does not stop the run."""

    def __init__(self, out: Path, trials: Sequence[PlannedTrial], epochs: Sequence[int], beside: str = "") -> None:
        """Begin the file.

        Args:
            out: the run folder.
            trials: to run.
            epochs: of each at most, of all its trainings.
            beside: the name of this process (`share.owner`), where another was in the folder first.
        """
        self.path = out / (_beside(beside) if beside else LIVE)
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self._write({"run": uuid.uuid4().hex, "trials": _plain(trials, epochs)})

    def grew(self, trials: Sequence[PlannedTrial], epochs: Sequence[int]) -> None:
        """There are further trials, whose places follow on those before."""
        self._write({"more": _plain(trials, epochs)})

    def epoch(self, index: int, row: EpochRow) -> None:
        """An epoch of the trial at this place."""
        values = {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in asdict(row).items()}
        self._write({"trial": index, "row": values})

    def again(self, index: int) -> None:
        """The trial at this place begins again, from an earlier epoch, which will be told of once more."""
        self._write({"trial": index, "again": True})

    def ended(self, index: int) -> None:
        """The trial at this place finished or failed."""
        self._write({"trial": index, "ended": True})

    def _write(self, value: dict[str, Any]) -> None:
        with suppress(OSError), self.path.open("a", encoding="ascii") as file:
            file.write(json.dumps(value, separators=(",", ":")) + "\n")


def _plain(trials: Sequence[PlannedTrial], epochs: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"cell": [level for _, level in t.cell] or ["baseline"], "seed": t.spec.seed, "epochs": n}
        for t, n in zip(trials, epochs, strict=True)
    ]


@dataclass(slots=True)
class LiveTrial:
    """A trial as far as it has been told of."""

    cell: tuple[str, ...]
    """Its levels."""
    seed: int
    epochs: int
    """At most, of all its trainings together."""
    trainings: list[dict[int, Values]] = field(default_factory=list)
    """Epoch -> values, of each: one as a rule, one for each fold, one more for a refit (training only)."""
    n_rows: int = 0
    last: Values = ()
    """Of the latest epoch."""
    ended: bool = False


class Follower:
    """Reads what is new in a run's files at each look. Threads hold `lock` while they use the trials."""

    def __init__(self, out: Path) -> None:
        """Args: the run folder."""
        self.out = out
        self.lock = threading.RLock()
        self._files: dict[Path, _Followed] = {}

    @property
    def token(self) -> str:
        """Another one as soon as something new was read."""
        return " ".join(file.token for file in self._files.values())

    def look(self) -> list[LiveTrial]:
        """All trials of the latest run, as far as they are told of; none where there is no file."""
        with self.lock:
            try:
                paths = journals(self.out)
            except OSError:
                return []
            self._files = {path: self._files.get(path) or _Followed(path) for path in paths}
            return _together([file.look() for file in self._files.values()])


def _together(told: Sequence[list[LiveTrial]]) -> list[LiveTrial]:
    """Of several processes that share a study: each trial as the one tells of it that trains it."""
    some = [trials for trials in told if trials]
    if len(some) < 2:  # in which a search may have a recipe twice
        return [trial for trials in some for trial in trials]
    found: dict[tuple[tuple[str, ...], int], list[LiveTrial]] = {}
    for trial in (trial for trials in sorted(some, key=len, reverse=True) for trial in trials):
        found.setdefault((trial.cell, trial.seed), []).append(trial)
    return [
        replace(max(views, key=lambda trial: trial.n_rows), ended=any(trial.ended for trial in views))
        for views in found.values()
    ]


class _Followed:
    """One of the files, as far as it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trials: list[LiveTrial] = []
        self._place, self._head = 0, b""

    @property
    def token(self) -> str:
        return f"{self._head.hex()}-{self._place}"

    def look(self) -> list[LiveTrial]:
        try:
            with self.path.open("rb") as file:
                head = file.read(_HEAD)  # inodes are used again, and sizes grow past old ones
                if head != self._head:
                    self.trials, self._place, self._head = [], 0, head if len(head) == _HEAD else b""
                file.seek(self._place)
                fresh = file.read()
        except OSError:
            return self.trials
        whole = fresh[: fresh.rfind(b"\n") + 1]  # a line may be half written
        self._place += len(whole)
        for line in whole.splitlines():
            # A damaged line is passed over.
            with suppress(ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
                self._note(json.loads(line))
        return self.trials

    def _note(self, told: dict[str, Any]) -> None:
        if "trials" in told or "more" in told:
            found = told["trials"] if "trials" in told else told["more"]
            fresh = [LiveTrial(tuple(map(str, t["cell"])), int(t["seed"]), int(t["epochs"])) for t in found]
            self.trials = fresh if "trials" in told else [*self.trials, *fresh]
            return
        index = int(told["trial"])
        if index < 0:
            return
        trial = self.trials[index]
        if told.get("ended"):
            trial.ended = True
            return
        if told.get("again"):
            trial.trainings, trial.n_rows, trial.last = [], 0, ()
            return
        epoch, values = int(told["row"]["epoch"]), tuple(_number(told["row"].get(name)) for name in VALUES)
        if not trial.trainings or epoch <= max(trial.trainings[-1]):
            trial.trainings.append({})
        trial.trainings[-1][epoch] = trial.last = values
        trial.n_rows += 1


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
