"""What a search tries next and what it confirms: a function of what came before, blind to test data."""

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from conformance.build import make_failure, make_planned, make_record, make_study
from paribus.errors import RunError, StudyError
from paribus.grid import cells, planned_trial
from paribus.record import PlannedTrial, TrialPruned
from paribus.run import run_study
from paribus.search import (
    Candidate,
    Seen,
    bar,
    candidates,
    confirmation,
    confirming,
    is_whole,
    propose,
    ranked,
    seen,
    standing,
    values_of,
    winners,
)
from paribus.spec import Range, RunSpec, StudySpec

LR = {"path": "train.optimizer.lr", "low": 1e-4, "high": 1.0, "log": True}
ACTIVATION = {"path": "model.activation", "levels": ["relu", "elu"]}


def make_search(design: dict[str, Any] | None = None, **changes: Any) -> StudySpec:
    fields = {"factors": {"lr": LR, "activation": ACTIVATION}, "seeds": 3, **changes}
    return make_study(**fields, design={"search": "tpe", "trials": 12, "startup": 4, **(design or {})})


def asked(study: StudySpec, before: tuple[Candidate, ...] = (), gave: Seen | None = None) -> Candidate:
    """The next candidate, with what it gave."""
    cell, configuration = propose(study, before) if before else ((), study.baseline)
    trial = planned_trial(study, cell, configuration, study.seeds[0], "f")
    return Candidate(len(before), trial, gave or Seen("running"))


def test_a_choice_follows_from_what_came_before() -> None:
    study = make_search()
    before: tuple[Candidate, ...] = ()
    for n in range(7):
        found = asked(study, before, Seen("finished", (0.5,), 0.4 + n / 20, 1.0))
        assert found == asked(study, before, found.seen)
        before += (found,)
    lr = values_of(study, before[-1].trial)["lr"]
    assert lr == float(f"{lr:.4g}") == before[-1].trial.spec.train.optimizer.lr
    assert len({one.trial.trial_id for one in before}) == 7
    other = make_search({"seed": 1})
    assert propose(other, before) != propose(study, before)
    worse = tuple(replace(one, seen=replace(one.seen, accuracy=1 - one.seen.accuracy)) for one in before)
    assert propose(study, worse) != propose(study, before)


def test_it_learns_from_what_came_before() -> None:
    """Accuracy is highest at 0.01, and after those at random candidates are nearer to it than random ones."""
    away: dict[str, list[float]] = {"tpe": [], "random": []}
    for kind, far in away.items():
        study, before = make_search({"search": kind}, factors={"lr": LR}), ()
        for _ in range(24):
            found = asked(study, before)
            far.append(abs(math.log10(found.trial.spec.train.optimizer.lr) + 2))
            before += (replace(found, seen=Seen("finished", (0.5,), 1 - far[-1] / 4, 1.0)),)
    assert away["tpe"][:4] == away["random"][:4]
    assert np.mean(away["tpe"][4:]) < 0.8 * np.mean(away["random"][4:])


def test_a_baseline_outside_of_what_is_searched_is_no_part_of_what_is_told() -> None:
    study = make_search(factors={"lr": {**LR, "low": 0.01}})  # the baseline has 0.001
    base = asked(study, gave=Seen("finished", (0.9,), 0.9, 0.1))
    assert values_of(study, base.trial) == {"lr": 1e-3}
    assert propose(study, (base,)) == propose(study, (replace(base, seen=Seen("failed")),))


def test_whole_numbers_where_the_field_takes_nothing_else() -> None:
    baseline = make_study().baseline
    for path, high, step, whole in (
        ("train.batch_size", 64, None, True),
        ("train.optimizer.weight_decay", 1, None, False),
        ("train.optimizer.weight_decay", 4, 2, True),
        ("train.optimizer.weight_decay", 4, 0.5, False),
    ):
        assert is_whole(baseline, Range(path=path, low=0 if high < 64 else 8, high=high, step=step)) is whole
    study = make_search(factors={"batch": {"path": "train.batch_size", "low": 8, "high": 64, "step": 8}})
    before = (asked(study),)
    for _ in range(5):
        before += (asked(study, before, Seen("finished", (0.5,), 0.5, 1.0)),)
    sizes = [one.trial.spec.train.batch_size for one in before[1:]]
    assert all(type(size) is int and size % 8 == 0 for size in sizes)


def test_the_bar_is_that_of_optunas_median_pruner() -> None:
    study = make_search({"pruning": "median"}, baseline=make_study().baseline.model_dump() | {"train": {"epochs": 8}})
    rng = np.random.default_rng(0)
    curves = [tuple(rng.uniform(0, 1, rng.integers(3, 9))) for _ in range(5)]
    base = asked(study)
    before = tuple(Candidate(n, base.trial, Seen("finished", curve, 0.5, 1.0)) for n, curve in enumerate(curves))
    assert bar(study, before[:3]) == ()
    pruned = Candidate(5, base.trial, Seen("pruned", (1.0,) * 8, 1.0, 1.0))
    found = bar(study, (*before, pruned))
    assert found[:2] == (0.0, 0.0)  # a fifth of the epochs
    theirs = optuna.create_study(direction="maximize")
    for curve in curves:
        theirs.add_trial(optuna.trial.create_trial(value=0.5, intermediate_values=dict(enumerate(curve))))
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)
    ended = []
    for _ in range(40):
        curve = rng.uniform(0, 1, 8)
        for n in range(1, 9):
            trial = optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING, intermediate_values=dict(enumerate(curve[:n].tolist()))
            )
            ours = len(found) >= n and max(curve[:n]) < found[n - 1]
            assert ours == pruner.prune(theirs, trial)
            ended.append(ours)
    assert {True, False} == set(ended)


def test_what_is_learned_of_a_trial_says_nothing_of_test() -> None:
    record = make_record(accuracy=0.5, validation_accuracy=0.8)
    moved = replace(
        record,
        history=tuple(replace(row, test_accuracy=1.0, test_loss=0.0) for row in record.history),
        predictions={**record.predictions, "test": make_record(accuracy=1.0).predictions["test"]},
    )
    assert seen(moved) == seen(record)
    row = record.history[record.selected_epoch - 1]
    assert (seen(record).accuracy, seen(record).loss) == (row.validation_accuracy, row.validation_loss)
    begun = TrialPruned("t", record.spec, "f", record.environment, record.history[:2], 3.0)
    assert seen(begun) == Seen(
        "pruned",
        tuple(row.validation_accuracy for row in record.history[:2]),
        max(row.validation_accuracy for row in record.history[:2]),
        record.history[1].validation_loss,
        3.0,
    )
    assert seen(make_failure("t")).state == "failed"


def test_what_another_study_has_trained_is_seen_as_far_as_the_search_would_have() -> None:
    record = make_record(accuracy=0.5, validation_accuracy=0.8)
    curve = [row.validation_accuracy for row in record.history]
    assert len(curve) == record.spec.train.epochs == 3
    assert curve[0] < curve[1] < curve[2]
    assert seen(record, (0.0, curve[1], 1.0)) == seen(record)  # after its last epoch nothing is left to spare
    for reach, n in (((0.0, 1.0, 1.0), 2), ((1.0,), 1)):
        seconds, row = sum(row.seconds for row in record.history[:n]), record.history[n - 1]
        begun = Seen("pruned", tuple(curve[:n]), row.validation_accuracy, row.validation_loss, seconds)
        assert seen(record, reach) == begun


def test_the_best_by_accuracy_then_loss_then_the_earlier() -> None:
    study = make_search({"confirm": 2})
    base = asked(study).trial
    trials = [base, *(replace(base, trial_id=f"t{n}") for n in range(1, 5)), replace(base, trial_id="t2")]
    given = [(0.8, 0.5), (0.9, 0.4), (0.9, 0.3), (0.9, 0.3), (1.0, 0.1), (0.9, 0.3)]
    states = ["finished"] * 4 + ["pruned", "finished"]
    found = [
        Candidate(n, trial, Seen(state, (a,), a, loss))  # type: ignore[arg-type]
        for n, (trial, state, (a, loss)) in enumerate(zip(trials, states, given, strict=True))
    ]
    assert [one.number for one in ranked(found)] == [2, 3, 1, 0]
    assert [one.number for one in winners(study, found)] == [2, 3]


def test_the_confirmation_is_a_study_of_the_other_seeds() -> None:
    study = make_search()
    base = asked(study, gave=Seen("finished", (0.5,), 0.5, 1.0))
    best = asked(study, (base,), Seen("finished", (0.9,), 0.9, 0.2))
    last = confirmation(study, winners(study, (base, best)))
    assert (last.design, last.seeds) == ("one_at_a_time", (1, 2))
    ((empty, same), (cell, found)) = cells(last)
    assert (empty, same, cell) == ((), study.baseline, (("recipe", "best found"),))
    assert found.train == best.trial.spec.train
    assert found.model == best.trial.spec.model
    only_baseline = confirmation(study, winners(study, (base, replace(best, seen=Seen("failed")))))
    assert cells(only_baseline) == (((), study.baseline),)
    searched = [base.trial, best.trial]
    _, missing = confirming(study, (best,), [*searched, *make_planned(last)[:1]])
    assert [(one.cell, one.spec) for one in missing] == [(one.cell, one.spec) for one in make_planned(last)]
    assert [one.trial_id == other.trial_id for one, other in zip(missing, make_planned(last), strict=True)] == [
        True,
        *[False] * 3,
    ]
    planned = [*searched, *make_planned(last)]
    stale = make_planned(confirmation(study, (replace(best, trial=asked(study, (base, best)).trial),)))
    assert confirming(study, (best,), [*planned, *stale]) == (last, make_planned(last))


def test_how_many_trials_are_left_at_most() -> None:
    """With seeds 0, 1 and 2 a confirmation has two trials of the baseline and two of each of the best."""
    study = make_search({"trials": 2, "confirm": 1})
    base, known = asked(study), {}
    planned = [base.trial]
    assert standing(study, planned, known).n_left == 2 + 4
    known[base.trial.trial_id] = Seen("finished", (0.5,), 0.5, 1.0)
    assert standing(study, planned, known).n_left == 1 + 4
    best = asked(study, (replace(base, seen=known[base.trial.trial_id]),), Seen("finished", (0.9,), 0.9, 0.2))
    planned.append(best.trial)
    failed = known | {best.trial.trial_id: Seen("failed")}
    assert standing(study, planned, failed).n_left == 2  # the baseline alone is confirmed
    known[best.trial.trial_id] = best.seen
    assert standing(study, planned, known).n_left == 4
    planned += make_planned(confirmation(study, (best,)))
    known |= {one.trial_id: Seen("finished", (0.5,), 0.5, 1.0) for one in planned}
    assert standing(study, planned, known).n_left == 0
    more = make_search({"trials": 5})
    assert (
        standing(more, planned, known).n_left == 3 + 2
    )  # another may be the best then; the baseline is confirmed already
    three = make_search({"trials": 5, "confirm": 3})
    assert standing(three, planned, known).n_left == 3 + 3 * 2


def test_candidates_as_far_as_the_budget_goes() -> None:
    study = make_search({"trials": 2})
    base = asked(study)
    trials = [base.trial, asked(study, (base,)).trial, asked(study, (base, base)).trial]
    other = PlannedTrial((), base.trial.spec.model_copy(update={"seed": 1}), "other")
    found = candidates(study, [trials[0], other, *trials[1:]], {trials[1].trial_id: Seen("failed")})
    assert [(one.number, one.trial, one.seen.state) for one in found] == [
        (0, trials[0], "running"),
        (1, trials[1], "failed"),
    ]


@pytest.mark.parametrize(
    ("factor", "path", "message"),
    [
        ({**LR, "path": "train.optimiser.lr"}, "factors.x.low", "unknown field"),
        ({**LR, "low": -1.0, "log": False}, "factors.x.low", "above 0"),
        ({"path": "train.batch_size", "low": 1.5, "high": 8}, "factors.x.low", "whole number"),
        ({"path": "lr", "low": 1, "high": 8}, "factors.x.low", "a path starts with one of data, model, train"),
    ],
)
def test_ranges_that_lead_nowhere(factor: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        cells(make_search(factors={"x": factor}))
    assert caught.value.path == path


def test_factors_of_a_search_may_not_set_the_same_field() -> None:
    with pytest.raises(StudyError, match="both set"):
        cells(make_search(factors={"a": LR, "b": {**LR, "low": 0.01}}))


def test_combinations_are_looked_at_before_anything_runs() -> None:
    """Each level is valid alone, but not both together."""
    folds = {"levels": {"no": {}, "yes": {"data.folds": 5, "train.refit": "all"}}}
    stop = {"levels": {"no": {}, "yes": {"train.early_stop": {"patience": 2}}}}
    with pytest.raises(StudyError, match=r"cannot stand with data.folds.*\(with folds yes, stop yes\)"):
        cells(make_search(factors={"folds": folds, "stop": stop}))


def test_what_is_no_valid_study_is_passed_over() -> None:
    """Where there are too many combinations to look at them all, or some between the ends of ranges are not valid."""
    folds = {"levels": {"no": {}, "yes": {"data.folds": 5, "train.refit": "all"}}}
    stop = {"levels": {"no": {}, "yes": {"train.early_stop": {"patience": 2}}}}
    study = make_search({"search": "random"}, factors={"folds": folds, "stop": stop})
    before = (asked(study),)
    for _ in range(20):
        before += (asked(study, before),)
    chosen = {tuple(level for _, level in one.trial.cell) for one in before[1:]}
    assert chosen == {("no", "no"), ("no", "yes"), ("yes", "no")}
    never = make_search(factors={name: {"levels": {"yes": one["levels"]["yes"]}} for name, one in
                                 (("folds", folds), ("stop", stop))})  # fmt: skip
    with pytest.raises(
        StudyError, match=r"100 candidates in turn were no valid study, the last: .*stand with data.folds"
    ):
        propose(never, before[:1])


def test_without_its_extra_a_search_says_which_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(RunError, match=r"a search needs its extra .*pip install 'paribus\[search\]'"):
        run_study(make_search(), RunSpec(out=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_optuna_says_nothing_and_keeps_its_voice(capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    study = make_search()
    asked(study, (asked(study, gave=Seen("failed")),))
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before
