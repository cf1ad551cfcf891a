"""The installed command, for tests that use it as a person does."""

import subprocess
import sys
from pathlib import Path

PARIBUS = str(Path(sys.executable).with_name("paribus"))


def paribus(*arguments: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    result = subprocess.run([PARIBUS, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert result.returncode == code, f"{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stderr
    return result


def run_small(folder: Path, eeg_file: Path) -> None:
    """A study of two activations and two seeds, run in a folder: ``runs/small`` in it."""
    (folder / "small.yaml").write_text(
        "name: small\nquestion: Which activation?\nbaseline:\n"
        f"  data: {{source: npz, path: {eeg_file}}}\n"
        "  model: {name: eegnet}\n  train: {epochs: 3, batch_size: 16}\n"
        "factors:\n  activation: {path: model.activation, levels: [relu, elu]}\nseeds: 2\n"
    )
    result = paribus("run", "small.yaml", "--jobs", "2", cwd=folder)
    assert "4 trials to run" in result.stdout
    assert "[4/4]" in result.stdout
    assert "Report: runs/small/report/index.html" in result.stdout
