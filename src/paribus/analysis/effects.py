"""Grids: what a factor does over all levels of the others, and whether that depends on them."""

from collections.abc import Sequence
from itertools import combinations

from paribus.analysis.compare import Terms, weighted
from paribus.analysis.crossed import holm
from paribus.analysis.intervals import Interval
from paribus.analysis.result import CellResult, Interaction, TwoWay
from paribus.analysis.words import interaction_words


def two_ways(
    cells: Sequence[CellResult], factors: dict[str, tuple[str, ...]], against: dict[str, str]
) -> tuple[TwoWay, ...]:
    """Every two factors of a grid against each other.

    Args:
        cells: of the grid.
        factors: factor -> levels.
        against: factor -> the level that the others are measured against.
    """
    return tuple(
        TwoWay(
            factors=(one, other),
            levels=(factors[one], factors[other]),
            means=_means(cells, one, other, factors),
            interactions=_interactions(cells, one, other, factors, against),
        )
        for one, other in combinations(factors, 2)
    )


def _having(cells: Sequence[CellResult], levels: dict[str, str | None]) -> list[CellResult]:
    return [cell for cell in cells if all(cell.levels[f] == level for f, level in levels.items() if level is not None)]


def _mean_of(cells: Sequence[CellResult], weight: float = 1.0) -> Terms:
    return [(weight / len(cells), cell) for cell in cells]


def _means(
    cells: Sequence[CellResult], one: str, other: str, factors: dict[str, tuple[str, ...]]
) -> dict[tuple[str | None, str | None], Interval]:
    means: dict[tuple[str | None, str | None], Interval] = {}
    for a in (*factors[one], None):
        for b in (*factors[other], None):
            chosen = _having(cells, {one: a, other: b})
            if chosen and (mean := weighted(_mean_of(chosen))):
                means[a, b] = mean.interval()
    return means


def _interactions(
    cells: Sequence[CellResult], one: str, other: str, factors: dict[str, tuple[str, ...]], against: dict[str, str]
) -> tuple[Interaction, ...]:
    found = []
    for a in factors[one]:
        for b in factors[other]:
            if a == against[one] or b == against[other]:
                continue
            corners = {
                (x, y): _having(cells, {one: x, other: y}) for x in (a, against[one]) for y in (b, against[other])
            }
            signs = {(x, y): (1 if x == a else -1) * (1 if y == b else -1) for x, y in corners}
            if not all(corners.values()):
                continue
            difference = weighted([term for at, some in corners.items() for term in _mean_of(some, signs[at])])
            if difference and difference.n_seeds > 1:
                levels = ((one, a, against[one]), (other, b, against[other]))
                effects = [
                    weighted([*_mean_of(corners[a, y]), *_mean_of(corners[against[one], y], -1)])
                    for y in (b, against[other])
                ]
                found.append((levels, difference, effects))
    corrected = holm([difference.p_value for _, difference, _ in found])
    return tuple(
        Interaction(levels, difference, p, interaction_words(levels, difference, effects, p))
        for (levels, difference, effects), p in zip(found, corrected, strict=True)
    )
