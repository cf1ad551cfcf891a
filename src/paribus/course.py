"""Which trials a run takes next: those of a plan, seed by seed, or those that a search chooses on its way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paribus.plan import Plan, plan_confirmation, plan_trial, seen_so_far
from paribus.record import PlannedTrial, TrialFailure, TrialPruned, TrialRecord
from paribus.search import (
    Seen,
    bar,
    candidates,
    confirmation,
    design_of,
    is_behind,
    n_to_confirm,
    propose,
    seen,
    winners,
)
from paribus.share import share
from paribus.store.base import Store


@dataclass(slots=True, eq=False)
class Course:
    """The trials of a run, as they become known."""

    todo: list[PlannedTrial] = field(default_factory=list)
    """To run, in their order; it grows where a search chooses."""
    n_done: int = 0
    """Ended in an earlier run."""
    n_to_come: int = 0
    """At most that are still to be chosen."""
    bars: dict[int, tuple[float, ...]] = field(default_factory=dict)
    """Place in ``todo`` -> what the trial must reach (`search.bar`)."""
    known: dict[str, Seen] = field(default_factory=dict)
    """Of a search: trial id -> what it gave."""

    def note(self, outcome: TrialRecord | TrialPruned | TrialFailure) -> None:
        """A trial has ended here."""
        self.known[outcome.trial_id] = seen(outcome)


Places = Iterator[int | None]
"""Of trials in `Course.todo` that are this process's to run now; None while there is none (as of `share`)."""


def planned_course(
    plan: Plan, out: Path, store: Store, name: str, elsewhere: Callable[[int], None]
) -> tuple[Course, Places]:
    """The missing trials of a plan, which several processes may share; arguments as of `share`."""
    todo = _by_seed(plan.trials, plan.study.seeds, store)
    return Course(todo, len(plan.trials) - len(todo)), share(out, store, name, tuple(todo), elsewhere)


def _by_seed(trials: Sequence[PlannedTrial], seeds: Sequence[int], store: Store) -> list[PlannedTrial]:
    done = store.finished(trial.trial_id for trial in trials)
    missing = {trial.trial_id: trial for trial in trials if trial.trial_id not in done}
    return sorted(missing.values(), key=lambda trial: seeds.index(trial.spec.seed))


def search_course(
    plan: Plan, study_id: int, out: Path, store: Store, name: str, elsewhere: Callable[[int], None]
) -> tuple[Course, Places]:
    """The candidates of a search, then the confirmation of the best; arguments as of `share`.

    A candidate is chosen when there is room for it, and stored before it runs: what was asked once is asked no more.
    A failed one is tried again by the next run, as in any study.
    """
    study, design = plan.study, design_of(plan.study)
    stored = store.latest_study(study_id)
    planned = list(stored.planned if stored else plan.trials)
    known = _to_build_on(store, study_id, planned)
    to_confirm = n_to_confirm(study)
    n_searched = sum(one.seen.state != "running" for one in candidates(study, planned, known))
    n_confirmed = sum(trial.trial_id in known for trial in planned if trial.spec.seed != study.seeds[0])
    n_to_come = design.trials - n_searched + max(to_confirm - n_confirmed, 0)
    course = Course([], len(known), n_to_come, known=known)

    def run(trials: Sequence[PlannedTrial]) -> Places:
        start = len(course.todo)
        course.todo.extend(trials)

        def ended(place: int) -> None:
            known.update(seen_so_far(store, study_id, [trials[place]]))
            elsewhere(start + place)

        for place in share(out, store, name, trials, ended):
            yield None if place is None else start + place

    def keep(trials: Sequence[PlannedTrial]) -> None:
        store.extend_study(study_id, len(planned), trials)
        planned.extend(trials)

    def places() -> Places:
        for number in range(design.trials):
            course.n_to_come = design.trials - number - 1 + to_confirm
            asked = candidates(study, planned, known)
            if number == len(asked):
                trial = plan_trial(plan, *propose(study, asked), study.seeds[0])
                if trial.trial_id not in {one.trial_id for one in planned}:
                    _prune_after_the_fact(store, study_id, trial, bar(study, asked))
                    known.update(_to_build_on(store, study_id, [trial]))
                keep([trial])
            trial = candidates(study, planned, known)[number].trial
            if trial.trial_id not in known and trial.trial_id not in {one.trial_id for one in course.todo}:
                course.bars[len(course.todo)] = bar(study, asked[:number])
                yield from run([trial])
        while any(trial.trial_id not in known for trial in course.todo):
            yield None
        last = plan_confirmation(plan, confirmation(study, winners(study, candidates(study, planned, known))))
        stored_ids = {trial.trial_id for trial in planned}
        keep([trial for trial in last if trial.trial_id not in stored_ids])
        course.n_to_come = 0
        yield from run(_by_seed(last, study.seeds, store))

    return course, places()


def _to_build_on(store: Store, study_id: int, planned: Sequence[PlannedTrial]) -> dict[str, Seen]:
    """What is known already; but failures, which every run tries again."""
    return {i: one for i, one in seen_so_far(store, study_id, planned).items() if one.state != "failed"}


def _prune_after_the_fact(store: Store, study_id: int, trial: PlannedTrial, reach: Sequence[float]) -> None:
    """What another study has trained to its end is seen as far as this search would have trained it.

    So a search finds the same whatever else the store holds.
    """
    for record in store.records([trial.trial_id]):
        curve = [row.validation_accuracy for row in record.history]
        for n in range(1, len(curve) + 1):
            if is_behind(reach, curve[:n], record.spec.train.epochs):
                begun = record.history[:n]
                seconds = sum(row.seconds for row in begun)
                store.add_pruned(
                    study_id,
                    TrialPruned(trial.trial_id, trial.spec, record.fingerprint, record.environment, begun, seconds),
                )
                return
