"""What a terminal shows of a study at the end of a run."""

from typing import TYPE_CHECKING

from paribus.analysis.result import StudyResult
from paribus.analysis.words import percent, spread
from paribus.report.table import text
from paribus.shown import printable

if TYPE_CHECKING:
    import rich.table


def terminal_table(result: StudyResult) -> "rich.table.Table":
    """One row a cell to be printed by a ``rich`` console."""
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
            bounds = "one seed" if scores.accuracy.n == 1 else spread(scores.accuracy, share=True)
            row = [cell.label, seeds, percent(scores.accuracy.mean), bounds, text(scores.selected_epoch, "epochs")]
        # Text, not str: a level named [bold] is a name, not markup.
        table.add_row(*(Text(printable(value)) for value in row), style="bold" if cell is best else "")
    return table
