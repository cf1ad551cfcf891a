"""Two runs beside each other: what they share, in what they differ, and whether that shows in the results."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from paribus.analysis.compare import by_seed, judged, measured
from paribus.analysis.plain import differences
from paribus.analysis.result import CellResult, Comparison, Context, StudyResult
from paribus.record import TrialRecord


@dataclass(frozen=True, slots=True)
class SharedTrials:
    """Trials that both runs have finished: the same configuration, data and seed, by their ids."""

    n: int
    n_identical: int
    """With the same test predictions to the last bit."""
    largest_difference: float
    """Between logits; 0 where all are identical, NaN where there are none."""


@dataclass(frozen=True, slots=True)
class CellPair:
    """The cell of the same levels in both runs."""

    label: str
    same: bool
    """The same configuration on the same data."""
    n_same: int
    """Trials that are planned in both: then there is nothing to compare."""
    specification: dict[str, tuple[str, str]]
    """Field -> values in the first and in the second, where they differ; the data's content as ``data (content)``."""
    environment: dict[str, tuple[str, str]]
    comparison: Comparison | None
    """Second less first, corrected for the other cells; None where the test examples differ."""
    same_test: bool
    """False also where one has no finished trial."""


@dataclass(frozen=True, slots=True)
class RunsCompared:
    """What `compare_runs` finds."""

    shared: SharedTrials
    cells: tuple[CellPair, ...]
    only_first: tuple[str, ...]
    """Labels of cells."""
    only_second: tuple[str, ...]


def compare_runs(
    first: tuple[StudyResult, Sequence[TrialRecord]], second: tuple[StudyResult, Sequence[TrialRecord]]
) -> RunsCompared:
    """Two runs: cells are matched by their levels, or as the only ones; seeds by their number.

    Args:
        first: a run's analysis and the records of its finished trials.
        second: another's.
    """
    ours, theirs = (_by_label(result) for result, _ in (first, second))
    if len(ours) == len(theirs) == 1:  # one cell in each: named by what it is, matched all the same
        theirs = dict(zip(ours, theirs.values(), strict=True))
    records = [{record.trial_id: record for record in found} for _, found in (first, second)]
    matched = [label for label in ours if label in theirs]
    pairs = [_pair(label, ours[label], theirs[label], records) for label in matched]
    verdicts = iter(judged([pair.comparison for pair in pairs if pair.comparison and not pair.n_same]))
    pairs = [replace(p, comparison=next(verdicts)) if p.comparison and not p.n_same else p for p in pairs]
    return RunsCompared(
        shared=_shared(*records),
        cells=tuple(pairs),
        only_first=tuple(label for label in ours if label not in theirs),
        only_second=tuple(label for label in theirs if label not in ours),
    )


def _by_label(result: StudyResult) -> dict[str, CellResult]:
    return {cell.label: cell for cell in result.cells}


def _shared(ours: dict[str, TrialRecord], theirs: dict[str, TrialRecord]) -> SharedTrials:
    both = [(ours[i].predictions["test"].logits, theirs[i].predictions["test"].logits) for i in ours if i in theirs]
    gaps = [float(np.abs(a.astype(np.float64) - b).max()) if a.shape == b.shape else math.inf for a, b in both]
    return SharedTrials(len(both), sum(gap == 0 for gap in gaps), max(gaps, default=math.nan))


def _pair(label: str, ours: CellResult, theirs: CellResult, records: Sequence[dict[str, TrialRecord]]) -> CellPair:
    a, b = (next((known[i] for i in cell.trial_ids if i in known), None) for cell, known in
            zip((ours, theirs), records, strict=True))  # fmt: skip
    tests = [next((seed.test_set for seed in by_seed(cell).values()), None) for cell in (ours, theirs)]
    same_test = tests[0] == tests[1] and None not in tests
    specification: dict[str, tuple[str, str]] = {}
    environment: dict[str, tuple[str, str]] = {}
    if a and b:
        specification = differences(
            a.spec.model_dump(mode="json", exclude={"seed"}), b.spec.model_dump(mode="json", exclude={"seed"})
        )
        if a.fingerprint != b.fingerprint:
            specification["data (content)"] = (a.fingerprint[:12], b.fingerprint[:12])
        environment = differences(_environment(a), _environment(b))
    comparison = None
    if same_test:
        context = Context("", {"first": ours, "second": theirs})
        planned = set.intersection(*({*cell.finished, *cell.failed, *cell.missing} for cell in (ours, theirs)))
        comparison = measured("run", "second", "first", [context], len(planned))
    return CellPair(
        label=label,
        same=bool(a and b and not specification),
        n_same=len(set(ours.trial_ids) & set(theirs.trial_ids)),
        specification=specification,
        environment=environment,
        comparison=comparison,
        same_test=same_test,
    )


def _environment(record: TrialRecord) -> dict[str, object]:
    where = record.environment
    return {
        **where.versions,
        "platform": where.platform,
        "processor": where.cpu,
        "device": where.device,
        "threads": where.threads,
        "kernels": where.kernels,
        "git commit": where.git_commit,
    }
