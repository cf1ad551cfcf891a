"""Code that a study or a checkpoint names is imported only after somebody allowed it."""

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from commands import PARIBUS, paribus
from paribus.errors import ImportRefused
from paribus.load import load_study, read_study
from paribus.results import analyse
from paribus.serve.state import runs_in, summary

STUDY = """\
name: own
question: Does width help?
baseline:
  data: {source: digits, limit: 200}
  model: {name: "their.net:make", args: {width: 4}}
  train: {epochs: 1}
factors:
  width: {path: model.args.width, levels: [4, 8]}
seeds: 2
"""
BUILT_IN = STUDY.replace('{name: "their.net:make", args: {width: 4}}', "{name: logistic}")
FACTOR = "width: {path: model.args.width, levels: [4, 8]}"
ONLY_A_LEVEL = BUILT_IN.replace(
    FACTOR, 'net: {path: model, levels: [{name: logistic}, {name: "their.net:make", args: {width: 4}}]}'
)
PLAIN = BUILT_IN.replace(f"factors:\n  {FACTOR}\n", "")
NETWORK = """\
from torch import nn

def make(input_shape, n_classes, width):
    channels, height, columns = input_shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * columns, width), nn.Linear(width, n_classes))
"""
IMPORTED = "from pathlib import Path\nPath('IMPORTED').touch()\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of somebody's network and its run, whose package now tells when it is imported."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "their").mkdir()
    (folder / "their" / "__init__.py").write_text("")
    (folder / "their" / "net.py").write_text(NETWORK)
    (folder / "study.yaml").write_text(STUDY)
    (folder / "level.yaml").write_text(ONLY_A_LEVEL)
    paribus("run", "study.yaml", "--jobs", "2", "--allow-import", cwd=folder)
    shutil.copytree(folder / "runs" / "own", folder / "runs" / "copy")
    for file in ("__init__", "net"):  # the parent package alone would be enough
        path = folder / "their" / f"{file}.py"
        path.write_text(IMPORTED + path.read_text())
    return folder


@pytest.fixture
def untouched(finished: Path) -> Path:
    (finished / "IMPORTED").unlink(missing_ok=True)
    return finished


def checkpoint_in(folder: Path) -> Path:
    return next((folder / "runs" / "own" / "checkpoints").glob("*.safetensors"))


@pytest.mark.parametrize("study", ["study.yaml", "level.yaml"])
@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_study_is_not_run_without_consent(untouched: Path, command: str, study: str) -> None:
    result = paribus(command, study, "--out", "runs/new", cwd=untouched, code=2)
    assert "their.net:make" in result.stderr
    assert "--allow-import" in result.stderr
    assert "imports their.net" in result.stderr
    assert not (untouched / "IMPORTED").exists()
    assert not (untouched / "runs" / "new").exists()


def test_nor_with_a_setting_alone(untouched: Path) -> None:
    (untouched / "plain.yaml").write_text(PLAIN)
    result = paribus("plan", "plain.yaml", "--set", "model.name=their.net:make", cwd=untouched, code=2)
    assert "--allow-import" in result.stderr
    assert not (untouched / "IMPORTED").exists()


def test_nor_is_a_checkpoint_put_to_use(untouched: Path) -> None:
    checkpoint = checkpoint_in(untouched)
    for arguments in (("evaluate", checkpoint), ("predict", checkpoint, "x.npy"), ("export", checkpoint, "x.onnx")):
        result = paribus(*arguments, cwd=untouched, code=2)
        assert "their.net:make" in result.stderr
        assert "--allow-import" in result.stderr
    assert not (untouched / "IMPORTED").exists()


def test_looking_at_a_run_or_a_study_imports_nothing(untouched: Path) -> None:
    for arguments in (
        ("status", "runs/own"),
        ("report", "runs/own"),
        ("report", "runs/own", "--format", "md"),
        ("power", "runs/own"),
        ("decide", "runs/own", "--keep", "prior correction"),
        ("decide", "runs/own", "--keep", "argmax"),
        ("compare", "runs/own", "runs/copy"),
        ("data", "audit", "study.yaml"),
        ("data", "preview", "study.yaml"),
    ):
        paribus(*arguments, cwd=untouched)
    assert analyse(untouched / "runs" / "own").trials.shape[0] == 4
    assert not (untouched / "IMPORTED").exists()


def test_serving_a_run_imports_nothing(untouched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from paribus.live import Follower

    monkeypatch.chdir(untouched)
    for path in runs_in(untouched / "runs").values():
        assert summary(path, Follower(path))["finished"] == 4
    assert not (untouched / "IMPORTED").exists()


def test_with_consent_it_is_imported(untouched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By flag or by the environment; the source has changed since the run, so the trials are new ones."""
    told = paribus("plan", "study.yaml", "--allow-import", cwd=untouched).stdout
    assert "4 trials, 0 done" in told
    assert (untouched / "IMPORTED").exists()
    result = paribus("evaluate", checkpoint_in(untouched), "--allow-import", cwd=untouched, code=2)
    assert "the source of their.net:make has changed" in result.stderr
    monkeypatch.setenv("PARIBUS_ALLOW_IMPORT", "1")
    assert "4 trials" in paribus("plan", "study.yaml", cwd=untouched).stdout


def test_from_python(untouched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = untouched / "study.yaml"
    with pytest.raises(ImportRefused, match="allow_import=True"):
        load_study(study)
    with pytest.raises(ImportRefused, match="PARIBUS_ALLOW_IMPORT=1"):
        load_study(untouched / "level.yaml")
    assert load_study(study, allow_import=True) == read_study(study)
    monkeypatch.setenv("PARIBUS_ALLOW_IMPORT", "0")
    with pytest.raises(ImportRefused):
        load_study(study)
    monkeypatch.setenv("PARIBUS_ALLOW_IMPORT", "1")
    assert load_study(study) == read_study(study)
    assert not (untouched / "IMPORTED").exists()


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("", 1), ("y", 0)])
def test_a_person_at_a_terminal_is_asked(untouched: Path, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PARIBUS, "plan", "study.yaml"], cwd=untouched, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 4096)
    assert not (untouched / "IMPORTED").exists()
    os.write(ours, f"{answer}\n".encode())
    out, _ = process.communicate(timeout=120)
    os.close(ours)
    assert process.returncode == code
    assert b"imports their.net" in shown
    assert (untouched / "IMPORTED").exists() == (answer == "y")
    assert (b"4 trials" in out) == (answer == "y")


def test_builtin_networks_need_none(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(PLAIN)
    assert "2 trials" in paribus("plan", "plain.yaml", cwd=tmp_path).stdout
