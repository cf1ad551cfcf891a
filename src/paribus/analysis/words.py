"""Figures and comparisons in words, the same wherever they are shown."""

import math
from collections.abc import Mapping, Sequence

from paribus.analysis.intervals import Interval

MINUS = "\N{MINUS SIGN}"


def number(value: float, digits: int = 1) -> str:
    """A number with a true minus sign and never a minus zero; a dash for NaN."""
    if math.isnan(value):
        return "–"
    text = f"{value:.{digits}f}"
    negative = text.startswith("-") and float(text) != 0
    return (MINUS if negative else "") + text.removeprefix("-")


def percent(share: float) -> str:
    """A share from 0 to 1 in percent, one decimal."""
    return f"{number(100 * share)}%"


def points(share: float, *, signed: bool = False) -> str:
    """A difference of shares in percentage points, one decimal."""
    text = number(100 * share)
    return f"+{text}" if signed and float(f"{100 * share:.1f}") > 0 else text


def spread(interval: Interval, *, share: bool = False) -> str:
    """The bounds in percent or points: ``86.0 to 90.1``.

    Args:
        interval: of shares or of differences between them.
        share: of shares, which no bound can take below 0 or above 100%.
    """
    low, high = (max(interval.low, 0.0), min(interval.high, 1.0)) if share else (interval.low, interval.high)
    return f"{points(low)} to {points(high)}"


def count(n: int, one: str, many: str | None = None) -> str:
    """``1 seed``, ``3 seeds``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def join(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([*([", ".join(words[:-1])] if words[1:] else []), *words[-1:]])


def capital(sentence: str) -> str:
    """A capital at the start of plain words; a level named ``elu`` stays as it is named."""
    return sentence[:1].upper() + sentence[1:] if sentence.startswith(("no ", "baseline ")) else sentence


def level_words(factor: str, level: str) -> str:
    """A level that can stand alone: its name, with the factor's before it where the name is a mere value."""
    bare = level in ("true", "false", "none", "null", "on", "off", "yes", "no")
    return f"{factor} {level}" if bare or not level[:1].isalpha() else level


def cell_words(levels: Mapping[str, str]) -> str:
    """A cell's levels: ``eegnet · relu``."""
    return " · ".join(level_words(factor, level) for factor, level in levels.items()) or "baseline"


def comparison_words(level: str, against: str, difference: Interval | None, n_agree: int, n_planned: int) -> str:
    """A paired comparison in one honest sentence, without the full stop.

    Args:
        level: in words.
        against: in words.
        difference: accuracy of ``level`` less that of ``against``, a share; None without pairs.
        n_agree: seeds whose difference has the sign of the mean.
        n_planned: seeds that the study plans.
    """
    if difference is None:
        return f"{level} and {against} cannot be compared yet: no seed has finished with both"
    so_far = "" if difference.n == n_planned else f", from {difference.n} of {count(n_planned, 'seed')} so far"
    upper, lower = (level, against) if difference.mean >= 0 else (against, level)
    gap = points(abs(difference.mean))
    if not difference.known:
        what = f"{upper} was {gap} points above {lower}" if difference.mean else f"{level} and {against} were equal"
        return f"{what} with one seed, and one seed has no interval{so_far}"
    if difference.flat and difference.mean:
        seeds = count(difference.n, "seed")
        return f"{upper} was {gap} points above {lower} in each of {seeds}, too even to give an interval{so_far}"
    if not difference.excludes_zero:
        return (
            f"no difference between {level} and {against} that this study could see "
            f"({points(difference.mean)} points, {spread(difference)}{so_far})"
        )
    bounds = sorted((abs(difference.low), abs(difference.high)))
    return (
        f"{upper} beats {lower} by {gap} points ({points(bounds[0])} to {points(bounds[1])}; "
        f"{n_agree} of {count(difference.n, 'seed')}{so_far})"
    )
