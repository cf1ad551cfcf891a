"""How far seeds spread, and which use of chance is to blame."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paribus.analysis.intervals import Interval
from paribus.analysis.result import CellResult
from paribus.spec import STREAMS, Baseline, Stream, TrialSpec


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """A cell's spread between seeds.

    Attributes:
        cell: which.
        streams: uses of chance that follow the seed; the others are held.
        deviation: standard deviation of test accuracy between seeds, a share, with its 95% interval (chi-square).
        share: of the variance of the cell that is the same but for varying every use of chance, with its 95% interval
            (F); None where there is no such cell. Shares need not add up to 1: uses of chance can act together.
    """

    cell: CellResult
    streams: tuple[Stream, ...]
    deviation: Interval
    share: Interval | None

    @property
    def label(self) -> str:
        """Of the cell."""
        return self.cell.label


def seed_spreads(cells: Sequence[CellResult], spec_of: dict[str, TrialSpec]) -> tuple[SeedSpread, ...]:
    """One for each cell with at least two finished seeds.

    Args:
        cells: of a study.
        spec_of: trial id -> its specification.
    """
    rest_of = {cell: _all_but_chance(spec_of[cell.trial_ids[0]]) for cell in cells}
    streams_of = {cell: spec_of[cell.trial_ids[0]].vary for cell in cells}
    deviations = {
        cell: deviation([seed.accuracy for seed in cell.scores.seeds])
        for cell in cells
        if cell.scores and len(cell.scores.seeds) > 1
    }
    whole = {rest_of[cell]: found for cell, found in deviations.items() if streams_of[cell] == STREAMS}
    return tuple(
        SeedSpread(cell, streams_of[cell], found, ratio(found, whole.get(rest_of[cell])))
        for cell, found in deviations.items()
    )


def ratio(part: Interval, whole: Interval | None, level: float = 0.95) -> Interval | None:
    """Of two variances, with its interval from the F distribution; None without a whole that varies."""
    from scipy.special import fdtri

    if whole is None or whole.mean == 0:
        return None
    found = (part.mean / whole.mean) ** 2
    if part is whole:
        return Interval(1.0, 1.0, 1.0, part.n, "none")
    low, high = (found / float(fdtri(part.n - 1, whole.n - 1, p)) for p in ((1 + level) / 2, (1 - level) / 2))
    return Interval(found, low, high, min(part.n, whole.n), "F")


def _all_but_chance(spec: TrialSpec) -> str:
    return Baseline(data=spec.data, model=spec.model, train=spec.train).model_dump_json()


def deviation(values: Sequence[float], level: float = 0.95) -> Interval:
    """Standard deviation of normal values with its interval, from the chi-square distribution of its square.

    Args:
        values: at least two.
        level: coverage, between 0 and 1.
    """
    from scipy.special import chdtri

    n, sd = len(values), float(np.std(values, ddof=1))
    if sd < 1e-9:  # a few accuracies on few examples are easily equal, and then say nothing of others
        return Interval(0.0, math.nan, math.nan, n, "none")
    low, high = (sd * math.sqrt((n - 1) / float(chdtri(n - 1, p))) for p in ((1 - level) / 2, (1 + level) / 2))
    return Interval(sd, low, high, n, "chi-square")
