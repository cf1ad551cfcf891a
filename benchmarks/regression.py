"""Whether one commit trains slower than another: epochs and whole commands of both, in turn, n times.

Each commit is checked out beside the repository and measured through its own `paribus run` with one job, on the made
and real data of train_speed. To be read by a person, on a machine with nothing else to do: it decides nothing in CI.

    PARIBUS_DATA=FOLDER python benchmarks/regression.py OLD [NEW] [--n 5]      # NEW: HEAD

Exit code 1 where the lower quartile of a ratio new / old is above 1.05.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "train_speed"))

from run import quartiles
from task import make, study

READ = """
import sys
from pathlib import Path
from paribus.plan import open_run
with open_run(Path(sys.argv[1])) as store:
    (record,) = store.records([trial.trial_id for trial in store.latest_study().planned])
print(min(row.seconds for row in record.history))
"""
SLOWER = 1.05


def measure(source: Path, path: Path, out: Path) -> dict[str, float]:
    """Seconds of the command, and of its fastest epoch."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    command = [sys.executable, "-m", "paribus", "run", str(path), "--out", str(out), "--no-report", "--jobs", "1"]
    before = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - before
    read = [sys.executable, "-c", READ, str(out)]
    epoch = float(subprocess.run(read, env=environment, check=True, capture_output=True).stdout)
    return {"command": seconds, "epoch": epoch}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("old")
    parser.add_argument("new", nargs="?", default="HEAD")
    parser.add_argument("--n", type=int, default=5)
    parser.add_argument("--networks", default="eegnet,deepconvnet,simple_cnn,face_cnn")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, sources = Path(scratch), {}
        for name in ("old", "new"):
            archive = subprocess.run(
                ["git", "archive", getattr(given, name)], cwd=Path(__file__).parents[1], check=True, capture_output=True
            )
            (folder / name).mkdir()
            subprocess.run(["tar", "-x"], cwd=folder / name, input=archive.stdout, check=True)
            sources[name] = folder / name / "src"
        tasks = make(folder, Path(os.environ["PARIBUS_DATA"]))
        found: dict[tuple[str, str], dict[str, list[dict[str, float]]]] = {}
        for i in range(given.n):
            for network in given.networks.split(","):
                task = tasks[network]
                for precision in ("fp32", "bf16"):
                    one = study({**task, "seeds": [0], "epochs": 3}, precision) | {"factors": {}}
                    path = folder / "study.json"
                    path.write_text(json.dumps(one))
                    for name, source in sources.items():
                        result = measure(source, path, folder / f"{network}-{precision}-{name}-{i}")
                        found.setdefault((network, precision), {}).setdefault(name, []).append(result)
                        print(network, precision, name, result, file=sys.stderr, flush=True)
    slower = False
    print("| network | precision | what | new / old: median (quartiles) |\n|---|---|---|---|")
    for (network, precision), both in found.items():
        for what in ("epoch", "command"):
            ratios = [b[what] / a[what] for a, b in zip(both["old"], both["new"], strict=True)]
            q = quartiles(ratios)
            slower |= q[0] > SLOWER
            print(f"| {network} | {precision} | {what} | {q[1]:.3f} ({q[0]:.3f} to {q[2]:.3f}) |")
    sys.exit(slower)


if __name__ == "__main__":
    main()
