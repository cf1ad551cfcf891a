"""Comparisons in pairs: what one level does, with the seed and everything else equal."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from paribus.analysis.crossed import CrossedMean, Floats, crossed_mean, holm, mcnemar
from paribus.analysis.result import (
    Best,
    CellResult,
    Comparison,
    Context,
    ContextDifference,
    SeedPair,
    SeedResult,
    Verdict,
)
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


Terms = Sequence[tuple[float, CellResult]]
"""Cells, and by what each counts in a sum."""


def weighted(terms: Terms) -> CrossedMean | None:
    """A weighted sum of the cells' mean test accuracies, on the seeds that all of them have finished; None without any.

    A difference has weights 1 and -1. Cells that were tested on the same examples are taken example by example.
    """
    seeds = shared_seeds([cell for _, cell in terms])
    if not seeds:
        return None
    blocks: dict[str, Floats] = {}
    for weight, cell in terms:
        found = by_seed(cell)
        test_set = found[seeds[0]].test_set
        block = weight * np.stack([found[seed].right for seed in seeds]).astype(np.float64)
        blocks[test_set] = blocks[test_set] + block if test_set in blocks else block
    return crossed_mean(list(blocks.values()))


def by_seed(cell: CellResult) -> dict[int, SeedResult]:
    """Seed -> what it gave, for finished ones."""
    return {} if cell.scores is None else {seed.seed: seed for seed in cell.scores.seeds}


def shared_seeds(cells: Sequence[CellResult]) -> list[int]:
    """Seeds that all of these cells have finished, ascending."""
    return sorted(set.intersection(*(set(by_seed(cell)) for cell in cells))) if cells else []


def compare(
    factor: str, contexts: Sequence[Context], pairs: Sequence[tuple[str, str]], n_planned: int
) -> tuple[Comparison, ...]:
    """Levels against others of a factor, corrected for there being so many.

    Args:
        factor: the factor.
        contexts: of that factor (`contexts_of`).
        pairs: of levels: the one in question, and the one it is measured against.
        n_planned: seeds that the study plans.
    """
    found = [_compare(factor, level, against, contexts, n_planned) for level, against in pairs]
    testable = [i for i, one in enumerate(found) if one.difference and one.difference.n_seeds > 1]
    p_values = [one.difference.p_value for i, one in enumerate(found) if i in testable and one.difference]
    for i, corrected in zip(testable, holm(p_values), strict=True):
        difference = found[i].difference
        assert difference is not None
        seen: Verdict = "beats" if corrected <= 0.05 else "unsure" if difference.p_value <= 0.05 else "unseen"
        found[i] = replace(found[i], corrected=corrected, verdict=seen, n_together=len(testable))
    failed = {cell.label: set(cell.failed) for context in contexts for cell in context.cells.values()}
    return tuple(replace(one, sentence=_sentence(one, contexts, failed)) for one in found)


def _compare(factor: str, level: str, against: str, contexts: Sequence[Context], n_planned: int) -> Comparison:
    """Not yet corrected, and without its sentence.

    A seed counts when it has finished with both levels in every context in which any seed has, so that no seed's mean
    is over other contexts than another's.
    """
    within = [
        found
        for context in contexts
        if level in context.cells
        and against in context.cells
        and (found := _within(context.label, context.cells[level], context.cells[against]))
    ]
    labels = {one.label for one in within}
    kept = [context.cells for context in contexts if context.label in labels]
    difference = weighted(
        [term for cells in kept for term in ((1 / len(kept), cells[level]), (-1 / len(kept), cells[against]))]
    )
    n_agree = 0
    if difference:
        seeds = shared_seeds([cells[name] for cells in kept for name in (level, against)])
        first, second = (
            [_mean([by_seed(cells[name])[s].accuracy for cells in kept]) for s in seeds] for name in (level, against)
        )
        n_agree = sum(round(a - b, 12) * difference.mean > 0 for a, b in zip(first, second, strict=True))
    return Comparison(
        factor=factor,
        level=level,
        against=against,
        difference=difference,
        corrected=math.nan,
        verdict="one seed" if difference else "no pairs",
        n_together=0,
        n_agree=n_agree,
        n_planned=n_planned,
        by_context=tuple(within),
        sentence="",
    )


def _within(label: str, first: CellResult, second: CellResult) -> ContextDifference | None:
    difference = weighted([(1.0, first), (-1.0, second)])
    if difference is None:
        return None
    ours, theirs = by_seed(first), by_seed(second)
    pairs = []
    for seed in shared_seeds([first, second]):
        a, b = ours[seed], theirs[seed]
        if a.test_set == b.test_set:
            only = int(np.count_nonzero(a.right & ~b.right)), int(np.count_nonzero(b.right & ~a.right))
            pairs.append(SeedPair(seed, *only, mcnemar(*only)))
    return ContextDifference(label, difference, tuple(pairs))


def _sentence(one: Comparison, contexts: Sequence[Context], failed: dict[str, set[int]]) -> str:
    words = {name: BASELINE if name == BASELINE else level_words(one.factor, name) for name in (one.level, one.against)}
    cells = [context.cells[name] for context in contexts for name in (one.level, one.against) if name in context.cells]
    lost = set().union(*(failed[cell.label] for cell in cells))
    unpaired = any(not within.pairs for within in one.by_context)
    return comparison_words(words[one.level], words[one.against], one, n_failed=len(lost)) + (
        ", tested on different examples" if unpaired else ""
    )


def find_best(cells: Sequence[CellResult]) -> Best | None:
    """The cell with the highest mean test accuracy (the first of equals); None when nothing is finished.

    Where cells have finished different seeds, those that all of them have are compared: a hard seed that one cell
    is spared must not make it the best. Others are worse only as far as that holds with every pair of cells looked at
    (Holm): which one is the best was known only afterwards.
    """
    finished = [cell for cell in cells if cell.scores is not None]
    if not finished:
        return None
    shared = shared_seeds(finished)
    even = all(len(by_seed(cell)) == len(shared) for cell in finished)
    best = max(finished, key=lambda cell: _mean_accuracy(cell, shared))
    found = {pair: weighted([(1.0, pair[0]), (-1.0, pair[1])]) for pair in _pairs(finished, best)}
    known = {pair: one for pair, one in found.items() if one and one.n_seeds > 1}
    corrected = dict(zip(known, holm([one.p_value for one in known.values()]), strict=True))
    others = [(cell, (best, cell)) for cell in finished if cell is not best]
    return Best(
        cell=best,
        rivals=tuple(cell for cell, pair in others if corrected.get(pair, 0) > 0.05),
        worse=tuple(cell for cell, pair in others if pair in corrected and corrected[pair] <= 0.05),
        undecided=tuple(cell for cell, pair in others if pair not in corrected),
        n_shared=None if even else len(shared),
    )


def _pairs(cells: Sequence[CellResult], first: CellResult) -> list[tuple[CellResult, CellResult]]:
    """Every two cells, the given one first in its pairs."""
    return [(b, a) if b is first else (a, b) for a, b in combinations(cells, 2)]


def _mean_accuracy(cell: CellResult, seeds: Collection[int]) -> float:
    """Over these seeds, or over all that the cell has when there are none."""
    found = by_seed(cell)
    return _mean([found[seed].accuracy for seed in seeds or found])


def _mean(values: Sequence[float]) -> float:
    """Accuracies are multiples of 1 / n: rounding removes what sums of floats add, so that equal stays equal."""
    return round(math.fsum(values) / len(values), 12)
