"""Figures and comparisons in words, the same wherever they are shown."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from paribus.analysis.intervals import Interval

if TYPE_CHECKING:
    from paribus.analysis.crossed import CrossedMean
    from paribus.analysis.result import Comparison

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
    return sentence[:1].upper() + sentence[1:] if sentence.startswith(("no ", "baseline ", "whether ")) else sentence


def level_words(factor: str, level: str) -> str:
    """A level that can stand alone: its name, with the factor's before it where the name is a mere value."""
    bare = level in ("true", "false", "none", "null", "on", "off", "yes", "no")
    return f"{factor} {level}" if bare or not level[:1].isalpha() else level


def cell_words(levels: Mapping[str, str]) -> str:
    """A cell's levels: ``eegnet · relu``."""
    return " · ".join(level_words(factor, level) for factor, level in levels.items()) or "baseline"


def comparison_words(level: str, against: str, one: "Comparison", n_failed: int) -> str:
    """A paired comparison in one honest sentence, without the full stop.

    Args:
        level: in words.
        against: in words.
        one: the comparison.
        n_failed: seeds that one of the two failed in.
    """
    if one.difference is None:
        why = (
            "no seed has finished with both" if not n_failed else f"{count(n_failed, 'seed')} failed, none is finished"
        )
        return f"{level} and {against} cannot be compared{' yet' if not n_failed else ''}: {why}"
    found, interval = one.difference, one.difference.interval()
    so_far = ""
    if found.n_seeds < one.n_planned:
        state = f" ({n_failed} failed)" if n_failed else " so far"
        so_far = f", from {found.n_seeds} of {count(one.n_planned, 'seed')}{state}"
    upper, lower = (level, against) if found.mean >= 0 else (against, level)
    gap = points(abs(found.mean))
    ends = (interval.low, interval.high) if found.mean >= 0 else (-interval.high, -interval.low)
    bounds = f"{points(ends[0])} to {points(ends[1])}"
    if one.verdict == "one seed":
        what = f"{upper} was {gap} points above {lower}" if found.mean else f"{level} and {against} were equal"
        return f"{what} with one seed ({bounds} by the test examples alone: other seeds may differ more){so_far}"
    agree = f"{one.n_agree} of {count(found.n_seeds, 'seed')}{so_far}"
    if one.verdict == "beats":
        return f"{upper} beats {lower} by {gap} points ({bounds}; {agree})"
    if one.verdict == "unsure":
        return (
            f"{upper} was {gap} points above {lower} ({bounds}; {agree}), which can be chance among {one.n_together} "
            f"comparisons (corrected p = {one.corrected:.2f})"
        )
    return (
        f"no difference between {level} and {against} that this study could see "
        f"({points(found.mean)} points, {spread(interval)}{so_far}); it could have seen {points(one.detectable)}"
    )


def interaction_words(
    levels: "tuple[tuple[str, str, str], tuple[str, str, str]]",
    difference: "CrossedMean",
    effects: "Sequence[CrossedMean | None]",
    corrected: float,
) -> str:
    """An interaction in one sentence, without the full stop.

    Args:
        levels: (factor, level, the one measured against), of both factors.
        difference: of what the first factor's level does, with the second's level and without.
        effects: those two.
        corrected: its p value.
    """
    (one, a, a_base), (other, b, b_base) = levels
    a, a_base, b, b_base = (
        level_words(one, a),
        level_words(one, a_base),
        level_words(other, b),
        level_words(other, b_base),
    )
    does = [f"{points(effect.mean, signed=True)} points" for effect in effects if effect]
    bounds = f"{points(difference.mean, signed=True)}, {spread(difference.interval())}"
    if corrected <= 0.05:
        return (
            f"{a} against {a_base} does {does[0]} with {b}, {does[1]} with {b_base}: it depends on {other} ({bounds})"
        )
    return (
        f"whether {a} or {a_base} matters could not be seen to depend on {b} or {b_base} ({bounds}); "
        f"it could have seen {points(difference.detectable())}"
    )
