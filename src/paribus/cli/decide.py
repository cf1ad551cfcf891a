"""`paribus decide`: what other decision rules than argmax would have given."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from paribus.errors import DataError
from paribus.suggest import from_known

if TYPE_CHECKING:
    from paribus.analysis.decide import Floats, Gain
    from paribus.analysis.intervals import Interval
    from paribus.record import Rule

_FIGURES = (("accuracy", "accuracy"), ("balanced_accuracy", "balanced accuracy"), ("macro_f1", "macro-F1"))


@dataclass(frozen=True, slots=True)
class Compared:
    """What `paribus decide` prints, rows under a header, and what it can keep."""

    figures: list[list[str]]
    recall: list[list[str]]
    rules: "dict[str, tuple[Rule, ...]]"
    """Path of a checkpoint relative to the run -> its rules."""


def compared(run: Path, costs: Path | None) -> Compared:
    """Each cell with each rule.

    Raises:
        RunError, DataError: the run has no finished trial; the costs cannot be read or do not fit.
    """
    from paribus.analysis.decide import compare_rules, rules_of
    from paribus.analysis.study import labelled
    from paribus.plan import read_run

    stored = read_run(run)
    records = {record.trial_id: record for record in stored.records}
    names = list(dict.fromkeys(record.data.class_names for record in records.values()))
    tables = {each: read_costs(costs, each) for each in names} if costs else {}
    rules = {record.checkpoint: rules_of(record, tables.get(record.data.class_names)) for record in records.values()}
    figures = [["cell", "rule", *(f"{words} (%)" for _, words in _FIGURES), "chosen on validation, by seed"]]
    recall = [["recall (%)", "rule", *(names[0] if len(names) == 1 else ())]]
    for label, ids in labelled(stored.study, stored.planned).items():
        own = [records[i] for i in ids if i in records]
        for scores in compare_rules(own, [rules[record.checkpoint] for record in own]) if own else ():
            row = [_gain(scores.rule, getattr(scores, name)) for name, _ in _FIGURES]
            figures.append([label, scores.rule, *row, ", ".join(scores.chosen)])
            if len(names) == 1:
                recall.append([label, scores.rule, *(_gain(scores.rule, gain) for _, gain in scores.recall)])
    return Compared(figures, recall, rules)


def keep(run: Path, found: Compared, name: str) -> int:
    """Put the rule of that name into every checkpoint of a run; returns how many.

    Raises:
        DataError: there is no such rule, or it needs costs.
        CheckpointError: a checkpoint is damaged or cannot be written.
    """
    from paribus.analysis.decide import RULES
    from paribus.plan import checkpoint_in
    from paribus.training.checkpoint import check, keep_rule

    name = name.replace("-", " ")
    if name not in RULES:
        raise DataError(f"no rule `{name}`{from_known(name, RULES)}")
    chosen = {place: next((rule for rule in rules if rule.name == name), None) for place, rules in found.rules.items()}
    if None in chosen.values():
        raise DataError(f"the rule `{name}` needs --costs")
    for checkpoint in chosen:  # all of them or none
        check(checkpoint_in(run, checkpoint))
    for checkpoint, rule in chosen.items():
        keep_rule(checkpoint_in(run, checkpoint), None if name == "argmax" else rule)
    return len(chosen)


def _gain(rule: str, gain: "Gain") -> str:
    from paribus.analysis.words import percent

    return percent(gain.reached.mean).removesuffix("%") + (
        "" if rule == "argmax" else f" ({_signed(gain.over_argmax)})"
    )


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
