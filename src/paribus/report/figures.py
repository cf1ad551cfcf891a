"""Pictures of a result. Draws what the analysis found and computes nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from paribus.analysis.curves import PARTS, QUANTITIES, Band, Quantity, downsample
from paribus.analysis.result import CellResult, CellScores, Context, ReportedValue, StudyResult
from paribus.analysis.words import PART_WORDS, clauses, count, level_words, percent, shown_level
from paribus.lang import tr
from paribus.report.svg import (
    LINE,
    Picture,
    Scale,
    band,
    element,
    line,
    picture,
    short,
    shortened,
    stacked,
    tick_labels,
    ticks,
    width_of,
    words,
    wrapped,
)

# Okabe & Ito (2008): told apart with every common colour blindness. Their yellow is too pale on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C8C8C")
DASHES = (None, "6 2", "2 1.6", "7 2 2 2")
POINT_BUDGET = 120_000
"""Points of all curves in a report, so that its page stays small."""
WIDTH = 720.0


@dataclass(frozen=True, slots=True)
class Style:
    """How a level is drawn, the same in every figure."""

    colour: str
    dashes: str | None


def styles(levels: Sequence[str]) -> dict[str, Style]:
    """A colour and a dash pattern for each level of a factor, by its place among them."""
    return {level: Style(COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)]) for i, level in enumerate(levels)}


def slug(*parts: str) -> str:
    """Words as a file name: lower case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(part for part in parts if part).lower()).strip("-")[:80] or "figure"


# ---------------------------------------------------------------- learning curves


def curve_pictures(result: StudyResult) -> dict[str, tuple[Picture, ...]]:
    """Factor -> one picture for each combination of the other factors' levels; without factors under ``""``."""
    contexts: Mapping[str, tuple[Context, ...]] = result.contexts or {
        "": tuple(Context("", {cell.label: cell}) for cell in result.cells)
    }
    levels = result.factors or {"": tuple(cell.label for cell in result.cells)}
    drawable = {
        factor: [context for context in found if any(cell.scores for cell in context.cells.values())]
        for factor, found in contexts.items()
    }
    n_lines = sum(len(context.cells) for found in drawable.values() for context in found)
    at_most = min(300, max(40, POINT_BUDGET // max(1, 18 * n_lines)))
    return {
        factor: tuple(
            _curves(factor, styles(levels[factor]), context, slug("curves", str(k), factor, str(i)), at_most)
            for i, context in enumerate(found, 1)
        )
        for k, (factor, found) in enumerate(drawable.items(), 1)
    }


def _curves(factor: str, style: Mapping[str, Style], context: Context, name: str, at_most: int) -> Picture:
    """Two rows (loss, accuracy) by three columns (train, validation, test), one line a level."""
    shown = {level: cell.scores for level, cell in context.cells.items() if cell.scores}
    entries = [(level_words(factor, shown_level(level)) if factor else level, style[level]) for level in shown]
    body, top = _legend(entries, left=44, at=14)
    left, gap, panel_width, panel_height = 44.0, 14.0, (WIDTH - 44 - 8 - 2 * 14) / 3, 150.0
    last = max(int(scores.curves["loss", "train"].epoch[-1]) for scores in shown.values())
    for i, quantity in enumerate(QUANTITIES):
        y0 = top + 24 + i * (panel_height + 16)
        y = _range(quantity, list(shown.values()), start=y0 + panel_height, end=y0)
        label = tr("accuracy (%)" if quantity == "accuracy" else "loss (log scale)" if y.log else "loss")
        middle = f"rotate(-90 10 {y0 + panel_height / 2:g})"
        body.append(words(10, y0 + panel_height / 2, label, text_anchor="middle", transform=middle))
        for j, part in enumerate(PARTS):
            x0 = left + j * (panel_width + gap)
            x = Scale(1, max(2, last), x0 + 5, x0 + panel_width - 5)
            body += _panel(x, y, x0, panel_width, values=j == 0, epochs=i == 1)
            if i == 0:
                name_of_part = tr(PART_WORDS[part])
                middle_x = x0 + panel_width / 2
                body.append(
                    words(middle_x, y0 - 9, name_of_part, text_anchor="middle", font_weight="600", font_size=10.5)
                )
            for level, scores in shown.items():
                selected = scores.selected_epoch.median
                body += _curve(x, y, scores.curves[quantity, part], style[level], quantity, selected, at_most)
    height = top + 24 + 2 * panel_height + 16 + 34
    title = tr("Learning curves by {factor}", factor=factor) if factor else tr("Learning curves")
    return picture(name, clauses([title, context.label] if context.label else [title]), WIDTH, height, body)


def _range(quantity: Quantity, cells: Sequence[CellScores], *, start: float, end: float) -> Scale:
    """One scale for all three parts; logarithmic where a few great losses would flatten all others."""
    bands = [curve for scores in cells for (of, _), curve in scores.curves.items() if of == quantity]
    values = np.concatenate([np.concatenate([curve.low, curve.high]) for curve in bands])
    values = values[np.isfinite(values)] * (100 if quantity == "accuracy" else 1)
    if not len(values):
        return Scale(0, 1, start, end)
    low, high = float(values.min()), float(values.max())
    if quantity == "loss" and low > 0 and high > 15 * np.median(values):
        return Scale(low / 1.1, high * 1.1, start, end, log=True)
    margin = 0.04 * (high - low) or 0.5
    return Scale(low - margin, high + margin, start, end)


def _panel(x: Scale, y: Scale, left: float, width: float, *, values: bool, epochs: bool) -> Iterator[str]:
    """Grid, axes and, at the edges of the figure, their numbers."""
    at_x, at_y = ticks(x, 6, whole=True), ticks(y, 6)
    grid = "".join(f"M{x.at(v):.1f} {y.end:.1f}V{y.start:.1f}" for v in at_x)
    grid += "".join(f"M{left:.1f} {y.at(v):.1f}h{width:.1f}" for v in at_y)
    yield element("path", d=grid, stroke="currentColor", stroke_opacity=0.12, stroke_width=0.6, fill="none")
    axes = f"M{left:.1f} {y.end:.1f}V{y.start:.1f}h{width:.1f}"
    yield element("path", d=axes, stroke="currentColor", stroke_opacity=0.6, stroke_width=0.6, fill="none")
    if values:
        for v, label in zip(at_y, tick_labels(at_y), strict=True):
            yield words(left - 5, y.at(v) + 3.4, label, text_anchor="end", font_size=9.5)
    if epochs:
        for v in at_x:
            yield words(x.at(v), y.start + 13, f"{v:g}", text_anchor="middle", font_size=9.5)
        yield words(left + width / 2, y.start + 29, tr("epoch"), text_anchor="middle")


def _curve(
    x: Scale, y: Scale, curve: Band, style: Style, quantity: Quantity, selected: float, at_most: int
) -> Iterator[str]:
    scale = 100 if quantity == "accuracy" else 1
    epoch, series = downsample(curve.epoch, scale * np.stack([curve.mean, curve.low, curve.high]), at_most)
    at, (mean, low, high) = x(epoch), y(series)
    if curve.n.max() > 1:
        yield element("path", d=band(at, low, high), fill=style.colour, fill_opacity=0.16)
    # Where a seed has stopped early, the mean is over fewer: thinner.
    all_ran = epoch <= curve.epoch[curve.n == curve.n.max()].max()
    rest = ~all_ran
    rest[: np.count_nonzero(all_ran)][-1:] = True
    for some, thickness in ((all_ran, 1.4), (rest, 0.7)):
        if np.count_nonzero(some) > 1 or (thickness > 1 and some.any()):
            path = line(at[some], mean[some])
            yield element(
                "path", d=path, stroke=style.colour, stroke_dasharray=style.dashes, stroke_width=thickness, fill="none"
            )
    height = np.interp(selected, curve.epoch, scale * curve.mean)
    if np.isfinite(height):
        yield _dot(x.at(selected), y.at(float(height)), 2.7, style.colour)


def _dot(x: float, y: float, radius: float, colour: str) -> str:
    return element("circle", cx=x, cy=y, r=radius, fill=colour, stroke="currentColor", stroke_width=0.7)


def _legend(entries: Sequence[tuple[str, Style]], *, left: float, at: float) -> tuple[list[str], float]:
    """Lines with their names, wrapped, and the place below them."""
    drawn, x, y = [], left, at
    for name, style in [*entries, (tr("selected epoch"), None)]:
        wide = 30 + width_of(short(name, 60)) + 14
        if x > left and x + wide > WIDTH:
            x, y = left, y + 16
        if style:
            path = f"M{x:.1f} {y - 3.5:.1f}h22"
            drawn.append(
                element("path", d=path, stroke=style.colour, stroke_dasharray=style.dashes, stroke_width=2, fill="none")
            )
        else:
            drawn.append(_dot(x + 14, y - 3.5, 2.7, "none"))
        drawn.append(shortened(x + 28, y, name, 60))
        x += wide
    return drawn, y + 4


# ---------------------------------------------------------------- answer and confusion


def answer_picture(result: StudyResult) -> Picture | None:
    """A row a cell: its seeds as small dots, mean and interval, and reported figures; None when nothing is finished."""
    cells = [cell for cell in result.cells if cell.scores]
    if not cells:
        return None
    last = list(result.factors)[-1] if result.crossed and result.factors else None
    style = styles(result.factors[last]) if last else styles([""])
    labels = [wrapped(cell.label, 46, 3) for cell in cells]
    left, top = 16 + max(width_of(short(text, 46)) for lines in labels for text in lines), 34.0
    x = _accuracy_range(cells, start=left + 8, end=WIDTH - 52)
    heights = [23 + LINE * (len(lines) - 1) for lines in labels]
    bottom = top + sum(heights)
    body = _answer_legend(reported=any(_on_test(cell) for cell in cells))
    grid = "".join(f"M{x.at(v):.1f} {top:g}V{bottom:g}" for v in ticks(x, 8))
    body.append(element("path", d=grid, stroke="currentColor", stroke_opacity=0.12, stroke_width=0.6, fill="none"))
    marks = ticks(x, 8)
    body += [
        words(x.at(v), bottom + 14, label, text_anchor="middle", font_size=9.5)
        for v, label in zip(marks, tick_labels(marks), strict=True)
    ]
    body.append(words((x.start + x.end) / 2, bottom + 30, tr("test accuracy (%)"), text_anchor="middle"))
    for cell, lines, height, above in zip(cells, labels, heights, accumulate(heights, initial=top), strict=False):
        y = above + height / 2
        body.append(stacked(left - 6, y, lines, 46, text_anchor="end"))
        body += _answer_row(x, y, cell, style[cell.levels[last] if last else ""].colour)
    return picture("answer", tr("Test accuracy of every cell, with its interval"), WIDTH, bottom + 38, body)


def _on_test(cell: CellResult) -> list[ReportedValue]:
    """Reported figures that can stand beside test accuracy."""
    return [value for value in cell.reported if value.part == "test"]


def _accuracy_range(cells: Sequence[CellResult], *, start: float, end: float) -> Scale:
    values = [value.accuracy for cell in cells for value in _on_test(cell)]
    for cell in cells:
        if cell.scores:
            interval = cell.scores.accuracy
            values += [seed.accuracy for seed in cell.scores.seeds]
            values += [max(0.0, interval.low), min(1.0, interval.high)] if interval.known else []
    low, high = 100 * min(values), 100 * max(values)
    margin = 0.03 * (high - low) or 1.0
    return Scale(low - margin, high + margin, start, end)


def _answer_row(x: Scale, y: float, cell: CellResult, colour: str) -> Iterator[str]:
    assert cell.scores is not None
    interval = cell.scores.accuracy
    if interval.known:
        # A wide interval from few seeds can pass 0 or 100%, which no accuracy can.
        ends = x([100 * max(interval.low, 0.0), 100 * min(interval.high, 1.0)])
        path = f"M{ends[0]:.1f} {y:.1f}H{ends[1]:.1f}"
        yield element("path", d=path, stroke=colour, stroke_width=2.2, stroke_linecap="round", fill="none")
    for seed in cell.scores.seeds:
        yield element("circle", cx=x.at(100 * seed.accuracy), cy=y + 7, r=1.5, fill=colour, fill_opacity=0.85)
    yield _dot(x.at(100 * interval.mean), y, 3.8, colour)
    for value in _on_test(cell):
        yield _diamond(x.at(100 * value.accuracy), y)
    yield words(WIDTH - 6, y + 3.5, percent(interval.mean), text_anchor="end", font_weight="600")


def _diamond(x: float, y: float) -> str:
    path = f"M{x:.1f} {y - 4.5:.1f}l4.5 4.5l-4.5 4.5l-4.5 -4.5z"
    return element("path", d=path, stroke="currentColor", stroke_width=1, fill="none")


def _answer_legend(*, reported: bool) -> list[str]:
    x, y = 8.0, 14.0
    drawn = [
        element("path", d=f"M{x:g} {y - 3.5:g}h24", stroke="currentColor", stroke_width=2),
        _dot(x + 12, y - 3.5, 3.8, "currentColor"),
        words(x + 31, y, tr("mean and 95% interval")),
        element("circle", cx=x + 236, cy=y - 3.5, r=1.5),
        words(x + 244, y, tr("one seed")),
    ]
    return [*drawn, _diamond(x + 316, y - 3.5), words(x + 327, y, tr("reported by others"))] if reported else drawn


def confusion_picture(cell: CellResult, name: str) -> Picture | None:
    """Counts and shares of each true class; None when nothing is finished."""
    if cell.scores is None:
        return None
    counts, whole = cell.scores.confusion, cell.scores.class_names
    names = [short(name, 22) for name in whole]
    n = len(counts)
    side = max(30.0, min(52.0, 460 / n))
    slanted = max(map(width_of, names)) > 1.15 * side
    left = 26 + max(map(width_of, names))
    top = 26 + (0.8 * max(map(width_of, names)) if slanted else 12)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    middle = top + n * side / 2
    body = [
        words(left + n * side / 2, 11, tr("predicted class"), text_anchor="middle", fill_opacity=0.75),
        words(
            11,
            middle,
            tr("true class"),
            text_anchor="middle",
            fill_opacity=0.75,
            transform=f"rotate(-90 11 {middle:g})",
        ),
    ]
    for k, label in enumerate(whole):
        x, y = left + (k + 0.5) * side, top + (k + 0.5) * side
        body.append(shortened(left - 6, y + 3.5, label, 22, text_anchor="end"))
        turned = f"rotate(-45 {x:g} {top - 6:g})" if slanted else None
        body.append(shortened(x, top - 6, label, 22, text_anchor="start" if slanted else "middle", transform=turned))
    squares = [
        _square(left + j * side, top + i * side, side, int(counts[i, j]), float(shares[i, j]), hit=i == j)
        for i in range(n)
        for j in range(n)
    ]
    body.append(element("g", "", "".join(squares), text_anchor="middle", font_size=8.0 if side < 40 else 10.0))
    right = 0.75 * width_of(names[-1]) - side / 2 if slanted else 0.0
    seeds = count(len(cell.finished), "seed")
    title = tr("Confusion matrix on test, {cell}, {seeds}", cell=cell.label, seeds=seeds)
    return picture(name, title, left + n * side + max(8.0, right), top + n * side + 8, body)


def _square(x: float, y: float, side: float, n: int, share: float, *, hit: bool) -> str:
    """At most 3/4 opaque, so that text in the page's colour is legible on it in light and in dark."""
    drawn = element(
        "rect",
        x=x + 0.8,
        y=y + 0.8,
        width=side - 1.6,
        height=side - 1.6,
        rx=2.0,
        fill=COLOURS[0] if hit else COLOURS[3],
        fill_opacity=0.04 + 0.71 * share,
    )
    drawn += words(x + side / 2, y + 0.48 * side, str(n))
    return drawn + words(x + side / 2, y + 0.76 * side, f"{100 * share:.0f}%", font_size="80%", fill_opacity=0.8)
