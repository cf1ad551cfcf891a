"""A study on a Ray cluster of several nodes, of which some die."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import commands
from cluster import LOOPBACK, Cluster, kill, listening, marked, wait_until
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
LONG = """
name: long
question: Is it done?
baseline:
  data: {{source: npz, path: {path}}}
  model: {{name: eegnet}}
  train: {{epochs: 200, batch_size: 8}}
seeds: 1
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(autouse=True)
def no_node_is_left(cluster: Cluster) -> Iterator[None]:
    yield
    while cluster.nodes:
        kill(cluster.nodes.pop())


def start(cluster: Cluster, folder: Path, yaml: str, *options: str) -> "subprocess.Popen[str]":
    (folder / "study.yaml").write_text(yaml)
    command = [commands.PARIBUS, "run", "study.yaml", "--out", "run", "--no-report", "--executor", "ray"]
    return subprocess.Popen(
        [*command, "--address", cluster.address, *options],
        cwd=folder,
        env={**os.environ, **cluster.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def workers(mark: str) -> list[int]:
    """Of a node, by the titles that Ray gives them."""
    return [pid for pid in marked(mark) if title(pid).startswith((b"ray::_work", b"ray::IDLE"))]


def is_at_work(pid: int) -> bool:
    return title(pid).startswith(b"ray::_work")


def title(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def kill_at_work(mark: str) -> None:
    """Kill a node when a task of one epoch has just begun there."""
    deadline = time.monotonic() + 20
    worker = max(workers(mark), key=is_at_work)
    while is_at_work(worker):
        assert time.monotonic() < deadline
    while not is_at_work(worker):
        assert time.monotonic() < deadline
    os.kill(worker, signal.SIGSTOP)
    kill(mark)


def logits(out: Path) -> dict[str, tuple[bytes, ...]]:
    """The bits of all predictions of a run."""
    with open_run(out) as store:
        stored = store.latest_study()
        assert stored
        records = store.records(trial.trial_id for trial in stored.planned)
    return {record.trial_id: tuple(part.logits.tobytes() for part in record.predictions.values()) for record in records}


def epochs(out: Path) -> list[int]:
    """All that were told of a run of one trial, in their order."""
    path = out / "live.jsonl"
    told = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line["epoch"] for line in told if "epoch" in line]


def test_200_trials_while_nodes_die_twice(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    nodes = [cluster.add(), cluster.add()]
    wait_until(lambda: all(map(cluster.has_started, nodes)))
    said = []
    with start(cluster, tmp_path, SHORT.format(path=eeg_file)) as running:
        assert running.stdout is not None
        for line in running.stdout:
            said.append(line)
            if line.startswith("[50/200]"):
                assert set().union(*map(listening, [cluster.head, *nodes])) <= LOOPBACK
                kill_at_work(nodes[0])
                nodes.append(cluster.add())
            elif line.startswith("[120/200]"):
                kill_at_work(nodes[1])
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


def test_a_trial_goes_on_from_its_state_on_another_node(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    nodes = [cluster.add(), cluster.add()]
    wait_until(lambda: all(map(cluster.has_started, nodes)))
    with start(cluster, tmp_path, LONG.format(path=eeg_file), "--checkpoint-every", "1") as running:
        wait_until(lambda: epochs(tmp_path / "run")[-1:] >= [20])
        (at_work,) = [node for node in nodes if any(map(is_at_work, workers(node)))]
        kill(at_work)
        said = running.communicate(timeout=60)[0]
    assert running.returncode == 0, said
    assert "died in the middle of the task; trying again (2 of 3)" in said
    told = epochs(tmp_path / "run")
    assert told[-1] == 200
    assert len(told) < 200 + 5, "all epochs but a few came once"
    commands.paribus("run", "study.yaml", "--out", "local", "--jobs", "1", "--no-report", cwd=tmp_path)
    assert logits(tmp_path / "run") == logits(tmp_path / "local")


def test_a_node_without_paribus_is_told_of(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    (tmp_path / "paribus.py").write_text("raise ImportError('paribus is not here')\n")
    node = cluster.add(PYTHONPATH=str(tmp_path))
    wait_until(lambda: cluster.has_started(node))
    with start(cluster, tmp_path, LONG.format(path=eeg_file)) as running:
        said = running.communicate(timeout=60)[0]
    assert running.returncode == 2
    assert "a node of the cluster cannot run the trials" in said
    assert "paribus is not here" in said
    assert "Every node needs the same paribus" in said
    assert "Traceback" not in said


def test_more_than_any_node_has(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    node = cluster.add()
    wait_until(lambda: cluster.has_started(node))
    with start(cluster, tmp_path, LONG.format(path=eeg_file), "--resources", "gpu=0.25", "--device", "cpu") as running:
        said = running.communicate(timeout=60)[0]
    assert running.returncode == 2
    assert "a trial needs cpu 1 and gpu 0.25 on one node, and the nodes of the cluster have:" in said
    assert "cpu 1, gpu 0" in said


def test_nobody_is_at_the_address(cluster: Cluster, tmp_path: Path, eeg_file: Path) -> None:
    with start(cluster, tmp_path, LONG.format(path=eeg_file), "--address", "127.0.0.1:1") as running:
        said = running.communicate(timeout=60)[0]
    assert running.returncode == 2
    assert "there is no Ray cluster at 127.0.0.1:1 that this machine can join" in said
    assert "Traceback" not in said
