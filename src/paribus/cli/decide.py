"""`paribus decide`: what other decision rules than argmax would have given."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from paribus.errors import DataError

if TYPE_CHECKING:
    from paribus.analysis.decide import Floats, RuleScores
    from paribus.analysis.intervals import Interval

_FIGURES = (("accuracy", "accuracy"), ("balanced_accuracy", "balanced accuracy"), ("macro_f1", "macro-F1"))


def compared(run: Path, costs: Path | None) -> list[list[str]]:
    """Rows of the table, a header first: each cell with each rule.

    Raises:
        RunError, DataError: the run has no finished trial; the costs cannot be read or do not fit.
    """
    from paribus.analysis.decide import compare_rules
    from paribus.analysis.study import labelled
    from paribus.plan import read_run

    stored = read_run(run)
    records = {record.trial_id: record for record in stored.records}
    tables = (
        {names: read_costs(costs, names) for names in {r.data.class_names for r in records.values()}} if costs else {}
    )
    rows = [["cell", "rule", *(f"{words} (%)" for _, words in _FIGURES), "chosen on validation, by seed"]]
    for label, ids in labelled(stored.study, stored.planned).items():
        own = [records[i] for i in ids if i in records]
        if own:
            table = tables.get(own[0].data.class_names)
            rows += [_row(label, scores) for scores in compare_rules(own, table)]
    return rows


def _row(label: str, scores: "RuleScores") -> list[str]:
    from paribus.analysis.words import percent

    figures = []
    for name, _ in _FIGURES:
        reached: Interval = getattr(scores, name)
        gained = "" if scores.rule == "argmax" else f" ({_signed(scores.gain[name])})"
        figures.append(percent(reached.mean).removesuffix("%") + gained)
    return [label, scores.rule, *figures, ", ".join(scores.chosen)]


def _signed(gain: "Interval") -> str:
    from paribus.analysis.words import points

    mean = points(gain.mean, signed=True)
    return f"{mean} ± {points(gain.half_width)}" if gain.known else mean


def read_costs(path: Path, class_names: tuple[str, ...]) -> "Floats":
    """(n_classes, n_classes) of a CSV file: a row for each true class, a column for each class named for it.

    The first line and the first column hold the names of the classes, in any order.

    Raises:
        DataError: it cannot be read, or a class is missing, unknown or there twice, or a cost is no number.
    """
    import numpy as np

    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *lines = [row for row in csv.reader(file) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read the costs in {path}: {getattr(error, 'strerror', None) or error}") from None
    columns = [name.strip() for name in header[1:]]
    given = [row[0].strip() for row in lines]
    for what, names in (("columns", columns), ("rows", given)):
        if sorted(names) != sorted(class_names):
            raise DataError(
                f"{path}: the {what} must be the classes {', '.join(class_names)}, each once, got {', '.join(names)}"
            )
    costs = np.zeros((len(class_names), len(class_names)))
    for row in lines:
        true = class_names.index(row[0].strip())
        if len(row) != len(header):
            raise DataError(f"{path}: the row of {row[0].strip()} must have {len(columns)} costs, got {len(row) - 1}")
        for name, text in zip(columns, row[1:], strict=True):
            try:
                costs[true, class_names.index(name)] = float(text)
            except ValueError:
                raise DataError(
                    f"{path}: the cost of naming {name} for {row[0].strip()} must be a number, got {text}"
                ) from None
    if not np.isfinite(costs).all():
        raise DataError(f"{path}: costs must be finite numbers")
    return costs
