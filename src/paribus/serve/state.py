"""What a run looks like right now, as plain JSON values."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paribus.analysis.curves import PARTS, QUANTITIES
from paribus.errors import ParibusError
from paribus.live import Follower, LiveTrial
from paribus.plan import STORE, open_run
from paribus.report.figures import COLOURS, DASHES

DEEPEST = 2
"""Folders below the one that is served, in which runs are looked for."""
MOST = 300
"""Epochs of a cell that are sent, the last among them."""
SHOWN = 8
"""Cells whose curves are shown at first."""


def runs_in(folder: Path) -> dict[str, Path]:
    """Key (for addresses) -> run folder, sorted; the folder itself where it is a run."""
    if (folder / STORE).exists():
        return {folder.resolve().name: folder}
    found: dict[str, Path] = {}
    for depth in range(1, DEEPEST + 1):
        for store in sorted(folder.glob("/".join(["*"] * depth + [STORE]))):
            found["~".join(store.parent.relative_to(folder).parts)] = store.parent
    return found


@dataclass
class Watched:
    """A run that is looked at again and again."""

    path: Path
    follower: Follower


def summary(run: Watched) -> dict[str, Any]:
    """The study, how far it is, and what runs; ``error`` where the store cannot be read."""
    try:
        with open_run(run.path) as store:
            stored = store.latest_study()
            ids = [trial.trial_id for trial in stored.planned] if stored else []
            finished, failed = len(store.finished(ids)), len(store.failed(ids))
    except ParibusError as error:
        return {"error": str(error), "name": run.path.name, "question": "", "planned": 0, "finished": 0, "failed": 0}
    running = [trial for trial in run.follower.look() if trial.n_rows and not trial.ended]
    return {
        "error": "",
        "name": stored.study.name if stored else run.path.name,
        "question": stored.study.question if stored else "",
        "planned": len(ids),
        "finished": finished,
        "failed": failed,
        "running": [_running(trial) for trial in running] if finished + failed < len(ids) else [],
        "report": (run.path / "report" / "index.html").exists(),
    }


def _running(trial: LiveTrial) -> dict[str, Any]:
    last = trial.rows[max(trial.rows)]
    reached = last.get("validation_accuracy")
    return {
        "label": f"{' · '.join(trial.cell)}, seed {trial.seed}",
        "epoch": trial.n_rows,
        "epochs": trial.epochs,
        "validation": None if reached is None else round(100 * reached, 1),
    }


def curves(trials: list[LiveTrial]) -> list[dict[str, Any]]:
    """The curves of each cell so far, as `static/explorer.js` takes them: mean, lowest and highest of its trials."""
    by_cell: dict[tuple[str, ...], list[LiveTrial]] = {}
    for trial in trials:
        if trial.rows:
            by_cell.setdefault(trial.cell, []).append(trial)
    return [
        _curve(cell, some, COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)], shown=i < SHOWN)
        for i, (cell, some) in enumerate(by_cell.items())
    ]


def _curve(
    cell: tuple[str, ...], trials: list[LiveTrial], colour: str, dashes: str | None, *, shown: bool
) -> dict[str, Any]:
    every = sorted({epoch for trial in trials for epoch in trial.rows})
    epochs = [*every[:: -(-len(every) // MOST)], every[-1]] if len(every) > MOST else every
    epochs = sorted(set(epochs))
    found: dict[str, dict[str, list[list[float | None]]]] = {}
    for quantity in QUANTITIES:
        scale, digits = (100, 2) if quantity == "accuracy" else (1, 4)
        for part in PARTS:
            at = [_values(trials, epoch, f"{part}_{quantity}") for epoch in epochs]
            found.setdefault(quantity, {})[part] = [
                [None if not some else round(scale * take(some), digits) for some in at]
                for take in (lambda some: sum(some) / len(some), min, max)
            ]
    accuracy = found["accuracy"]["validation"][0]
    reached = [-1.0 if value is None else value for value in accuracy]
    best = reached.index(max(reached))
    return {
        "label": " · ".join(cell),
        "colour": colour,
        "dashes": dashes,
        "shown": shown,
        "n_seeds": len(trials),
        "selected": epochs[best],
        "epochs": epochs,
        "curves": found,
    }


def _values(trials: list[LiveTrial], epoch: int, name: str) -> list[float]:
    rows = [trial.rows[epoch].get(name) for trial in trials if epoch in trial.rows]
    return [value for value in rows if value is not None]
