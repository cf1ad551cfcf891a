"""A table as plain values, and how it is written: HTML (in the templates), CSV, Markdown."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from paribus.analysis.intervals import Interval
from paribus.analysis.result import EpochRange
from paribus.analysis.words import number, percent, points
from paribus.lang import msg, tr

Kind = Literal["text", "percent", "points", "loss", "number", "p", "epochs", "count", "seconds"]
Value = str | int | float | Interval | EpochRange | None
Mark = Literal["best", "rival"]

UNITS: dict[Kind, str] = {"percent": msg(" (%)"), "points": msg(" (points)"), "seconds": msg(" (s)")}
DIGITS: dict[Kind, int] = {"loss": 3, "number": 3}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title and what kind of value it holds (shares are shown as percent or points)."""

    title: str
    kind: Kind = "text"

    @property
    def unit(self) -> str:
        """What stands behind the title, with its space."""
        return tr(UNITS[self.kind]) if self.kind in UNITS else ""


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
        n_rows: how many rows the table in the file has, where these are only the first of them.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    n_head: int = 1
    marks: dict[tuple[int, int], Mark] = field(default_factory=dict)
    n_rows: int = 0


def without(table: Table, titles: Sequence[str]) -> Table:
    """The table less the columns of these titles."""
    kept = [j for j, column in enumerate(table.columns) if column.title not in titles]
    return replace(
        table,
        columns=tuple(table.columns[j] for j in kept),
        rows=tuple(tuple(row[j] for j in kept) for row in table.rows),
        n_head=sum(j < table.n_head for j in kept),
        marks={(i, kept.index(j)): mark for (i, j), mark in table.marks.items() if j in kept},
    )


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
        if value.method == "examples":
            rest = tr("{interval} (one seed)", interval=rest)
        return _figure(value.mean, kind), rest
    return _figure(value, kind), ""


def _figure(value: float, kind: Kind) -> str:
    if kind == "percent":
        return percent(value).removesuffix("%")
    if kind == "points":
        return points(value, signed=True)
    if kind == "p":
        return "< 0.001" if value < 0.001 else number(value, 3)
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
            return "" if value != value else f"{value * scale:.10g}"
        return value or ""

    if any(isinstance(value, Interval) for value in values):
        triples = [(v.mean, v.low, v.high) if isinstance(v, Interval) else (None,) * 3 for v in values]
        return _bounded(title), [[plain(x) for x in triple] for triple in triples]
    if any(isinstance(value, EpochRange) for value in values):
        triples = [(v.median, v.low, v.high) if isinstance(v, EpochRange) else (None,) * 3 for v in values]
        return _bounded(title), [[plain(x) for x in triple] for triple in triples]
    return [title], [[plain(v)] for v in values if not isinstance(v, Interval | EpochRange)]


def _bounded(title: str) -> list[str]:
    return [title, tr("{column} low", column=title), tr("{column} high", column=title)]


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
    return "\n".join([*lines, "", table.caption.replace(tr("dotted"), "≈"), ""])


def _pipe_safe(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


_TEX = {
    "\\": r"\textbackslash{}",
    **{c: "\\" + c for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "·": r"$\cdot$",
    "≈": r"$\approx$",
    "–": "--",
    "<": "$<$",
    ">": "$>$",
}


def to_tex(table: Table) -> str:
    """A LaTeX table for booktabs (`\\usepackage{booktabs}`), the best in bold, its rivals with a dagger."""
    head = " & ".join(_tex(column.title + column.unit) for column in table.columns)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_tex(table.caption.replace(tr('dotted'), '†'))}}}",
        rf"\begin{{tabular}}{{{''.join('l' if column.kind == 'text' else 'r' for column in table.columns)}}}",
        r"\toprule",
        head + r" \\",
        r"\midrule",
    ]
    for i, row in enumerate(table.rows):
        cells = [_tex(text(value, column.kind)) for value, column in zip(row, table.columns, strict=True)]
        for j, cell in enumerate(cells):
            mark = table.marks.get((i, j))
            cells[j] = rf"\textbf{{{cell}}}" if mark == "best" else cell + r"$^\dagger$" if mark == "rival" else cell
        # After a line's end LaTeX would take [ or * for an argument of it.
        lines.append("{}" * cells[0].startswith(("[", "*")) + " & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _tex(plain: str) -> str:
    written = "".join(_TEX.get(character, character) for character in plain.replace("\n", " "))
    return written.replace("†", r"$^\dagger$").replace("“", "``").replace("”", "''")
