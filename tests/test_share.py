"""Several processes work on one study, in one folder or with one store, and no trial is run twice."""

import socket
import subprocess
import time
from pathlib import Path

import pytest

import commands
import paribus.share
from conformance.build import make_failure, make_planned, make_record, make_study
from paribus.live import Follower, journals
from paribus.plan import open_run
from paribus.record import PlannedTrial
from paribus.share import OWNERS, at_work, may_work, owner, share
from paribus.store import Store, open_store
from postgresql import Server

PLANNED = make_planned(make_study())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store.sqlite", create=True)


def run(store: Store, out: Path, name: str, trials: tuple[PlannedTrial, ...] = PLANNED[:4]) -> tuple[list, list]:
    """What `share` gives until it has given all, and what was done elsewhere."""
    elsewhere: list[int] = []
    return list(share(out, store, name, trials, elsewhere.append)), elsewhere


def test_alone_a_process_gets_all_in_order(store: Store, tmp_path: Path) -> None:
    with owner(tmp_path, store) as name:
        assert run(store, tmp_path, name) == ([0, 1, 2, 3], [])
        assert len(list((tmp_path / OWNERS).iterdir())) == 1
    assert store.leases.held(trial.trial_id for trial in PLANNED) == {}
    assert not list((tmp_path / OWNERS).iterdir())


def test_what_another_holds_is_waited_for(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the other finishes one of its two trials and sees the other fail."""
    monkeypatch.setattr(paribus.share, "LOOK_SECONDS", 0.01)
    ids = [trial.trial_id for trial in PLANNED]
    with owner(tmp_path, store) as ours, owner(tmp_path, store) as theirs:
        assert store.leases.claim(ids[1:3], theirs, 60) == set(ids[1:3])
        elsewhere: list[int] = []
        places = share(tmp_path, store, ours, PLANNED[:4], elsewhere.append)
        assert [next(places), next(places)] == [0, 3]
        assert next(places) is None
        store.add(make_record(ids[1], spec=PLANNED[1].spec))
        store.add(make_failure(ids[2], spec=PLANNED[2].spec))
        assert [place for place in places if place is not None] == []
        assert sorted(elsewhere) == [1, 2]


def test_trials_that_failed_in_an_earlier_run_are_run(store: Store, tmp_path: Path) -> None:
    store.add(make_failure(PLANNED[1].trial_id, spec=PLANNED[1].spec))
    with owner(tmp_path, store) as name:
        assert run(store, tmp_path, name) == ([0, 1, 2, 3], [])


def test_the_trials_of_a_dead_process_are_taken_at_once(store: Store, tmp_path: Path) -> None:
    """Nobody holds its lock file any more."""
    (tmp_path / OWNERS).mkdir()
    (tmp_path / OWNERS / "dead.lock").touch()
    store.leases.claim([trial.trial_id for trial in PLANNED], "dead", 3600)
    with owner(tmp_path, store) as name:
        assert run(store, tmp_path, name)[0] == [0, 1, 2, 3]
    assert not (tmp_path / OWNERS / "dead.lock").exists()


def test_a_silent_process_of_another_machine_loses_its_trials(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paribus.share, "LOOK_SECONDS", 0.05)
    store.leases.claim([PLANNED[0].trial_id], "far away", 0.5)
    began = time.monotonic()
    with owner(tmp_path, store) as name:
        places = [place for place in run(store, tmp_path, name)[0] if place is not None]
    assert places == [1, 2, 3, 0]
    assert time.monotonic() - began >= 0.5


def test_leases_are_kept_while_their_process_lives(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paribus.share, "LEASE_SECONDS", 0.4)
    with owner(tmp_path, store) as name:
        assert next(share(tmp_path, store, name, PLANNED[:1], print)) == 0
        time.sleep(1.0)
        assert store.leases.claim([PLANNED[0].trial_id], "another", 60) == frozenset()


def test_whether_somebody_is_at_work(store: Store, tmp_path: Path) -> None:
    ids = [trial.trial_id for trial in PLANNED]
    dead = subprocess.Popen(["true"])
    dead.wait()
    killed = f"{socket.gethostname()}-{dead.pid}-00000000"
    (tmp_path / OWNERS).mkdir()
    (tmp_path / OWNERS / f"{killed}.lock").touch()
    store.leases.claim(ids[:1], killed, 3600)
    assert not at_work(tmp_path, store, ids)
    assert not may_work(tmp_path, killed)
    with owner(tmp_path, store) as name:
        assert at_work(tmp_path, store, ids)
        assert may_work(tmp_path, name)
    assert not may_work(tmp_path, name)
    far = "node.far-1-11111111"
    (tmp_path / OWNERS / f"{far}.lock").touch()
    assert may_work(tmp_path, far)
    assert not at_work(tmp_path, store, ids), "a lock file of another machine alone may be of one that is no more"
    store.leases.claim(ids[1:2], far, 3600)
    assert at_work(tmp_path, store, ids)
    assert not at_work(tmp_path, store, ids[2:])


# ---------------------------------------------------------------- the installed command, twice at a time

YAML = """
name: both
question: Which network?
baseline:
  data: {{source: npz, path: {path}}}
  model: {{name: eegnet}}
  train: {{epochs: 25, batch_size: 4}}
factors:
  model: {{path: model.name, levels: [eegnet, deepconvnet]}}
seeds: 3
"""


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    command = [commands.PARIBUS, "run", "study.yaml", "--jobs", "1", "--no-report", *options]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(*running: "subprocess.Popen[str]") -> list[str]:
    said = [process.communicate(timeout=180)[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running), said
    return said


def trials_in(said: str) -> int:
    """How many a process ran: a line each."""
    return sum(line.startswith("[") for line in said.splitlines())


def test_two_commands_in_one_folder_share_the_trials(tmp_path: Path, eeg_file: Path) -> None:
    (tmp_path / "study.yaml").write_text(YAML.format(path=eeg_file))
    first = start(tmp_path, "--out", "run")
    while not (tmp_path / "run" / "run.owner.json").exists():
        assert first.poll() is None
        time.sleep(0.02)
    one, other = ended(first, start(tmp_path, "--out", "run"))
    assert [(t.n_rows, t.ended) for t in Follower(tmp_path / "run").look()] == [(25, True)] * 6, "whoever trains them"
    assert trials_in(one) + trials_in(other) == 6
    assert "another `paribus run` is working in run (process" in other
    with open_run(tmp_path / "run") as store:
        stored = store.latest_study()
        assert stored
        assert len(store.finished(trial.trial_id for trial in stored.planned)) == 6
    assert len(journals(tmp_path / "run")) == 2
    ended(start(tmp_path, "--out", "run"))
    assert len(journals(tmp_path / "run")) == 1, "who comes next begins anew"
    assert "6 of 6 trials done" in commands.paribus("status", "run", cwd=tmp_path).stdout


def test_two_folders_with_one_server_share_the_trials(tmp_path: Path, eeg_file: Path, server: Server) -> None:
    """As two machines do; the server goes away for a moment in the middle."""
    (tmp_path / "study.yaml").write_text(YAML.format(path=eeg_file))
    url = server.url(server.new_database())
    running = [start(tmp_path, "--out", name, "--store", url) for name in ("here", "there")]
    while not (tmp_path / "here" / OWNERS).exists() or not (tmp_path / "there" / OWNERS).exists():
        time.sleep(0.05)
    time.sleep(2)
    server.stop("immediate")
    time.sleep(1)
    server.start()
    said = ended(*running)
    assert sum(map(trials_in, said)) == 6, said
    with open_store(url, read_only=True) as store:
        stored = store.latest_study()
        assert stored
        assert len(store.finished(trial.trial_id for trial in stored.planned)) == 6
