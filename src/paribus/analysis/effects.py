"""Grids: what a factor does over all levels of the others, and whether that depends on them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from paribus.analysis.compare import shared_seeds, weighted
from paribus.analysis.crossed import CrossedMean, holm
from paribus.analysis.intervals import Interval
from paribus.analysis.result import CellResult, Interaction, TwoWay


def two_ways(
    cells: Sequence[CellResult], factors: dict[str, tuple[str, ...]], against: dict[str, str]
) -> tuple[TwoWay, ...]:
    """Every two factors of a grid against each other.

    Args:
        cells: of the grid.
        factors: factor -> levels.
        against: factor -> the level that the others are measured against.
    """
    return tuple(_two_way(cells, one, other, factors, against) for one, other in combinations(factors, 2))


def _two_way(
    cells: Sequence[CellResult], one: str, other: str, factors: dict[str, tuple[str, ...]], against: dict[str, str]
) -> TwoWay:
    """Slices are the sets of cells with the same levels of all other factors; by the levels of these two."""
    slices: dict[tuple[str, ...], dict[tuple[str, str], CellResult]] = {}
    for cell in cells:
        rest = tuple(level for factor, level in cell.levels.items() if factor not in (one, other))
        slices.setdefault(rest, {})[cell.levels[one], cell.levels[other]] = cell
    levels = factors[one], factors[other]
    found = []
    for a in levels[0]:
        for b in levels[1]:
            if a != against[one] and b != against[other]:
                corners = {(x, y) for x in (a, against[one]) for y in (b, against[other])}
                if interaction := _interaction(_whole(slices.values(), corners), a, against[one], b, against[other]):
                    found.append((a, b, *interaction))
    corrected = holm([difference.p_value for _, _, difference, _ in found])
    interactions = []
    for (a, b, difference, effects), p in zip(found, corrected, strict=True):
        names = (one, a, against[one]), (other, b, against[other])
        interactions.append(Interaction(names, difference, p, len(found), effects))
    every = {(a, b) for a in levels[0] for b in levels[1]}
    return TwoWay((one, other), levels, _means(_whole(slices.values(), every), levels), tuple(interactions))


Slice = Mapping[tuple[str, str], CellResult]


def _whole(slices: Iterable[Slice], at: set[tuple[str, str]]) -> list[Slice]:
    """Those of which all these cells have a finished trial."""
    return [some for some in slices if all(pair in some and some[pair].scores for pair in at)]


def _means(
    slices: Sequence[Slice], levels: tuple[tuple[str, ...], tuple[str, ...]]
) -> dict[tuple[str | None, str | None], Interval]:
    seeds = shared_seeds([cell for some in slices for cell in some.values()])
    if not seeds:
        return {}
    means: dict[tuple[str | None, str | None], Interval] = {}
    for a in (*levels[0], None):
        for b in (*levels[1], None):
            chosen = [some[pair] for some in slices for pair in some if a in (None, pair[0]) and b in (None, pair[1])]
            if mean := weighted([(1 / len(chosen), cell) for cell in chosen], seeds):
                means[a, b] = mean.share_interval()
    return means


def _interaction(
    slices: Sequence[Slice], a: str, a_base: str, b: str, b_base: str
) -> tuple[CrossedMean, tuple[CrossedMean, CrossedMean]] | None:
    """What level a does with b less what it does with b_base, and both; None without two seeds that all cells have."""
    corners = [(x, y) for x in (a, a_base) for y in (b, b_base)]
    seeds = shared_seeds([some[pair] for some in slices for pair in corners])
    if len(seeds) < 2:
        return None

    def effect(y: str, sign: float) -> list[tuple[float, CellResult]]:
        share = sign / len(slices)
        return [term for some in slices for term in ((share, some[a, y]), (-share, some[a_base, y]))]

    parts = [
        weighted(terms, seeds) for terms in ([*effect(b, 1), *effect(b_base, -1)], effect(b, 1), effect(b_base, 1))
    ]
    difference, with_it, without = (part for part in parts if part)
    return difference, (with_it, without)
