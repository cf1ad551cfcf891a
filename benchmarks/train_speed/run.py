"""Whole studies, end to end: paribus against a plain PyTorch loop, pytorch-lightning and skorch, in turn.

Four trials (two activations, two seeds) of each network: start-up, reading the data, training, evaluation of validation
and test after every epoch, storing the best weights and the history; for paribus the split, the audit of the data and
the store as well. The rivals run as their users would run them, in one process with all threads and `DataLoader`s
without workers. Every command is a fresh process; ways follow each other in turn, n times.

    pip install pytorch-lightning skorch
    PARIBUS_DATA=FOLDER python benchmarks/train_speed/run.py [--n 5] [--networks eegnet,simple_cnn] [--json FILE]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from task import make, study

HERE = Path(__file__).parent
PLAIN, LIGHTNING, SKORCH, OURS, OURS_BF16 = (
    "plain loop", "pytorch-lightning", "skorch", "paribus", "paribus, bf16",
)  # fmt: skip


def measure(way: str, name: str, task: dict[str, Any], folder: Path) -> dict[str, float]:
    """Seconds, and mean test accuracy of the four trials."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        scripts = {PLAIN: "plain.py", LIGHTNING: "with_lightning.py", SKORCH: "with_skorch.py"}
        if way in scripts:
            command = [sys.executable, str(HERE / scripts[way]), str(folder / f"{name}.json"), out]
        else:
            path = Path(out) / "study.json"  # JSON is YAML
            path.write_text(json.dumps(study(task, "bf16" if way == OURS_BF16 else "fp32")))
            command = [sys.executable, "-m", "paribus", "run", str(path), "--out", f"{out}/run", "--no-report"]
        with (Path(out) / "printed").open("w+") as printed:
            before = time.perf_counter()
            process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT)
            status = process.wait()
            seconds = time.perf_counter() - before
            printed.seek(0)
            text = printed.read()
        if status:
            raise SystemExit(f"{way}, {name}: {text[-2000:]}")
        accuracy = float(text.split()[-1]) if way in scripts else _accuracy(Path(out) / "run")
    return {"seconds": seconds, "accuracy": accuracy}


def _accuracy(run: Path) -> float:
    from paribus.plan import open_run

    with open_run(run) as store:
        stored = store.latest_study()
        assert stored is not None
        records = store.records([trial.trial_id for trial in stored.planned])
        right = [(r.predictions["test"].logits.argmax(1) == r.predictions["test"].y).mean() for r in records]
    return float(statistics.mean(right))


def table(found: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """Medians and quartiles so far."""
    ratio = "times as fast as the plain loop: median (lower quartile)"
    lines = [f"| network | way | median s | quartiles | {ratio} | test accuracy |"]
    lines.append("|---|---|---|---|---|---|")
    for name, ways in found.items():
        for way, values in ways.items():
            seconds = [value["seconds"] for value in values]
            plain = [value["seconds"] for value in ways[PLAIN]]
            ratios = [a / b for a, b in zip(plain, seconds, strict=False)]
            q = _quartiles(seconds)
            r = _quartiles(ratios)
            accuracy = 100 * statistics.mean(value["accuracy"] for value in values)
            times = f"{q[1]:.1f} | {q[0]:.1f} to {q[2]:.1f} | {r[1]:.2f} ({r[0]:.2f})"
            lines.append(f"| {name} | {way} | {times} | {accuracy:.1f} |")
    return "\n".join(lines)


def _quartiles(values: list[float]) -> list[float]:
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=5)
    parser.add_argument("--networks", default="eegnet,deepconvnet,simple_cnn,face_cnn")
    parser.add_argument("--ways", default=";".join((PLAIN, LIGHTNING, SKORCH, OURS, OURS_BF16)))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tasks = make(folder, Path(os.environ["PARIBUS_DATA"]))
        for _ in range(given.n):
            for name in given.networks.split(","):
                for way in given.ways.split(";"):
                    result = measure(way, name, tasks[name], folder)
                    found.setdefault(name, {}).setdefault(way, []).append(result)
                    print(name, way, {k: round(v, 3) for k, v in result.items()}, file=sys.stderr, flush=True)
            if given.json:
                given.json.write_text(json.dumps(found))
            print(table(found), file=sys.stderr, flush=True)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, n = {given.n}\n")
    print(table(found))


if __name__ == "__main__":
    main()
