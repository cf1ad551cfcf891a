"""Means over seeds and test examples: how far other seeds *and* other test examples could move them.

Every seed is tested on the same examples, so neither may be taken for new ones. `docs/statistics.md` says why it is
done so, and `benchmarks/calibration` shows that it holds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from paribus.analysis.intervals import Interval
from paribus.errors import DataError

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
POWER = 0.8
MOST_SEEDS = 10_000
"""Nobody trains more; beyond it a difference counts as out of reach."""


@dataclass(frozen=True)
class CrossedMean:
    """A mean over seeds x test examples, and what makes it vary.

    The values are taken as mean + seed + example + rest (Owen 2007, "The pigeonhole bootstrap", has the same picture).
    """

    mean: float
    seeds: float
    """Variance of the mean that shows between seeds: seeds' own, and the rest's share. NaN with one seed."""
    examples: float
    """Variance of the mean that comes of the examples' own, which is the same for all seeds."""
    rest: float
    """What `seeds` would be if seeds had no effect of their own; NaN with one seed."""
    n_seeds: int
    n_examples: int

    @property
    def variance(self) -> float:
        """Of the mean; with one seed, of the examples alone."""
        return self.examples + (0.0 if math.isnan(self.seeds) else self.seeds)

    def quantile(self, probability: float) -> float:
        """Of the mean's error in standard errors: Student's quantiles of seeds and of examples, each by its variance.

        Cochran and Cox's approximation (1950; *Experimental Designs*, section 4.14).
        """
        from scipy.special import stdtrit

        of_examples = float(stdtrit(max(self.n_examples - 1, 1), probability))
        if self.n_seeds == 1:
            return of_examples
        of_seeds = float(stdtrit(self.n_seeds - 1, probability))
        return (of_seeds * self.seeds + of_examples * self.examples) / self.variance

    def interval(self, level: float = LEVEL) -> Interval:
        """The mean with its two-sided interval."""
        half = self.quantile((1 + level) / 2) * math.sqrt(self.variance)
        method = "seeds and examples" if self.n_seeds > 1 else "examples"
        return Interval(self.mean, self.mean - half, self.mean + half, self.n_seeds, method)

    @cached_property
    def p_value(self) -> float:
        """Two-sided, of the mean being 0: 1 less the level at which the interval begins to hold 0."""
        from scipy.optimize import brentq

        reached = abs(self.mean) / math.sqrt(self.variance)
        if reached == 0:
            return 1.0

        def beyond(log_p: float) -> float:
            return self.quantile(1 - math.exp(log_p) / 2) - reached

        least = math.log(1e-12)
        return math.exp(brentq(beyond, least, 0.0, xtol=1e-10)) if beyond(least) > 0 else 1e-12

    def share_interval(self, level: float = LEVEL) -> Interval:
        """The interval of a mean that is a share, within 0 and 1: Wilson's (1927), with this variance and quantile.

        Near 0 and 1 the plain one is too short.
        """
        p = min(max(self.mean, 0.0), 1.0)
        n = p * (1 - p) / self.variance if 0 < p < 1 else self.n_examples  # as many as independent examples would be
        z = self.quantile((1 + level) / 2)
        middle, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        low, high = ((middle + side * half) / (1 + z**2 / n) for side in (-1, 1))
        return Interval(self.mean, max(low, 0.0), min(high, 1.0), self.n_seeds, self.interval().method)

    def detectable(self, level: float = LEVEL, power: float = POWER) -> float:
        """About the least true difference that such a study calls one, this often (of intervals of this level).

        Noncentral t for the seeds' part and the examples' part, each by its variance, as `quantile` has it.
        """
        usual = self if self.n_seeds == 1 else self.with_seeds(self.n_seeds)
        reach = _reach(usual.n_examples - 1, level, power)
        if usual.n_seeds > 1:
            of_seeds = _reach(usual.n_seeds - 1, level, power)
            reach = (of_seeds * usual.seeds + reach * usual.examples) / usual.variance
        return reach * math.sqrt(usual.variance)

    def examples_for(self, difference: float, level: float = LEVEL, power: float = POWER) -> int:
        """About how many test examples a true difference would need, were there seeds without end."""
        reach = _reach(self.n_examples - 1, level, power)
        return math.ceil(self.n_examples * self.examples * reach**2 / difference**2)

    def with_seeds(self, n: int) -> "CrossedMean":
        """What another number of seeds would give, on the same test examples, if all varies as it was seen to.

        Seeds are never taken to vary less than chance makes them: that a few lay close together was luck.
        """
        a_seed = max(self.seeds, self.rest) * self.n_seeds
        return CrossedMean(self.mean, a_seed / n, self.examples, self.rest * self.n_seeds / n, n, self.n_examples)

    def seeds_for(self, difference: float, level: float = LEVEL, power: float = POWER) -> int | None:
        """The fewest seeds, at least 2, to call a true difference one; None where the test examples do not allow it.

        Args:
            difference: above 0, in the unit of the mean.
            level: of the interval that must not hold 0.
            power: how often.

        Raises:
            DataError: there is one seed only, from which nothing is known of others.
        """
        if self.n_seeds == 1:
            raise DataError("at least two seeds must be finished to tell how many would be needed, got one")
        few, many = 1, 2

        def finds(n: int) -> bool:
            return self.with_seeds(n).detectable(level, power) <= difference

        while not finds(many):
            if many >= MOST_SEEDS:
                return None
            few, many = many, min(2 * many, MOST_SEEDS)
        while many - few > 1:
            middle = (few + many) // 2
            few, many = (few, middle) if finds(middle) else (middle, many)
        return many


def _reach(df: int, level: float, power: float) -> float:
    """How many standard errors from 0 a true mean must lie for t to find it, this often, in intervals of this level."""
    from scipy.special import nctdtrinc, stdtrit

    df = max(df, 1)
    return float(nctdtrinc(df, 1 - power, stdtrit(df, (1 + level) / 2)))


def crossed_mean(blocks: Sequence[Floats], scales: Sequence[float] | None = None) -> CrossedMean:
    """The mean over examples of one set or, for several sets of examples, the sum of their means.

    Sets of examples are taken as independent of each other, seeds are common to all.

    Args:
        blocks: one a set of examples, each (n_seeds, n_examples); as 1 and 0 for right and wrong, or a weighted sum of
            several networks' (1 and -1 for a difference).
        scales: of each, how much one network's being right or wrong changes a value; 1 where not given.

    Raises:
        DataError: there is no set, or one without seeds or examples.
    """
    if not blocks or not all(block.size for block in blocks):
        raise DataError("a mean over seeds and examples needs at least one of both, got none")
    n_seeds = len(blocks[0])
    by_seed = np.sum([block.mean(axis=1) for block in blocks], axis=0)
    mean = round(float(by_seed.mean()), 12)  # a multiple of 1 / n: what float subtraction adds must not make a sign
    parts = [_variances(block, scale) for block, scale in zip(blocks, scales or [1.0] * len(blocks), strict=True)]
    examples, rest = (math.fsum(part[i] for part in parts) for i in (0, 1))
    seeds = float(by_seed.var(ddof=1) / n_seeds) if n_seeds > 1 else math.nan
    if seeds < 1e-18:  # accuracies are multiples of 1 / n, and a few are easily equal: seeds are not without effect
        seeds = rest
    return CrossedMean(mean, seeds, examples, rest, n_seeds, min(block.shape[1] for block in blocks))


def balanced_mean(right: Floats, y: npt.NDArray[np.integer]) -> CrossedMean:
    """Balanced accuracy: the mean over classes of the share of their examples that are named rightly.

    Args:
        right: (n_seeds, n_examples), 1 and 0; or -1 to 1 for a difference.
        y: (n_examples,) true classes; classes that are not there do not count.
    """
    classes = np.unique(y)
    return crossed_mean([right[:, y == c] / len(classes) for c in classes], [1 / len(classes)] * len(classes))


def _variances(block: Floats, scale: float) -> tuple[float, float]:
    """Of the mean of a block: by the examples' own effect, and by the rest.

    Mean squares of a two-way layout without replication. To the examples' sum of squares comes half of what a single
    differing value adds to the total, so that no difference in 100 examples does not pass for none in any: without it,
    95% intervals hold the truth less often where networks are nearly always right.
    """
    n_seeds, n = block.shape
    others, floor = max(n - 1, 1), 0.5 * scale**2
    of_seed, of_example, mean = block.mean(axis=1), block.mean(axis=0), block.mean()
    between_examples = n_seeds * float(((of_example - mean) ** 2).sum())
    if n_seeds == 1:
        return (between_examples + floor) / others / n, math.nan
    between_seeds = n * float(((of_seed - mean) ** 2).sum())
    total = float(((block - mean) ** 2).sum())
    rest = max(total - between_examples - between_seeds, 0.0) / (others * (n_seeds - 1))
    own = max(between_examples / others - rest, 0.0) + floor / others
    return own / (n * n_seeds), rest / (n * n_seeds)


def mcnemar(first_only: int, second_only: int) -> float:
    """McNemar's test, two-sided mid-p (Fagerland, Lydersen & Laake 2013): whether two trained networks differ.

    It asks about these two networks, not about the settings that they stand for.

    Args:
        first_only: examples that the first alone has right.
        second_only: examples that the second alone has right.
    """
    from scipy.special import bdtr

    n, fewer = first_only + second_only, min(first_only, second_only)
    below = float(bdtr(fewer - 1, n, 0.5)) if fewer else 0.0
    return min(1.0, below + float(bdtr(fewer, n, 0.5)))  # twice: what is more uneven, and half of what is as uneven


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for there being several (Holm 1979): the chance of a single false one stays below each."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected
