"""A study on a Ray cluster of several nodes, of which some die."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import commands
from cluster import LOOPBACK, Cluster, listening, marked, wait_until
from paribus.plan import open_run

pytest.importorskip("ray", reason="the extra `cluster` is not installed")

SHORT = """
name: short
question: Which learning rate?
baseline:
  data: {{source: npz, path: {path}}}
  model: {{name: logistic}}
  train: {{epochs: 1, batch_size: 16}}
factors:
  lr: {{path: train.optimizer.lr, levels: [0.001, 0.003, 0.01, 0.03]}}
seeds: 50
"""
AT = ("[30/", "[65/", "[100/", "[135/")
LONG = """
name: long
question: Is it done?
baseline:
  data: {{source: npz, path: {path}}}
  model: {{name: eegnet}}
  train: {{epochs: 60, batch_size: 8}}
seeds: 1
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster
    finally:
        cluster.close()


def run(cluster: Cluster, folder: Path, yaml: str, *options: str) -> AbstractContextManager[commands.Program]:
    (folder / "study.yaml").write_text(yaml)
    command = [commands.PARIBUS, "run", "study.yaml", "--out", "run", "--no-report", "--executor", "ray"]
    command += ["--address", cluster.address, *options]
    return commands.running(*command, cwd=folder, environment=cluster.variables)


def workers(mark: str) -> list[int]:
    """Of a node, by the titles that Ray gives them."""
    return [pid for pid in marked(mark) if title(pid).startswith((b"ray::_work", b"ray::IDLE"))]


def is_at_work(pid: int) -> bool:
    return title(pid).startswith(b"ray::_work")


def title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def kill_at_work(cluster: Cluster, mark: str) -> None:
    """Kill a node when a task has begun there."""

    def is_stopped_at_work() -> bool:
        for worker in filter(is_at_work, workers(mark)):
            os.kill(worker, signal.SIGSTOP)
            if is_at_work(worker):
                return True
            os.kill(worker, signal.SIGCONT)
        return False

    wait_until(is_stopped_at_work)
    cluster.kill(mark)


def logits(out: Path) -> dict[str, tuple[bytes, ...]]:
    """The bits of all predictions of a run."""
    with open_run(out) as store:
        stored = store.latest_study()
        assert stored
        records = store.records(trial.trial_id for trial in stored.planned)
    return {record.trial_id: tuple(part.logits.tobytes() for part in record.predictions.values()) for record in records}


def attempts(out: Path) -> list[list[Any]]:
    """The epochs that each attempt at a run's only trial told of."""
    path = out / "live.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    found: list[list[Any]] = [[]]
    for told in (json.loads(line) for line in lines if line.endswith("\n")):
        if "again" in told:
            found.append([])
        elif "row" in told:
            found[-1].append(told["row"])
    return found


def test_nobody_is_at_the_address(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    with run(cluster, tmp_path, LONG.format(path=eeg_file), "--address", "127.0.0.1:1") as running:
        said = running.communicate()[0]
    assert running.returncode == 2
    assert "there is no Ray cluster at 127.0.0.1:1 that this machine can join" in said
    assert "Traceback" not in said


def test_more_than_any_node_has(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    with run(cluster, tmp_path, LONG.format(path=eeg_file), "--resources", "gpu=0.25", "--device", "cpu") as running:
        said = running.communicate()[0]
    assert running.returncode == 2
    assert "a trial needs cpu 1 and gpu 0.25 on one node, and the nodes of the cluster have: cpu 0, gpu 0" in said


def test_a_node_without_paribus_is_told_of(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    (tmp_path / "paribus.py").write_text("raise ImportError('paribus is not here')\n")
    node = cluster.add(PYTHONPATH=str(tmp_path))
    cluster.wait_for(node)
    try:
        with run(cluster, tmp_path, LONG.format(path=eeg_file)) as running:
            said = running.communicate()[0]
    finally:
        cluster.kill(node)
    assert running.returncode == 2
    assert "a node of the cluster cannot run the trials" in said
    assert "paribus is not here" in said
    assert "Every node needs the same paribus" in said
    assert "Traceback" not in said


def test_a_trial_goes_on_from_its_state_on_another_node(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    nodes = [cluster.add(), cluster.add()]
    cluster.wait_for(*nodes)
    with run(cluster, tmp_path, LONG.format(path=eeg_file), "--checkpoint-every", "1") as running:
        wait_until(lambda: len(attempts(tmp_path / "run")[0]) >= 5)
        (at_work,) = [node for node in nodes if any(map(is_at_work, workers(node)))]
        cluster.kill(at_work)
        said = running.communicate()[0]
    assert running.returncode == 0, said
    assert "died in the middle of the task; trying again (2 of 3)" in said
    first, second = attempts(tmp_path / "run")
    assert len(second) == 60
    assert second[: len(first) - 1] == first[:-1], "told again, not trained again: they took the same seconds"
    commands.paribus("run", "study.yaml", "--out", "local", "--jobs", "1", "--no-report", cwd=tmp_path)
    assert logits(tmp_path / "run") == logits(tmp_path / "local")


def test_200_trials_while_nodes_die_twice(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    while len(cluster.nodes) < 2:
        cluster.add()
    cluster.wait_for(*cluster.nodes)
    said: list[str] = []
    with run(cluster, tmp_path, SHORT.format(path=eeg_file)) as running:
        assert running.stdout is not None
        for line in running.stdout:
            said.append(line)
            # one may die between two trials: then the next has to
            if line.startswith(AT) and sum("trying again" in line for line in said) < 2:
                assert set().union(*map(listening, [cluster.head, *cluster.nodes])) <= LOOPBACK
                if len(cluster.nodes) < 2:
                    cluster.add()
                kill_at_work(cluster, cluster.nodes[0])
    everything = "".join(said)
    assert running.returncode == 0, everything
    ended = [line.split("]", 1)[0] for line in said if line.startswith("[")]
    assert ended == [f"[{n}/200" for n in range(1, 201)]
    again = [line for line in said if "trying again" in line]
    assert len(again) >= 2, everything
    assert all("died" in line for line in again)
    assert "raylet" not in everything, "Ray's own pages are kept away"

    with sqlite3.connect(tmp_path / "run" / "store.sqlite") as database:
        ids = [row[0] for row in database.execute("SELECT id FROM trial")]
    assert len(ids) == len(set(ids)) == 200
    commands.paribus("run", "study.yaml", "--out", "local", "--jobs", "2", "--no-report", cwd=tmp_path)
    assert logits(tmp_path / "run") == logits(tmp_path / "local")
