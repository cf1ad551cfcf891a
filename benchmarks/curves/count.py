"""How often each shape is recognised, and how often something is seen that is not there.

python benchmarks/curves/count.py            # writes table.md beside it
"""

from collections import Counter
from pathlib import Path

import numpy as np
from synthetic import N_CLASSES, N_VALIDATION, SHAPES, rows

from paribus.analysis.diagnose import SIGNS, curve_of
from paribus.record import DataSummary, Environment, Predictions, TrialRecord
from paribus.spec import TrialSpec

EPOCHS, DRAWS = (20, 50, 150, 600), 300


def record_of(history):
    """A record with this history and validation examples of even classes."""
    y = np.arange(N_VALIDATION) % N_CLASSES
    part = Predictions(y.astype(str), y, np.eye(N_CLASSES, dtype=np.float32)[y])
    spec = TrialSpec.model_validate({"data": {"source": "digits"}, "model": {"name": "simple_cnn"}})
    where = Environment({}, "", "", "cpu", 1, None, "", "")
    data = DataSummary("", "image", (1, 8, 8), tuple("abcd"), {}, None, ())
    both = {"validation": part, "test": part}
    return TrialRecord("t", spec, "f", where, data, (), history, 1, False, both, "", 1.0)


def signs_of(name, n_epochs, seed):
    """The signs that are seen in one curve; early stopping is no sign of anything wrong."""
    curve = curve_of(record_of(rows(name, n_epochs, seed)))
    return {sign for sign, look in SIGNS.items() if look(curve)} - {"early stopping"}


def main():
    """Count and write the table."""
    lines = ["| shape | epochs | seen (%) | another sign besides (%) | which |", "| --- | ---: | ---: | ---: | --- |"]
    for name, (_, _, must, may) in SHAPES.items():
        for n_epochs in EPOCHS:
            found = [signs_of(name, n_epochs, seed) for seed in range(DRAWS)]
            seen = np.mean([must <= signs for signs in found])
            false = Counter(sign for signs in found for sign in signs - must - may)
            wrong = np.mean([bool(signs - must - may) for signs in found])
            which = ", ".join(f"{sign} {100 * n / DRAWS:.1f}" for sign, n in false.most_common())
            lines.append(f"| {name} | {n_epochs} | {100 * seen:.1f} | {100 * wrong:.1f} | {which} |")
            print(lines[-1])
    head = f"{DRAWS} draws of each shape and length; one trial each, {N_VALIDATION:,} validation examples."
    Path(__file__).with_name("table.md").write_text(head + "\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
