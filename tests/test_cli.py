"""The installed command, as a person types it."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from commands import PARIBUS, paribus, run_small
from paribus.plan import open_run


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, eeg_file: Path) -> Path:
    """A folder with a study that has run: runs/small in it."""
    folder = tmp_path_factory.mktemp("cli")
    run_small(folder, eeg_file)
    return folder


def a_checkpoint(done: Path) -> Path:
    return sorted((done / "runs/small/checkpoints").glob("*.safetensors"))[0]


def test_run_again_has_nothing_to_do(done: Path) -> None:
    result = paribus("run", "small.yaml", cwd=done)
    assert "0 trials to run; 4 finished before" in result.stdout


def test_plan_and_status(done: Path) -> None:
    plan = paribus("plan", "small.yaml", "--set", "seeds=3", cwd=done).stdout
    assert "6 trials, 4 done in runs/small, 2 to run." in plan
    ids = re.findall(r"^([0-9a-f]{16}) +(relu|elu) +(\d)( +done)?$", plan, re.M)
    assert [(level, seed, bool(state)) for _, level, seed, state in ids] == [
        (level, str(seed), seed < 2) for level in ("relu", "elu") for seed in (0, 1, 2)
    ]
    status = paribus("status", "runs/small", cwd=done).stdout
    assert "4 of 4 trials done, 0 failed." in status


def test_plan_check_and_probe(done: Path) -> None:
    out = paribus("plan", "small.yaml", "--set", "seeds=3", "--probe", cwd=done).stdout
    assert "Every network takes its data" in out
    assert re.search(r"About \d+ s with \d+ jobs, from 2 networks", out)


def test_report(done: Path) -> None:
    shutil.rmtree(done / "runs/small/report")
    assert "Report: runs/small/report/index.html" in paribus("report", "runs/small", cwd=done).stdout
    assert "Which activation?" in (done / "runs/small/report/index.html").read_text()


def test_evaluate_says_identical(done: Path) -> None:
    out = paribus("evaluate", a_checkpoint(done), cwd=done).stdout
    assert "Predictions are identical to the stored ones, to the last bit." in out


def test_a_description_that_was_edited_is_refused(done: Path, tmp_path: Path) -> None:
    """Constants of the preprocessing changed by hand: the weights are the same, the predictions would not be."""
    shutil.copytree(done / "runs/small", tmp_path / "run")
    path = sorted((tmp_path / "run/checkpoints").glob("*.json"))[0]
    meta = json.loads(path.read_text())
    meta["normalisation"]["mean"][0] += 0.1
    path.write_text(json.dumps(meta))
    assert "has changed since it was saved" in paribus("evaluate", path, cwd=done, code=2).stderr


def test_evaluate_says_where_predictions_differ(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on another processor: three examples get other logits."""
    from typer.testing import CliRunner

    from paribus import reload
    from paribus.cli.main import app

    original = reload.predict_logits

    def elsewhere(model, x, precision):
        logits = original(model, x, precision)
        logits[4:7, 0] += 0.25
        return logits

    monkeypatch.setattr(reload, "predict_logits", elsewhere)
    result = CliRunner().invoke(app, ["evaluate", str(a_checkpoint(done))])
    assert result.exit_code == 1
    assert "Predictions DIFFER" in result.output
    assert "3 examples differ, by at most 0.25 in a logit" in result.output


def test_evaluate_on_other_data(done: Path, tmp_path: Path, eeg_file: Path) -> None:
    arrays = dict(np.load(eeg_file))
    arrays["x"] = arrays["x"] + 1
    np.savez(tmp_path / "other.npz", **arrays)
    result = paribus("evaluate", a_checkpoint(done), "--data-path", tmp_path / "other.npz", cwd=done, code=2)
    assert "the data are not those" in result.stderr
    shutil.copy(eeg_file, tmp_path / "moved.npz")
    paribus("evaluate", a_checkpoint(done), "--data-path", tmp_path / "moved.npz", cwd=done)


def test_predict(done: Path, tmp_path: Path, eeg_file: Path) -> None:
    x = np.load(eeg_file)["x_test"][:5]
    np.save(tmp_path / "x.npy", x)
    out = paribus("predict", a_checkpoint(done), tmp_path / "x.npy", cwd=done).stdout
    assert out.splitlines()[0].split() == ["example", "class", "left", "right"]
    assert len(out.splitlines()) == 6
    paribus("predict", a_checkpoint(done), tmp_path / "x.npy", "--csv", tmp_path / "p.csv", cwd=done)
    rows = list(csv.DictReader((tmp_path / "p.csv").read_text().splitlines()))
    assert len(rows) == 5
    for row in rows:
        assert float(row["left"]) + float(row["right"]) == pytest.approx(1, abs=2e-6)
        assert row["class"] == max(("left", "right"), key=lambda name: float(row[name]))
    result = paribus(
        "predict", a_checkpoint(done), tmp_path / "x.npy", "--csv", tmp_path / "no/p.csv", cwd=done, code=2
    )
    assert "cannot write" in result.stderr
    assert paribus("predict", a_checkpoint(done), tmp_path / "x.npy", "--csv", "-", cwd=done).stdout.count("\n") == 6
    for bad, says in [
        (x[:, :, :50], "examples of shape (1, 2, 50)"),
        (x * np.nan, "NaN or infinite"),
        (np.full_like(x, 3e38), "values too large"),
    ]:
        np.save(tmp_path / "bad.npy", bad)
        assert says in paribus("predict", a_checkpoint(done), tmp_path / "bad.npy", cwd=done, code=2).stderr


def test_the_demo_study_on_real_eeg(tmp_path: Path) -> None:
    """Both networks, all activations, one epoch; models of both reload to identical predictions."""
    settings = ["--set", "seeds=1", "--set", "train.epochs=1"]
    out = paribus("run", "eeg-activations", "--jobs", "2", *settings, cwd=tmp_path).stdout
    assert "[6/6]" in out
    folder = tmp_path / "runs/eeg-activations"
    page = (folder / "report/index.html").read_text()
    assert "SelfRegulationSCP1" in page
    assert "5 of 6 channels repeat" in page
    assert "83.33" not in page, "R0's figures are of other data"
    by_network: dict[str, Path] = {}
    for path in sorted((folder / "checkpoints").glob("*.json")):
        by_network[json.loads(path.read_text())["spec"]["model"]["name"]] = path
    assert set(by_network) == {"eegnet", "deepconvnet"}
    for path in by_network.values():
        assert "identical to the stored ones" in paribus("evaluate", path, cwd=tmp_path).stdout


def test_reported_figures_stand_beside_ours_on_the_same_data(tmp_path: Path) -> None:
    """R0's files as the tests make them: same layout, few and short trials."""
    rng = np.random.default_rng(0)
    (tmp_path / "bci").mkdir()
    for name in ("S4b_train", "S4b_test", "X11b_train", "X11b_test"):
        label = np.arange(16) % 2 + 1
        signal = rng.normal(size=(16, 750, 2)) + label[:, None, None]
        np.savez(tmp_path / "bci" / f"{name}.npz", signal=signal, label=label[:, None])
    settings = ["data.source=bci3b", "data.path=bci", "seeds=1", "train.epochs=1", "train.batch_size=8"]
    paribus("run", "eeg-activations", *(w for s in settings for w in ("--set", s)), cwd=tmp_path)
    page = (tmp_path / "runs/eeg-activations/report/index.html").read_text()
    for figure in ("88.9", "88.7", "17,874", "150,977"):
        assert figure in page, figure


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nothing.yaml"], "nothing.yaml: no such file"),
        (["run", "quikstart"], "did you mean `quickstart`?"),
        (["run", "quickstart", "--set", "train.optimiser=adam"], "did you mean `optimizer`?"),
        (["run", "quickstart", "--device", "gpu"], "device: `gpu` is not known"),
        (["run", "quickstart", "--set", "data.source=bci3b", "--set", "data.path=nowhere"], "nowhere"),
        (["run", "eeg-activations", "--set", "data.name=SelfRegulationSPC1"], "SelfRegulationSCP1"),
        (["plan", "quickstart", "--check", "--set", "model.name=eegnet"], "too short for EEGNet"),
        (["status", "nowhere"], "no run folder at nowhere"),
        (["report", "nowhere"], "nowhere"),
        (["evaluate", "nowhere"], "no checkpoint here"),
        (["predict", "nowhere", "x.npy"], "no checkpoint here"),
        (["evaluate", "."], "is a folder: name a checkpoint in it"),
        (["studies", "eeg-activation"], "did you mean `eeg-activations`?"),
    ],
)
def test_bad_input_has_no_traceback(arguments: list[str], says: str, tmp_path: Path) -> None:
    result = paribus(*arguments, cwd=tmp_path, code=2)
    assert says in result.stderr
    assert result.stderr.startswith("paribus: ")


def test_a_run_of_which_nothing_could_be_finished_says_where_to_look(done: Path) -> None:
    broken = ["--set", "train.optimizer.lr=1e30", "--set", "seeds=1", "--out", "runs/broken"]
    result = paribus("run", "small.yaml", *broken, "--jobs", "1", cwd=done, code=1)
    assert "2 trials failed: `paribus status runs/broken` says why" in result.stderr
    assert "run it before its report" not in result.stderr


def test_fields_of_a_network_in_models_show(tmp_path: Path) -> None:
    paribus("models", "show", "eegnet", "--set", "max_norm.conv=2", "--set", "activation=elu", cwd=tmp_path)
    too_large = ["--input", "3,3000000,3000000", "--classes", "2"]
    result = paribus("models", "show", "logistic", *too_large, cwd=tmp_path, code=2)
    assert "data.size makes images smaller" in result.stderr


def test_lists(tmp_path: Path) -> None:
    assert "eeg-activations" in paribus("studies", cwd=tmp_path).stdout
    assert "name: quickstart" in paribus("studies", "quickstart", cwd=tmp_path).stdout
    assert "deepconvnet" in paribus("models", cwd=tmp_path).stdout
    assert "SelfRegulationSCP1" in paribus("data", cwd=tmp_path).stdout
    assert '"optimizer"' in paribus("schema", cwd=tmp_path).stdout
    assert "quickstart" in paribus("--help", cwd=tmp_path).stdout
    assert re.match(r"paribus \d+\.\d+", paribus("--version", cwd=tmp_path).stdout)


def test_commands_that_must_start_fast_import_no_torch(done: Path) -> None:
    """Counted in modules, not in seconds: what makes a start slow is what it imports."""
    code = (
        "import sys\nfrom paribus.cli.main import app\n"
        "try: app(sys.argv[1:], standalone_mode=False)\nexcept SystemExit: pass\n"
        "sys.stderr.write(' '.join(m for m in ('torch', 'sklearn', 'scipy', 'aeon', 'matplotlib') if m in sys.modules))"
    )
    for arguments in (
        ["plan", "small.yaml"],
        ["status", "runs/small"],
        ["studies"],
        ["models"],
        ["data"],
        ["schema"],
    ):
        result = subprocess.run([sys.executable, "-c", code, *arguments], cwd=done, capture_output=True, text=True)
        assert result.stderr == "", arguments
        assert result.stdout


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(done: Path) -> None:
    command = [PARIBUS, "run", "small.yaml", "--jobs", "2", "--out", "stopped", "--set", "train.epochs=60"]
    process = subprocess.Popen(
        command, cwd=done, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while len(list((done / "stopped/checkpoints").glob("*.json"))) < 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130, f"{out}\n{error}"
    assert "What was done is kept in stopped" in out
    assert "Traceback" not in error
    again = paribus("run", "small.yaml", "--jobs", "2", "--out", "stopped", "--set", "train.epochs=60", cwd=done)
    n_before = re.search(r"(\d) trials? to run(?:; (\d) finished before)?", again.stdout)
    assert n_before
    assert int(n_before[1]) + int(n_before[2] or 0) == 4
    assert "4 of 4 trials done" in paribus("status", "stopped", cwd=done).stdout


@pytest.mark.skipif(not shutil.which("script"), reason="needs `script` for a terminal")
def test_bars_in_a_terminal(done: Path) -> None:
    command = f"{PARIBUS} run small.yaml --jobs 2 --out terminal --set train.epochs=20"
    result = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        cwd=done,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "120", "TERM": "xterm"},
        timeout=300,
    )
    assert result.returncode == 0
    assert "━" in result.stdout
    assert "relu, seed 0" in result.stdout
    assert "Report: terminal/report/index.html" in result.stdout


def test_without_compiled_kernels_a_quiet_line_and_nearly_the_same_figures(done: Path) -> None:
    off = {**os.environ, "PARIBUS_KERNELS": "off"}
    command = [PARIBUS, "run", "small.yaml", "--out", "runs/off", "--jobs", "2"]
    result = subprocess.run(command, env=off, cwd=done, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[1] == "PyTorch alone: $PARIBUS_KERNELS is off"
    found = []
    for run in ("small", "off"):
        with open_run(done / "runs" / run) as store:
            stored = store.latest_study()
            assert stored is not None
            found.append(store.records([trial.trial_id for trial in stored.planned]))
    for one, other in zip(*found, strict=True):
        assert one.trial_id == other.trial_id
        assert one.environment.kernels != other.environment.kernels or "alone" in one.environment.kernels
        losses = [[row.train_loss for row in record.history] for record in (one, other)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_doctor_and_what_computes_a_network(tmp_path: Path) -> None:
    told = paribus("doctor", cwd=tmp_path).stdout
    for what in ("PyTorch", "processor", "memory", "kernels", "workers", "cache"):
        assert re.search(rf"^{what} ", told, re.MULTILINE)
    off = {**os.environ, "PARIBUS_KERNELS": "off"}
    result = subprocess.run([PARIBUS, "doctor"], env=off, capture_output=True, text=True, check=True)
    assert "PyTorch alone: $PARIBUS_KERNELS is off" in result.stdout
    told = paribus("models", "show", "eegnet", "--lowered", cwd=tmp_path).stdout
    assert "separable_norm, separable_activation, separable_pool, separable_dropout  one block" in told
    assert "temporal, temporal_norm, spatial " in told
    told = paribus("models", "show", "logistic", "--lowered", cwd=tmp_path).stdout
    assert told.startswith("All layers run as they are.")
