"""Comparisons drawn as intervals around no difference."""

from collections.abc import Iterator

from paribus.analysis.crossed import CrossedMean
from paribus.analysis.result import Comparison, StudyResult
from paribus.analysis.words import pair_words, points
from paribus.lang import tr
from paribus.report.figures import COLOURS, WIDTH
from paribus.report.svg import Picture, Scale, element, picture, tick_labels, ticks, width_of, words

ROW = 21.0
AT_MOST = 60
"""Rows; of more, contexts are left out."""
_STRENGTH = {"beats": 1.0, "unsure": 0.65}


def differences_picture(result: StudyResult) -> Picture | None:
    """A row a comparison and, smaller, one for each of its contexts; None where nothing can be compared."""
    compared = [one for one in result.comparisons if one.difference]
    if not compared:
        return None
    n_within = sum(len(one.by_context) for one in compared if len(one.by_context) > 1)
    within = n_within + len(compared) <= AT_MOST
    rows = [row for one in compared for row in _rows(one, within=within)]
    labels = [label for label, _, _, _ in rows]
    left, top = 16 + max(map(width_of, labels)), 12.0
    bounds = [(100 * i.low, 100 * i.high) for _, mean, _, _ in rows for i in [mean.interval()]]
    low, high = min(0.0, *(b[0] for b in bounds)), max(0.0, *(b[1] for b in bounds))
    margin = 0.04 * (high - low) or 1.0
    x = Scale(low - margin, high + margin, left + 8, WIDTH - 60)
    bottom = top + ROW * len(rows)
    grid = "".join(f"M{x.at(v):.1f} {top:g}V{bottom:g}" for v in ticks(x, 8))
    body = [
        element("path", d=grid, stroke="currentColor", stroke_opacity=0.12, stroke_width=0.6, fill="none"),
        element("path", d=f"M{x.at(0):.1f} {top:g}V{bottom:g}", stroke="currentColor", stroke_width=0.9, fill="none"),
    ]
    marks = ticks(x, 8)
    for v, text in zip(marks, tick_labels(marks), strict=True):
        body.append(words(x.at(v), bottom + 14, text, text_anchor="middle", font_size=9.5))
    body.append(
        words((x.start + x.end) / 2, bottom + 30, tr("difference in test accuracy (points)"), text_anchor="middle")
    )
    for i, (label, mean, strength, small) in enumerate(rows):
        y = top + (i + 0.5) * ROW
        body.append(words(left - 6, y + 3.5, label, text_anchor="end", fill_opacity=0.75 if small else None))
        body += _row(x, y, mean, strength, small=small)
    return picture("differences", tr("Differences in test accuracy with their 95% intervals"), WIDTH, bottom + 38, body)


def _rows(one: Comparison, *, within: bool) -> Iterator[tuple[str, CrossedMean, float, bool]]:
    """Label, difference, how strongly it is drawn, and whether it is that of a context alone."""
    assert one.difference
    strength = _STRENGTH.get(one.verdict, 0.35)
    yield (
        tr("{factor}: {levels}", factor=one.factor, levels=pair_words(one.level, one.against)),
        one.difference,
        strength,
        False,
    )
    if within and len(one.by_context) > 1:
        for context in one.by_context:
            yield context.label, context.difference, 0.35, True


def _row(x: Scale, y: float, mean: CrossedMean, strength: float, *, small: bool) -> Iterator[str]:
    interval = mean.interval()
    ends, at = x([100 * interval.low, 100 * interval.high]), x.at(100 * interval.mean)
    colour = COLOURS[0]
    yield element(
        "path",
        d=f"M{ends[0]:.1f} {y:.1f}H{ends[1]:.1f}",
        stroke=colour,
        stroke_width=1.2 if small else 2.4,
        stroke_opacity=strength,
        stroke_linecap="round",
        fill="none",
    )
    yield element("circle", cx=at, cy=y, r=2.2 if small else 3.8, fill=colour, fill_opacity=max(strength, 0.5))
    if not small:
        yield words(WIDTH - 6, y + 3.5, points(interval.mean, signed=True), text_anchor="end", font_weight="600")
