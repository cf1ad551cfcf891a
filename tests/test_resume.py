"""Whatever kills a run, at whatever moment: the same command ends with the same bits, and no trial is run twice."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

import commands
from paribus.execute.base import Finished
from paribus.plan import STORE
from paribus.run import run_study
from paribus.spec import RunSpec, StudySpec
from paribus.store.sql import open_store
from paribus.training.state import STATES
from paribus.validate import validate

EEG: dict[str, Any] = {
    "name": "eeg",
    "question": "Which network?",
    "baseline": {"model": {"name": "eegnet"}, "train": {"epochs": 12, "batch_size": 8}},
    "factors": {"model": {"path": "model.name", "levels": ["eegnet", "deepconvnet"]}},
    "seeds": 2,
}
IMAGES: dict[str, Any] = {
    "name": "images",
    "question": "Does the crop help?",
    "baseline": {
        "data": {"source": "digits", "limit": 200},
        "model": {"name": "simple_cnn"},
        "train": {"epochs": 6, "batch_size": 16, "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9}},
    },
    "factors": {
        "crop": {
            "levels": {
                "without": {"train.augmentation": []},
                "with": {"train.augmentation": [{"name": "crop", "padding": 1}]},
            }
        }
    },
}


def make(name: str, eeg_file: Path) -> StudySpec:
    plain = {"eeg": EEG, "images": IMAGES}[name]
    data = {"data": {"source": "npz", "path": str(eeg_file)}} if name == "eeg" else {}
    return validate(StudySpec, {**plain, "baseline": {**data, **plain["baseline"]}})


def bits(out: Path) -> dict[str, tuple[Any, ...]]:
    """All that a run gave but the time that it took."""
    with open_store(out / STORE, read_only=True) as store:
        stored = store.latest_study()
        assert stored
        records = store.records([trial.trial_id for trial in stored.planned])
    return {
        record.trial_id: (
            [repr(replace(row, seconds=0.0)) for row in record.history],
            (record.selected_epoch, record.stopped_early, record.layers),
            {part: (p.ids.tolist(), p.logits.tobytes()) for part, p in record.predictions.items()},
            {name: value.tobytes() for name, value in load_file(out / record.checkpoint).items()},
        )
        for record in records
    }


# ---------------------------------------------------------------- a run in a process of its own that kills itself


def run_until(study: StudySpec, out: str, moment: str, nth: int, seconds: float) -> None:
    """Run a study in this process, that is killed at the n-th call of something or after so many seconds."""
    calls = 0

    def die_at(real: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == nth and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments, **named)
            if calls == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    if moment == "timer":
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)  # its default action ends the process at once, unasked
    elif moment == "write":
        os.fsync = die_at(os.fsync)  # a state or a checkpoint is written in part
    elif moment == "rename":
        os.replace = die_at(os.replace, after=bool(nth % 2))
    elif moment == "commit":
        from sqlalchemy.engine import Connection

        Connection._commit_impl = die_at(Connection._commit_impl, after=bool(nth % 2))  # type: ignore[method-assign]
    run_study(study, RunSpec(out=out, checkpoint_every="1"), lambda _: None)


MOMENTS = ["timer"] * 7 + ["write"] * 4 + ["rename"] * 3 + ["commit"] * 4


@pytest.mark.parametrize("name", ["eeg", "images"])
def test_killed_at_random_moments_again_and_again(name: str, tmp_path: Path, eeg_file: Path) -> None:
    """18 kills a study; each run goes on from what the one before has left."""
    study = make(name, eeg_file)
    began = time.monotonic()
    run_study(study, RunSpec(out=str(tmp_path / "whole"), checkpoint_every="never"))
    whole = time.monotonic() - began
    expected, out, rng, killed = bits(tmp_path / "whole"), tmp_path / "killed", random.Random(name), 0
    context: Any = get_context("forkserver")
    context.set_forkserver_preload(["paribus.run", "torch._dynamo"])
    moments = rng.sample(MOMENTS, len(MOMENTS))
    for moment in moments:
        arguments = (study, str(out), moment, rng.randint(1, 4), 0.3 + rng.random() * whole / 6)
        process = context.Process(target=run_until, args=arguments)
        process.start()
        process.join(120)
        assert process.exitcode in (0, -signal.SIGKILL, -signal.SIGALRM), moment
        if process.exitcode == 0:  # all was done: begin anew
            assert bits(out) == expected, moment
            out = tmp_path / f"killed {killed}"
        killed += process.exitcode != 0
    assert killed >= 15
    outcome = run_study(study, RunSpec(out=str(out), checkpoint_every="1"))
    assert outcome.n_failed == 0
    assert bits(out) == expected
    assert not list((out / STATES).iterdir()), "states of trials that have ended are gone"
    suffixes = sorted(path.suffix for path in (out / "checkpoints").iterdir())
    assert suffixes == [".json"] * len(expected) + [".safetensors"] * len(expected), "no half-written file is left"


def test_a_finished_trial_is_not_run_again(tmp_path: Path, eeg_file: Path) -> None:
    study, heard = make("eeg", eeg_file), []
    run = RunSpec(out=str(tmp_path), checkpoint_every="1")

    def stop(message: Any) -> None:
        heard.append(message)
        if sum(isinstance(each, Finished) for each in heard) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, run, stop)
    outcome = run_study(study, run)
    assert (outcome.n_done_before, outcome.n_finished) == (3, 1)


# ---------------------------------------------------------------- the installed command


YAML = """
name: eeg
question: Which network?
baseline:
  data: {{source: npz, path: {path}}}
  model: {{name: eegnet}}
  train: {{epochs: 60, batch_size: 4}}
factors:
  model: {{path: model.name, levels: [eegnet, deepconvnet]}}
seeds: 2
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, eeg_file: Path) -> Path:
    """A folder with ``study.yaml`` and ``whole``, its run without a break."""
    folder = tmp_path_factory.mktemp("resume")
    (folder / "study.yaml").write_text(YAML.format(path=eeg_file))
    commands.paribus("run", "study.yaml", "--out", "whole", "--jobs", "2", "--no-report", cwd=folder)
    return folder


def start(folder: Path, out: str, *options: str) -> "subprocess.Popen[str]":
    command = [commands.PARIBUS, "run", "study.yaml", "--out", out, "--jobs", "2", "--no-report", *options]
    return subprocess.Popen(
        [*command, "--checkpoint-every", "1"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def workers_of(parent: int) -> list[int]:
    """Processes that do tasks: grandchildren, for they branch off a child of their own."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = path.read_text().split(" (", 1)
        except OSError:
            continue
        state, of, _, session, *_ = rest.rpartition(")")[2].split()
        if int(session) == parent and int(of) != parent and int(pid) != parent and state != "Z":
            found.append(int(pid))
    return found


def wait_for_states(folder: Path, out: str, n: int) -> None:
    deadline = time.monotonic() + 60
    while len(list((folder / out / STATES).glob("*.state"))) < n:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("whom", ["all", "parent"])
def test_kill_9_and_the_same_command_again(whole: Path, whom: str) -> None:
    for pause in (0.2, 1.0, 2.0):
        running = start(whole, whom)
        wait_for_states(whole, whom, 1)
        time.sleep(pause)
        os.killpg(running.pid, signal.SIGKILL) if whom == "all" else running.kill()
        running.communicate(timeout=30)
    said, _ = start(whole, whom).communicate(timeout=120)
    assert "FAILED" not in said
    assert bits(whole / whom) == bits(whole / "whole")


def test_a_worker_that_the_memory_killer_takes_is_replaced(whole: Path) -> None:
    running = start(whole, "worker")
    wait_for_states(whole, "worker", 2)
    time.sleep(1)
    victims = workers_of(running.pid)
    assert victims
    os.kill(victims[0], signal.SIGKILL)
    said, _ = running.communicate(timeout=120)
    assert running.returncode == 0, said
    assert "ended by SIGKILL" in said
    assert "trying again (2 of 3)" in said
    assert bits(whole / "worker") == bits(whole / "whole")


@pytest.mark.parametrize("group", [False, True], ids=["the parent", "the whole group"])
def test_sigterm_ends_within_10_seconds_and_can_go_on(whole: Path, group: bool) -> None:
    out = f"term {group}"
    running = start(whole, out)
    wait_for_states(whole, out, 2)
    began = time.monotonic()
    os.killpg(running.pid, signal.SIGTERM) if group else running.terminate()
    said, _ = running.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert running.returncode == 143, said
    assert "the same command goes on from there" in said
    assert "FAILED" not in said
    said, _ = start(whole, out).communicate(timeout=120)
    assert bits(whole / out) == bits(whole / "whole")


def test_a_trial_that_takes_too_long_is_recorded_and_can_go_on(whole: Path) -> None:
    running = start(whole, "slow", "--time-limit", "1s")
    said, _ = running.communicate(timeout=120)
    assert running.returncode == 1
    assert said.count("longer than the time limit of 1 s") == 4
    assert "4 trials failed" in said
    said, _ = start(whole, "slow").communicate(timeout=120)
    assert bits(whole / "slow") == bits(whole / "whole")


def test_options_that_are_none(whole: Path) -> None:
    for option, value, words in (
        ("--time-limit", "soon", "--time-limit must be a time above 0 as 90s, 30m or 2h, got `soon`"),
        ("--checkpoint-every", "often", "--checkpoint-every: must be a time, as 30s, 5m or 2h, a number of epochs"),
        ("--retries", "-1", "greater than or equal to 0"),
    ):
        result = commands.paribus("run", "study.yaml", "--out", "none", option, value, cwd=whole, code=2)
        assert words in result.stderr
    assert not (whole / "none").exists()
