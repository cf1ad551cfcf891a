"""What the report says of the search that led to a study: in words, as a table, as a picture."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from paribus.analysis.result import CellResult, StudyResult
from paribus.analysis.words import BASELINE, count, join, level_words, number, percent, sentences, spread
from paribus.lang import msg, tr
from paribus.plan import Search
from paribus.report.figures import COLOURS, WIDTH
from paribus.report.listing import yaml_like
from paribus.report.material import Material
from paribus.report.shown import first_rows
from paribus.report.svg import Picture, Scale, element, line, picture, tick_labels, ticks, words
from paribus.report.table import Column, Mark, Table
from paribus.search import BEST_FOUND, RECIPE, Candidate, State, design_of, ranked, values_of

STATE_WORDS: dict[State, str] = {
    "finished": msg("finished"),
    "pruned": msg("pruned"),
    "failed": msg("failed"),
    "running": msg("not ended"),
}


def search(material: Material) -> dict[str, Any]:
    """How the recipe was found."""
    assert material.search
    study = material.search.study
    return {
        "words": search_words(material.search, material.result),
        "picture": material.searched,
        "table": first_rows(candidates_table(material.search)),
        "study": yaml_like(study.model_dump(mode="json", include={"design", "factors"}, exclude_none=True)),
    }


def search_words(search: Search, result: StudyResult) -> tuple[str, ...]:
    """Sentences: what was found in how many candidates, that its own figure flatters, what other seeds say of it.

    Args:
        search: that led to the study.
        result: of the study, on the seeds that took no part.
    """
    found, study, order = search.candidates, search.study, ranked(search.candidates)
    values = {"candidates": count(len(found), "candidate"), "seed": study.seeds[0]}
    if not order:
        return (tr("Of {candidates} with seed {seed} none finished, so nothing was found.", **values),)
    best, first = order[0], found[0]
    values |= {"recipe": recipe_words(best), "reached": percent(best.seen.accuracy)}
    if not best.number:
        lead = tr("Of {candidates} with seed {seed} none did better on validation than the baseline.", **values)
    elif first.seen.state == "finished":
        lead = tr(
            "The best of {candidates} by validation with seed {seed} is {recipe}: {reached} there, the baseline "
            "{baseline}.",
            **values,
            baseline=percent(first.seen.accuracy),
        )
    else:
        lead = tr("The best of {candidates} by validation with seed {seed} is {recipe}: {reached} there.", **values)
    flattered = tr(
        "That figure is the highest of many and flatters; seed {seed} takes no part in what follows, and no test "
        "example chose anything.",
        **values,
    )
    return tuple(each for each in (lead, flattered, _confirmed(best, result), _effort(search)) if each)


def recipe_words(one: Candidate) -> str:
    """What a candidate changes on the baseline: ``lr 0.003, elu``."""
    return join([level_words(*pair) for pair in one.trial.cell]) or tr(BASELINE)


def _confirmed(best: Candidate, result: StudyResult) -> str:
    cell = confirmed_cell(result, best)
    if cell is None or cell.scores is None:
        return ""
    said = {"seeds": count(len(cell.finished), "other seed"), "test": percent(cell.scores.accuracy.mean)}
    said["validation"] = percent(cell.scores.validation_accuracy.mean)
    said["bounds"] = spread(cell.scores.accuracy, share=True)
    return tr("With {seeds} it has {validation} on validation and {test} on test ({bounds}).", **said)


def confirmed_cell(result: StudyResult, best: Candidate) -> CellResult | None:
    """Of the confirmation, that of a candidate; None where it was not confirmed."""
    return next((one for one in result.cells if _holds(one, best)), None)


def _holds(cell: CellResult, best: Candidate) -> bool:
    if not best.number:
        return not cell.levels
    return cell.levels.get(RECIPE) in (BEST_FOUND, f"candidate {best.number}")


def _effort(search: Search) -> str:
    states = [one.seen.state for one in search.candidates]
    distinct = {one.trial.trial_id: one.seen for one in search.candidates}
    minutes = number(sum(seen.seconds for seen in distinct.values()) / 60)
    said = [tr("The search took {n} min of training.", n=minutes)]
    if n := states.count("pruned"):
        said.append(tr("{some} ended early, since others were ahead (pruned).", some=count(n, "candidate")))
    if n := states.count("failed"):
        said.append(tr("{some} failed.", some=count(n, "candidate")))
    if n := len(states) - len(distinct):
        said.append(tr("{some} came a second time and cost no training.", some=count(n, "candidate")))
    if n := design_of(search.study).trials - len(states):
        said.append(tr("{some} of its budget not chosen yet.", some=count(n, "candidate")))
    return sentences(said)


def candidates_table(search: Search) -> Table:
    """A row a candidate, in the order in which they were asked for."""
    factors = list(search.study.factors)
    columns = (
        Column(tr("candidate"), "count"),
        *map(Column, factors),
        Column(tr("validation accuracy"), "percent"),
        Column(tr("state")),
        Column(tr("epochs"), "count"),
        Column(tr("time"), "seconds"),
    )
    rows = []
    for one in search.candidates:
        values, seen = {name: str(value) for name, value in values_of(search.study, one.trial).items()}, one.seen
        rows.append((
            one.number,
            *(values.get(factor, tr(BASELINE)) for factor in factors),
            seen.accuracy if seen.curve else None,
            tr(STATE_WORDS[seen.state]),
            len(seen.curve) or None,
            seen.seconds if seen.curve else None,
        ))  # fmt: skip
    caption = tr(
        "All candidates, with their validation accuracy at the selected epoch; of pruned ones, the highest before they "
        "were ended."
    )
    best = ranked(search.candidates)[:1]
    marks: dict[tuple[int, int], Mark] = {(one.number, 1 + len(factors)): "best" for one in best}
    return Table("candidates", caption, columns, tuple(rows), marks=marks)


def search_picture(search: Search) -> Picture | None:
    """Validation accuracy by candidate and the best so far; None where no candidate has any."""
    shown = [one for one in search.candidates if one.seen.curve]
    if not shown:
        return None
    left, top, height = 44.0, 30.0, 170.0
    values = 100 * np.array([one.seen.accuracy for one in shown])
    margin = 0.06 * float(values.max() - values.min()) or 0.5
    y = Scale(float(values.min()) - margin, float(values.max()) + margin, top + height, top)
    x = Scale(0, max(1, len(search.candidates) - 1), left + 8, WIDTH - 16)
    body = [*_axes(x, y, left), *_legend(left)]
    finished = [one for one in shown if one.seen.state == "finished"]
    if finished:
        numbers = [one.number for one in finished] + [len(search.candidates) - 1]
        reached = np.maximum.accumulate([100 * one.seen.accuracy for one in finished])
        at = np.repeat(x(numbers), 2)[1:-1], np.repeat(y(reached), 2)
        body.append(element("path", d=line(*at), stroke=COLOURS[0], stroke_width=1.4, fill="none"))
    body += _dots(shown, x, y)
    title = tr("Validation accuracy by candidate, and the best so far")
    return picture("search", title, WIDTH, top + height + 36, body)


def _axes(x: Scale, y: Scale, left: float) -> Iterator[str]:
    at_x, at_y = ticks(x, 10, whole=True), ticks(y, 5)
    grid = "".join(f"M{left:.1f} {y.at(v):.1f}H{WIDTH - 8:.1f}" for v in at_y)
    yield element("path", d=grid, stroke="currentColor", stroke_opacity=0.12, stroke_width=0.6, fill="none")
    axes = f"M{left:.1f} {y.end:.1f}V{y.start:.1f}H{WIDTH - 8:.1f}"
    yield element("path", d=axes, stroke="currentColor", stroke_opacity=0.6, stroke_width=0.6, fill="none")
    for v, label in zip(at_y, tick_labels(at_y), strict=True):
        yield words(left - 5, y.at(v) + 3.4, label, text_anchor="end", font_size=9.5)
    for v in at_x:
        yield words(x.at(v), y.start + 13, f"{v:g}", text_anchor="middle", font_size=9.5)
    yield words((left + WIDTH - 8) / 2, y.start + 29, tr("candidate"), text_anchor="middle")
    middle = (y.start + y.end) / 2
    turned = f"rotate(-90 10 {middle:g})"
    yield words(10, middle, tr("validation accuracy (%)"), text_anchor="middle", transform=turned)


def _legend(left: float) -> Iterator[str]:
    at = left
    for text, colour, opacity in (
        (tr("finished"), COLOURS[0], 0.9),
        (tr("pruned, at its best"), COLOURS[3], 0.45),
    ):
        yield element("circle", cx=at + 5, cy=10, r=3.2, fill=colour, fill_opacity=opacity)
        yield words(at + 13, 13.5, text)
        at += 150
    yield element("path", d=f"M{at:.1f} 10h20", stroke=COLOURS[0], stroke_width=1.4, fill="none")
    yield words(at + 25, 13.5, tr("best so far"))


def _dots(shown: Sequence[Candidate], x: Scale, y: Scale) -> Iterator[str]:
    for one in shown:
        done = one.seen.state == "finished"
        colour, opacity = (COLOURS[0], 0.9) if done else (COLOURS[3], 0.45)
        cx, cy = x.at(one.number), y.at(100 * one.seen.accuracy)
        yield element("circle", cx=cx, cy=cy, r=3.2, fill=colour, fill_opacity=opacity)
