"""Running studies: the same bits wherever trials run, only what is missing, and nothing lost."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from paribus.errors import DataError, ModelError, RunError, TrainingError
from paribus.execute.base import Crashed, Finished, Progress, Started
from paribus.load import load_study
from paribus.plan import finished, make_plan, open_run
from paribus.record import TrialRecord
from paribus.run import RunStarted, check_plan, configuration, default_jobs, run_study, seconds_an_epoch
from paribus.spec import RunSpec, StudySpec


def records(out: Path, study: StudySpec) -> dict[str, TrialRecord]:
    plan = make_plan(study)
    with open_run(out) as store:
        return {record.trial_id: record for record in store.records(t.trial_id for t in plan.trials)}


def same_result(a: TrialRecord, b: TrialRecord) -> bool:
    losses = [[(r.train_loss, r.validation_loss, r.test_loss) for r in record.history] for record in (a, b)]
    logits = [record.predictions["test"].logits for record in (a, b)]
    return losses[0] == losses[1] and np.array_equal(*logits) and a.selected_epoch == b.selected_epoch


@pytest.fixture(scope="module")
def in_process(tmp_path_factory: pytest.TempPathFactory, eeg_file: Path) -> Iterator[tuple[StudySpec, Path]]:
    """The small study, run in this process."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "small.yaml").write_text(
        "name: small\nquestion: q?\nbaseline:\n"
        f"  data: {{source: npz, path: {eeg_file}}}\n"
        "  model: {name: eegnet}\n  train: {epochs: 3, batch_size: 16}\n"
        "factors:\n  activation: {path: model.activation, levels: [relu, elu]}\nseeds: 2\n"
    )
    study = load_study(folder / "small.yaml")
    outcome = run_study(study, RunSpec(out=str(folder / "out")))
    assert (outcome.n_finished, outcome.n_failed, outcome.n_done_before) == (4, 0, 0)
    return study, folder / "out"


def test_worker_processes_in_another_order_give_the_same_bits(in_process, tmp_path: Path) -> None:
    study, out = in_process
    backwards = study.model_copy(update={"seeds": study.seeds[::-1]})
    outcome = run_study(backwards, RunSpec(out=str(tmp_path), jobs=2))
    assert outcome.n_finished == 4
    here, there = records(out, study), records(tmp_path, study)
    assert len(here) == 4
    assert here.keys() == there.keys()
    assert all(same_result(here[key], there[key]) for key in here)
    for record in here.values():
        assert (out / record.checkpoint).read_bytes() == (tmp_path / record.checkpoint).read_bytes()


def test_a_plain_script_may_run_a_study_with_workers(study_file: Path, tmp_path: Path) -> None:
    """Without `if __name__ == "__main__":`; it once waited for itself for ever."""
    script = tmp_path / "script.py"
    script.write_text(
        "import paribus\n"
        f"study = paribus.load_study({str(study_file)!r}, ['seeds=1', 'train.epochs=1'])\n"
        f"print(paribus.run_study(study, paribus.RunSpec(out={str(tmp_path / 'out')!r}, jobs=2)).n_finished)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300)
    assert done.stdout == "2\n", done.stderr


def test_again_runs_only_what_is_missing(in_process) -> None:
    study, out = in_process
    started: list[RunStarted] = []
    more = study.model_copy(update={"seeds": (0, 1, 7)})
    outcome = run_study(more, RunSpec(out=str(out)), lambda m: started.append(m) if isinstance(m, RunStarted) else None)
    assert (outcome.n_finished, outcome.n_done_before) == (2, 4)
    assert {trial.spec.seed for trial in started[0].trials} == {7}
    assert run_study(more, RunSpec(out=str(out))).n_finished == 0
    assert len(finished(out, make_plan(more))) == 6
    with open_run(out) as store:
        latest = store.latest_study()
        assert latest is not None
        assert latest.study == more


def test_data_that_changed_since_the_last_run_of_this_process(study_file: Path, tmp_path: Path) -> None:
    """As in a notebook: what was loaded before is not taken for what the file holds now."""
    rng, path = np.random.default_rng(0), tmp_path / "own.npz"
    settings = [f"data.path={path}", "seeds=1", "train.epochs=1"]
    x, y = rng.normal(size=(60, 2, 64)).astype(np.float32), np.arange(60) % 2
    np.savez(path, x=x, y=y)
    study, run = load_study(study_file, settings), RunSpec(out=str(tmp_path / "out"))
    assert run_study(study, run).n_failed == 0
    np.savez(path, x=np.concatenate([x, x[:6]]), y=[*y, *y[:6]])
    assert run_study(study, run).n_failed == 0
    (now, *_) = records(tmp_path / "out", study).values()
    assert sum(map(sum, now.data.counts.values())) == 66
    assert [finding.name for finding in now.data.audit.findings if "duplicates" in finding.name]


def test_messages_tell_each_epoch(study_file: Path, tmp_path: Path) -> None:
    heard: list[object] = []
    run_study(load_study(study_file, ["seeds=1"]), RunSpec(out=str(tmp_path / "out")), heard.append)
    kinds = [type(message) for message in heard]
    assert kinds == [RunStarted, *([Started] + [Progress] * 3 + [Finished]) * 2]
    assert [m.event.epoch for m in heard if isinstance(m, Progress)] == [1, 2, 3, 1, 2, 3]


def test_one_trial_that_fails_does_not_stop_the_study(study_file: Path, tmp_path: Path) -> None:
    study = load_study(study_file)
    rates = {
        "rate": {"path": "train.optimizer", "levels": [{"name": "sgd", "lr": 1e30}, {"name": "adam", "lr": 0.001}]}
    }
    study = StudySpec.model_validate(study.model_dump(mode="json") | {"factors": rates, "seeds": [0]})
    outcome = run_study(study, RunSpec(out=str(tmp_path)))
    assert (outcome.n_finished, outcome.n_failed) == (1, 1)
    with open_run(tmp_path) as store:
        (failure,) = store.failures(trial.trial_id for trial in make_plan(study).trials)
    assert failure.kind == "NonFiniteLoss"
    assert run_study(study, RunSpec(out=str(tmp_path))).n_done_before == 1, "a failed trial is tried again"


def test_ctrl_c_keeps_what_is_finished(study_file: Path, tmp_path: Path) -> None:
    study = load_study(study_file)

    def interrupt(message: object) -> None:
        if isinstance(message, Progress) and message.index == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, RunSpec(out=str(tmp_path)), interrupt)
    assert len(finished(tmp_path, make_plan(study))) == 2
    assert run_study(study, RunSpec(out=str(tmp_path))).n_finished == 2


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        (["model.name=deepconvnet", "data.path=SHORT"], ModelError, "input of 40 samples is too short for DeepConvNet"),
        (["train.batch_size=49"], TrainingError, "train.batch_size 49 is larger than the training part"),
        (["data.path=/nowhere.npz"], DataError, "nowhere"),
        (["data.split_by_group=true"], DataError, "needs groups"),
        (["data.normalise={name: fixed, mean: [1.0], std: [1.0]}"], DataError, "2 channels"),
    ],
)
def test_told_before_any_training(study_file: Path, tmp_path: Path, settings, error, says) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "short.npz", x=rng.normal(size=(40, 2, 40)), y=np.arange(40) % 2)
    settings = [setting.replace("SHORT", str(tmp_path / "short.npz")) for setting in settings]
    with pytest.raises(error, match=says):
        run_study(load_study(study_file, settings), RunSpec(out=str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_the_cell_that_does_not_fit_is_named(tmp_path: Path, study_file: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "short.npz", x=rng.normal(size=(40, 2, 40)), y=np.arange(40) % 2)
    study = load_study(study_file, [f"data.path={tmp_path / 'short.npz'}"])
    networks = {"network": {"path": "model.name", "levels": ["eegnet", "deepconvnet"]}}
    study = StudySpec.model_validate(study.model_dump(mode="json") | {"factors": networks})
    with pytest.raises(ModelError, match=r"\(in the cell: network deepconvnet\)"):
        check_plan(make_plan(study))


def test_a_worker_that_dies_is_a_failure_and_the_rest_goes_on(study_file: Path, tmp_path: Path) -> None:
    study = load_study(study_file, ["train.epochs=40"])
    killed: list[int] = []

    def kill_one(message: object) -> None:
        if isinstance(message, Progress) and not killed:
            import multiprocessing

            worker = multiprocessing.active_children()[0]
            killed.append(1)
            worker.kill()

    crashed: list[Crashed] = []

    def listen(message: object) -> None:
        kill_one(message)
        if isinstance(message, Crashed):
            crashed.append(message)

    outcome = run_study(study, RunSpec(out=str(tmp_path), jobs=2, retries=0), listen)
    assert (outcome.n_finished, outcome.n_failed) == (3, 1)
    assert crashed[0].kind == "WorkerDied"
    with open_run(tmp_path) as store:
        (failure,) = store.failures(trial.trial_id for trial in make_plan(study).trials)
    assert failure.environment is None


def test_seconds_an_epoch(study_file: Path, tmp_path: Path) -> None:
    plan = make_plan(load_study(study_file))
    seconds = seconds_an_epoch(plan, RunSpec(out=str(tmp_path / "out")))
    assert set(seconds) == {configuration(trial) for trial in plan.trials}
    assert len(seconds) == 2
    assert all(0 < value < 60 for value in seconds.values())
    assert not (tmp_path / "out").exists()


def test_a_run_folder_that_cannot_be_used(study_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="choose another folder"):
        run_study(load_study(study_file), RunSpec(out=str(tmp_path / "file")))
    with pytest.raises(RunError, match="no run folder"):
        open_run(tmp_path / "none")
    with pytest.raises(RunError, match="holds no run"):
        open_run(tmp_path)


def test_owner_file_in_a_strange_state_is_no_obstacle(study_file: Path, tmp_path: Path) -> None:
    (tmp_path / "run.owner.json").write_text(json.dumps(["strange"]))
    assert run_study(load_study(study_file, ["seeds=1"]), RunSpec(out=str(tmp_path))).n_finished == 2


@pytest.mark.parametrize(("memory", "threads", "jobs"), [(64, 1, 4), (64, 2, 2), (5, 1, 2), (1, 1, 1)])
def test_as_many_workers_as_cores_and_memory_allow(monkeypatch, memory: int, threads: int, jobs: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr("paribus.run.available_memory", lambda: memory * 2**30)
    assert default_jobs(RunSpec(out="x", threads=threads, device="cpu")) == jobs
