"""How sure a mean over seeds is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from paribus.errors import DataError


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the interval around it, in the unit of the values."""

    mean: float
    low: float
    """NaN when one value gives no interval."""
    high: float
    n: int
    """Values, as a rule one a seed."""
    method: str

    @property
    def known(self) -> bool:
        """Whether there is an interval: one value has none."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    @property
    def half_width(self) -> float:
        """Half the interval's width; NaN without one."""
        return (self.high - self.low) / 2

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of 0.

        False without an interval, and False when it has no width: two or three values that happen to be equal, as
        accuracies on few examples are, say nothing of how far others would spread.
        """
        return self.known and not self.flat and (self.low > 0 or self.high < 0)

    @property
    def flat(self) -> bool:
        """Whether all values were equal but for rounding, so that the interval has no width."""
        return self.known and self.high - self.low < 1e-9


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Student's t interval for the mean of independent values.

    Args:
        values: at least one, as a rule one a seed.
        level: coverage, between 0 and 1.

    Returns:
        The mean with its interval; with one value ``low`` and ``high`` are NaN and ``method`` is ``"none"``.

    Raises:
        DataError: there are no values, or the level is out of range.
    """
    if not len(values):
        raise DataError("an interval needs at least one value, got none")
    if not 0 < level < 1:
        raise DataError(f"level must be between 0 and 1, got {level}")
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, math.nan, math.nan, 1, "none")
    # scipy.special starts in a third of the time of scipy.stats and holds the same quantile.
    from scipy.special import stdtrit

    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stdtrit(n - 1, (1 + level) / 2)) * spread / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n, "student-t")
