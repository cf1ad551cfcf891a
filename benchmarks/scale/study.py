"""What a study of many trials costs beside training, from plan to report.

    python benchmarks/scale/study.py [--trials 100 1000 10000] [--shape even]

Trials are given out, told of, stored and analysed by paribus as always; in place of training stands a function that
gives a plausible record (10 epochs, predictions of 12 and 60 examples) in about a millisecond, whose own time is
measured and taken off. Every step runs in a process of its own, so that its memory is its own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from unittest import mock

from shapes import SHAPES, record, stand_in, study, write_data

import paribus.run
from paribus.plan import make_plan
from paribus.run import run_study
from paribus.spec import RunSpec

ROWS = {
    "plan": "plan, s",
    "in process": "a trial beyond training, one process, ms",
    "two workers": "a trial beyond training, two workers, ms",
    "memory": "memory of the process that runs the study at most, MB",
    "status": "`paribus status`, s",
    "report": "`paribus report`, s",
    "report memory": "`paribus report`, memory at most, MB",
    "store": "store, MB",
    "page": "page, MB",
}


def run(folder: Path, shape: str, n: int, jobs: int) -> dict[str, float]:
    """A whole study: seconds to plan, milliseconds a trial beyond the stand-in's, and memory in MB."""
    asked = study(shape, n, folder / "data.npz")
    start = time.perf_counter()
    plan = make_plan(asked)
    planned = time.perf_counter() - start
    some = plan.trials[:: max(1, n // 200)]
    start = time.perf_counter()
    for trial in some:
        record(trial, "")
    stand_in_seconds = (time.perf_counter() - start) / len(some) / jobs
    told = RunSpec(out=str(folder / f"run{jobs}"), jobs=jobs, threads=1)
    start = time.perf_counter()
    with mock.patch.object(paribus.run, "run_trial", stand_in):
        outcome = run_study(asked, told)
    seconds = time.perf_counter() - start
    assert outcome.n_finished == n, outcome
    return {
        "plan": planned,
        "trial": 1000 * ((seconds - planned) / n - stand_in_seconds),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def command(*words: str) -> tuple[float, float]:
    """Seconds of a `paribus` command, and its memory at most in MB."""
    watch = (
        "import resource,subprocess,sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    program = str(Path(sys.executable).with_name("paribus"))
    start = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", watch, program, *words], check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - start, int(told.stdout) / 1024


def measure(shape: str, n: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder / "data.npz")
        again = partial(subprocess.run, check=True, stdout=subprocess.PIPE, text=True)
        one, two = (
            json.loads(
                again(
                    [sys.executable, __file__, "--folder", name, "--shape", shape, "--jobs", jobs, "--trials", str(n)]
                ).stdout
            )
            for jobs in ("1", "2")
        )
        out = folder / "run1"
        status = min(command("status", str(out))[0] for _ in range(3))
        report, memory = command("report", str(out))
        return {
            "plan": one["plan"],
            "in process": one["trial"],
            "two workers": two["trial"],
            "memory": one["memory"],
            "status": status,
            "report": report,
            "report memory": memory,
            "store": (out / "store.sqlite").stat().st_size / 1e6,
            "page": (out / "report" / "index.html").stat().st_size / 1e6,
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--shape", choices=SHAPES, default="even")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.folder:
        print(json.dumps(run(arguments.folder, arguments.shape, arguments.trials[0], arguments.jobs)))
        return
    found = {n: measure(arguments.shape, n) for n in arguments.trials}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, shape: {arguments.shape}\n")
    print("| | " + " | ".join(f"{n:,} trials" for n in found) + " |\n|---" * 1 + "|---" * len(found) + "|")
    for key, what in ROWS.items():
        print(f"| {what} | " + " | ".join(f"{found[n][key]:.3g}" for n in found) + " |")


if __name__ == "__main__":
    main()
