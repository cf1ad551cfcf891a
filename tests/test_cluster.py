"""A study on a Ray cluster of several nodes, of which some die."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import commands
from cluster import LOOPBACK, Cluster, kill, listening, marked, wait_until
from paribus.plan import open_run
from paribus.training.state import STATES

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


def is_at_work(pid: int) -> bool:
    """By the title that Ray gives its workers."""
    return b"_work" in Path(f"/proc/{pid}/cmdline").read_bytes()


def kill_at_work(mark: str) -> None:
    """Kill a node when a task of one epoch has just begun there."""
    (worker,) = [pid for pid in marked(mark) if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::_work")] or [
        pid for pid in marked(mark) if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::IDLE")
    ]
    deadline = time.monotonic() + 20
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


def told(out: Path) -> list[dict[str, Any]]:
    path = out / "live.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


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
