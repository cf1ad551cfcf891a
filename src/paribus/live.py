"""What a run tells while it goes, in a file that others can follow: `RUN/live.jsonl`.

One JSON object a line: first the trials, then an epoch or an end of one of them. The store has what is finished; this
is only for looking on, and losing it costs nothing.
"""

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from paribus.record import EpochRow, PlannedTrial

LIVE = "live.jsonl"


class Journal:
    """Writes the file; a full disk does not stop the run."""

    def __init__(self, out: Path, trials: Sequence[PlannedTrial], epochs: Sequence[int]) -> None:
        """Args: the run folder; the trials to run; epochs of each at most, of all its trainings together."""
        self.path = out / LIVE
        plain = [
            {"cell": [level for _, level in t.cell] or ["baseline"], "seed": t.spec.seed, "epochs": n}
            for t, n in zip(trials, epochs, strict=True)
        ]
        with suppress(OSError):
            self.path.unlink(missing_ok=True)  # a new file: whoever follows the old one sees that
        self._write({"trials": plain})

    def epoch(self, index: int, row: EpochRow) -> None:
        """An epoch of the trial at this place."""
        values = {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in asdict(row).items()}
        self._write({"trial": index, "row": values})

    def ended(self, index: int) -> None:
        """The trial at this place finished or failed."""
        self._write({"trial": index, "ended": True})

    def _write(self, value: dict[str, Any]) -> None:
        with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


@dataclass(slots=True)
class LiveTrial:
    """A trial as far as it has been told of."""

    cell: tuple[str, ...]
    """Its levels."""
    seed: int
    epochs: int
    """At most, of all its trainings together."""
    rows: dict[int, dict[str, float | None]] = field(default_factory=dict)
    """Epoch -> values; of several trainings the latest."""
    n_rows: int = 0
    ended: bool = False


class Follower:
    """Reads what is new in a run's file at each look."""

    def __init__(self, out: Path) -> None:
        """Args: the run folder."""
        self.path = out / LIVE
        self.trials: list[LiveTrial] = []
        self._place, self._file = 0, (0, 0)

    def look(self) -> list[LiveTrial]:
        """All trials of the latest run, as far as they are told of; none where there is no file."""
        try:
            status = self.path.stat()
            if (status.st_dev, status.st_ino) != self._file or status.st_size < self._place:
                self.trials, self._place, self._file = [], 0, (status.st_dev, status.st_ino)
            with self.path.open("rb") as file:
                file.seek(self._place)
                fresh = file.read()
        except OSError:
            return self.trials
        whole = fresh[: fresh.rfind(b"\n") + 1]  # a line may be half written
        self._place += len(whole)
        for line in whole.splitlines():
            with suppress(ValueError, KeyError, TypeError, IndexError):  # a damaged line is passed over
                self._note(json.loads(line))
        return self.trials

    def _note(self, told: dict[str, Any]) -> None:
        if "trials" in told:
            self.trials = [LiveTrial(tuple(t["cell"]), int(t["seed"]), int(t["epochs"])) for t in told["trials"]]
        elif told.get("ended"):
            self.trials[told["trial"]].ended = True
        else:
            trial, row = self.trials[told["trial"]], told["row"]
            trial.rows[int(row["epoch"])] = row
            trial.n_rows += 1
