"""What several tests need: a cache of their own, small EEG in a file, and a study on it."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from postgresql import Server, programs

# A shell without job control has its background jobs ignore Ctrl-C, and all that they start with them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Set before anything reads it, and inherited by worker processes and by commands that tests start.
if "PARIBUS_CACHE" not in os.environ:
    os.environ["PARIBUS_CACHE"] = tempfile.mkdtemp(prefix="paribus-test-cache-")


def small_eeg(n: int = 60, n_channels: int = 2, n_times: int = 96, seed: int = 0) -> dict[str, Any]:
    """Two classes of noise with a slow wave on another channel each: learnable within a few epochs."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.normal(size=(n, n_channels, n_times)).astype(np.float32)
    wave = 1.5 * np.sin(np.linspace(0, 4 * np.pi, n_times)).astype(np.float32)
    x[np.arange(n), y] += wave
    return {"x": x, "y": y, "x_test": x[::3] + 0.1, "y_test": y[::3], "class_names": np.array(["left", "right"])}


@pytest.fixture(scope="session")
def eeg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "eeg.npz"
    np.savez(path, **small_eeg())
    return path


@pytest.fixture
def study_file(tmp_path: Path, eeg_file: Path) -> Path:
    """2 activations x 2 seeds of EEGNet, 3 epochs; a trial takes well under a second."""
    path = tmp_path / "small.yaml"
    path.write_text(
        f"""\
name: small
question: Which activation suits a small study?
baseline:
  data: {{source: npz, path: {eeg_file}, sfreq_hz: 100}}
  model: {{name: eegnet}}
  train: {{epochs: 3, batch_size: 16}}
factors:
  activation: {{path: model.activation, levels: [relu, elu]}}
seeds: 2
"""
    )
    return path


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """PostgreSQL, running."""
    server = Server(programs())
    try:
        server.start()
        yield server
    finally:
        server.remove()
