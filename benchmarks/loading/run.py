"""How long FER2013 takes to be ready for training: from a folder, from parquet, from the cache, and in a plain loop.

The rival is what R2 did at every start: open each file of the class folders with Pillow, and stack the arrays. All
ways are measured in turn, n times, in fresh processes; the files are in the operating system's cache for all of them.

    PARIBUS_DATA=FOLDER python benchmarks/loading/run.py [--n 3]
"""

import argparse
import io
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PRELUDE = "import sys, time\nfolder = sys.argv[1]\n"
LOOP = (
    PRELUDE
    + """
import numpy as np
from pathlib import Path
from PIL import Image
start = time.perf_counter()
x, y = [], []
for part in ("Training", "PublicTest", "PrivateTest"):
    for label, name in enumerate(sorted(path.name for path in Path(folder, part).iterdir())):
        for path in sorted(Path(folder, part, name).iterdir()):
            x.append(np.array(Image.open(path)))
            y.append(label)
x = np.stack(x)
assert x.shape == (35887, 48, 48)
print(time.perf_counter() - start)
"""
)
OURS = (
    PRELUDE
    + """
from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.spec import Fer2013Data
import numpy, PIL.Image, pyarrow.parquet  # as the rival: without the time of imports
start = time.perf_counter()
dataset = load_dataset(Fer2013Data(source="fer2013", path=folder))
digest = fingerprint(dataset)
print(time.perf_counter() - start, digest)
assert dataset.x.shape == (35887, 1, 48, 48)
"""
)


def write_folder(parquet: Path, root: Path) -> None:
    """The images of the parquet file as PNG files in class folders."""
    import pyarrow.parquet

    for i, row in enumerate(pyarrow.parquet.read_table(parquet).to_pylist()):
        path = root / row["usage"] / str(row["label"]) / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(io.BytesIO(row["image"]["bytes"]).getvalue())


def measure(code: str, path: Path, cache: Path) -> tuple[float, str]:
    """Seconds and what else was printed, in a fresh process."""
    environment = {**os.environ, "PARIBUS_CACHE": str(cache)}
    command = [sys.executable, "-c", code, str(path)]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    return float(printed[0]), " ".join(printed[1:])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=3)
    n = parser.parse_args().n
    parquet = Path(os.environ["PARIBUS_DATA"]) / "fer2013.parquet"
    seconds: dict[str, list[float]] = {}
    digests = set()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "fer2013")
        write_folder(parquet, folder)
        for i in range(n):
            caches = {kind: Path(scratch, f"cache-{kind}-{i}") for kind in ("folder", "parquet")}
            ways = {
                "a loop over the folder (R2)": (LOOP, folder, caches["folder"]),
                "paribus, folder, first time": (OURS, folder, caches["folder"]),
                "paribus, folder, from then on": (OURS, folder, caches["folder"]),
                "paribus, parquet, first time": (OURS, parquet, caches["parquet"]),
                "paribus, parquet, from then on": (OURS, parquet, caches["parquet"]),
            }
            for name, way in ways.items():
                took, digest = measure(*way)
                seconds.setdefault(name, []).append(took)
                digests |= {digest} - {""}
    assert len(digests) == 1, "the same data from everywhere"
    rival = statistics.median(seconds["a loop over the folder (R2)"])
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, n = {n}\n")
    print("| way | median s | all | of the loop |\n|---|---|---|---|")
    for name, values in seconds.items():
        all_values = ", ".join(f"{value:.2f}" for value in values)
        print(f"| {name} | {statistics.median(values):.2f} | {all_values} | {statistics.median(values) / rival:.2f} |")


if __name__ == "__main__":
    main()
