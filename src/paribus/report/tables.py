"""Tables as plain values, made once and written as HTML, CSV, Markdown or for the terminal."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from paribus.analysis.further import FURTHER
from paribus.analysis.intervals import Interval
from paribus.analysis.result import CellResult, EpochRange, StudyResult
from paribus.analysis.words import join, level_words, number, percent, points, spread

if TYPE_CHECKING:
    import rich.table

Kind = Literal["text", "percent", "points", "loss", "number", "epochs", "count", "seconds"]
Value = str | int | float | Interval | EpochRange | None
Mark = Literal["best", "rival"]

UNITS: dict[Kind, str] = {"percent": " (%)", "points": " (points)", "seconds": " (s)"}
DIGITS: dict[Kind, int] = {"loss": 3, "number": 3}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title and what kind of value it holds (shares are shown as percent or points)."""

    title: str
    kind: Kind = "text"

    @property
    def unit(self) -> str:
        """What stands behind the title, with its space."""
        return UNITS.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of plain values.

    Attributes:
        name: of its files, without ending.
        caption: one sentence.
        columns: one for each value of a row.
        rows: values; None is shown as a dash.
        n_head: how many columns at the left name the row.
        marks: (row, column) -> what is special about it.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    n_head: int = 1
    marks: dict[tuple[int, int], Mark] = field(default_factory=dict)


# ---------------------------------------------------------------- what stands in them


def answer_table(result: StudyResult) -> Table:
    """Test accuracy laid out as in a lab report: factor x factor, or one row a cell.

    In a grid the last factor runs across, all others down.
    """
    caption = "Mean test accuracy in percent, ± half of the 95% interval over seeds. Best in bold"
    caption += "; dotted: cannot be told apart from the best." if result.best and result.best.rivals else "."
    if not result.crossed or len(result.factors) < 2:
        head = (Column(join(list(result.factors)) or "cell"), Column("test accuracy", "percent"))
        single = tuple((_row_name(cell), _accuracy(cell)) for cell in result.cells)
        marked = {(i, 1): mark for i, cell in enumerate(result.cells) if (mark := _mark(result, cell))}
        return Table("answer", caption, head, single, marks=marked)
    *down, across = result.factors
    grid: dict[tuple[str, ...], dict[str, CellResult]] = {}
    for cell in result.cells:
        grid.setdefault(tuple(cell.levels[factor] for factor in down), {})[cell.levels[across]] = cell
    levels = result.factors[across]
    columns = (*map(Column, down), *(Column(level_words(across, level), "percent") for level in levels))
    found = [[cells.get(level) for level in levels] for cells in grid.values()]
    marks = {
        (i, j + len(down)): mark
        for i, cells in enumerate(found)
        for j, cell in enumerate(cells)
        if cell and (mark := _mark(result, cell))
    }
    rows = tuple(
        (*names, *(_accuracy(cell) if cell else None for cell in cells))
        for names, cells in zip(grid, found, strict=True)
    )
    return Table("answer", caption, columns, rows, n_head=len(down), marks=marks)


def cells_table(result: StudyResult) -> Table:
    """One row a cell, with all its figures."""
    sources = tuple(dict.fromkeys((value.part, value.source) for cell in result.cells for value in cell.reported))
    heads = tuple(map(Column, result.factors)) if result.crossed and result.factors else (Column("cell"),)
    columns = (
        *heads,
        Column("seeds", "count"),
        Column("test accuracy", "percent"),
        Column("balanced accuracy", "percent"),
        Column("macro-F1", "percent"),
        Column("test loss", "loss"),
        Column("selected epoch", "epochs"),
        Column("best on test", "percent"),
        Column("optimism", "points"),
        Column("validation accuracy", "percent"),
        *(
            Column(f"reported{' on validation' * (part == 'validation')}, {source}", "percent")
            for part, source in sources
        ),
    )
    rows, marks = [], {}
    for i, cell in enumerate(result.cells):
        names = tuple(cell.levels.values()) if len(heads) == len(cell.levels) and result.crossed else (cell.label,)
        scores, reported = cell.scores, {(value.part, value.source): value.accuracy for value in cell.reported}
        figures: tuple[Value, ...] = (None,) * 8
        if scores:
            figures = (
                scores.accuracy,
                scores.balanced_accuracy,
                scores.macro_f1,
                scores.loss,
                scores.selected_epoch,
                scores.best_on_test,
                scores.optimism,
                scores.validation_accuracy,
            )
        seeds = f"{len(cell.finished)} of {len(cell.trial_ids)}"
        rows.append((*names, seeds, *figures, *(reported.get(source) for source in sources)))
        if mark := _mark(result, cell):
            marks[i, len(heads) + 1] = mark
    caption = (
        "All figures but those called so are on test, as mean with 95% interval over seeds; selected epoch: median and "
        "range. "
        "“Best on test” is what choosing the epoch on test would have claimed, “optimism” the difference."
    )
    return Table("cells", caption, columns, tuple(rows), n_head=len(heads), marks=marks)


def further_table(result: StudyResult) -> Table:
    """One row a cell, with the figures that are usual elsewhere, and calibration."""
    columns = (Column("cell"), *(Column(name, kind) for name, kind in FURTHER.items()))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (cell.label, *(cell.scores.further[name] for name in FURTHER)) for cell in result.cells if cell.scores
    )
    caption = (
        "On test, as mean with 95% interval over seeds. Calibration error: mean distance between how sure the network "
        "is and how often it is right. Temperature: what logits are to be divided by for the least loss on validation, "
        "above 1 where the network is too sure."
    )
    return Table("further", caption, columns, rows)


def classes_table(result: StudyResult) -> Table:
    """One row a class of a cell."""
    columns = (
        Column("cell"),
        Column("class"),
        Column("test examples", "count"),
        *(Column(name, "percent") for name in ("precision", "recall", "F1")),
    )
    rows = tuple(
        (cell.label, each.name, each.n, each.precision, each.recall, each.f1)
        for cell in result.cells
        if cell.scores
        for each in cell.scores.by_class
    )
    caption = "Each class on test, as mean with 95% interval over seeds; test examples are those of the first seed."
    return Table("classes", caption, columns, rows, n_head=2)


def comparisons_table(result: StudyResult) -> Table:
    """One row a comparison, and one for each context of it."""
    rows: list[tuple[Value, ...]] = []
    for one in result.comparisons:
        pair = f"{one.level} − {one.against}"
        agree = f"{one.n_agree} of {one.difference.n}" if one.difference else None
        rows.append((one.factor, pair, "all" if one.by_context else "", one.difference, agree))
        rows += [(one.factor, pair, label, interval, None) for label, interval in one.by_context]
    columns = (
        Column("factor"),
        Column("levels"),
        Column("with"),
        Column("difference in test accuracy", "points"),
        Column("seeds that agree", "count"),
    )
    caption = "Paired differences with their 95% intervals: same seed, same levels of the other factors."
    return Table("comparisons", caption, columns, tuple(rows), n_head=3)


def trials_table(result: StudyResult) -> Table:
    """One row a trial, finished or not."""
    rows: list[tuple[Value, ...]] = []
    for cell in result.cells:
        done = {seed.trial_id: seed for seed in cell.scores.seeds} if cell.scores else {}
        for trial_id, planned_seed in zip(cell.trial_ids, result.study.seeds, strict=False):
            seed = done.get(trial_id)
            state = "finished" if seed else "failed" if planned_seed in cell.failed else "missing"
            figures = (seed.accuracy, seed.loss, seed.selected_epoch, seed.n_epochs) if seed else (None,) * 4
            rows.append((trial_id, cell.label, planned_seed, state, *figures))
    columns = (
        Column("trial"),
        Column("cell"),
        Column("seed", "count"),
        Column("state"),
        Column("test accuracy", "percent"),
        Column("test loss", "loss"),
        Column("selected epoch", "count"),
        Column("epochs", "count"),
    )
    return Table("trials", "Every trial of the study.", columns, tuple(rows))


def _row_name(cell: CellResult) -> str:
    return next(iter(cell.levels.values())) if len(cell.levels) == 1 else cell.label


def _accuracy(cell: CellResult) -> Interval | None:
    return cell.scores.accuracy if cell.scores else None


def _mark(result: StudyResult, cell: CellResult) -> Mark | None:
    if result.best is None:
        return None
    return "best" if cell is result.best.cell else "rival" if cell in result.best.rivals else None


# ---------------------------------------------------------------- how they are written


def text(value: Value, kind: Kind) -> str:
    """A value as it is read: ``88.1 ± 2.0``, ``31 (25–40)``, a dash for None."""
    main, rest = parts(value, kind)
    return f"{main} {rest}" if rest else main


def parts(value: Value, kind: Kind) -> tuple[str, str]:
    """A value as its main figure and what qualifies it: (``88.1``, ``± 2.0``)."""
    if value is None:
        return "–", ""
    if isinstance(value, str):
        return value, ""
    if isinstance(value, EpochRange):
        return f"{value.median:g}", "" if value.low == value.high else f"({value.low}–{value.high})"
    if isinstance(value, Interval):
        rest = f"± {_figure(value.half_width, kind).removeprefix('+')}" if value.known else ""
        return _figure(value.mean, kind), rest
    return _figure(value, kind), ""


def _figure(value: float, kind: Kind) -> str:
    if kind == "percent":
        return percent(value).removesuffix("%")
    if kind == "points":
        return points(value, signed=True)
    return str(value) if isinstance(value, int) else number(value, DIGITS.get(kind, 1))


def to_csv(table: Table) -> str:
    """Comma-separated values for further computing: intervals and ranges become columns of their own."""
    expanded = [_expand(column, [row[j] for row in table.rows]) for j, column in enumerate(table.columns)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([title for titles, _ in expanded for title in titles])
    for i in range(len(table.rows)):
        writer.writerow([value for _, columns in expanded for value in columns[i]])
    return out.getvalue()


def _expand(column: Column, values: Sequence[Value]) -> tuple[list[str], list[list[str]]]:
    """Titles and, for each row, the plain values of one column."""
    scale = 100 if column.kind in ("percent", "points") else 1
    title = column.title + column.unit

    def plain(value: str | int | float | None) -> str:
        if isinstance(value, int | float):
            return "" if value != value else f"{round(value * scale, 6):.10g}"
        return value or ""

    if any(isinstance(value, Interval) for value in values):
        triples = [(v.mean, v.low, v.high) if isinstance(v, Interval) else (None,) * 3 for v in values]
        return [title, f"{title} low", f"{title} high"], [[plain(x) for x in triple] for triple in triples]
    if any(isinstance(value, EpochRange) for value in values):
        triples = [(v.median, v.low, v.high) if isinstance(v, EpochRange) else (None,) * 3 for v in values]
        return [title, f"{title} low", f"{title} high"], [[plain(x) for x in triple] for triple in triples]
    return [title], [[plain(v)] for v in values if not isinstance(v, Interval | EpochRange)]


def to_markdown(table: Table) -> str:
    """A pipe table, the best in bold, its rivals with ``≈``."""
    lines = ["| " + " | ".join(_pipe_safe(column.title + column.unit) for column in table.columns) + " |"]
    lines.append("|" + "|".join(" --- " if column.kind == "text" else " ---: " for column in table.columns) + "|")
    for i, row in enumerate(table.rows):
        cells = [_pipe_safe(text(value, column.kind)) for value, column in zip(row, table.columns, strict=True)]
        for j, cell in enumerate(cells):
            mark = table.marks.get((i, j))
            cells[j] = f"**{cell}**" if mark == "best" else f"{cell} ≈" if mark == "rival" else cell
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", table.caption.replace("dotted:", "≈:"), ""])


def _pipe_safe(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def terminal_table(result: StudyResult) -> "rich.table.Table":
    """One row a cell for the end of a run, to be printed by a ``rich`` console."""
    import rich.table
    from rich.box import SIMPLE_HEAD
    from rich.text import Text

    best = result.best.cell if result.best else None
    table = rich.table.Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("cell")
    for title in ("seeds", "test accuracy", "95% interval", "selected epoch"):
        table.add_column(title, justify="right")
    for cell in result.cells:
        seeds, scores = f"{len(cell.finished)} of {len(cell.trial_ids)}", cell.scores
        row = [cell.label, seeds, "–", "failed" if cell.failed else "missing", "–"]
        if scores:
            bounds = spread(scores.accuracy, share=True) if scores.accuracy.known else "one seed"
            row = [cell.label, seeds, percent(scores.accuracy.mean), bounds, text(scores.selected_epoch, "epochs")]
        # Text, not str: a level named [bold] is a name, not markup.
        table.add_row(*map(Text, row), style="bold" if cell is best else "")
    return table
