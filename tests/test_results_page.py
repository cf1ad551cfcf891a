"""docs/results.md is what its tables say, and `scripts/results` judges findings as a person would."""

import csv
import importlib
import math
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import commands
from conformance.build import make_record
from paribus.data.sources import load_dataset
from paribus.plan import read_run
from paribus.results import analyse

SCRIPT = Path(__file__).parents[1] / "scripts" / "results"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    sys.path.insert(0, str(SCRIPT.parent))  # as for a script that is run
    spec = spec_from_loader("results_script", SourceFileLoader("results_script", str(SCRIPT)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["results_script"] = module
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(SCRIPT.parent))


def test_nothing_is_typed() -> None:
    subprocess.run([sys.executable, SCRIPT, "check"], check=True)


def row(level: str, against: str, mean: float, half: float, verdict: str) -> dict[str, str]:
    return {
        "run": "here",
        "factor": "activation",
        "level": level,
        "against": against,
        "mean": str(mean),
        "low": str(mean - half),
        "high": str(mean + half),
        "verdict": verdict,
        "seeds": "3",
    }


@pytest.mark.parametrize(
    ("expects", "mean", "verdict", "is_"),
    [
        ("higher", 0.03, "beats", "holds"),
        ("higher", -0.03, "beats", "the contrary"),
        ("higher", 0.03, "unsure", "cannot be told"),
        ("higher", 0.01, "unseen", "cannot be told"),
        ("higher", 0.03, "one seed", "cannot be told"),
        ("same", 0.01, "unseen", "no difference seen"),
        ("same", -0.03, "beats", "the contrary"),
        ("higher", 0.03, "", "holds"),  # a decision rule: by its interval
        ("higher", 0.01, "", "cannot be told"),
    ],
)
def test_verdicts(script: ModuleType, expects: str, mean: float, verdict: str, is_: str) -> None:
    finding = {"factor": "activation", "level": "elu", "against": "relu", "expects": expects}
    assert script.answer(finding, "here", [row("elu", "relu", mean, 0.02, verdict)]).verdict == is_
    turned = script.answer(finding, "here", [row("relu", "elu", -mean, 0.02, verdict)])
    assert turned.verdict == is_
    assert turned.words == f"elu against relu {100 * mean:+.1f} points ({100 * mean - 2:+.1f} to {100 * mean + 2:+.1f})"


def test_the_best_must_beat_all(script: ModuleType) -> None:
    finding = {"factor": "activation", "best": "elu"}
    first = row("elu", "relu", 0.03, 0.02, "beats")
    seen = {
        other["verdict"] + other["mean"]: script.answer(finding, "here", [first, other]).verdict
        for other in (
            row("tanh", "elu", -0.03, 0.02, "beats"),
            row("tanh", "elu", 0.03, 0.02, "beats"),
            row("tanh", "elu", -0.01, 0.02, "unseen"),
        )
    }
    assert seen == {"beats-0.03": "holds", "beats0.03": "the contrary", "unseen-0.01": "cannot be told"}


def test_taken_from_a_store(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    commands.paribus(
        *("run", "quickstart", "--out", "run", "--no-report", "--set", "seeds=2", "--set", "train.epochs=1"),
        cwd=tmp_path,
    )
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    for _ in range(2):  # the second time in place of the first
        monkeypatch.setattr(sys, "argv", ["results", "take", "digits", str(out)])
        script.main()
    results = analyse(out)
    with (tmp_path / "cells.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert [cell["cell"] for cell in cells] == [cell.label for cell in results.result.cells]
    means = results.trials.groupby("cell", sort=False)["accuracy"].mean()
    assert [float(cell["mean"]) for cell in cells] == pytest.approx(means.tolist(), abs=1e-6)
    (tmp_path / "findings.yaml").write_text(
        "[{report: R9, finding: ELU wins, factor: activation, level: elu, against: relu, expects: higher, "
        "runs: [digits]}]"
    )
    (tmp_path / "targets.yaml").write_text(
        "[{run: elsewhere, network: any, accuracy: 0.9}, {run: digits, network: simple, accuracy: 1.0}]"
    )
    page = script.page()
    chosen = max(cells, key=lambda cell: float(cell["validation"]))
    assert f"| simple | 100 | {100 * float(chosen['mean']):.1f} ± " in page
    assert " of 2 seeds | not reached | – | none | | | not searched for |" in page
    assert "| R9 | ELU wins | [digits](#digits) | " in page
    assert f"| {100 * means.iloc[0]:.1f} ± " in page
    assert "| elsewhere | any | 90 | not run yet | " in page
    assert str(tmp_path) not in page


def test_what_a_search_found(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "search.yaml").write_text(
        "name: best-digits\nquestion: How good?\n"
        "baseline: {data: {source: digits}, model: {name: logistic}, train: {epochs: 1}}\n"
        "factors: {lr: {path: train.optimizer.lr, low: 1.0e-4, high: 1.0e-1, log: true}}\n"
        "design: {search: random, trials: 4}\nseeds: 3\n"
    )
    commands.paribus("run", "search.yaml", "--out", "run", "--no-report", cwd=tmp_path)
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["results", "take", "best-digits", str(tmp_path / "run")])
    script.main()
    with (tmp_path / "searches.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    study = analyse(tmp_path / "run")
    assert (row["sampler"], row["candidates"], row["failed"], row["cell"]) == ("random", "4", "0", "best found")
    assert row["recipe"].startswith("lr 0.")
    mean = study.trials[study.trials["cell"] == "best found"]["accuracy"].mean()
    (tmp_path / "findings.yaml").write_text("[]")
    for least, is_ in (
        (0.0, "reached"),
        (mean - 1e-6, "reached by the mean, not by its interval"),
        (0.99, "not reached"),
    ):
        (tmp_path / "targets.yaml").write_text(f"[{{run: best-digits, network: logistic, accuracy: {least}}}]")
        said = script.page()
        assert f"| {100 * mean:.1f} ± " in said
        assert f" of 2 seeds | {is_} | " in said
    (tmp_path / "targets.yaml").write_text("[{run: best-digits, network: logistic}]")
    assert f"| logistic | – | {100 * mean:.1f} ± " in script.page()


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    """40 training and 20 test images, of which the first 5 stand in both, and what was trained on them."""
    rng = np.random.default_rng(0)
    x, x_test = (rng.integers(0, 256, (n, 1, 6, 6), dtype=np.uint8) for n in (40, 20))
    x_test[:5] = x[:5]
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(40) % 2, x_test=x_test, y_test=np.arange(20) % 2)
    (tmp_path / "study.yaml").write_text(
        "name: leak\nquestion: How much of it is known by heart?\n"
        "baseline: {data: {source: npz, path: data.npz}, model: {name: logistic}, train: {epochs: 1, batch_size: 8}}\n"
        "factors: {without: {levels: {any: {train.refit: all}, copies: {data.drop: [cross_split_duplicates]}}}}\n"
        "seeds: 1\n"
    )
    commands.paribus("run", "study.yaml", "--out", "run", "--no-report", cwd=tmp_path)
    return tmp_path / "run"


def test_copies_are_of_what_was_trained_on(script: ModuleType, leaky: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(leaky.parent)
    run = read_run(leaky)
    rows = {row["cell"]: row for row in script.take("leak", run)["cells"]}
    assert (rows["any"]["copies"], rows["copies"]["copies"]) == (5, 0)
    test = run.records[0].predictions["test"]
    data = load_dataset(run.records[0].spec.data)
    pixels = {image.tobytes() for image in np.load("data.npz")["x"][:5]}
    known = {one for one, image in zip(data.ids.tolist(), np.array(data.x), strict=True) if image.tobytes() in pixels}
    own = [i for i, one in enumerate(test.ids.tolist()) if one not in known]
    assert len(own) == 15
    assert rows["any"]["without_copies"] == (test.logits.argmax(axis=1) == test.y)[own].mean()


def test_where_all_are_copies_nothing_is_left(script: ModuleType) -> None:
    tables = importlib.import_module("results_tables")
    assert math.isnan(tables.accuracy_without(make_record(n_test=4), np.full(4, True)))


def test_a_search_whose_best_failed_in_its_confirmation(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    (tmp_path / "findings.yaml").write_text("[]")
    (tmp_path / "targets.yaml").write_text("[{run: it, network: any, accuracy: 0.9}]")
    found = {"candidates": 4, "pruned": 1, "hours": 0.5, "recipe": "elu", "reached": 0.8, "cell": "best found"}
    script.write("searches", [{"run": "it", **found}])
    assert "| not confirmed yet | | 80.0 | 4 | 1 | 0.5 | elu |" in script.page()
    assert script.drawn() == ""
    script.write("searches", [])
    assert "| 90 | not run yet |" in script.page()
