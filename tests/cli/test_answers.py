"""Questions to a finished run at the command line: power, compare, decide, tables, PDF."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from commands import paribus, run_small
from paribus.analysis.power import Power
from paribus.cli.main import app


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, eeg_file: Path) -> Path:
    """A folder with a study that has run: runs/small in it."""
    folder = tmp_path_factory.mktemp("answers")
    run_small(folder, eeg_file)
    return folder


def test_a_rule_travels_with_the_checkpoint(done: Path, eeg_file: Path, tmp_path: Path) -> None:
    costs = tmp_path / "costs.csv"
    costs.write_text("true,left,right\nleft,0,1000\nright,0,0\n")  # never say right
    run = tmp_path / "run"
    shutil.copytree(done / "runs/small", run)
    x = tmp_path / "x.npy"
    np.save(x, np.load(eeg_file)["x_test" if "x_test" in np.load(eeg_file) else "x"])
    checkpoint = sorted((run / "checkpoints").glob("*.safetensors"))[0]
    assert re.search(r" right ", paribus("predict", checkpoint, x, cwd=tmp_path).stdout)
    out = paribus("decide", run, "--costs", costs, "--keep", "least-cost", cwd=tmp_path).stdout
    assert "Kept in 4 checkpoints" in out
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in (checkpoint, checkpoint.with_suffix(".json")):
        shutil.copy(path, elsewhere)
    predicted = paribus("predict", elsewhere / checkpoint.name, x, cwd=tmp_path)
    assert "least cost" in predicted.stderr
    classes = {line.split()[1] for line in predicted.stdout.splitlines()[1:]}
    assert classes == {"left"}
    assert "identical to the stored ones" in paribus("evaluate", checkpoint, cwd=done).stdout
    meta = checkpoint.with_suffix(".json")
    meta.write_text(meta.read_text().replace("1000.0", "1001.0"))
    assert "decision rule has changed" in paribus("predict", checkpoint, x, cwd=tmp_path, code=2).stderr
    paribus("decide", run, "--keep", "argmax", cwd=tmp_path)  # mends it
    assert "rule" not in json.loads(meta.read_text())
    assert paribus("predict", checkpoint, x, cwd=tmp_path).stderr == ""
    assert "needs --costs" in paribus("decide", run, "--keep", "least-cost", cwd=tmp_path, code=2).stderr
    assert "did you mean" in paribus("decide", run, "--keep", "threshold", cwd=tmp_path, code=2).stderr


def test_power(done: Path) -> None:
    out = paribus("power", "runs/small", "--difference", "5", cwd=done).stdout
    assert re.search(
        r"^activation +elu − relu +[+−]?\d+\.\d +2 +(\d+\.\d|none) +(\d+|no number) +\d+ +\d+\.\d%$", out, re.M
    )
    assert re.search(
        r"^(\d+ seeds would show|On these test examples no number of seeds shows) a difference of 5 points", out, re.M
    )
    assert "0.001" in paribus("power", "runs/small", "--difference", "0", cwd=done, code=2).stderr


def test_a_run_that_could_have_seen_nothing_has_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 100 points is no difference that accuracies can have, in the report and here."""
    from types import SimpleNamespace

    import paribus.analysis.power
    import paribus.results

    one = Power("f", "a", "b", 0.1, 1.311, 2, None, 90, 0.5)
    monkeypatch.setattr(paribus.results, "analyse", lambda _: SimpleNamespace(result=None))
    monkeypatch.setattr(paribus.analysis.power, "power", lambda *_: (one, replace(one, detectable=0.25)))
    lines = CliRunner().invoke(app, ["power", "x"]).stdout.splitlines()
    assert [line.split()[6] for line in lines if line.startswith("f ")] == ["none", "25.0"]


def test_compare_runs(done: Path) -> None:
    out = paribus("compare", "runs/small", "runs/small", cwd=done).stdout
    assert "In both runs: 4 trials, with the same predictions to the last bit." in out
    paribus("run", "small.yaml", "--set", "train.epochs=1", "--out", "runs/short", "--no-report", cwd=done)
    out = paribus("compare", "runs/small", "runs/short", cwd=done).stdout
    assert re.search(r"^train\.epochs +3 +1 +all$", out, re.M)
    assert re.search(r"^relu +(no difference between|first|second)", out, re.M)
    assert "no run folder at" in paribus("compare", "runs/small", "runs/none", cwd=done, code=2).stderr


def test_every_pair(done: Path) -> None:
    out = paribus("report", "runs/small", "--every-pair", cwd=done).stdout
    assert "Report: runs/small/report/index.html" in out


def test_a_table_for_a_paper(done: Path) -> None:
    tex = paribus("report", "runs/small", "--format", "tex", cwd=done).stdout
    assert r"\begin{tabular}{lr}" in tex
    assert re.search(r"^(\\textbf\{)?\w", tex, re.M)
    rows = list(
        csv.DictReader(
            paribus("report", "runs/small", "--format", "csv", "--table", "cells", cwd=done).stdout.splitlines()
        )
    )
    assert [row["activation"] for row in rows] == ["relu", "elu"]
    (done / "runs/small/report/index.html").write_text("as it was")
    text = paribus("report", "runs/small", "--table", "cells", cwd=done).stdout
    assert text == paribus("report", "runs/small", "--format", "md", "--table", "cells", cwd=done).stdout
    assert (done / "runs/small/report/index.html").read_text() == "as it was"
    assert (
        "did you mean `cells`"
        in paribus("report", "runs/small", "--format", "md", "--table", "cell", cwd=done, code=2).stderr
    )
    assert "no format `pdf`" in paribus("report", "runs/small", "--format", "pdf", cwd=done, code=2).stderr


def test_pdf(done: Path) -> None:
    from report.browser import chromium

    chromium()
    out = paribus("report", "runs/small", "--pdf", cwd=done).stdout
    assert "PDF: runs/small/report/index.pdf" in out
    assert (done / "runs/small/report/index.pdf").read_bytes().startswith(b"%PDF")


def test_decide(done: Path, tmp_path: Path) -> None:
    out = paribus("decide", "runs/small", cwd=done).stdout
    assert re.search(r"^relu +argmax +\d+\.\d +\d+\.\d +\d+\.\d$", out, re.M)
    assert re.search(r"^elu +thresholds +(\d+\.\d \([+−]?\d+\.\d ± \d+\.\d\) +){3}[\d. :]+, [\d. :]+$", out, re.M)
    assert re.search(r"^relu +thresholds +(\d+\.\d \([+−]?\d+\.\d ± \d+\.\d\) *){2}$", out, re.M), "recall by class"
    costs = tmp_path / "costs.csv"
    costs.write_text("true,right,left\nleft,1,0\nright,0,100\n")  # to miss a right is worse
    assert "least cost" in paribus("decide", "runs/small", "--costs", costs, cwd=done).stdout
    for text, words in (
        ("true,right\nright,0\n", "the columns must be the classes left, right, each once, got right"),
        ("true,right,left\nleft,1,x\nright,0,1\n", "the cost of naming left for left must be a number, got x"),
        ("true,right,left\nleft,1\nright,0,1\n", "the row of left must have 2 costs, got 1"),
        ("true,right,left\nleft,1,nan\nright,0,1\n", "costs must be finite numbers"),
    ):
        costs.write_text(text)
        assert words in paribus("decide", "runs/small", "--costs", costs, cwd=done, code=2).stderr
    assert "cannot read the costs in" in paribus("decide", "runs/small", "--costs", "no.csv", cwd=done, code=2).stderr
