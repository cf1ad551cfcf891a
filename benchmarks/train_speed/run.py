"""Whole studies, end to end: paribus against a plain PyTorch loop, pytorch-lightning and skorch, in turn.

Four trials (two activations, two seeds) of each network: start-up, reading the data, training, evaluation of validation
and test after every epoch, storing the best weights and the history; for paribus the split, the audit of the data and
the store as well. The rivals run as their users would run them, in one process with all threads and `DataLoader`s
without workers. Every command is a fresh process; ways follow each other in turn, n times (pytorch-lightning and
skorch, which take as long as the plain loop, in the first rounds only, where --rivals says so).

    pip install pytorch-lightning skorch matplotlib
    PARIBUS_DATA=FOLDER python benchmarks/train_speed/run.py [--n 5] [--networks eegnet,simple_cnn] [--json FILE]
    python benchmarks/train_speed/run.py --show FILE       # table and plot again
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

from task import ACTIVATIONS, SEEDS, make, study

HERE = Path(__file__).parent
PLAIN, LIGHTNING, SKORCH, OURS, OURS_BF16 = (
    "plain loop", "pytorch-lightning", "skorch", "paribus", "paribus, bf16",
)  # fmt: skip
MUST = {"eegnet": 4.0, "deepconvnet": 3.0, "simple_cnn": 2.8, "face_cnn": 2.5}
AIM = {"eegnet": 6.5, "deepconvnet": 5.5, "simple_cnn": 4.5, "face_cnn": 4.0}
SECONDS_BETWEEN_LOOKS = 1.0
"""At memory."""

Found = dict[str, dict[str, list[dict[str, float]]]]
"""Measurements by network and way."""


def measure(way: str, name: str, task: dict[str, Any], folder: Path) -> dict[str, float]:
    """Seconds, bytes of memory at most, and mean test accuracy of the trials."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        scripts = {PLAIN: "plain.py", LIGHTNING: "with_lightning.py", SKORCH: "with_skorch.py"}
        if way in scripts:
            given = Path(out) / "task.json"
            given.write_text(json.dumps(task))
            command = [sys.executable, str(HERE / scripts[way]), str(given), out]
        else:
            path = Path(out) / "study.json"  # JSON is YAML
            path.write_text(json.dumps(study(task, "bf16" if way == OURS_BF16 else "fp32")))
            jobs = ["--jobs", str(task["jobs"])] if "jobs" in task else []
            command = [sys.executable, "-m", "paribus", "run", str(path), "--out", f"{out}/run", "--no-report", *jobs]
        seconds, memory, text = _run(command, Path(out) / "printed")
        accuracy = float(text.split()[-1]) if way in scripts else _accuracy(Path(out) / "run")
    return {"seconds": seconds, "memory": memory, "accuracy": accuracy}


def _run(command: list[str], printed: Path) -> tuple[float, float, str]:
    """Seconds, bytes at most of the process and its children, and what was printed."""
    memory = 0.0
    with printed.open("w+") as target:
        before = time.perf_counter()
        process = subprocess.Popen(command, stdout=target, stderr=subprocess.STDOUT)
        while True:
            try:
                status = process.wait(SECONDS_BETWEEN_LOOKS)
                break
            except subprocess.TimeoutExpired:
                memory = max(memory, sum(map(_memory, _family(process.pid))))
        seconds = time.perf_counter() - before
        target.seek(0)
        text = target.read()
    if status:
        raise SystemExit(f"{' '.join(command)}: {text[-2000:]}")
    return seconds, memory, text


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in below for each in _family(int(child)))]


def _memory(pid: int) -> int:
    """Bytes, shared ones divided among those who share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def _accuracy(run: Path) -> float:
    from paribus.plan import open_run

    with open_run(run) as store:
        stored = store.latest_study()
        assert stored is not None
        records = store.records([trial.trial_id for trial in stored.planned])
        right = [(r.predictions["test"].logits.argmax(1) == r.predictions["test"].y).mean() for r in records]
    return float(statistics.mean(right))


# ---------------------------------------------------------------- what it amounts to


def work(task: dict[str, Any]) -> dict[str, float]:
    """Floating-point operations of a study's convolutions and matrix products, and training examples it passes.

    A multiplication and an addition are two. A training step counts three times its forward pass, also where a first
    layer needs no gradient of its input.
    """
    from task import network, parts

    from paribus.models.summary import summarise

    (train, *held_out), shape, n_classes = parts(task, 0)
    rows = summarise(network(task, "relu", 0, shape, n_classes), shape)
    forward = 2 * sum(row.multiply_adds for row in rows)
    trials = len(ACTIVATIONS) * len(SEEDS) * task["epochs"]
    return {
        "flop": trials * forward * (3 * len(train) + sum(map(len, held_out))),
        "examples": trials * len(train),
    }


PEAK = """
import time, torch
from torch.nn.functional import conv2d
from paribus.execute.memory import keep_memory
keep_memory()
torch.set_num_threads(2)
best = {}
for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
    for size in (64, 128, 256):
        x = torch.randn(32, size, 32, 32).to(dtype).contiguous(memory_format=torch.channels_last)
        w = torch.randn(size, size, 3, 3).to(dtype).contiguous(memory_format=torch.channels_last)
        seconds = []
        for _ in range(12):
            before = time.perf_counter()
            conv2d(x, w, padding=1)
            seconds.append(time.perf_counter() - before)
        best[name] = max(best.get(name, 0), 2 * x.numel() * 9 * size / min(seconds))
import json
print(json.dumps(best))
"""
"""The highest rate of PyTorch's convolutions 3 x 3 on this machine, FLOP a second."""


def table(given: dict[str, Any]) -> str:
    """Medians and quartiles so far."""
    found: Found = given["found"]
    ratio = "times as fast as the plain loop: median (lower quartile)"
    head = ["network", "way", "n", "seconds: median (quartiles)", ratio, "examples/s", "GFLOP/s (share of peak)",
            "memory, MB", "test accuracy"]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, ways in found.items():
        for way, values in ways.items():
            seconds = quartiles([value["seconds"] for value in values])
            ratios = quartiles(_ratios(ways, way))
            rate = given["work"][name]["flop"] / seconds[1]
            peak = given["peak"]["bf16" if way == OURS_BF16 else "fp32"]
            cells = [
                name,
                way,
                str(len(values)),
                f"{seconds[1]:.1f} ({seconds[0]:.1f} to {seconds[2]:.1f})",
                f"{ratios[1]:.2f} ({ratios[0]:.2f})",
                f"{given['work'][name]['examples'] / seconds[1]:.0f}",
                f"{rate / 1e9:.0f} ({100 * rate / peak:.0f}%)",
                f"{max(value['memory'] for value in values) / 2**20:.0f}",
                f"{100 * statistics.mean(value['accuracy'] for value in values):.1f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratios(ways: dict[str, list[dict[str, float]]], way: str) -> list[float]:
    """Against the plain loop of the same round."""
    return [a["seconds"] / b["seconds"] for a, b in zip(ways.get(PLAIN, []), ways[way], strict=False)]


def quartiles(values: list[float]) -> list[float]:
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3


def plot(given: dict[str, Any], path: Path) -> None:
    """How many times as fast as the plain loop, each measurement a dot, with what must be and what is aimed at."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "paribus"
    import matplotlib.pyplot as plt

    found: Found = given["found"]
    figure, axes = plt.subplots(1, len(found), figsize=(3 * len(found), 3.2), squeeze=False)
    for ax, (name, ways) in zip(axes[0], found.items(), strict=True):
        for i, way in enumerate(ways):
            ratios = _ratios(ways, way)
            ax.barh(i, statistics.median(ratios), color="#0072B2" if way in (OURS, OURS_BF16) else "#999999")
            ax.plot(ratios, [i] * len(ratios), "k.", markersize=4)
        ax.axvline(MUST[name], color="#D55E00", label="must")
        ax.axvline(AIM[name], color="#009E73", linestyle="--", label="aim")
        ax.set_yticks(range(len(ways)), list(ways) if ax is axes[0][0] else [""] * len(ways))
        ax.invert_yaxis()
        ax.set_title(name, fontsize=10)
        ax.set_xlim(left=0)
    axes[0][-1].legend(fontsize=7, loc="upper right")
    figure.supxlabel("times as fast as the plain loop, whole study", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=5)
    parser.add_argument("--rivals", type=int, help="rounds in which pytorch-lightning and skorch run too")
    parser.add_argument("--networks", default="eegnet,deepconvnet,simple_cnn,face_cnn")
    parser.add_argument("--ways", default=";".join((PLAIN, LIGHTNING, SKORCH, OURS, OURS_BF16)))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--show", type=Path)
    given = parser.parse_args()
    if given.show:
        done = json.loads(given.show.read_text())
        plot(done, HERE / "plot.svg")
        print(table(done))
        return
    rounds = {LIGHTNING: given.rivals, SKORCH: given.rivals}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tasks = make(folder, Path(os.environ["PARIBUS_DATA"]))
        names = given.networks.split(",")
        peak = json.loads(subprocess.run([sys.executable, "-c", PEAK], capture_output=True, check=True).stdout)
        done = {"work": {name: work(tasks[name]) for name in names}, "peak": peak, "found": {}}
        for i in range(given.n):
            for name in names:
                for way in given.ways.split(";"):
                    if i >= (given.n if rounds.get(way) is None else rounds[way]):
                        continue
                    result = measure(way, name, tasks[name], folder)
                    done["found"].setdefault(name, {}).setdefault(way, []).append(result)
                    print(name, way, {k: round(v, 3) for k, v in result.items()}, file=sys.stderr, flush=True)
            if given.json:
                given.json.write_text(json.dumps(done))
            print(table(done), file=sys.stderr, flush=True)
    peaks = " and ".join(f"{value / 1e9:.0f} GFLOP/s in {name}" for name, value in done["peak"].items())
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; convolutions: {peaks}\n")
    print(table(done))


if __name__ == "__main__":
    main()
