"""Figures and comparisons in words, the same wherever they are shown."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from paribus.analysis.intervals import Interval

if TYPE_CHECKING:
    from paribus.analysis.crossed import CrossedMean
    from paribus.analysis.result import Comparison, Interaction

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
    plain = sentence.split(" ")[0] in ("no", "baseline", "whether")
    return sentence[:1].upper() + sentence[1:] if plain else sentence


def level_words(factor: str, level: str) -> str:
    """A level that can stand alone: its name, with the factor's before it where the name is a mere value."""
    bare = level in ("true", "false", "none", "null", "on", "off", "yes", "no")
    return f"{factor} {level}" if bare or not level[:1].isalpha() else level


def cell_words(levels: Mapping[str, str]) -> str:
    """A cell's levels: ``eegnet · relu``."""
    return " · ".join(level_words(factor, level) for factor, level in levels.items()) or "baseline"


def comparison_words(level: str, against: str, one: "Comparison") -> str:
    """A paired comparison in one honest sentence, without the full stop.

    Args:
        level: in words.
        against: in words.
        one: the comparison.
    """
    failed = f" ({one.n_failed} failed)" if one.n_failed else ""
    if one.difference is None:
        yet = " yet" if one.n_failed < one.n_planned else ""
        where = " in every context" if one.n_contexts > 1 else ""
        return f"{level} and {against} cannot be compared{yet}: no seed has finished with both{where}{failed}"
    found, interval = one.difference, one.difference.interval()
    so_far = ""
    if found.n_seeds < one.n_planned:
        so_far = f", from {found.n_seeds} of {count(one.n_planned, 'seed')}{failed or ' so far'}"
    if one.n_counted < one.n_contexts:
        so_far += f", over {one.n_counted} of {one.n_contexts} contexts"
    if any(not within.pairs for within in one.by_context):
        so_far += ", tested on different examples"
    upper, lower = (level, against) if found.mean >= 0 else (against, level)
    gap = points(abs(found.mean))
    ends = (interval.low, interval.high) if found.mean >= 0 else (-interval.high, -interval.low)
    bounds = f"{points(ends[0])} to {points(ends[1])}"
    if one.verdict == "one seed":
        what = f"{upper} was {gap} points above {lower}" if found.mean else f"{level} and {against} were equal"
        return f"{what} with one seed ({bounds} by the test examples alone: other seeds may differ more{so_far})"
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
        f"({points(found.mean)} points, {spread(interval)}{so_far}); {_seen(one.detectable)}"
    )


def _seen(detectable: float) -> str:
    return f"it could have seen {points(detectable)}" if detectable < 1 else "it could have seen none"


def interaction_words(one: "Interaction", effects: "tuple[CrossedMean, CrossedMean]") -> str:
    """An interaction in one sentence, without the full stop.

    Args:
        one: the interaction.
        effects: what the first factor's level does with the second's level, and with the one measured against.
    """
    (first, *levels), (other, *with_levels) = one.levels
    a, a_base = (level_words(first, level) for level in levels)
    b, b_base = (level_words(other, level) for level in with_levels)
    with_it, without = (f"{points(effect.mean, signed=True)} points" for effect in effects)
    bounds = f"{points(one.difference.mean, signed=True)}, {spread(one.difference.interval())}"
    does = f"{a} against {a_base} does {with_it} with {b}, {without} with {b_base}"
    if one.corrected <= 0.05:
        return f"{does}: it depends on {other} ({bounds})"
    if one.difference.p_value <= 0.05:
        return (
            f"{does} ({bounds}), which can be chance among {one.n_together} interactions "
            f"(corrected p = {one.corrected:.2f})"
        )
    return (
        f"whether {a} or {a_base} matters could not be seen to depend on {b} or {b_base} ({bounds}); "
        f"{_seen(one.detectable)}"
    )
