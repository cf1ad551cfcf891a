"""What a page shows of a study with very many cells: the best of them. The tables in files have everything."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from paribus.analysis.result import CellResult, Comparison, Context, Interaction, StudyResult
from paribus.report.table import Table

AT_MOST_CELLS = 100
"""Of more, the best."""
AT_MOST_CONTEXTS = 20
"""Of a factor, where there are more cells than that: those that hold the best cells; and levels in one figure."""
AT_MOST_COMPARED = 100
"""Comparisons, and interactions of two factors, likewise: the clearest."""
AT_MOST_ROWS = 500
"""Of a table in the page."""

Compared = TypeVar("Compared", Comparison, Interaction)


def shown(result: StudyResult) -> StudyResult:
    """The part of a result that a page lists cell by cell, the best cells first; all of it where cells are few."""
    if len(result.cells) <= AT_MOST_CELLS:
        return result
    ranked = _ranked(result)
    kept = ranked[:AT_MOST_CELLS]
    rank = {cell: place for place, cell in enumerate(ranked)}
    contexts = {factor: _contexts(found, rank) for factor, found in result.contexts.items()}
    labels = {factor: {context.label for context in found} for factor, found in contexts.items()}
    return replace(
        result,
        cells=tuple(kept),
        contexts=contexts,
        comparisons=tuple(
            replace(one, by_context=tuple(each for each in one.by_context if each.label in labels[one.factor]))
            for one in _clearest(result.comparisons)
        ),
        two_ways=tuple(replace(both, interactions=_clearest(both.interactions)) for both in result.two_ways),
        spreads=tuple(one for one in result.spreads if rank[one.cell] < AT_MOST_CELLS),
    )


def first_rows(table: Table) -> Table:
    """A table as it stands in a page."""
    if len(table.rows) <= AT_MOST_ROWS:
        return table
    return replace(table, rows=table.rows[:AT_MOST_ROWS], n_rows=len(table.rows))


def _ranked(result: StudyResult) -> list[CellResult]:
    """The best cell, then the others by their accuracy; those that have none last."""
    best = result.best.cell if result.best else None

    def key(cell: CellResult) -> tuple[bool, float]:
        return cell is not best, -cell.scores.accuracy.mean if cell.scores else math.inf

    return sorted(result.cells, key=key)


def _contexts(found: Sequence[Context], rank: dict[CellResult, int]) -> tuple[Context, ...]:
    """Those of the best cells, each with its best levels; in the order of the study."""
    best = sorted(found, key=lambda context: min(rank[cell] for cell in context.cells.values()))[:AT_MOST_CONTEXTS]
    kept = {context.label for context in best}
    return tuple(_levels(context, rank) for context in found if context.label in kept)


def _levels(context: Context, rank: dict[CellResult, int]) -> Context:
    best = sorted(context.cells.values(), key=lambda cell: rank[cell])[:AT_MOST_CONTEXTS]
    return replace(context, cells={level: cell for level, cell in context.cells.items() if cell in best})


def _clearest(found: Sequence[Compared]) -> tuple[Compared, ...]:
    """Those with the smallest corrected p values, in their order; ones without a p value go last."""
    order = sorted(range(len(found)), key=lambda i: math.inf if math.isnan(found[i].corrected) else found[i].corrected)
    kept = set(order[:AT_MOST_COMPARED])
    return tuple(one for i, one in enumerate(found) if i in kept)
