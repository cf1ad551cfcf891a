"""Every pair of cells at once gives what every pair by itself gives."""

from itertools import combinations

import numpy as np
import pytest

import paribus.analysis.apart
from conformance.build import make_planned, make_record, make_study
from paribus.analysis.apart import apart_from
from paribus.analysis.compare import shared_seeds, weighted
from paribus.analysis.crossed import holm
from paribus.analysis.result import CellResult
from paribus.analysis.study import analyse

N_CELLS, N_SEEDS = 14, 5


def cells(missing: float, test_sizes: tuple[int, ...], spread: float = 0.5) -> list[CellResult]:
    """Cells of several accuracies on several test sets, some of whose seeds are not finished."""
    rng = np.random.default_rng([round(10 * missing), len(test_sizes), round(10 * spread)])
    lr = {"path": "train.optimizer.lr", "levels": [1e-3 * (1 + i) for i in range(N_CELLS)]}
    study = make_study(factors={"lr": lr}, seeds=N_SEEDS)
    planned = make_planned(study)
    levels = list(dict.fromkeys(trial.cell for trial in planned))
    records = [
        make_record(
            trial.trial_id,
            spec=trial.spec,
            accuracy=0.5 + spread * (levels.index(trial.cell) / N_CELLS) - 0.1 * rng.random() * spread,
            n_test=test_sizes[levels.index(trial.cell) % len(test_sizes)],
        )
        for trial in planned
        if rng.random() >= missing
    ]
    return [cell for cell in analyse(study, planned, records, []).cells if cell.scores]


def one_by_one(best: int, found: list[CellResult], seeds: list[int]) -> tuple[list[bool], list[bool]]:
    """By a `CrossedMean` and a p value for each pair."""
    means = {pair: weighted([(1.0, found[pair[0]]), (-1.0, found[pair[1]])], seeds or None) for pair in all_pairs()}
    known = {pair: one for pair, one in means.items() if one and one.n_seeds > 1}
    p = dict(zip(known, holm([one.p_value for one in known.values()]), strict=True))
    told: tuple[list[bool], list[bool]] = [], []
    for other in range(len(found)):
        pair = min(best, other), max(best, other)
        sign = 1 if pair[0] == best else -1
        told[0].append(pair in p)
        told[1].append(pair in p and p[pair] <= 0.05 and sign * known[pair].mean > 0)
    return told


def all_pairs() -> list[tuple[int, int]]:
    return list(combinations(range(N_CELLS), 2))


@pytest.mark.parametrize("rows", [512, 3])
@pytest.mark.parametrize("spread", [0.5, 0.15])
@pytest.mark.parametrize("test_sizes", [(90,), (90, 60)])
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_as_one_by_one(monkeypatch, missing, test_sizes, spread, rows) -> None:
    monkeypatch.setattr(paribus.analysis.apart, "MOST_ROWS", rows)
    found = cells(missing, test_sizes, spread)
    assert len(found) == N_CELLS
    seeds = shared_seeds(found)
    assert bool(seeds) is not bool(missing)
    n_behind = set()
    for best in range(N_CELLS):
        known, behind = one_by_one(best, found, seeds)
        apart = apart_from(best, found, seeds)
        assert apart.known.tolist() == known
        assert apart.behind.tolist() == behind
        n_behind.add(sum(behind))
    assert len(n_behind) > 1


def test_no_p_value_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand cells have half a million pairs, and one takes a millisecond."""
    found = cells(0.0, (90,))
    monkeypatch.setattr("paribus.analysis.crossed.CrossedMean.p_value", property(lambda _: pytest.fail("asked")))
    assert apart_from(N_CELLS - 1, found, shared_seeds(found)).behind.any()


def test_a_single_cell_is_behind_nothing() -> None:
    apart = apart_from(0, cells(0.0, (90,))[:1], range(N_SEEDS))
    assert (apart.known.tolist(), apart.behind.tolist()) == ([False], [False])
