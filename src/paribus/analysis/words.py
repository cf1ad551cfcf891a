"""Figures and comparisons in words, the same wherever they are shown."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from paribus.analysis.intervals import Interval
from paribus.lang import current, msg, tr, translation
from paribus.level import NOTHING
from paribus.spec import Stream

if TYPE_CHECKING:
    from paribus.analysis.result import Comparison, Interaction

MINUS = "\N{MINUS SIGN}"
BASELINE = msg("baseline")
"""Stands for the baseline's level of a factor that does not name it."""
PART_WORDS = {"train": msg("train"), "validation": msg("validation"), "test": msg("test")}
KIND_WORDS = {"eeg": msg("eeg"), "image": msg("image")}
STREAM_WORDS: dict[Stream, str] = {
    "split": msg("split"),
    "init": msg("init"),
    "order": msg("order"),
    "augmentation": msg("augmentation"),
    "dropout": msg("dropout"),
}
"""Uses of chance, as a study file names them."""


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
    return between(points(low), points(high))


def between(low: object, high: object) -> str:
    """``86.0 to 90.1``."""
    return tr("{low} to {high}", low=low, high=high)


def count(n: int, one: str, many: str | None = None) -> str:
    """``1 seed``, ``3 seeds``; the message is ``{n} seed``."""
    if said := translation("{n} " + one):
        return said.format(n=f"{n:,}")
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def n_of(n: int, of: int) -> str:
    """``3 of 5``."""
    return tr("{n} of {of}", n=n, of=of)


def n_of_counted(n: int, counted: str) -> str:
    """``3 of 5 seeds``; of what `count` gives."""
    return tr("{n} of {counted}", n=n, counted=counted)


# ---------------------------------------------------------------- putting together


def listed(words: Iterable[str]) -> str:
    """``a, b, c``."""
    return tr(", ").join(words)


def join(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return tr("{first} and {last}", first=listed(words[:-1]), last=words[-1]) if words[1:] else "".join(words)


def clauses(said: Iterable[str]) -> str:
    """What is said one after the other within a sentence: ``3.0 points, 3 of 5 seeds``."""
    return reduce(lambda so_far, more: tr("{clause}, {next_clause}", clause=so_far, next_clause=more), said)


def apart(said: Iterable[str]) -> str:
    """What stands side by side, and may hold commas: ``a; b``."""
    return tr("; ").join(said)


def sentences(said: Iterable[str]) -> str:
    """Sentences with their full stops, one after the other."""
    return reduce(lambda so_far, more: tr("{sentence} {next_sentence}", sentence=so_far, next_sentence=more), said)


def stop(sentence: str) -> str:
    """With its full stop."""
    return tr("{sentence}.", sentence=sentence)


def capital(sentence: str) -> str:
    """A capital at the start of plain English words; a level named ``elu`` stays as it is named."""
    plain = current().tag == "en" and sentence.split(" ")[0] in ("no", "baseline", "whether")
    return sentence[:1].upper() + sentence[1:] if plain else sentence


# ---------------------------------------------------------------- levels and what they do


def level_words(factor: str, level: str) -> str:
    """A level that can stand alone: its name, with the factor's before it where the name is a mere value."""
    bare = level in ("true", "false", "none", "null", "on", "off", "yes", "no", NOTHING)
    return f"{factor} {level}" if bare or not level[:1].isalpha() else level


def shown_level(level: str) -> str:
    """A level as its factor's column or axis shows it: its name, and the baseline's where it has none."""
    return tr(BASELINE) if level == BASELINE else level


def pair_words(level: str, against: str) -> str:
    """A difference of two levels: ``elu − relu``."""
    return f"{shown_level(level)} {MINUS} {shown_level(against)}"


def cell_words(levels: Mapping[str, str]) -> str:
    """A cell's levels: ``eegnet · relu``; of none ``baseline``."""
    return " · ".join(level_words(factor, level) for factor, level in levels.items()) or BASELINE


def comparison_words(level: str, against: str, one: "Comparison") -> str:
    """A paired comparison in one honest sentence, without the full stop.

    Args:
        level: in words.
        against: in words.
        one: the comparison.
    """
    if one.difference is None:
        return _no_pairs_words(level, against, one)
    found, interval = one.difference, one.difference.interval()
    notes = _pairs_wanting(one)
    upper, lower = (level, against) if found.mean >= 0 else (against, level)
    gap = points(abs(found.mean))
    ends = (interval.low, interval.high) if found.mean >= 0 else (-interval.high, -interval.low)
    bounds = between(points(ends[0]), points(ends[1]))
    said = {"upper": upper, "lower": lower, "gap": gap, "bounds": bounds}
    if one.verdict == "one seed":
        alone = tr("{bounds} by the test examples alone: other seeds may differ more", bounds=bounds)
        said["figures"] = clauses([alone, *notes])
        if not found.mean:
            return tr("{upper} and {lower} were equal with one seed ({figures})", **said)
        return tr("{upper} was {gap} points above {lower} with one seed ({figures})", **said)
    said["agree"] = clauses([n_of_counted(one.n_agree, count(found.n_seeds, "seed")), *notes])
    if one.verdict == "beats":
        return tr("{upper} beats {lower} by {gap} points ({bounds}; {agree})", **said)
    if one.verdict == "unsure":
        return tr(
            "{upper} was {gap} points above {lower} ({bounds}; {agree}), which can be chance among {n} comparisons "
            "(corrected p = {p})",
            **said,
            n=one.n_together,
            p=f"{one.corrected:.2f}",
        )
    return tr(
        "no difference between {level} and {against} that this study could see ({figures}); {could_see}",
        level=level,
        against=against,
        figures=clauses([_in_points(points(found.mean)), spread(interval), *notes]),
        could_see=_seen(one.detectable),
    )


def _no_pairs_words(level: str, against: str, one: "Comparison") -> str:
    why = (
        tr("no seed has finished with both in every context")
        if one.n_contexts > 1
        else tr("no seed has finished with both")
    )
    if one.n_failed:
        why = tr("{what} ({n} failed)", what=why, n=one.n_failed)
    may_come = one.n_failed < one.n_planned
    return tr(
        "{level} and {against} cannot be compared yet: {why}"
        if may_come
        else "{level} and {against} cannot be compared: {why}",
        level=level,
        against=against,
        why=why,
    )


def _pairs_wanting(one: "Comparison") -> list[str]:
    """What a difference is not over, though the study plans it."""
    assert one.difference
    notes = []
    if one.difference.n_seeds < one.n_planned:
        there = n_of_counted(one.difference.n_seeds, count(one.n_planned, "seed"))
        notes.append(
            tr("from {seeds} ({n} failed)", seeds=there, n=one.n_failed)
            if one.n_failed
            else tr("from {seeds} so far", seeds=there)
        )
    if one.n_counted < one.n_contexts:
        notes.append(tr("over {n} of {all} contexts", n=one.n_counted, all=one.n_contexts))
    if any(not within.pairs for within in one.by_context):
        notes.append(tr("tested on different examples"))
    return notes


def _in_points(written: str) -> str:
    return tr("{points} points", points=written)


def could_be(detectable: float) -> float | None:
    """A detectable difference where accuracies can differ so much, by less than 100 points; else None: none is seen."""
    return detectable if detectable < 1 else None


def _seen(detectable: float) -> str:
    if (seen := could_be(detectable)) is None:
        return tr("it could have seen none")
    return tr("it could have seen {points}", points=points(seen))


def interaction_words(one: "Interaction") -> str:
    """An interaction in one sentence, without the full stop."""
    (first, *levels), (other, *with_levels) = one.levels
    a, a_base = (level_words(first, level) for level in levels)
    b, b_base = (level_words(other, level) for level in with_levels)
    with_it, without = (points(effect.mean, signed=True) for effect in one.effects)
    said = {"a": a, "a_base": a_base, "b": b, "b_base": b_base, "with_it": with_it, "without": without}
    said["bounds"] = clauses([points(one.difference.mean, signed=True), spread(one.difference.interval())])
    if one.corrected <= 0.05:
        return tr(
            "{a} against {a_base} does {with_it} points with {b}, {without} points with {b_base}: it depends on "
            "{other} ({bounds})",
            **said,
            other=other,
        )
    if one.difference.p_value <= 0.05:
        return tr(
            "{a} against {a_base} does {with_it} points with {b}, {without} points with {b_base} ({bounds}), which can "
            "be chance among {n} interactions (corrected p = {p})",
            **said,
            n=one.n_together,
            p=f"{one.corrected:.2f}",
        )
    return tr(
        "whether {a} or {a_base} matters could not be seen to depend on {b} or {b_base} ({bounds}); {could_see}",
        **said,
        could_see=_seen(one.detectable),
    )
