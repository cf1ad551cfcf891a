"""`--store`: records in PostgreSQL, or in another file, and every command that reads them."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

import paribus
from commands import PARIBUS, run_small
from commands import paribus as command
from paribus.errors import RunError, StoreError
from paribus.plan import open_run
from paribus.store import open_store
from paribus.store.place import POINTER, STORE, find_store, remember
from postgresql import PASSWORD, Server


@pytest.fixture
def url(server: Server) -> str:
    """Of a new database."""
    return server.url(server.new_database())


def study(folder: Path, eeg_file: Path, epochs: int = 2, seeds: int = 2) -> None:
    (folder / "small.yaml").write_text(
        "name: small\nquestion: Which activation?\nbaseline:\n"
        f"  data: {{source: npz, path: {eeg_file}}}\n"
        f"  model: {{name: eegnet}}\n  train: {{epochs: {epochs}, batch_size: 16}}\n"
        f"factors:\n  activation: {{path: model.activation, levels: [relu, elu]}}\nseeds: {seeds}\n"
    )


def everything_written(folder: Path, server: Server, database: str) -> str:
    """All text of a folder's files and of a database."""
    files = [path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file()]
    with server.connect(database) as connection:
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        tables = [name for (name,) in connection.execute(query)]
        rows = [str(connection.execute(f"SELECT * FROM {table}").fetchall()) for table in tables]
    assert len(tables) == 10
    return "\n".join([*files, *rows])


def test_the_server_is_started_again_in_the_middle_of_a_run(
    server: Server, url: str, tmp_path: Path, eeg_file: Path
) -> None:
    """Nothing is lost or doubled, and the password is nowhere."""
    study(tmp_path, eeg_file, epochs=30, seeds=4)
    # the password on the command line, since that is where it could leak from
    arguments = [PARIBUS, "run", "small.yaml", "--store", url, "--jobs", "2"]
    pipe = subprocess.PIPE
    running = subprocess.Popen(arguments, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)
    database = url.rsplit("/", 1)[-1]
    n_stored, until = 0, time.monotonic() + 90
    while not n_stored:
        assert time.monotonic() < until
        time.sleep(0.05)
        with server.connect(database) as connection:
            if connection.execute("SELECT to_regclass('trial') IS NOT NULL").fetchone() == (True,):
                ((n_stored,),) = connection.execute("SELECT count(*) FROM trial").fetchall()
    assert n_stored < 8
    server.stop("immediate")
    time.sleep(2)
    server.start()
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, out + err
    assert "Traceback" not in err
    assert "[8/8]" in out
    assert "Report: runs/small/report/index.html" in out
    run = tmp_path / "runs/small"
    with server.connect(database) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {t}").fetchone() for t in ("trial", "epoch", "prediction")]
    assert counts == [(8,), (8 * 30,), (8 * 2,)]
    assert not (run / STORE).exists()
    told = everything_written(tmp_path, server, database) + out + err
    escaped = url.split(":")[2].split("@")[0]
    assert PASSWORD not in told
    assert escaped not in told
    assert f"paribus run small.yaml --store 'postgresql+psycopg://me:***@127.0.0.1:{server.port}/{database}'" in told


def test_commands_find_the_store_of_a_run(
    server: Server, url: str, tmp_path: Path, eeg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study(tmp_path, eeg_file)
    assert "0 done" in command("plan", "small.yaml", "--store", url, cwd=tmp_path).stdout, "nothing is in it yet"
    assert "4 trials" in command("plan", "small.yaml", "--store", "new.sqlite", cwd=tmp_path).stdout
    assert not (tmp_path / "new.sqlite").exists()
    monkeypatch.setenv("PARIBUS_STORE", url)
    assert "4 trials to run" in command("run", "small.yaml", "--jobs", "1", cwd=tmp_path).stdout
    assert "4 done in runs/new, 0 to run" in command("plan", "small.yaml", "--out", "runs/new", cwd=tmp_path).stdout
    monkeypatch.delenv("PARIBUS_STORE")
    planned = command("plan", "small.yaml", "--out", "runs/new", "--store", url, cwd=tmp_path).stdout
    assert "4 done in postgresql+psycopg://me:***@127.0.0.1" in planned
    assert not (tmp_path / "runs/new").exists()
    run, database = tmp_path / "runs/small", url.rsplit("/", 1)[-1]
    bare = f"postgresql+psycopg://me@127.0.0.1:{server.port}/{database}"
    assert json.loads((run / POINTER).read_text()) == {"url": bare, "study": 1}
    error = command("status", "runs/small", cwd=tmp_path, code=2).stderr
    assert "environment variable PARIBUS_STORE, from PGPASSWORD, or from ~/.pgpass" in error
    with pytest.raises(StoreError, match="no password supplied"):
        paribus.analyse(run)

    # another study of the same database, in another folder, is not mixed up with this one
    other = tmp_path / "other"
    with open_store(url) as store:
        two = paribus.StudySpec.model_validate(
            {"name": "two", "question": "?", "baseline": {"data": {"source": "digits"}, "model": {"name": "logistic"}}}
        )
        other.mkdir()
        remember(other, find_store(other, url), store.add_study(two, (), ""))

    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert "4 of 4 trials done" in command("status", "runs/small", cwd=tmp_path).stdout
    assert "two: ?" in command("status", "other", cwd=tmp_path).stdout
    assert "4 trials, 4 done" in command("plan", "small.yaml", cwd=tmp_path).stdout
    assert "0 trials to run; 4 finished before" in command("run", "small.yaml", "--jobs", "1", cwd=tmp_path).stdout
    assert "Report: runs/small/report/index.html" in command("report", "runs/small", cwd=tmp_path).stdout
    assert bare in (run / "report/index.html").read_text()
    assert "activation" in command("power", "runs/small", cwd=tmp_path).stdout
    assert "argmax" in command("decide", "runs/small", cwd=tmp_path).stdout
    assert "with the same predictions to the last bit" in command("compare", run, run, cwd=tmp_path).stdout
    assert len(paribus.analyse(run).trials) == 4
    checkpoint = next((run / "checkpoints").glob("*.safetensors"))
    assert "identical to the stored ones" in command("evaluate", checkpoint, cwd=tmp_path).stdout
    monkeypatch.setenv("PGPASSWORD", "wrong")
    assert "identical to the stored ones" in command("evaluate", checkpoint, cwd=tmp_path).stdout


def test_serve_shows_a_run_whose_store_is_elsewhere(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from paribus.live import Follower
    from paribus.serve.state import runs_in, summary

    run = tmp_path / "run"
    run.mkdir()
    with open_store(url, create=True) as store:
        two = paribus.StudySpec.model_validate(
            {"name": "two", "question": "?", "baseline": {"data": {"source": "digits"}, "model": {"name": "logistic"}}}
        )
        remember(run, find_store(run, url), store.add_study(two, (), ""))
    assert runs_in(tmp_path) == {"run": run}
    assert list(runs_in(run).values()) == [run]
    assert summary(run, Follower(run))["name"] == "two"


# ---------------------------------------------------------------- which store a folder has


def test_another_file(tmp_path: Path, eeg_file: Path) -> None:
    study(tmp_path, eeg_file)
    command("run", "small.yaml", "--store", "shared.db", "--jobs", "1", cwd=tmp_path)
    assert (tmp_path / "shared.db").exists()
    assert not (tmp_path / "runs/small" / STORE).exists()
    assert "4 of 4 trials done" in command("status", tmp_path / "runs/small", cwd=tmp_path / "runs").stdout
    again = command(
        "run", "small.yaml", "--jobs", "1", "--out", "again", "--store", "sqlite:///shared.db", cwd=tmp_path
    )
    assert "0 trials to run; 4 finished before" in again.stdout


def test_a_folder_with_a_store_of_its_own_keeps_it(
    tmp_path: Path, eeg_file: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_small(tmp_path, eeg_file)
    error = command("run", "small.yaml", "--store", url, cwd=tmp_path, code=2).stderr
    assert "has its trials in store.sqlite already" in error
    assert PASSWORD not in error
    monkeypatch.setenv("PARIBUS_STORE", url)
    assert "4 of 4 trials done" in command("status", "runs/small", cwd=tmp_path).stdout
    assert "4 finished before" in command("run", "small.yaml", "--jobs", "1", cwd=tmp_path).stdout


def test_which_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARIBUS_STORE", raising=False)
    there, elsewhere = "postgresql+psycopg://me:pw@host/db", "postgresql+psycopg://me:pw@host/other"

    def found(given: str | None = None) -> str:
        where = find_store(tmp_path, given)
        return where.name if isinstance(where, Path) else where.render_as_string(hide_password=False)

    assert found() == STORE
    assert found(there) == there
    monkeypatch.setenv("PARIBUS_STORE", there)
    assert found() == there
    assert found(elsewhere) == elsewhere
    (tmp_path / POINTER).write_text(json.dumps({"url": elsewhere.replace(":pw", ""), "study": 3}))
    assert found() == elsewhere.replace(":pw", "")  # the variable is of another database
    monkeypatch.setenv("PARIBUS_STORE", elsewhere.replace("host", "host:5432"))
    assert found() == elsewhere.replace("host", "host:5432")
    (tmp_path / POINTER).unlink()
    (tmp_path / STORE).touch()
    assert found() == STORE
    with pytest.raises(RunError, match="already"):
        found(there)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": "what://", "study": 1}', '{"url": "x", "study": "y"}'])
def test_a_pointer_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    (tmp_path / POINTER).write_text(content)
    with pytest.raises(StoreError, match=r"store.url.json does not say where the store is"):
        open_run(tmp_path)


def test_a_pointer_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot write in"):
        remember(tmp_path / "none", find_store(tmp_path, "postgresql://host/db"), 1)
    assert os.listdir(tmp_path) == []
