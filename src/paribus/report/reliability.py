"""Reliability diagrams: how often a network is right, by how sure it is."""

from collections.abc import Iterator

import numpy as np

from paribus.analysis.calibration import Reliability
from paribus.analysis.result import CellResult
from paribus.analysis.words import percent, points
from paribus.lang import tr
from paribus.report.figures import COLOURS
from paribus.report.svg import Picture, Scale, element, line, picture, words

SIDE = 190.0


def reliability_picture(cell: CellResult, name: str) -> Picture | None:
    """Accuracy by confidence, as it is and at the temperature chosen on validation; None when nothing is finished."""
    if cell.scores is None:
        return None
    left, top = 44.0, 26.0
    x, y = Scale(0, 100, left, left + SIDE), Scale(0, 100, top + SIDE, top)
    grid = "".join(
        f"M{x.at(v):.1f} {y.end:.1f}V{y.start:.1f}M{x.start:.1f} {y.at(v):.1f}H{x.end:.1f}"
        for v in (0, 25, 50, 75, 100)
    )
    body = [
        element("path", d=grid, stroke="currentColor", stroke_opacity=0.12, stroke_width=0.6, fill="none"),
        element("path", d=f"M{x.start:.1f} {y.start:.1f}L{x.end:.1f} {y.end:.1f}", stroke="currentColor",
                stroke_opacity=0.5, stroke_dasharray="3 3", fill="none"),
    ]  # fmt: skip
    for v in (0, 50, 100):
        body.append(words(left - 5, y.at(v) + 3.4, str(v), text_anchor="end", font_size=9.5))
        body.append(words(x.at(v), y.start + 13, str(v), text_anchor="middle", font_size=9.5))
    body.append(words((x.start + x.end) / 2, y.start + 28, tr("mean confidence (%)"), text_anchor="middle"))
    middle = top + SIDE / 2
    body.append(words(11, middle, tr("right (%)"), text_anchor="middle", transform=f"rotate(-90 11 {middle:g})"))
    for found, colour, dashes in (
        (cell.scores.reliability, COLOURS[0], None),
        (cell.scores.tempered, COLOURS[1], "4 2"),
    ):
        body += _drawn(found, x, y, colour, dashes)
    entries = ((tr("as it is"), COLOURS[0], None), (tr("at temperature"), COLOURS[1], "4 2"))
    for k, (text, colour, dashes) in enumerate(entries):
        at = left + 92 * k
        body.append(
            element("path", d=f"M{at:.1f} 10h20", stroke=colour, stroke_width=2, stroke_dasharray=dashes, fill="none")
        )
        body.append(words(at + 25, 13.5, text))
    error = percent(cell.scores.reliability.error)
    title = tr("Reliability on test, {cell}: calibration error {error}", cell=cell.label, error=error)
    return picture(name, title, left + SIDE + 14, top + SIDE + 36, body)


def _drawn(found: Reliability, x: Scale, y: Scale, colour: str, dashes: str | None) -> Iterator[str]:
    """A line through the bins, and a dot of each bin's share of examples."""
    some = found.count > 0
    at = x(100 * found.confidence[some]), y(100 * found.accuracy[some])
    yield element("path", d=line(*at), stroke=colour, stroke_width=1.4, stroke_dasharray=dashes, fill="none")
    radius = 1.2 + 7 * np.sqrt(found.count[some] / found.count.sum())
    for cx, cy, r in zip(*at, radius, strict=True):
        yield element("circle", cx=cx, cy=cy, r=float(r), fill=colour, fill_opacity=0.45)


def reliability_words(cell: CellResult) -> str:
    """One sentence, without its full stop; empty when nothing is finished."""
    if cell.scores is None:
        return ""
    scores = cell.scores
    gap, error, tempered = scores.reliability.too_sure, scores.reliability.error, scores.tempered.error
    temperature = scores.further["temperature"].mean
    return tr(
        "{cell} is too sure, by {gap} points: calibration error {error}, dividing logits by {temperature} (chosen on "
        "validation) makes it {tempered}"
        if gap > 0.01
        else "{cell} is less sure than it could be, by {gap} points: calibration error {error}, dividing logits by "
        "{temperature} (chosen on validation) makes it {tempered}"
        if gap < -0.01
        else "{cell} is about as sure as it is right: calibration error {error}, dividing logits by {temperature} "
        "(chosen on validation) makes it {tempered}",
        cell=cell.label,
        gap=points(abs(gap)),
        error=percent(error),
        temperature=f"{temperature:.2f}",
        tempered=percent(tempered),
    )
