"""Comparisons in pairs: what one level does, with the seed and everything else equal."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from paribus.analysis.apart import apart_from
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
from paribus.analysis.words import BASELINE, cell_words


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


def weighted(terms: Terms, seeds: Sequence[int] | None = None) -> CrossedMean | None:
    """A weighted sum of the cells' mean test accuracies; None without a seed.

    A difference has weights 1 and -1. Cells that were tested on the same examples are taken example by example.

    Args:
        terms: the cells with their weights.
        seeds: that all of them have finished; by default all such seeds.
    """
    seeds = shared_seeds([cell for _, cell in terms]) if seeds is None else seeds
    if not seeds:
        return None
    blocks: dict[str, Floats] = {}
    scales: dict[str, float] = {}
    for weight, cell in terms:
        found = by_seed(cell)
        test_set = found[seeds[0]].test_set
        block = weight * np.stack([found[seed].right for seed in seeds]).astype(np.float64)
        blocks[test_set] = blocks[test_set] + block if test_set in blocks else block
        scales[test_set] = max(scales.get(test_set, 0.0), abs(weight))
    return crossed_mean(list(blocks.values()), list(scales.values()))


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
    return judged([measured(factor, level, against, contexts, n_planned) for level, against in pairs])


def judged(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Comparisons with their verdicts, corrected for each other (Holm)."""
    testable = [i for i, one in enumerate(found) if one.difference and one.difference.n_seeds > 1]
    p_values = [one.difference.p_value for i, one in enumerate(found) if i in testable and one.difference]
    corrected = dict(zip(testable, holm(p_values), strict=True))
    judged = []
    for i, one in enumerate(found):
        if i in corrected and one.difference:
            p = one.difference.p_value
            seen: Verdict = "beats" if corrected[i] <= 0.05 else "unsure" if p <= 0.05 else "unseen"
            one = replace(one, corrected=corrected[i], verdict=seen, n_together=len(testable))
        judged.append(one)
    return tuple(judged)


def measured(factor: str, level: str, against: str, contexts: Sequence[Context], n_planned: int) -> Comparison:
    """A comparison that is not judged yet.

    A seed counts when it has finished with both levels in every context that counts, so that no seed's mean is over
    other contexts than another's. Contexts count so that as many as possible pairs of cells and seeds do.
    """
    planned = [context for context in contexts if level in context.cells and against in context.cells]
    kept, seeds = _most_pairs(
        [(context, shared_seeds([context.cells[level], context.cells[against]])) for context in planned]
    )
    difference = weighted(
        [term for one in kept for term in ((1 / len(kept), one.cells[level]), (-1 / len(kept), one.cells[against]))],
        seeds,
    )
    n_agree = 0
    if difference:
        first, second = (
            [_mean([by_seed(one.cells[name])[seed].accuracy for one in kept]) for seed in seeds]
            for name in (level, against)
        )
        n_agree = sum(round(a - b, 12) * difference.mean > 0 for a, b in zip(first, second, strict=True))
    lost = {seed for one in planned for name in (level, against) for seed in one.cells[name].failed}
    return Comparison(
        factor=factor,
        level=level,
        against=against,
        difference=difference,
        corrected=math.nan,
        verdict="one seed" if difference else "no pairs",
        n_together=0,
        n_failed=len(lost),
        n_contexts=len(planned),
        n_counted=len(kept),
        n_agree=n_agree,
        n_planned=n_planned,
        by_context=tuple(
            found for one in planned if (found := _within(one.label, one.cells[level], one.cells[against]))
        ),
    )


def _most_pairs(found: Sequence[tuple[Context, list[int]]]) -> tuple[list[Context], list[int]]:
    """The contexts, and the seeds that all of them have, that make the most pairs; two seeds go before one."""
    best: tuple[list[Context], list[int]] = [], []
    for n in sorted({len(seeds) for _, seeds in found if seeds}):
        some = [(context, seeds) for context, seeds in found if len(seeds) >= n]
        shared = sorted(set.intersection(*(set(seeds) for _, seeds in some)))
        if (len(shared) > 1, len(shared) * len(some)) > (len(best[1]) > 1, len(best[1]) * len(best[0])):
            best = [context for context, _ in some], shared
    return best


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
    place = next(i for i, cell in enumerate(finished) if cell is best)
    apart = apart_from(place, finished, shared)
    others = [i for i in range(len(finished)) if i != place]
    return Best(
        cell=best,
        rivals=tuple(finished[i] for i in others if apart.known[i] and not apart.behind[i]),
        worse=tuple(finished[i] for i in others if apart.behind[i]),
        undecided=tuple(finished[i] for i in others if not apart.known[i]),
        n_unfinished=len(cells) - len(finished),
        n_shared=None if even else len(shared),
    )


def _mean_accuracy(cell: CellResult, seeds: Collection[int]) -> float:
    """Over these seeds, or over all that the cell has when there are none."""
    found = by_seed(cell)
    return _mean([found[seed].accuracy for seed in seeds or found])


def _mean(values: Sequence[float]) -> float:
    """Accuracies are multiples of 1 / n: rounding removes what sums of floats add, so that equal stays equal."""
    return round(math.fsum(values) / len(values), 12)
