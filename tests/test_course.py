"""Searches as they run: the same whatever ends them, nothing trained twice, and nothing chosen by test data."""

import os
import shutil
import signal
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import small_eeg
from paribus.cli.search import show_status
from paribus.course import search_course
from paribus.errors import DataError, RunError
from paribus.execute.base import Finished, Progress, Started
from paribus.grid import cells
from paribus.plan import make_plan, open_run, read_run, seen_so_far, stored_study
from paribus.record import PlannedTrial, TrialPruned, TrialRecord
from paribus.run import RunMessage, RunOutcome, RunStarted, run_study
from paribus.search import Candidate, candidates
from paribus.share import owner
from paribus.spec import RunSpec, StudySpec
from paribus.store.rows import study_content
from paribus.store.sql import open_store
from paribus.validate import validate

FACTORS: dict[str, Any] = {
    "lr": {"path": "train.optimizer.lr", "low": 1e-4, "high": 0.3, "log": True},
    "batch": {"path": "train.batch_size", "low": 8, "high": 32},
    "activation": {"path": "model.activation", "levels": ["relu", "elu"]},
}


def make_search(data: Path, design: dict[str, Any] | None = None, **changes: Any) -> StudySpec:
    plain: dict[str, Any] = {
        "name": "search",
        "question": "Which recipe?",
        "baseline": {
            "data": {"source": "npz", "path": str(data)},
            "model": {"name": "dnn", "widths": [8]},
            "train": {"epochs": 5, "batch_size": 16},
        },
        "factors": FACTORS,
        "design": {"search": "tpe", "trials": 9, "startup": 3, "pruning": "median", **(design or {})},
        "seeds": 2,
    }
    return validate(StudySpec, plain | changes)


def found(out: Path) -> tuple[Candidate, ...]:
    """The candidates of the latest study of a run folder."""
    with open_run(out) as store:
        stored = stored_study(out, store)
        assert stored
        return candidates(stored.study, stored.planned, seen_so_far(store, stored.study_id, stored.planned))


def gist(out: Path) -> list[object]:
    """All of a search but its times; and the confirmation."""
    confirmed = read_run(out)
    tests = [record.predictions["test"].logits.tobytes() for record in confirmed.records]
    told = [(one.trial, one.seen.state, one.seen.curve, one.seen.accuracy, one.seen.loss) for one in found(out)]
    return [told, confirmed.planned, tests]


class Heard(list[RunMessage]):
    """The messages of a run, which is killed, as by ``kill -9``, or interrupted, as by Ctrl-C, after so many."""

    def __init__(self, killed_after: int = 10**9, stopped_after: int = 10**9) -> None:
        self.killed_after, self.stopped_after = killed_after, stopped_after

    def __call__(self, message: RunMessage) -> None:
        self.append(message)
        if len(self) > self.killed_after:
            os.kill(os.getpid(), signal.SIGKILL)
        if len(self) > self.stopped_after:
            raise KeyboardInterrupt

    def ran(self) -> int:
        return sum(isinstance(message, Started) for message in self)


@pytest.fixture(scope="module")
def told() -> Heard:
    """What the search of `whole` told."""
    return Heard()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, eeg_file: Path, told: Heard) -> tuple[StudySpec, Path, RunOutcome]:
    """A search that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    study = make_search(eeg_file)
    return study, out, run_study(study, RunSpec(out=str(out)), told)


def make_alone(study: StudySpec, trial: PlannedTrial) -> StudySpec:
    """A grid of one trial of a search."""
    recipe = study.baseline.model_copy(update={"train": trial.spec.train, "model": trial.spec.model})
    alone = study.model_copy(update={"design": "grid", "factors": {}, "seeds": (0,), "baseline": recipe})
    assert [each.trial_id for each in make_plan(alone).trials] == [trial.trial_id]
    return alone


@pytest.fixture(scope="module")
def in_full(whole: tuple[StudySpec, Path, RunOutcome], tmp_path_factory: pytest.TempPathFactory) -> TrialRecord:
    """The first trial that the search ended, as a grid trains it."""
    study, searched, _ = whole
    out = tmp_path_factory.mktemp("alone")
    trial = next(one.trial for one in found(searched) if one.seen.state == "pruned")
    run_study(make_alone(study, trial), RunSpec(out=str(out)))
    (record,) = read_run(out).records
    assert len(record.history) == 5
    return record


def test_a_search_that_was_stopped_goes_on_as_if_nothing_had_been(whole, tmp_path: Path) -> None:
    study, out, outcome = whole
    run = RunSpec(out=str(tmp_path), checkpoint_every="1")
    context: Any = get_context("forkserver")
    context.set_forkserver_preload(["paribus.run", "torch._dynamo"])
    for n in (9, 24):
        process = context.Process(target=run_study, args=(study, run, Heard(killed_after=n)))
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
    with pytest.raises(KeyboardInterrupt):
        run_study(study, run, Heard(stopped_after=9))
    heard = Heard()
    last = run_study(study, run, heard)
    assert gist(tmp_path) == gist(out)
    assert last.n_done_before > 1
    assert last.n_done_before + heard.ran() == outcome.n_finished + outcome.n_pruned
    heard.clear()
    run_study(study, run, heard)
    assert len(heard) == 1
    assert isinstance(heard[0], RunStarted)
    assert (heard[0].n_done, heard[0].n_to_come) == (outcome.n_finished + outcome.n_pruned, 0)


def test_pruned_trials_are_no_results_and_other_studies_train_them(whole, tmp_path: Path) -> None:
    study, out, outcome = whole
    pruned = [one for one in found(out) if one.seen.state == "pruned"]
    assert outcome.n_pruned == len(pruned) > 0
    ids = [one.trial.trial_id for one in pruned]
    with open_run(out) as store:
        assert (store.finished(ids), store.failed(ids)) == (frozenset(), frozenset())
        stored = stored_study(out, store)
        assert stored
        kept = {one.trial_id: one for one in store.searches.pruned(stored.study_id)}
    assert kept.keys() == set(ids)
    assert all(1 < len(kept[i].history) < 5 for i in ids)
    heard = Heard()
    run_study(make_alone(study, pruned[0].trial), RunSpec(out=str(out)), heard)
    ((record,),) = ([m.result for m in heard if isinstance(m, Finished)],)
    begun = kept[ids[0]]
    assert [row.validation_loss for row in begun.history] == [
        row.validation_loss for row in record.history[: len(begun.history)]
    ]
    assert len(record.history) == 5
    run_study(study, RunSpec(out=str(out)))
    assert [one for one in found(out) if one.seen.state == "pruned"] == pruned


def test_a_search_finds_the_same_whatever_else_the_store_holds(whole, in_full: TrialRecord, tmp_path: Path) -> None:
    study, out, _ = whole
    pruned = [one.trial for one in found(out) if one.seen.state == "pruned"]
    with open_store(tmp_path / "store.sqlite", create=True) as store:
        store.add(in_full)
    outcome = run_study(study, RunSpec(out=str(tmp_path)))
    assert gist(tmp_path) == gist(out)
    assert outcome.n_pruned == len(pruned) - 1


def test_an_interrupted_candidate_that_another_study_trains_is_seen_as_far_as_the_search_would_have(
    whole, in_full: TrialRecord, tmp_path: Path
) -> None:
    study, out, _ = whole
    place = next(n for n, one in enumerate(found(out)) if one.seen.state == "pruned")

    def stop(message: RunMessage) -> None:
        if isinstance(message, Progress) and message.index == place:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, RunSpec(out=str(tmp_path)), stop)
    with open_store(tmp_path / "store.sqlite") as store:
        store.add(in_full)
    run_study(study, RunSpec(out=str(tmp_path)))
    assert gist(tmp_path) == gist(out)


def test_more_trials_go_on_from_the_earlier_ones(whole, tmp_path: Path) -> None:
    study, finished, _ = whole
    out = tmp_path / "longer"
    shutil.copytree(finished, out)
    before = found(out)
    heard = Heard()
    more = study.model_copy(update={"design": study.design.model_copy(update={"trials": 11})})
    run_study(more, RunSpec(out=str(out)), heard)
    assert [one.trial for one in found(out)[:9]] == [one.trial for one in before]
    assert len(found(out)) == 11
    assert 0 < sum(1 for m in heard if isinstance(m, Started)) <= 2 + 1
    run_study(study, RunSpec(out=str(out)))
    assert [one.trial for one in found(out)] == [one.trial for one in before]


def make_quick(data: dict[str, Any], factors: dict[str, Any], trials: int, **changes: Any) -> StudySpec:
    """A random search that trains each candidate for an epoch or two."""
    train = {"epochs": 2, "batch_size": 4}
    baseline = {"data": {"source": "npz", **data}, "model": {"name": "logistic"}, "train": train}
    return make_search(
        Path(), {"search": "random", "trials": trials, "pruning": None}, baseline=baseline, factors=factors, **changes
    )


@pytest.fixture
def one_part(tmp_path: Path) -> dict[str, Any]:
    """Data whose test part is drawn."""
    np.savez(tmp_path / "one.npz", **{name: small_eeg()[name] for name in ("x", "y")})
    return {"path": str(tmp_path / "one.npz")}


def test_candidates_with_data_of_their_own_go_on(one_part: dict[str, Any], tmp_path: Path) -> None:
    study = make_quick(one_part, {"test": {"path": "data.test", "low": 0.2, "high": 0.5}}, 3)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):  # in the middle of candidate 1: RunStarted, four of 0, RunGrew, Started
        run_study(study, RunSpec(out=str(out)), Heard(stopped_after=7))
    stored = [one.trial for one in found(out)]
    assert len({trial.spec.data.test for trial in stored}) == len(stored) == 2
    Path(one_part["path"]).rename(tmp_path / "away.npz")
    with pytest.raises(DataError, match=r"one\.npz"):
        run_study(study, RunSpec(out=str(out)))
    (tmp_path / "away.npz").rename(one_part["path"])
    run_study(study, RunSpec(out=str(out)))
    assert [one.seen.state for one in found(out)] == ["finished"] * 3
    assert [one.trial for one in found(out)[:2]] == stored


def test_a_candidate_whose_data_are_unfit_fails_alone(one_part: dict[str, Any], tmp_path: Path) -> None:
    """Either file can be used with either share, but the small one not with the large share: a class is left out."""
    np.savez(tmp_path / "few.npz", **{name: small_eeg(24)[name] for name in ("x", "y")})
    factors = {
        "data": {"path": "data.path", "levels": [str(tmp_path / "few.npz"), one_part["path"]]},
        "test": {"path": "data.test", "levels": [0.9, 0.2]},
    }
    study = make_quick(one_part, factors, 8)
    out = tmp_path / "out"
    outcome = run_study(study, RunSpec(out=str(out)))
    few = {"path": factors["data"]["levels"][0], "test": 0.9}
    unfit = [one for one in found(out) if one.trial.spec.data.model_dump().items() >= few.items()]
    assert [one for one in found(out) if one.seen.state == "failed"] == unfit != []
    assert [one.seen.state for one in found(out) if one not in unfit] == ["finished"] * (8 - len(unfit))
    assert outcome.n_failed == 1  # the others are that one again
    with open_run(out) as store:
        (failure,) = store.failures([unfit[0].trial.trial_id])
    assert (failure.kind, "each class needs at least 2 training examples" in failure.message) == ("DataError", True)
    before, heard = gist(out), Heard()
    assert run_study(study, RunSpec(out=str(out)), heard).n_failed == heard.ran() == 1
    assert gist(out) == before


def test_a_search_whose_code_has_changed_begins_anew_from_there(
    one_part: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    factors = {
        "augmentation": {"path": "train.augmentation", "levels": [[], [{"name": "own_noise:own"}]]},
        "lr": FACTORS["lr"],
    }
    study = make_quick(one_part, factors, 6)
    ids = []
    for code, folder in (("x * 0", "out"), ("x + 0.0", "out"), ("x + 0.0", "fresh")):
        Path("own_noise.py").write_text(f"def own(x, draws):\n    return {code}\n")
        monkeypatch.delitem(sys.modules, "own_noise", raising=False)
        run_study(study, RunSpec(out=folder))
        ids.append([one.trial.trial_id for one in found(Path(folder))])
    assert gist(Path("out")) == gist(Path("fresh"))
    same = [old == new for old, new in zip(ids[0], ids[1], strict=True)]
    changed = [bool(one.trial.spec.train.augmentation) for one in found(Path("out"))]
    first = changed.index(True)
    assert 0 < first < 5
    assert same[: first + 1] == [True] * first + [False]
    with open_run(Path("out")) as store:
        assert store.finished(ids[0]) == set(ids[0])  # for who wants them


def test_test_labels_change_no_choice(whole, tmp_path: Path) -> None:
    out = whole[1]
    arrays = small_eeg()
    arrays["y_test"] = np.roll(arrays["y_test"], 1)
    np.savez(tmp_path / "other.npz", **arrays)
    other = make_search(tmp_path / "other.npz")
    run_study(other, RunSpec(out=str(tmp_path / "out")))

    def chosen(folder: Path) -> list[object]:
        return [(one.trial.cell, one.seen.state, one.seen.curve) for one in found(folder)]

    assert chosen(tmp_path / "out") == chosen(out)
    first, second = read_run(out), read_run(tmp_path / "out")
    assert first.study.factors == second.study.factors
    assert first.records[0].history[-1].test_accuracy != second.records[0].history[-1].test_accuracy


def test_a_candidate_that_fails_is_told_and_passed_over(eeg_file: Path, tmp_path: Path, capsys) -> None:
    lr = {"path": "train.optimizer.lr", "levels": [0.01, 1e30]}
    sgd = {"epochs": 2, "batch_size": 16, "optimizer": {"name": "sgd", "lr": 0.01}}
    study = make_search(
        eeg_file,
        {"trials": 5, "pruning": None},
        factors={"lr": lr},
        baseline={
            "data": {"source": "npz", "path": str(eeg_file)},
            "model": {"name": "dnn", "widths": 8},
            "train": sgd,
        },
    )
    heard = Heard()
    outcome = run_study(study, RunSpec(out=str(tmp_path)), heard)
    states = [one.seen.state for one in found(tmp_path)]
    assert set(states) == {"finished", "failed"}
    assert (len(states), outcome.n_failed, heard.ran()) == (5, 1, 3)  # two recipes, and the baseline confirmed
    assert [dict(trial.cell) for trial in read_run(tmp_path).planned] == [{}]
    with open_run(tmp_path) as store:
        stored = stored_study(tmp_path, store)
        assert stored
        show_status(store, stored)
    said = capsys.readouterr().out
    assert "5 of 5 candidates have ended; 2 trials are done, 0 pruned, 1 failed." in said
    assert "Confirmation: 1 of 1 trials done." in said


def test_a_search_is_one_processs_work_and_nobody_else_changes_it(whole) -> None:
    study, out, _ = whole
    more = study.model_copy(update={"design": study.design.model_copy(update={"trials": 10})})
    with open_store(out / "store.sqlite") as store, owner(out, store) as other:
        before = store.studies()
        assert store.leases.claim([f"search {study_content(study, make_plan(study).trials)}"], other, 60)
        with pytest.raises(RunError, match="a search is one process's work"):
            run_study(more, RunSpec(out=str(out), command="another"))
        assert store.studies() == before


def test_the_epochs_of_a_pruned_trial_were_told_as_they_came(whole, told: Heard) -> None:
    ended = [message for message in told if isinstance(message, Finished)]
    for message in ended:
        rows = [m.event for m in told if isinstance(m, Progress) and m.index == message.index]
        assert rows == list(message.result.history)
    assert any(isinstance(message.result, TrialPruned) for message in ended)
    trials = [trial for message in told for trial in getattr(message, "trials", ())]
    assert all(isinstance(trial, PlannedTrial) for trial in trials)
    assert [trials[m.index].trial_id for m in ended] == [m.result.trial_id for m in ended]


def test_a_recipe_that_runs_already_is_not_run_beside_itself(eeg_file: Path, tmp_path: Path) -> None:
    """Here every candidate is the baseline by another name, asked for while it still runs."""
    factor = {"path": "model.activation", "levels": ["elu"]}
    study = make_search(eeg_file, {"trials": 4}, factors={"activation": factor})
    study = study.model_copy(update={"baseline": study.baseline.model_copy(update={"model": cells(study)[1][1].model})})
    plan = make_plan(study)
    with open_store(tmp_path / "store.sqlite", create=True) as store, owner(tmp_path, store) as name:
        key = store.add_study(study, plan.trials, "")
        course, places = search_course(plan, key, tmp_path, store, name, lambda _: None)
        assert [next(places), next(places), next(places)] == [0, None, None]
        stored = store.latest_study(key)
        assert stored
        assert [trial.trial_id for trial in stored.planned] == [plan.trials[0].trial_id] * 4
        assert course.todo == list(plan.trials)
