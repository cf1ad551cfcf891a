"""Which cells are told apart from one of them, corrected for every pair of cells: thousands of cells at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from paribus.analysis.crossed import Floats
from paribus.analysis.result import CellResult, SeedResult

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ALPHA = 0.05
MOST_ROWS, MOST_VALUES = 512, 2**22
"""Cells that are compared with as many others at a time, and their seeds x examples: some 32 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """How cells stand to the one in question; all arrays (n_cells,), False at that one itself.

    Attributes:
        known: at least two seeds in common, so that there is a p value.
        behind: worse by more than chance explains, corrected for all pairs of cells (Holm).
    """

    known: Bools
    behind: Bools


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Cells with the same finished seeds, on the same examples.

    Attributes:
        place: (k,) of the cells.
        seeds: ascending.
        test_sets: of each seed.
        right: (k, n_seeds, n_examples).
    """

    place: Ints
    seeds: tuple[int, ...]
    test_sets: tuple[str, ...]
    right: Bools


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of cells; arrays (n,).

    Attributes:
        first: place of a cell.
        second: likewise.
        sign: of the first's mean less the second's.
        reached: their distance in standard errors.
        of_seeds: the seeds' share of its variance.
        df: degrees of freedom of seeds and of examples.
    """

    first: Ints
    second: Ints
    sign: Floats
    reached: Floats
    of_seeds: Floats
    df: tuple[int, int]

    def below(self, p: float) -> Bools:
        """Whether the p value, as `CrossedMean.p_value` has it, is at most p."""
        from scipy.special import stdtrit

        seeds, examples = (float(stdtrit(df, 1 - p / 2)) for df in self.df)
        return np.asarray(self.reached >= seeds * self.of_seeds + examples * (1 - self.of_seeds))

    def only(self, some: Bools) -> "_Pairs":
        """Some of them."""
        return _Pairs(
            self.first[some], self.second[some], self.sign[some], self.reached[some], self.of_seeds[some], self.df
        )


def apart_from(best: int, cells: Sequence[CellResult], seeds: Sequence[int]) -> Apart:
    """Every two cells against each other, as pairs by seed and example, to tell which are behind one of them.

    The same as a `CrossedMean` for every pair and Holm's correction of their p values, by matrix products: a pair
    takes some 20 ns an example instead of a millisecond, and p values are compared without being found.

    Args:
        best: place of the cell in question.
        cells: with a finished trial each.
        seeds: that count in all cells; where there are none, those that two cells have in common.
    """
    groups = _groups(cells, tuple(seeds))
    known, behind = np.zeros(len(cells), bool), np.zeros(len(cells), bool)
    n, kept = 0, []
    for one, other in combinations_with_replacement(groups, 2):
        for pairs in _compared(one, other):
            n += len(pairs.first)
            known[pairs.second[pairs.first == best]] = known[pairs.first[pairs.second == best]] = True
            # what is not significant alone never is after correction
            kept.append(pairs.only(pairs.below(ALPHA)))
    p = _holm_threshold(kept, n)
    for pairs in kept if p else ():
        seen = pairs.below(p)
        behind[pairs.second[seen & (pairs.first == best) & (pairs.sign > 0)]] = True
        behind[pairs.first[seen & (pairs.second == best) & (pairs.sign < 0)]] = True
    return Apart(known, behind)


def _holm_threshold(kept: Sequence[_Pairs], n: int) -> float:
    """The p value up to which Holm (1979) rejects, of n in all; 0 where he rejects none.

    With k rejected, the next must be at most alpha / (n - k); all that are, are rejected too, and so on.
    """
    k = 0
    while k < n:
        more = sum(int(np.count_nonzero(pairs.below(ALPHA / (n - k)))) for pairs in kept)
        if more <= k:
            break
        k = more
    return ALPHA / (n - k) if k < n else ALPHA if n else 0.0


def _groups(cells: Sequence[CellResult], on: tuple[int, ...]) -> list[_Group]:
    found: dict[tuple[tuple[int, ...], tuple[str, ...]], list[tuple[int, list[SeedResult]]]] = {}
    for place, cell in enumerate(cells):
        results = sorted(cell.scores.seeds if cell.scores else (), key=lambda seed: seed.seed)
        counted = [seed for seed in results if not on or seed.seed in on]
        key = tuple(seed.seed for seed in counted), tuple(seed.test_set for seed in counted)
        found.setdefault(key, []).append((place, counted))
    groups = []
    for (seeds, test_sets), members in found.items():
        size = len(seeds) * max(len(members[0][1][0].right), 1)
        rows = max(1, min(MOST_ROWS, MOST_VALUES // size))
        for start in range(0, len(members), rows):
            some = members[start : start + rows]
            right = np.stack([np.stack([seed.right for seed in counted]) for _, counted in some])
            groups.append(_Group(np.array([place for place, _ in some]), seeds, test_sets, right))
    return groups


def _compared(one: _Group, other: _Group) -> Iterator[_Pairs]:
    """The pairs between two groups, or within one; nothing where fewer than two seeds are common."""
    seeds = sorted(set(one.seeds) & set(other.seeds))
    if len(seeds) < 2:
        return
    places = [[group.seeds.index(seed) for seed in seeds] for group in (one, other)]
    a, b = (group.right[:, at].astype(np.float64) for group, at in zip((one, other), places, strict=True))
    same = one.test_sets[places[0][0]] == other.test_sets[places[1][0]]
    mean, of_seeds, examples = _same_examples(a, b) if same else _other_examples(a, b)
    variance = of_seeds + examples
    first, second = np.meshgrid(one.place, other.place, indexing="ij")
    chosen = np.triu(np.ones(mean.shape, bool), 1) if one is other else np.ones(mean.shape, bool)
    yield _Pairs(
        first[chosen],
        second[chosen],
        np.sign(mean[chosen]),
        (np.abs(mean) / np.sqrt(variance))[chosen],
        (of_seeds / variance)[chosen],
        (len(seeds) - 1, max(min(a.shape[2], b.shape[2]) - 1, 1)),
    )


def _squares(a: Floats, b: Floats) -> Floats:
    """(k, l) sums of squared differences between rows."""
    found: Floats = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T)
    return found


def _same_examples(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean difference and its variance by seeds and by examples, each (k, l); as `crossed.crossed_mean` has them.

    Sums of what is right are whole numbers, so that all is exact up to the divisions.

    Args:
        a: (k, n_seeds, n), 1 and 0.
        b: (l, n_seeds, n), of the same examples.
    """
    _, s, n = a.shape
    whole = a.sum(axis=(1, 2))[:, None] - b.sum(axis=(1, 2))
    by_seed = s * _squares(a.sum(axis=2), b.sum(axis=2)) - whole**2
    by_example = n * _squares(a.sum(axis=1), b.sum(axis=1)) - whole**2
    total = s * n * _squares(a.reshape(len(a), -1), b.reshape(len(b), -1)) - whole**2
    examples, rest = _parts(by_seed, by_example, total, s, n)
    seeds = by_seed / (s * n) / (n * (s - 1) * s)
    return np.round(whole / (s * n), 12), np.where(seeds < 1e-18, rest, seeds), examples


def _other_examples(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """As `_same_examples`, of sets of examples that have nothing to do with each other."""
    s = a.shape[1]
    means = [each.mean(axis=2) for each in (a, b)]
    centred = [each - each.mean(axis=1, keepdims=True) for each in means]
    seeds = _squares(*centred) / ((s - 1) * s)
    parts = []
    for each in (a, b):
        n, whole = each.shape[2], each.sum(axis=(1, 2))
        by_seed = s * (each.sum(axis=2) ** 2).sum(axis=1) - whole**2
        by_example = n * (each.sum(axis=1) ** 2).sum(axis=1) - whole**2
        parts.append(_parts(by_seed, by_example, s * n * whole - whole**2, s, n))
    examples, rest = (parts[0][i][:, None] + parts[1][i] for i in (0, 1))
    mean = np.round(means[0].mean(axis=1)[:, None] - means[1].mean(axis=1), 12)
    return mean, np.where(seeds < 1e-18, rest, seeds), examples


def _parts(by_seed: Floats, by_example: Floats, total: Floats, s: int, n: int) -> tuple[Floats, Floats]:
    """Variances of a mean by the examples' own effect and by the rest, from sums of squares times s n.

    `crossed._variances` says what they are; the scale is 1.
    """
    others = max(n - 1, 1)
    rest = np.maximum(total - by_example - by_seed, 0) / (s * n) / (others * (s - 1))
    own = np.maximum(by_example / (s * n) / others - rest, 0) + 0.5 / others
    return own / (n * s), rest / (n * s)
