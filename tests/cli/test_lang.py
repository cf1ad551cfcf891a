"""`--lang` as a person uses it: on a run of their own, from training to tables."""

from pathlib import Path

import pytest

from commands import paribus


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, eeg_file: Path) -> Path:
    """A study of two activations that was run with ``--lang zh-TW``."""
    folder = tmp_path_factory.mktemp("lang")
    (folder / "small.yaml").write_text(
        "name: small\nquestion: 哪一種活化函數較好？\nbaseline:\n"
        f"  data: {{source: npz, path: {eeg_file}, sfreq_hz: 100}}\n"
        "  model: {name: eegnet}\n  train: {epochs: 12, batch_size: 16}\n"
        "factors:\n  activation: {path: model.activation, levels: [relu, elu]}\nseeds: 2\n",
        encoding="utf-8",
    )
    refused = paribus("run", "small.yaml", "--lang", "fr", cwd=folder, code=2)
    assert "no language `fr`; known: en, zh-TW" in refused.stderr
    assert not (folder / "runs").exists(), "refused before anything is trained"
    result = paribus("run", "small.yaml", "--jobs", "2", "--lang", "zh-TW", cwd=folder)
    assert "4 trials to run" in result.stdout
    assert "test accuracy" in result.stdout, "the terminal speaks English"
    assert "Report: runs/small/report/index.html" in result.stdout
    return folder


def page(folder: Path) -> str:
    return (folder / "runs" / "small" / "report" / "index.html").read_text("utf-8")


def test_a_run_writes_its_report_in_the_language(folder: Path) -> None:
    from report.test_languages import english

    said = page(folder)
    assert '<html lang="zh-Hant-TW">' in said
    assert "哪一種活化函數較好？" in said
    from paribus.plan import read_run

    records = read_run(folder / "runs" / "small").records
    names = ["activation", "relu", "elu", "left", "right", "small", "eegnet", "model.activation"]
    for record in records:
        one = record.environment
        names += [one.cpu, one.platform, one.device, *one.versions, *one.versions.values(), record.trial_id]
        names += [text for layer in record.layers for text in (layer.name, layer.type, layer.formula)]
        names += [*record.predictions["test"].ids.tolist(), "eeg.npz", "g++", "clang++", "AVX512", "AVX2", "PyTorch"]
    assert english(said, [name for name in names if name]) == []


def test_the_report_can_be_had_in_either_language(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paribus("report", "runs/small", cwd=folder)
    assert '<html lang="en">' in page(folder)
    monkeypatch.setenv("PARIBUS_LANG", "zh-TW")
    paribus("report", "runs/small", cwd=folder)
    assert '<html lang="zh-Hant-TW">' in page(folder)
    paribus("report", "runs/small", "--lang", "en", cwd=folder)
    assert '<html lang="en">' in page(folder)


def test_tables_for_papers_follow_it(folder: Path) -> None:
    table = ("report", "runs/small", "--table", "cells", "--format")
    plain = paribus(*table, "csv", cwd=folder).stdout.splitlines()
    chinese = paribus(*table, "csv", "--lang", "zh-TW", cwd=folder).stdout.splitlines()
    assert plain[0].startswith("activation,seeds,test accuracy (%),test accuracy (%) low,")
    assert chinese[0].startswith("activation,種子,測試準確率（%）,測試準確率（%）下限,")
    assert [line.split(",")[2:] for line in plain[1:]] == [line.split(",")[2:] for line in chinese[1:]]
    answer = ("report", "runs/small", "--lang", "zh-TW", "--format")
    assert "測試準確率（%）" in paribus(*answer, "md", cwd=folder).stdout
    assert "平均測試準確率（百分比）" in paribus(*answer, "tex", cwd=folder).stdout
    stored = (folder / "runs" / "small" / "report" / "tables" / "cells.csv").read_text("utf-8").splitlines()
    assert stored == plain, "programs read those"


def test_an_unknown_language_names_those_there_are(folder: Path) -> None:
    for arguments in (
        ("report", "runs/small", "--lang", "fr"),
        ("report", "runs/small", "--format", "md", "--lang", "f"),
    ):
        refused = paribus(*arguments, cwd=folder, code=2)
        assert "known: en, zh-TW" in refused.stderr
