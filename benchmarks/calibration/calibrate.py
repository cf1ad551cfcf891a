"""How often intervals hold the truth, and how often "beats" is said of equals: paribus and other ways.

python benchmarks/calibration/calibrate.py            # writes table.md beside it
"""

import argparse
import math
import platform
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.special import chdtrc, ndtr, stdtrit
from simulate import World, studies

from paribus.analysis.crossed import crossed_mean, holm, mcnemar

SEEDS, TESTS, SPREADS = (3, 5, 10), (100, 1_000, 10_000), (0.003, 0.02)
DIFFERENCE = 0.02
ACCURACY = 0.8
DRAWS = 400


def student(difference):
    """Student's t over seeds: other test examples are forgotten."""
    by_seed = difference.mean(axis=1)
    half = stdtrit(len(by_seed) - 1, 0.975) * by_seed.std(ddof=1) / math.sqrt(len(by_seed))
    return by_seed.mean() - half, by_seed.mean() + half


def bootstrap(difference, rng):
    """Two levels: seeds drawn anew and, apart from them, examples; percentiles of the mean."""
    n_seeds, n = difference.shape
    patterns, counts = np.unique(difference.T, axis=0, return_counts=True)  # equal columns are drawn together
    seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), DRAWS) / n_seeds
    examples = rng.multinomial(n, counts / n, DRAWS) / n
    means = np.einsum("rs,ps,rp->r", seeds, patterns, examples, optimize=True)
    return np.quantile(means, [0.025, 0.975])


def pooled(first, second):
    """McNemar's test on all seeds' predictions together, as if each were of a new example."""
    return mcnemar(int((first & ~second).sum()), int((second & ~first).sum()))


def clustered(first, second):
    """McNemar's test with examples as clusters (Durkalski et al. 2003): seeds have no part in it."""
    of_example = (first.astype(float) - second).sum(axis=0)
    squares = (of_example**2).sum()
    return 2 * ndtr(-abs(of_example.sum()) / math.sqrt(squares)) if squares else 1.0


def fisher(first, second):
    """The seeds' own McNemar tests, combined as if independent."""
    logs = [
        -2 * math.log(mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))) for a, b in zip(first, second, strict=True)
    ]
    return chdtrc(2 * len(logs), sum(logs))


def measure(n_seeds, n_test, spread, n, n_slow):
    """Shares of studies: for each way how often it covers, and how often it finds a difference in none."""
    covers, false = defaultdict(list), defaultdict(list)
    rng = np.random.default_rng(1)
    for i, (better, worse) in enumerate(studies(World((ACCURACY + DIFFERENCE, ACCURACY), n_seeds, n_test, spread), n)):
        difference = better.astype(float) - worse
        interval = crossed_mean([difference]).interval()
        covers["paribus"].append(interval.low <= DIFFERENCE <= interval.high)
        low, high = student(difference)
        covers["t"].append(low <= DIFFERENCE <= high)
        if i < n_slow:
            low, high = bootstrap(difference, rng)
            covers["bootstrap"].append(low <= DIFFERENCE <= high)
    for i, (base, *others) in enumerate(studies(World((ACCURACY,) * 4, n_seeds, n_test, spread), n, seed=2)):
        found = [crossed_mean([other.astype(float) - base]) for other in others]
        covers["paribus, equals"].append(found[0].interval().low <= 0 <= found[0].interval().high)
        false["paribus"].append(found[0].p_value <= 0.05)
        false["paribus, of 3"].append(min(holm([one.p_value for one in found])) <= 0.05)
        difference = others[0].astype(float) - base
        low, high = student(difference)
        false["t"].append(not low <= 0 <= high)
        if i < n_slow:
            low, high = bootstrap(difference, rng)
            false["bootstrap"].append(not low <= 0 <= high)
        for name, test in (("pooled", pooled), ("clustered", clustered), ("Fisher", fisher)):
            false[name].append(test(others[0], base) <= 0.05)
    return {k: float(np.mean(v)) for k, v in covers.items()}, {k: float(np.mean(v)) for k, v in false.items()}


COVERS = ("paribus", "paribus, equals", "t", "bootstrap")
FALSE = ("paribus", "paribus, of 3", "t", "bootstrap", "pooled", "clustered", "Fisher")


def main():
    """Measure every case and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2_000, help="of each case")
    parser.add_argument("--slow", type=int, default=500, help="of these, with a bootstrap")
    given = parser.parse_args()
    titles = ["seeds", "test examples", "seeds' sd (points)"]
    titles += [f"covers: {name}" for name in COVERS] + [f"false: {name}" for name in FALSE]
    lines = ["| " + " | ".join(titles) + " |", "|" + " ---: |" * len(titles)]
    started, ours = time.perf_counter(), []
    for n_test in TESTS:
        for n_seeds in SEEDS:
            for spread in SPREADS:
                covers, false = measure(n_seeds, n_test, spread, given.studies, given.slow)
                figures = [100 * covers[name] for name in COVERS] + [100 * false[name] for name in FALSE]
                row = [str(n_seeds), f"{n_test:,}", f"{100 * spread:.1f}", *(f"{figure:.1f}" for figure in figures)]
                lines.append("| " + " | ".join(row) + " |")
                print(lines[-1], flush=True)
                ours.append((covers["paribus"], covers["paribus, equals"], false["paribus"], false["paribus, of 3"]))
    low, high = min(min(row[:2]) for row in ours), max(max(row[:2]) for row in ours)
    head = (
        f"In percent of {given.studies:,} simulated studies a case ({given.slow} for the bootstrap), accuracy "
        f"{100 * ACCURACY:g}%, true difference {100 * DIFFERENCE:g} points (covers) or none (equals, false). paribus "
        f"covers in {100 * low:.1f} to {100 * high:.1f}%, and says “beats” of equals in at most "
        f"{100 * max(max(row[2:]) for row in ours):.1f}%. {datetime.now(UTC):%Y-%m-%d}, numpy {np.__version__}, "
        f"{platform.machine()}, {(time.perf_counter() - started) / 60:.0f} min."
    )
    Path(__file__).with_name("table.md").write_text(head + "\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
