"""Comparisons in pairs: what one level does, with the seed and everything else equal."""

from collections.abc import Collection, Mapping, Sequence

from paribus.analysis.intervals import Interval, mean_interval
from paribus.analysis.result import Best, CellResult, Comparison, Context
from paribus.analysis.words import cell_words, comparison_words, level_words
from paribus.errors import StudyError
from paribus.grid import levels_of, patch
from paribus.spec import Baseline, StudySpec
from paribus.validate import validate

BASELINE = "baseline"
"""Stands for the baseline's level of a factor that does not name it."""


def baseline_level(study: StudySpec, factor: str) -> str | None:
    """The level of a factor that leaves the baseline as it is; None when no level does."""
    if factor not in study.factors:
        return None
    for level, patches in levels_of(factor, study.factors[factor]).items():
        try:
            if validate(Baseline, patch(study.baseline, patches)) == study.baseline:
                return level
        except StudyError:
            continue  # valid only together with another factor's level, so not the baseline's
    return None


def contexts_of(cells: Sequence[CellResult], factor: str, base: str | None, *, crossed: bool) -> tuple[Context, ...]:
    """The sets of cells that differ in one factor only.

    Args:
        cells: of the study, in its order.
        factor: the one that differs.
        base: name of the baseline's level, if the factor has it.
        crossed: every cell has a level of every factor; else cells are compared with the baseline cell.
    """
    if not crossed:
        alone = {BASELINE if base is None else base: cell for cell in cells if not cell.levels}
        alone |= {cell.levels[factor]: cell for cell in cells if factor in cell.levels}
        return (Context("", alone),)
    found: dict[tuple[tuple[str, str], ...], dict[str, CellResult]] = {}
    for cell in cells:
        others = tuple(pair for pair in cell.levels.items() if pair[0] != factor)
        found.setdefault(others, {})[cell.levels[factor]] = cell
    return tuple(Context(cell_words(dict(others)) if others else "", by_level) for others, by_level in found.items())


def compare(factor: str, level: str, against: str, contexts: Sequence[Context], n_planned: int) -> Comparison:
    """A level against another, in pairs.

    A seed counts when it has finished with both levels in every context in which any seed has, so that no
    seed's mean is over other contexts than another's.

    Args:
        factor: the factor.
        level: the one in question.
        against: the one it is measured against.
        contexts: of that factor (`contexts_of`).
        n_planned: seeds that the study plans.
    """
    differences = {
        context.label: found
        for context in contexts
        if level in context.cells
        and against in context.cells
        and (found := paired_differences(context.cells[level], context.cells[against]))
    }
    seeds = set.intersection(*map(set, differences.values())) if differences else set()
    # Accuracies are multiples of 1 / n: rounding removes what float subtraction adds, so that equal stays equal.
    means = [round(sum(d[seed] for d in differences.values()) / len(differences), 12) for seed in sorted(seeds)]
    difference = mean_interval(means) if means else None
    n_agree = sum(value * difference.mean > 0 for value in means) if difference else 0
    within = tuple((label, mean_interval(list(d.values()))) for label, d in differences.items())
    words = {name: BASELINE if name == BASELINE else level_words(factor, name) for name in (level, against)}
    return Comparison(
        factor=factor,
        level=level,
        against=against,
        difference=difference,
        n_agree=n_agree,
        n_planned=n_planned,
        by_context=within if len(contexts) > 1 else (),
        sentence=comparison_words(words[level], words[against], difference, n_agree, n_planned),
    )


def paired_differences(cell: CellResult, other: CellResult) -> dict[int, float]:
    """Seed -> test accuracy of the first cell less that of the second, for the seeds that both have finished."""
    first, second = accuracies(cell), accuracies(other)
    return {seed: round(first[seed] - second[seed], 12) for seed in first if seed in second}


def accuracies(cell: CellResult) -> Mapping[int, float]:
    """Seed -> test accuracy."""
    return {} if cell.scores is None else {seed.seed: seed.accuracy for seed in cell.scores.seeds}


def find_best(cells: Sequence[CellResult]) -> Best | None:
    """The cell with the highest mean test accuracy (the first of equals); None when nothing is finished.

    Where cells have finished different seeds, those that all of them have are compared: a hard seed that one cell
    is spared must not make it the best.
    """
    finished = [cell for cell in cells if cell.scores is not None]
    if not finished:
        return None
    shared = set.intersection(*(set(accuracies(cell)) for cell in finished))
    even = all(set(accuracies(cell)) == shared for cell in finished)
    best = max(finished, key=lambda cell: _mean_accuracy(cell, shared))
    groups: dict[str, list[CellResult]] = {"rivals": [], "worse": [], "undecided": []}
    for cell in finished:
        if cell is not best:
            groups[_standing(best, cell)].append(cell)
    return Best(
        cell=best,
        rivals=tuple(groups["rivals"]),
        worse=tuple(groups["worse"]),
        undecided=tuple(groups["undecided"]),
        n_shared=None if even else len(shared),
    )


def _mean_accuracy(cell: CellResult, seeds: Collection[int]) -> float:
    """Over these seeds, or over all that the cell has when there are none."""
    found = accuracies(cell)
    values = [found[seed] for seed in seeds] or list(found.values())
    return round(sum(values) / len(values), 12)


def _standing(best: CellResult, cell: CellResult) -> str:
    differences = list(paired_differences(best, cell).values())
    interval: Interval | None = mean_interval(differences) if differences else None
    if interval is None or not interval.known or (interval.flat and interval.mean):
        return "undecided"
    return "worse" if interval.excludes_zero and interval.low > 0 else "rivals"
