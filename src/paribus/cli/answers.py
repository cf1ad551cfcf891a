"""`paribus power`, `compare`, `decide` and single tables: questions to finished runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paribus.analysis.words import count
from paribus.cli.terminal import Run, say, show_table

if TYPE_CHECKING:
    from paribus.analysis.runs import CellPair, RunsCompared


def power(
    run: Run,
    difference: Annotated[float, typer.Option(help="In points of test accuracy.", min=0.001, max=99.999)] = 1.0,
) -> None:
    """What the comparisons of a run could have seen, and how many seeds a given difference would need.

    A true difference counts as seen when it is found four times in five, at 5% corrected for the factor's other
    comparisons. Seeds are those needed on the same test examples, test examples those needed with seeds without end.
    The last column is the share of the variance that seeds are to blame for; the rest is the test examples'.
    """
    from paribus.analysis.power import power as find
    from paribus.analysis.words import could_be, percent, points
    from paribus.results import analyse

    found = find(analyse(run).result, difference / 100)
    rows = [
        [
            one.factor,
            f"{one.level} − {one.against}",
            points(one.difference, signed=True),
            str(one.n_seeds),
            "none" if (seen := could_be(one.detectable)) is None else points(seen),
            "no number" if one.seeds_needed is None else f"{one.seeds_needed:,}",
            f"{one.examples_needed:,}",
            percent(one.share_of_seeds),
        ]
        for one in found
    ]
    needed = f"for {difference:g} points: "
    header = ["factor", "levels", "difference", "seeds", "could see", needed + "seeds", "test examples", "due to seeds"]
    show_table(header, rows)
    worst = [one.seeds_needed for one in found]
    if all(worst):
        say(f"{max(filter(None, worst)):,} seeds would show a difference of {difference:g} points in each.")
    else:
        say(
            f"On these test examples no number of seeds shows a difference of {difference:g} points in each; about "
            f"{max(one.examples_needed for one in found):,} examples would be the least."
        )


def compare(
    first: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Another.", show_default=False)],
) -> None:
    """Lay two runs side by side: the same trials, and what differs in specification, environment and results.

    Cells are matched by their levels, trials by their seeds; differences in results are the second's less the first's.
    """
    from paribus.analysis.runs import compare_runs
    from paribus.results import analyse

    ours, theirs = (analyse(path) for path in (first, second))
    found = compare_runs((ours.result, ours.run.records), (theirs.result, theirs.run.records))
    _show_shared(found)
    _show_differences("what differs in specification", found, "specification")
    _show_differences("what differs in environment", found, "environment")
    rows = [[pair.label, _result(pair)] for pair in found.cells]
    if rows:
        show_table(["cell", "results"], rows)
    for name, labels in ((first, found.only_first), (second, found.only_second)):
        if labels:
            say(f"Only in {name}: {', '.join(labels)}.")
    if found.cells and not any(pair.same_test for pair in found.cells):
        say(
            "paribus: the two runs have no cell that was tested on the same examples, so their results are not "
            "compared: run both on the same data",
            err=True,
        )
        raise typer.Exit(2)


def _show_shared(found: "RunsCompared") -> None:
    shared = found.shared
    if not shared.n:
        say("No trial is in both runs.")
    elif shared.n == shared.n_identical:
        say(f"In both runs: {count(shared.n, 'trial')}, with the same predictions to the last bit.")
    else:
        say(
            f"In both runs: {count(shared.n, 'trial')}, {shared.n_identical} with the same predictions to the last "
            f"bit; the others differ by at most {shared.largest_difference:.3g} in a logit."
        )


def _show_differences(title: str, found: "RunsCompared", what: str) -> None:
    """One row a field, with the cells that it is true of."""
    cells_of: dict[tuple[str, str, str], list[str]] = {}
    for pair in found.cells:
        for field, (ours, theirs) in getattr(pair, what).items():
            cells_of.setdefault((field, ours, theirs), []).append(pair.label)
    if cells_of:
        rows = [
            [*row, "all" if len(labels) == len(found.cells) else ", ".join(labels)] for row, labels in cells_of.items()
        ]
        show_table([title, "first", "second", "cells"], rows)


def _result(pair: "CellPair") -> str:
    if pair.n_same:
        return f"{count(pair.n_same, 'trial')} in both, so there is nothing to compare"
    if pair.comparison is None:
        return "not compared: tested on different examples, or not finished"
    return pair.comparison.sentence + (" (the same configuration)" if pair.same else "")


def decide(
    run: Run,
    costs: Annotated[
        Path | None,
        typer.Option(help="CSV: a row for each true class, a column for each class named for it, both with names."),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Put this rule into the run's checkpoints, for `predict` to use; `argmax` takes it out again.",
        ),
    ] = None,
) -> None:
    """Compare decision rules on the predictions of a run: argmax, shares of training, thresholds, costs.

    What a rule chooses it chooses on validation; figures are on test, in brackets the difference from argmax, seed by
    seed and example by example, with its 95% interval.
    """
    from paribus.cli.decide import compared
    from paribus.cli.decide import keep as keep_rules

    found = compared(run, costs)
    show_table(found.figures[0], found.figures[1:])
    say(
        "In brackets: difference from argmax ± half of its 95% interval over seeds and examples (macro-F1: over seeds)."
    )
    if len(found.recall) > 1:
        show_table(found.recall[0], found.recall[1:])
    if keep is not None:
        n = keep_rules(run, found, keep)
        say(f"Kept in {n} checkpoints: `paribus predict` now names classes by the rule {keep}.")


def table_text(run: Path, name: str, form: str, *, every_pair: bool, lang: str | None = None) -> str:
    """One table of a run's report as text.

    Raises:
        RunError: there is no such table or form, or the run has no finished trial.
        ParibusError: there is no such language.
    """
    from paribus.errors import RunError
    from paribus.lang import language, resolve
    from paribus.report.search import candidates_table
    from paribus.report.table import to_csv, to_markdown, to_tex
    from paribus.report.tables import all_tables
    from paribus.results import analyse
    from paribus.suggest import from_known

    writers = {"md": to_markdown, "tex": to_tex, "csv": to_csv}
    if form not in writers:
        raise RunError(f"no format `{form}`{from_known(form, writers)}")
    with language(resolve(lang)):
        results = analyse(run, every_pair=every_pair)
        searched = [candidates_table(results.run.search)] if results.run.search else []
        tables = {table.name: table for table in (*all_tables(results.result), *searched) if table.rows}
        if name not in tables:
            raise RunError(f"no table `{name}`{from_known(name, tables)}")
        return writers[form](tables[name])
