"""docs/results.md is what its tables say, and `scripts/results` judges findings as a person would."""

import csv
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

import commands
from paribus.results import analyse

SCRIPT = Path(__file__).parents[1] / "scripts" / "results"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_loader("results_script", SourceFileLoader("results_script", str(SCRIPT)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["results_script"] = module
    spec.loader.exec_module(module)
    return module


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
    (tmp_path / "targets.yaml").write_text("[{run: elsewhere, network: any, accuracy: 0.9}]")
    page = script.page()
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


def test_copies_in_training_are_left_out(script: ModuleType) -> None:
    from conformance.build import make_record

    record = make_record(n_test=4)
    test = record.predictions["test"]
    right = test.logits.argmax(axis=1) == test.y
    copies = dict(zip(test.ids.tolist(), [True, False, False, True], strict=True))
    assert script.without_copies(record, copies) == (int(right[1]) + int(right[2])) / 2
