"""The values of the interactive learning curves (`static/explorer.js`)."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from paribus.analysis.curves import PARTS, QUANTITIES, Curves, downsample
from paribus.analysis.result import CellResult, StudyResult
from paribus.lang import translation
from paribus.report.figures import DASHES, styles

SCRIPT = Path(__file__).parent / "static" / "explorer.js"

POINT_BUDGET = 14_000
"""Epochs of all cells together, each with 18 values: a page of 60 cells stays below 3 MB."""
FEWEST, MOST = 60, 400
"""Epochs of a cell that are drawn."""
SHOWN_AT_FIRST = 8
"""Of more cells, the best and what cannot be told apart from it, at most so many."""


def explorer_data(result: StudyResult) -> str:
    """JSON for the page, safe inside a script element; empty where nothing is finished.

    The colour is that of the last factor's level, as in every figure; dashes tell apart cells of one colour.
    """
    cells = [cell for cell in result.cells if cell.scores]
    if not cells:
        return ""
    at_most = int(np.clip(POINT_BUDGET // len(cells), FEWEST, MOST))
    last = list(result.factors)[-1] if result.crossed and result.factors else None
    style = styles(result.factors[last]) if last else styles([cell.label for cell in result.cells])
    seen: dict[str, int] = {}
    shown = _shown_at_first(result, cells)
    found = []
    for cell in cells:
        colour = style[cell.levels[last] if last else cell.label].colour
        seen[colour] = seen.get(colour, -1) + 1
        found.append(_cell(cell, colour, DASHES[seen[colour] % len(DASHES)], at_most, shown=cell.label in shown))
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def script_texts() -> dict[str, str]:
    """What the script says, by its messages, in the current language; empty in English."""
    messages = re.findall(r'\btr\("([^"]+)"', SCRIPT.read_text("utf-8"))
    return {message: said for message in messages if (said := translation(message))}


def _shown_at_first(result: StudyResult, cells: list[CellResult]) -> set[str]:
    if len(cells) <= SHOWN_AT_FIRST or result.best is None:
        return {cell.label for cell in cells}
    near = sorted(result.best.rivals, key=lambda cell: -cell.scores.accuracy.mean if cell.scores else 0.0)
    return {cell.label for cell in [result.best.cell, *near][:SHOWN_AT_FIRST]}


def _cell(cell: CellResult, colour: str, dashes: str | None, at_most: int, *, shown: bool) -> dict[str, Any]:
    assert cell.scores
    return {
        "label": cell.label,
        "colour": colour,
        "dashes": dashes,
        "shown": shown,
        "n_seeds": len(cell.scores.seeds),
        "selected": cell.scores.selected_epoch.median,
        **curve_values(cell.scores.curves, at_most),
    }


def curve_values(bands: Curves, at_most: int) -> dict[str, Any]:
    """Epochs, and for each quantity and part the mean, lowest and highest: accuracies in percent, None for a gap.

    Args:
        bands: of a cell.
        at_most: epochs to keep.
    """
    curves: dict[str, dict[str, list[list[float | None]]]] = {}
    epochs: list[int] = []
    for quantity in QUANTITIES:
        scale, digits = (100, 2) if quantity == "accuracy" else (1, 4)
        for part in PARTS:
            band = bands[quantity, part]
            at, series = downsample(band.epoch, scale * np.stack([band.mean, band.low, band.high]), at_most)
            epochs = at.tolist()
            curves.setdefault(quantity, {})[part] = [_plain(values, digits) for values in series]
    return {"epochs": epochs, "curves": curves}


def _plain(values: np.ndarray[Any, np.dtype[np.float64]], digits: int) -> list[float | None]:
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]
