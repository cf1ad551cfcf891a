"""Trackers hear what the store hears, and cost no trial when they fail."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import commands
from paribus.errors import RunError
from paribus.execute.base import Progress, Started
from paribus.load import load_study
from paribus.plan import make_plan, open_run
from paribus.record import EpochRow, PlannedTrial
from paribus.run import RunStarted, run_study
from paribus.spec import RunSpec, StudySpec
from paribus.track import base, open_tracking

STUDY = (
    "name: small\nquestion: Which optimiser?\nbaseline:\n  data: {source: digits}\n"
    "  model: {name: dnn, widths: [8]}\n  train: {epochs: 3, batch_size: 64}\n"
    "factors:\n  lr: {path: train.optimizer.lr, levels: [0.001, 1.0e+30]}\nseeds: 2\n"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trials that finish and two that diverge, with both trackers, in a folder that holds ``mlflow.db``."""
    folder = tmp_path_factory.mktemp("track")
    (folder / "small.yaml").write_text(STUDY)
    commands.paribus(
        *("run", "small.yaml", "--out", "run", "--no-report", "--track", "tensorboard", "--track", "mlflow"),
        cwd=folder,
        code=1,
    )
    return folder


def records(folder: Path) -> dict[str, Any]:
    with open_run(folder / "run") as store:
        stored = store.latest_study()
        assert stored
        return {record.trial_id: record for record in store.records([trial.trial_id for trial in stored.planned])}


def test_tensorboard_has_every_epoch(run: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    stored = records(run)
    folders = {path.name: path for path in (run / "run" / "tensorboard").iterdir()}
    assert len(folders) == 4, "failed ones too"
    for record in stored.values():
        (folder,) = [path for name, path in folders.items() if name.endswith(record.trial_id[:8])]
        assert folder.name.startswith(f"0.001, seed {record.spec.seed}")
        found = EventAccumulator(str(folder))
        found.Reload()
        for quantity in ("loss", "accuracy"):
            for part in ("train", "validation", "test"):
                rows = [(e.step, pytest.approx(e.value)) for e in found.Scalars(f"{quantity}/{part}")]
                assert [(row.epoch, getattr(row, f"{part}_{quantity}")) for row in record.history] == rows
        assert [e.value for e in found.Scalars("lr")] == pytest.approx([0.001] * 3)
        right = (record.predictions["test"].logits.argmax(1) == record.predictions["test"].y).mean()
        assert found.Scalars("final/test accuracy")[0].value == pytest.approx(right)


def test_mlflow_has_every_epoch(run: Path) -> None:
    """Read in a process of its own: MLflow warns on import, and its default is a file in the current folder."""
    code = (
        "from mlflow import MlflowClient; import json\n"
        "c = MlflowClient(); e = c.get_experiment_by_name('small')\n"
        "print(json.dumps({r.data.tags['paribus.trial']: [r.info.status, r.data.params, r.data.metrics,"
        " [(m.step, m.value) for m in c.get_metric_history(r.info.run_id, 'loss/validation')]]"
        " for r in c.search_runs([e.experiment_id])}))"
    )
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=run, env=environment, capture_output=True, text=True, check=True
    )
    found, stored = json.loads(done.stdout), records(run)
    assert len(found) == 4
    assert {trial_id for trial_id, (status, *_) in found.items() if status == "FINISHED"} == set(stored)
    assert {status for status, *_ in found.values()} == {"FINISHED", "FAILED"}
    for trial_id, record in stored.items():
        _, params, metrics, losses = found[trial_id]
        assert params["factor.lr"] == "0.001"
        assert params["train.optimizer.lr"] == "0.001"
        assert params["model.name"] == "dnn"
        assert [tuple(each) for each in losses] == [(row.epoch, row.validation_loss) for row in record.history]
        assert metrics["final/selected epoch"] == record.selected_epoch


class Broken:
    def begin(self, *_: Any) -> None:
        raise OSError("the server is gone")

    epoch = end = begin

    def close(self) -> None:
        raise AssertionError("nobody tells it any more")


def test_a_tracker_that_breaks_costs_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.yaml").write_text(STUDY.replace(", 1.0e+30", ""))
    study, said = load_study(tmp_path / "small.yaml"), []
    with base.Tracking({"mlflow": Broken()}, said.append) as tracking:
        outcome = run_study(study, RunSpec(out=str(tmp_path / "run")), tracking)
    assert outcome.n_finished == 2
    assert said == ["mlflow gets no more of this run: OSError: the server is gone"]


def test_folds_and_refits_are_told_apart(study: StudySpec) -> None:
    """Epochs that begin anew are another training of the same trial."""
    trial = make_plan(study).trials[0]
    heard = []

    class Tracker(Broken):
        def begin(self, index: int, name: str, trial: PlannedTrial) -> None:
            heard.append(name)

        def epoch(self, index: int, step: int, values: Any) -> None:
            heard.append((step, sorted(values)))

    tracking = base.Tracking({"x": Tracker()}, print)
    tracking(RunStarted((trial,), 0, (2,)))
    tracking(Started(0))
    nan = float("nan")
    for epoch in (1, 2, 1):
        tracking(Progress(0, EpochRow(epoch, 1.0, 0.5, nan, nan, nan, nan, 0.1, 1.0)))
    own = ["accuracy/train", "loss/train", "lr"]
    assert heard == ["0.001, seed 0", (1, own), (2, own), (1, [f"training 2/{name}" for name in own])]


@pytest.fixture
def study(tmp_path: Path) -> StudySpec:
    (tmp_path / "small.yaml").write_text(STUDY)
    return load_study(tmp_path / "small.yaml")


def test_what_cannot_be_opened_is_said_before_anything_runs(
    tmp_path: Path, study: StudySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunError, match="no tracker `tensorbord`; did you mean `tensorboard`"):
        open_tracking(["tensorbord"], study, tmp_path, print)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith(("torch.utils.tensorboard", "paribus.track.tens"))]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(RunError, match=r"pip install 'paribus\[tensorboard\]'"):
        open_tracking(["tensorboard"], study, tmp_path, print)
    result = commands.paribus("run", "quickstart", "--track", "wandb", cwd=tmp_path, code=2)
    assert "no tracker `wandb`" in result.stderr
    assert not (tmp_path / "runs").exists()
