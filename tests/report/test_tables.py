"""Tables: the values that stand in them, in each of their forms."""

import csv
import io
import re

import pytest

from paribus.analysis.intervals import Interval
from paribus.analysis.result import EpochRange
from paribus.analysis.study import analyse
from paribus.report.table import Column, Table, text, to_csv, to_markdown, to_tex
from paribus.report.tables import answer_table, cells_table, comparisons_table, trials_table


@pytest.fixture(scope="module")
def result(fake):
    study = fake.study()
    planned = fake.plan(study)
    records = fake.fake_records(planned, {"leaky_relu": 0.03, "eegnet": 0.05})
    return analyse(study, planned, records[:-2], [fake.fake_failure(planned[-1])])


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (Interval(0.881, 0.861, 0.901, 3, "student-t"), "percent", "88.1 ± 2.0"),
        (Interval(0.881, float("nan"), float("nan"), 1, "none"), "percent", "88.1"),
        (Interval(-0.021, -0.03, -0.012, 3, "student-t"), "points", "−2.1 ± 0.9"),
        (Interval(0.021, 0.012, 0.03, 3, "student-t"), "points", "+2.1 ± 0.9"),
        (Interval(0.5091, 0.4091, 0.6091, 3, "student-t"), "loss", "0.509 ± 0.100"),
        (EpochRange(31.5, 25, 40), "epochs", "31.5 (25–40)"),
        (EpochRange(31.0, 31, 31), "epochs", "31"),
        (None, "percent", "–"),
        (0.8333, "percent", "83.3"),
        (7, "count", "7"),
        ("relu", "text", "relu"),
    ],
)
def test_text(value, kind, written):
    assert text(value, kind) == written


def test_answer_is_laid_out_as_in_a_lab_report(result):
    table = answer_table(result)
    assert [column.title for column in table.columns] == ["model", "elu", "relu", "leaky_relu"]
    assert [row[0] for row in table.rows] == ["eegnet", "deepconvnet"]
    assert table.rows[0][3] is result.cells[2].scores.accuracy
    assert table.rows[1][2] is result.cells[4].scores.accuracy
    row, column = divmod(result.cells.index(result.best.cell), 3)
    assert [place for place, mark in table.marks.items() if mark == "best"] == [(row, 1 + column)]


def test_three_factors_put_the_last_across(fake):
    factors = {
        "model": {"path": "model.name", "levels": ["eegnet", "deepconvnet"]},
        "lr": {"path": "train.optimizer.lr", "levels": [0.1, 0.01]},
        "activation": {"path": "model.activation", "levels": ["elu", "relu"]},
    }
    study = fake.study(factors=factors)
    table = answer_table(analyse(study, fake.plan(study), [], []))
    assert [column.title for column in table.columns] == ["model", "lr", "elu", "relu"]
    assert [row[:2] for row in table.rows][:2] == [("eegnet", "0.1"), ("eegnet", "0.01")]
    assert table.n_head == 2
    assert all(value is None for row in table.rows for value in row[2:])


def test_csv_holds_full_figures_in_columns_of_their_own(result):
    rows = list(csv.DictReader(io.StringIO(to_csv(cells_table(result)))))
    assert len(rows) == 6
    scores = result.cells[0].scores
    assert (rows[0]["model"], rows[0]["activation"], rows[0]["seeds"]) == ("eegnet", "elu", "3 of 3")
    assert float(rows[0]["test accuracy (%)"]) == pytest.approx(100 * scores.accuracy.mean, abs=1e-6)
    assert float(rows[0]["test accuracy (%) low"]) == pytest.approx(100 * scores.accuracy.low, abs=1e-6)
    assert float(rows[0]["test loss high"]) == pytest.approx(scores.loss.high, abs=1e-6)
    assert float(rows[0]["selected epoch low"]) == scores.selected_epoch.low
    assert rows[0]["reported, R0 (%)"] == "83.33"
    assert rows[1]["reported, R0 (%)"] == ""
    assert rows[0]["reported on validation, R0 (%)"] == "91.5"
    assert float(rows[0]["validation accuracy (%)"]) == pytest.approx(100 * scores.validation_accuracy.mean, abs=1e-6)
    # One finished seed: an interval by the test examples alone, and of all else none.
    assert rows[5]["test accuracy (%)"] != ""
    assert text(result.cells[5].scores.accuracy, "percent").endswith(" (one seed)")
    assert rows[5]["macro-F1 (%) low"] == ""


def test_csv_quotes():
    table = Table("t", "", (Column("a"), Column("b")), (('x,"y"', "line\nbreak"),))
    assert list(csv.reader(io.StringIO(to_csv(table)))) == [["a", "b"], ['x,"y"', "line\nbreak"]]


def test_markdown(result):
    lines = to_markdown(answer_table(result)).splitlines()
    assert lines[0] == "| model | elu (%) | relu (%) | leaky_relu (%) |"
    assert lines[1] == "| --- | ---: | ---: | ---: |"
    row, column = divmod(result.cells.index(result.best.cell), 3)
    assert [cell.strip() for cell in lines[2 + row].split("|")][1] == ("eegnet", "deepconvnet")[row]
    assert re.fullmatch(r" \*\*\d\d\.\d ± \d+\.\d\*\* ", lines[2 + row].split("|")[2 + column])
    assert len(lines) == 6


def test_markdown_cannot_be_broken_by_names():
    table = Table("t", "", (Column("a"),), (("x|y\n<b>",),))
    assert to_markdown(table).splitlines()[2] == "| x\\|y &lt;b> |"


def test_trials_tell_their_state(result):
    table = trials_table(result)
    assert len(table.rows) == 18
    assert [row[3] for row in table.rows[-3:]] == ["finished", "missing", "failed"]
    assert table.rows[0][0] == result.cells[0].trial_ids[0]
    assert table.rows[0][4] == result.cells[0].scores.seeds[0].accuracy


def test_comparisons_hold_each_context(result):
    rows = comparisons_table(result).rows
    assert [row[:3] for row in rows[:4]] == [
        ("model", "deepconvnet − eegnet", "all"),
        ("model", "deepconvnet − eegnet", "elu"),
        ("model", "deepconvnet − eegnet", "relu"),
        ("model", "deepconvnet − eegnet", "leaky_relu"),
    ]


def test_tex(result):
    written = to_tex(answer_table(result))
    assert written.count(r"\\") == 3
    assert written.count(r"\textbf{") == 1
    assert r"leaky\_relu (\%)" in written
    assert r"$\pm$" in written
    assert "±" not in written


def test_tex_cannot_be_broken_by_names():
    table = Table("t", "100% & more", (Column("a_b"),), ((r"\input{x} $y$ #1 ^ ~ {z}",),))
    row = to_tex(table).splitlines()[7]
    assert row == (r"\textbackslash{}input\{x\} \$y\$ \#1 \textasciicircum{} \textasciitilde{} \{z\} \\")


def test_tex_rows_that_begin_like_an_argument():
    table = Table("t", "", (Column("widths"),), (("[32, 64]",), ("*",)))
    assert to_tex(table).splitlines()[7:9] == [r"{}[32, 64] \\", r"{}* \\"]
