"""Time and memory of analysing a large study: 200 trials of 10,000 test examples and 10 classes each.

python benchmarks/analysis/measure.py
"""

import resource
import time

import numpy as np

from paribus.analysis.study import analyse
from paribus.grid import expand
from paribus.record import DataSummary, Environment, EpochRow, Predictions, TrialRecord
from paribus.spec import StudySpec

N_TEST, N_CLASSES, N_EPOCHS = 10_000, 10, 80


def main():
    """Print both."""
    study = StudySpec.model_validate({
        "name": "large", "question": "?", "seeds": 5,
        "baseline": {"data": {"source": "digits"}, "model": {"name": "simple_cnn"}},
        "factors": {
            "lr": {"path": "train.optimizer.lr", "levels": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]},
            "dropout": {"path": "model.dropout", "levels": [0.0, 0.25, 0.5, 0.75]},
            "size": {"path": "train.batch_size", "levels": [32, 64]},
        },
    })  # fmt: skip
    planned = expand(study, lambda _: "f")
    rng = np.random.default_rng(0)
    y = rng.integers(0, N_CLASSES, N_TEST)
    ids = np.array([f"{i:032x}" for i in range(N_TEST)])

    def part():
        logits = rng.normal(0, 1, (N_TEST, N_CLASSES)).astype(np.float32)
        logits[np.arange(N_TEST), y] += 2.2
        return Predictions(ids, y, logits)

    where = Environment({}, "", "", "cpu", 1, None, "", "")
    counts = {name: tuple(np.bincount(y).tolist()) for name in ("train", "validation", "test")}
    data = DataSummary("", "image", (1, 8, 8), tuple("abcdefghij"), counts, None, ())
    history = tuple(
        EpochRow(e, 1 / e, 0.6 + rng.normal(0, 0.01), 0.5, 0.6 + rng.normal(0, 0.01), 0.5, 0.6, 1e-3, 1.0)
        for e in range(1, N_EPOCHS + 1)
    )
    records = [
        TrialRecord(
            t.trial_id,
            t.spec,
            "f",
            where,
            data,
            (),
            history,
            40,
            False,
            {"validation": part(), "test": part()},
            "",
            1.0,
        )
        for t in planned
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    result = analyse(study, planned, records, [], every_pair=True)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{len(records)} trials, {len(result.comparisons)} comparisons, {len(result.cells)} cells: {seconds:.1f} s")
    print(f"peak {peak / 2**20:.2f} GB, of which the records {before / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
