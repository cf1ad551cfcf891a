"""How the time of a study of EEGNet grows: with trials, jobs, batch, channels and samples; against the plain loop.

Whole studies as in ../train_speed, each command a fresh process, all of them in turn, n times.

    python benchmarks/scaling/run.py [--n 3]
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "train_speed"))

from run import OURS, OURS_BF16, PLAIN, measure
from task import eeg_trials

EPOCHS = 4
TRIALS = 540
"""For training, and as many for testing."""


def points(folder: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """What grows, how far it has grown, and the task."""
    found: list[tuple[str, str, dict[str, Any]]] = []

    def add(what: str, value: int, channels: int = 2, samples: int = 750, **more: Any) -> None:
        path = folder / f"eeg-{channels}-{samples}.npz"
        if not path.exists():
            np.savez(path, **eeg_trials(TRIALS, channels, samples))
        task = {"data": str(path), "model": "eegnet", "epochs": EPOCHS, "augmentation": [], "seeds": [0], **more}
        found.append((what, str(value), task))

    for n in (2, 4, 8):
        add("trials", n, seeds=list(range(n // 2)))
    for jobs in (1, 2, 4):
        add("jobs", jobs, jobs=jobs, seeds=[0, 1])
    for batch in (16, 64, 256):
        add("batch", batch, batch=batch)
    for channels in (2, 8, 22):
        add("channels", channels, channels=channels)
    for samples in (250, 750, 1500):
        add("samples", samples, samples=samples)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=3)
    n = parser.parse_args().n
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tasks, seconds = points(folder), {}
        for _ in range(n):
            for i, (what, value, task) in enumerate(tasks):
                for way in (PLAIN, OURS, OURS_BF16):
                    if what == "jobs" and way == PLAIN:
                        continue
                    seconds.setdefault((i, way), []).append(measure(way, "eegnet", task, folder)["seconds"])
                    print(what, value, way, f"{seconds[i, way][-1]:.1f}", file=sys.stderr, flush=True)
    print(f"{platform.machine()}, {os.cpu_count()} cores, n = {n}; median seconds (least to most)\n")
    print("| what grows | to | plain loop | paribus | paribus, bf16 |\n|---|---|---|---|---|")
    for i, (what, value, _) in enumerate(tasks):
        print(f"| {what} | {value} | {' | '.join(_cell(seconds.get((i, w), [])) for w in (PLAIN, OURS, OURS_BF16))} |")


def _cell(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})" if values else ""


if __name__ == "__main__":
    main()
