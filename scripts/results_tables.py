"""The rows of docs/results/*.csv, from the store of a run (`scripts/results take`)."""

import math
import statistics
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.analysis.intervals import Interval
from paribus.analysis.result import CellResult, StudyResult
from paribus.analysis.study import analyse, reported_levels
from paribus.data.duplicates import content_groups_of
from paribus.errors import RunError
from paribus.plan import Search, StoredRun
from paribus.record import TrialRecord
from paribus.report.search import confirmed_cell, recipe_words
from paribus.search import design_of
from paribus.spec import DataSpec
from paribus.training.divide import Rows, divide, everything, load_once

Row = dict[str, Any]


def take(name: str, run: StoredRun) -> dict[str, list[Row]]:
    """The rows of a run for each table. Accuracies are shares."""
    result = analyse(run.study, run.planned, run.records, run.failures, every_pair=True)
    records = {record.trial_id: record for record in run.records}
    return {
        "runs": [facts(name, run)],
        "cells": [cell_row(name, run, cell, records) for cell in result.cells if cell.scores],
        "comparisons": [
            *(
                {"run": name, "factor": one.factor, "level": one.level, "against": one.against}
                | interval_row(one.difference.interval())
                | {"p_corrected": one.corrected, "verdict": one.verdict, "seeds": one.difference.n_seeds}
                for one in result.comparisons
                if one.difference
            ),
            *(
                {"run": name, "factor": f"decision rule ({what})", "level": rule.rule, "against": "argmax"}
                | interval_row(gain.over_argmax)
                | {"p_corrected": math.nan, "verdict": "", "seeds": gain.over_argmax.n}
                for rule in result.rules
                if rule.rule != "argmax" and len(result.best.cell.scores.class_names) > 2
                for what, gain in (("accuracy", rule.accuracy), ("balanced accuracy", rule.balanced_accuracy))
            ),
        ],
        "searches": [search_row(name, run.search, result)] if run.search and run.search.best else [],
    }


def facts(name: str, run: StoredRun) -> Row:
    """How a run was done."""
    first = run.records[0]
    counts = {part: sum(by_class) for part, by_class in first.data.counts.items()}
    return {
        "run": name,
        "study": run.study.name,
        "question": run.study.question,
        "data": first.data.description,
        "networks": " and ".join(sorted({record.spec.model.name for record in run.records})),
        "train": counts.get("train", 0),
        "validation": counts.get("validation", 0),
        "test": counts.get("test", 0),
        "limit": first.spec.data.limit or "",
        "epochs": max(record.spec.train.epochs for record in run.records),
        "seeds": len(run.study.seeds),
        "finished": len(run.records),
        "planned": len(run.planned),
        "hours": usual_seconds(run.records) / 3600,
        "threads": first.environment.threads,
        "machine": first.environment.cpu,
        "versions": f"paribus {first.environment.versions['paribus']}, torch {first.environment.versions['torch']}",
        "date": first.environment.started[:10],
        "command": shortened(run.command),
    }


def usual_seconds(records: Sequence[TrialRecord]) -> float:
    """Of all trials together, each with the median of those that differ from it in the seed only.

    A trial that waited, because the machine was needed for something else, does not count for more than the others.
    """
    by_cell: dict[str, list[float]] = {}
    for record in records:
        by_cell.setdefault(record.spec.model_copy(update={"seed": 0}).model_dump_json(), []).append(record.seconds)
    return sum(len(seconds) * statistics.median(seconds) for seconds in by_cell.values())


def shortened(command: str) -> str:
    """Without where this machine keeps things."""
    words = command.split()
    kept = [word for i, word in enumerate(words) if not {"--out", "--store"} & {word, words[i - 1] if i else ""}]
    return " ".join(["paribus", *kept[1:]])


def cell_row(name: str, run: StoredRun, cell: CellResult, records: Mapping[str, TrialRecord]) -> Row:
    scores, own = cell.scores, [records[trial_id] for trial_id in cell.trial_ids if trial_id in records]
    # of the same network; that the data may be others is said
    levels = reported_levels(run.study, own[0].spec, cell.levels)
    reported = [
        (one.source, figure.test_accuracy, figure.validation_accuracy)
        for one in run.study.reported
        if one.model.items() <= own[0].spec.model.model_dump().items()
        for figure in one.figures
        if figure.cell.items() <= levels.items()
    ]
    copies = [copied(record) for record in own]
    return {
        "run": name,
        "cell": cell.label,
        **interval_row(scores.accuracy),
        **{f"balanced_{name}": value for name, value in interval_row(scores.balanced_accuracy).items()},
        "validation": scores.validation_accuracy.mean,
        "validation_low": scores.validation_accuracy.low,
        "validation_high": scores.validation_accuracy.high,
        "best_on_test": scores.best_on_test.mean,
        "copies": statistics.mean(int(each.sum()) for each in copies),
        "without_copies": statistics.mean(map(accuracy_without, own, copies)),
        "seeds": len(cell.finished),
        "selected_epoch": scores.selected_epoch.median,
        "parameters": sum(layer.n_parameters for layer in own[0].layers),
        "seconds": statistics.median(record.seconds for record in own),
        "reported": "; ".join(
            f"{source}: {', '.join(told)}"
            for source, test, validation in reported
            if (told := [f"{v:g} {p}" for v, p in ((test, "test"), (validation, "validation")) if v is not None])
        ),
    }


def search_row(name: str, search: Search, result: StudyResult) -> Row:
    """What a search took, what it chose, and the cell that says how good that is."""
    states = [one.seen.state for one in search.candidates]
    best, design = search.best[0], design_of(search.study)
    cell = confirmed_cell(result, best)
    spent = {one.trial.trial_id: one.seen.seconds for one in search.candidates}
    return {
        "run": name,
        "sampler": design.search,
        "candidates": len(states),
        "pruned": states.count("pruned"),
        "failed": states.count("failed"),
        "hours": sum(spent.values()) / 3600,
        "recipe": recipe_words(best),
        "reached": best.seen.accuracy,
        "cell": cell.label if cell else "",
    }


def interval_row(interval: Interval) -> Row:
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}


@lru_cache
def content_groups(origin: DataSpec) -> Rows:
    """Of each example the number of its content; equal ones have the same (`data.duplicates`)."""
    return content_groups_of(load_once(origin)[0])


def copied(record: TrialRecord) -> npt.NDArray[np.bool_]:
    """Whether an exact copy of each test example was trained on.

    Raises:
        RunError: the data are no longer those of the record.
    """
    spec = record.spec
    dataset, fingerprint = load_once(spec.data.origin())
    if fingerprint != record.fingerprint:
        raise RunError(f"the data of trial {record.trial_id} have changed: {spec.data.origin()}")
    divided = divide(spec)
    last = (everything(spec, divided),) if spec.train.refit == "all" else divided
    groups = content_groups(spec.data.origin())
    trained = np.isin(groups, np.concatenate([groups[parts.rows["train"]] for parts in last]))
    has_copy = dict(zip(dataset.ids.tolist(), trained.tolist(), strict=True))
    return np.array([has_copy[each] for each in record.predictions["test"].ids.tolist()])


def accuracy_without(record: TrialRecord, left_out: npt.NDArray[np.bool_]) -> float:
    """Test accuracy on the other examples; NaN where there are none."""
    test = record.predictions["test"]
    right = (test.logits.argmax(axis=1) == test.y)[~left_out]
    return float(right.mean()) if len(right) else math.nan
