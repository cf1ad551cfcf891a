"""The installed command, for tests that use it as a person does."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

Program = subprocess.Popen[str]
PARIBUS = str(Path(sys.executable).with_name("paribus"))


def paribus(*arguments: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    result = subprocess.run([PARIBUS, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert result.returncode == code, f"{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stderr
    return result


@contextlib.contextmanager
def running(*command: str | Path, cwd: Path, environment: Mapping[str, str], seconds: float = 400) -> Iterator[Program]:
    """A program that runs meanwhile, with what it starts; killed afterwards, or when the time is over."""
    program = Program(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        with program:
            try:
                yield program
            finally:
                end()
    finally:
        timer.cancel()


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
