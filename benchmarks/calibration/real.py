"""Equals that are real: seeds of one cell, divided into two sets at random, again and again.

paribus run benchmarks/calibration/aa.yaml          # 60 seeds of EEGNet on SelfRegulationSCP1
python benchmarks/calibration/real.py runs/aa-scp1  # writes real.md beside it
"""

import sys
from pathlib import Path

import numpy as np
from calibrate import clustered, fisher, pooled, student

import paribus
from paribus.analysis.compare import by_seed
from paribus.analysis.crossed import crossed_mean

DRAWS = 2_000


def main():
    """Write the table."""
    (cell,) = paribus.analyse(sys.argv[1]).result.cells
    right = np.stack([seed.right for seed in by_seed(cell).values()])
    rng = np.random.default_rng(0)
    lines = ["| seeds | paribus | t over seeds | pooled | clustered | Fisher |", "|" + " ---: |" * 6]
    for n_seeds in (3, 5, 10):
        false = []
        for _ in range(DRAWS):
            drawn = rng.permutation(len(right))[: 2 * n_seeds]
            first, second = right[drawn[:n_seeds]], right[drawn[n_seeds:]]
            difference = first.astype(float) - second
            low, high = student(difference)
            tests = [test(first, second) <= 0.05 for test in (pooled, clustered, fisher)]
            false.append([crossed_mean([difference]).p_value <= 0.05, not low <= 0 <= high, *tests])
        shares = " | ".join(f"{100 * share:.1f}" for share in np.mean(false, axis=0))
        lines.append(f"| {n_seeds} | {shares} |")
    head = (
        f"How often, in percent, two sets of seeds of the same cell are told apart, though there is nothing to tell: "
        f"{DRAWS:,} draws from {len(right)} seeds (which they share, so they are not independent), "
        f"{right.shape[1]} test examples, mean accuracy {100 * right.mean():.1f}%, standard deviation between seeds "
        f"{100 * right.mean(axis=1).std(ddof=1):.1f} points."
    )
    Path(__file__).with_name("real.md").write_text(head + "\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
