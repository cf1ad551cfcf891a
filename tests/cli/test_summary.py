"""The table at the end of a run."""

import io

from rich.console import Console

from conformance.build import make_planned, make_records, make_study
from paribus.analysis.study import analyse
from paribus.cli.summary import terminal_table
from paribus.spec import StudySpec


def printed(study: StudySpec, accuracies: list[float]) -> str:
    planned = make_planned(study)
    out = io.StringIO()
    found = analyse(study, planned, make_records(planned[: len(accuracies)], accuracies), [])
    Console(file=out, width=100, color_system=None).print(terminal_table(found))
    return out.getvalue()


def test_one_row_a_cell() -> None:
    factors = {"activation": {"path": "model.activation", "levels": ["relu", "elu", "leaky_relu"]}}
    rows = printed(make_study(factors=factors, seeds=2), [0.75, 0.25, 0.5]).splitlines()
    relu, elu, leaky = (
        next(row for row in rows if row.split()[:1] == [name]) for name in ("relu", "elu", "leaky_relu")
    )
    assert "2 of 2" in relu
    assert "50.0%" in relu
    assert "1 of 2" in elu
    assert "one seed" in elu
    assert "0 of 2" in leaky
    assert "missing" in leaky


def test_names_are_taken_as_they_are() -> None:
    factors = {"f": {"levels": {"[bold]x": {}, "y": {"model.activation": "elu"}}}}
    assert "[bold]x" in printed(make_study(factors=factors, seeds=1), [])
