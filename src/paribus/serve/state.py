"""What a run looks like right now, as plain JSON values."""

import hashlib
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from paribus.analysis.curves import mean_curves
from paribus.errors import ParibusError
from paribus.live import VALUES, Follower, LiveTrial, Values
from paribus.plan import Progress, open_run, progress, stored_study
from paribus.record import EpochRow
from paribus.report.explorer import curve_values
from paribus.report.figures import COLOURS, DASHES
from paribus.share import at_work
from paribus.store.place import POINTER, STORE, has_store

DEEPEST = 2
"""Folders below the one that is served, in which runs are looked for."""
POINTS, FEWEST, MOST = 12_000, 60, 300
"""Epochs of all cells that are sent; and of one cell."""
SHOWN = 8
"""Cells whose curves are shown at first."""


def runs_in(folder: Path) -> dict[str, Path]:
    """Key (for addresses) -> run folder; the folder itself where it is a run."""
    if has_store(folder):
        return {_key([folder.resolve().name]): folder}
    found: dict[str, Path] = {}
    for depth in range(1, DEEPEST + 1):
        runs = {path.parent for name in (STORE, POINTER) for path in folder.glob("/".join(["*"] * depth + [name]))}
        for run in sorted(runs):
            found[_key(run.relative_to(folder).parts)] = run
    return found


def _key(parts: Sequence[str]) -> str:
    """Plain names as they are; others by a hash, since not every folder's name can stand in an address."""
    if all(re.fullmatch(r"[A-Za-z0-9 ._-]+", part) for part in parts):
        return "~".join(parts)
    return hashlib.sha256(os.fsencode("/".join(parts))).hexdigest()[:16]


def summary(path: Path, follower: Follower) -> dict[str, Any]:
    """The study, how far it is, and what runs; ``error`` where the store cannot be read."""
    name = os.fsencode(path.name).decode("utf-8", "replace")
    try:
        with open_run(path) as store:
            stored = stored_study(path, store)
            done = progress(store, stored) if stored else Progress(0, 0, 0)
            unfinished = done.n_finished + done.n_failed + done.n_pruned < done.n_planned
            ids = [trial.trial_id for trial in stored.planned] if stored else []
            going = unfinished and at_work(path, store, ids)
    except (ParibusError, OSError, ValueError) as error:
        said = str(error).encode("utf-8", "replace").decode()
        return {"error": said, "name": name, "question": "", "planned": 0, "finished": 0, "failed": 0, "running": []}
    return {
        "error": "",
        "name": stored.study.name if stored else name,
        "question": stored.study.question if stored else "",
        "planned": done.n_planned,
        "finished": done.n_finished + done.n_pruned,
        "failed": done.n_failed,
        "stopped": unfinished and not going,
        "running": [_running(t) for t in follower.look() if t.n_rows and not t.ended] if going else [],
        "report": (path / "report" / "index.html").exists(),
    }


def _running(trial: LiveTrial) -> dict[str, Any]:
    reached = trial.last[VALUES.index("validation_accuracy")]
    return {
        "label": f"{' · '.join(trial.cell)}, seed {trial.seed}",
        "epoch": trial.n_rows,
        "epochs": trial.epochs,
        "validation": None if reached is None else round(100 * reached, 1),
    }


def curves(trials: Sequence[LiveTrial]) -> list[dict[str, Any]]:
    """The curves of each cell so far, as `static/explorer.js` takes them: mean, lowest and highest of its trainings.

    A refit is left out: it measures neither validation nor test.
    """
    by_cell: dict[tuple[str, ...], list[dict[int, Values]]] = {}
    for trial in trials:
        measured = [one for one in trial.trainings if any(v[2] is not None for v in one.values())]
        by_cell.setdefault(trial.cell, []).extend(measured)
    most = min(max(POINTS // max(len(by_cell), 1), FEWEST), MOST)
    return [
        _curve(cell, some, COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)], most, shown=i < SHOWN)
        for i, (cell, some) in enumerate(by_cell.items())
        if some
    ]


def _row(epoch: int, values: Values) -> EpochRow:
    known = {name: math.nan if value is None else value for name, value in zip(VALUES, values, strict=True)}
    return EpochRow(epoch=epoch, **known, lr=math.nan, seconds=math.nan)


def _curve(
    cell: tuple[str, ...],
    trainings: Sequence[dict[int, Values]],
    colour: str,
    dashes: str | None,
    most: int,
    *,
    shown: bool,
) -> dict[str, Any]:
    every = sorted({epoch for one in trainings for epoch in one})
    kept = sorted({*every[:: -(-len(every) // most)], every[-1]})  # before all else: a large study has many
    bands = mean_curves([[_row(epoch, one[epoch]) for epoch in kept if epoch in one] for one in trainings])
    reached = bands["accuracy", "validation"]
    return {
        "label": " · ".join(cell),
        "colour": colour,
        "dashes": dashes,
        "shown": shown,
        "n_seeds": len(trainings),
        "selected": int(reached.epoch[np.nan_to_num(reached.mean, nan=-1.0).argmax()]),
        **curve_values(bands, len(kept) + 1),
    }
