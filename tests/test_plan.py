"""What a search's plan, status and report say of how far it is, from what a store holds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.build import make_record, make_search
from paribus.plan import (
    Plan,
    Progress,
    make_plan,
    plan_candidate,
    plan_confirmation,
    planned_progress,
    progress,
    read_run,
)
from paribus.record import PlannedTrial
from paribus.report.page import write_report
from paribus.search import Candidate, Seen, confirmation, propose
from paribus.spec import StudySpec
from paribus.store.sql import open_store


def search(**design: Any) -> StudySpec:
    """With seeds 0, 1 and 2, so that a confirmation of one candidate has four trials."""
    return make_search(search="random", startup=1, **design)


def asked(plan: Plan, n: int) -> list[Candidate]:
    """The first candidates, each of which was better than the one before."""
    found: list[Candidate] = []
    for number in range(n):
        trial = plan_candidate(plan, *propose(plan.study, found)) if found else plan.trials[0]
        found.append(Candidate(number, trial, Seen("finished", (0.5,), 0.5 + number / 20, 1.0)))
    return found


def record(trial: PlannedTrial, validation: float = 0.5) -> Any:
    return make_record(
        trial.trial_id, spec=trial.spec, seed=trial.spec.seed, n_classes=10, validation_accuracy=validation
    )


@pytest.fixture
def grown(tmp_path: Path) -> Plan:
    """Of two candidates the second was the best and is confirmed; now the budget is four, and the third is better."""
    plan = make_plan(search(trials=2))
    found = asked(plan, 3)
    last = plan_confirmation(plan, confirmation(plan.study, found[1:2]))
    with open_store(tmp_path / "store.sqlite", create=True) as store:
        key = store.add_study(plan.study, plan.trials, "")
        store.searches.extend(key, 1, [found[1].trial, *last])
        store.add(*map(record, last), record(found[0].trial, 0.4), record(found[1].trial, 0.6))
    return replace(plan, study=search(trials=4))


def test_how_far_a_search_is_whose_budget_has_grown(grown: Plan, tmp_path: Path) -> None:
    assert planned_progress(tmp_path, replace(grown, study=search(trials=2))) == Progress(6, 6, 0)
    # two candidates, and what they may find with two seeds; the baseline is confirmed already
    assert planned_progress(tmp_path, grown) == Progress(6 + 2 + 2, 6, 0)
    better = asked(grown, 3)[2].trial
    with open_store(tmp_path / "store.sqlite") as store:
        key = store.add_study(grown.study, grown.trials, "")
        store.searches.extend(key, 6, [better])
        store.add(record(better, 0.9))
        stored = store.latest_study(key)
        assert stored
        assert progress(store, stored) == Progress(5 + 1 + 2, 5, 0)  # the earlier one's confirmation counts no more
    run = read_run(tmp_path)
    assert [one.number for one in run.search.best] == [2] if run.search else []
    assert [dict(trial.cell) for trial in run.planned] == [{}] * 2 + [{"recipe": "best found"}] * 2
    assert [one.spec.seed for one in run.records] == [1, 2]
    baseline, best = write_report(tmp_path).result.cells
    assert (baseline.missing, best.missing) == ((), (1, 2))
