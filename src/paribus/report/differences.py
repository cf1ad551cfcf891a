"""Comparisons drawn as intervals around no difference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from paribus.analysis.intervals import Interval
from paribus.analysis.result import Comparison, StudyResult
from paribus.analysis.words import pair_words, points
from paribus.lang import tr
from paribus.report.figures import COLOURS, WIDTH
from paribus.report.svg import (
    LINE,
    Picture,
    Scale,
    element,
    picture,
    short,
    stacked,
    tick_labels,
    ticks,
    width_of,
    words,
    wrapped,
)

ROW = 21.0
LABEL, LINES = 58, 3
"""Mean characters a line of a label, somewhat under half of the width, and lines at most."""
AT_MOST = 60
"""Rows; of more, contexts are left out."""
_STRENGTH = {"beats": 1.0, "unsure": 0.65}


@dataclass(frozen=True, slots=True)
class Row:
    """A difference, as a share, and how it is drawn."""

    label: str
    difference: Interval
    strength: float = 1.0
    """From 0 to 1: how much of its colour it has."""
    small: bool = False
    colour: str = COLOURS[0]


def differences_picture(result: StudyResult) -> Picture | None:
    """A row a comparison and, smaller, one for each of its contexts; None where nothing can be compared."""
    compared = [one for one in result.comparisons if one.difference]
    if not compared:
        return None
    n_within = sum(len(one.by_context) for one in compared if len(one.by_context) > 1)
    within = n_within + len(compared) <= AT_MOST
    rows = [row for one in compared for row in _rows(one, within=within)]
    title = tr("Differences in test accuracy with their 95% intervals")
    return draw_differences("differences", title, tr("difference in test accuracy (points)"), rows)


def draw_differences(name: str, title: str, axis: str, rows: Sequence[Row]) -> Picture:
    """Rows of intervals, at least one, over an axis in points of percent with a line at no difference."""
    labels = [wrapped(row.label, LABEL, LINES) for row in rows]
    left, top = 16 + max(width_of(short(text, LABEL)) for lines in labels for text in lines), 12.0
    low = min(0.0, *(100 * row.difference.low for row in rows))
    high = max(0.0, *(100 * row.difference.high for row in rows))
    margin = 0.04 * (high - low) or 1.0
    x = Scale(low - margin, high + margin, left + 8, WIDTH - 60)
    heights = [ROW + LINE * (len(lines) - 1) for lines in labels]
    bottom = top + sum(heights)
    marks = ticks(x, 8)
    grid = "".join(f"M{x.at(v):.1f} {top:g}V{bottom:g}" for v in marks)
    body = [
        element("path", d=grid, stroke="currentColor", stroke_opacity=0.12, stroke_width=0.6, fill="none"),
        element("path", d=f"M{x.at(0):.1f} {top:g}V{bottom:g}", stroke="currentColor", stroke_width=0.9, fill="none"),
    ]
    for v, text in zip(marks, tick_labels(marks), strict=True):
        body.append(words(x.at(v), bottom + 14, text, text_anchor="middle", font_size=9.5))
    body.append(words((x.start + x.end) / 2, bottom + 30, axis, text_anchor="middle"))
    for row, lines, height, above in zip(rows, labels, heights, accumulate(heights, initial=top), strict=False):
        y = above + height / 2
        opacity = 0.75 if row.small else None
        body.append(stacked(left - 6, y, lines, LABEL, text_anchor="end", fill_opacity=opacity))
        body += _drawn(x, y, row)
    return picture(name, title, WIDTH, bottom + 38, body)


def _rows(one: Comparison, *, within: bool) -> Iterator[Row]:
    """The comparison itself, and those of its contexts alone."""
    assert one.difference
    label = tr("{factor}: {levels}", factor=one.factor, levels=pair_words(one.level, one.against))
    yield Row(label, one.difference.interval(), _STRENGTH.get(one.verdict, 0.35))
    if within and len(one.by_context) > 1:
        for context in one.by_context:
            yield Row(context.label, context.difference.interval(), 0.35, small=True)


def _drawn(x: Scale, y: float, row: Row) -> Iterator[str]:
    interval = row.difference
    ends, at = x([100 * interval.low, 100 * interval.high]), x.at(100 * interval.mean)
    yield element(
        "path",
        d=f"M{ends[0]:.1f} {y:.1f}H{ends[1]:.1f}",
        stroke=row.colour,
        stroke_width=1.2 if row.small else 2.4,
        stroke_opacity=row.strength,
        stroke_linecap="round",
        fill="none",
    )
    yield element(
        "circle", cx=at, cy=y, r=2.2 if row.small else 3.8, fill=row.colour, fill_opacity=max(row.strength, 0.5)
    )
    if not row.small:
        yield words(WIDTH - 6, y + 3.5, points(interval.mean, signed=True), text_anchor="end", font_weight="600")
