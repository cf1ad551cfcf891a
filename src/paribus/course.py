"""Which trials a run takes next: those of a plan, seed by seed, or those that a search chooses on its way."""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from paribus.plan import (
    Plan,
    plan_candidate,
    plan_confirmation,
    search_progress,
    seen_so_far,
    still_planned,
    to_build_on,
)
from paribus.record import PlannedTrial, TrialFailure, TrialPruned, TrialRecord
from paribus.search import Seen, bar, candidates, confirmation, design_of, propose, seen, standing, winners
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
    done = store.finished(trial.trial_id for trial in plan.trials)
    todo = _by_seed(plan.trials, plan.study.seeds, done)
    return Course(todo, len(plan.trials) - len(todo)), share(out, store, name, tuple(todo), elsewhere)


def _by_seed(trials: Sequence[PlannedTrial], seeds: Sequence[int], done: Container[str]) -> list[PlannedTrial]:
    missing = {trial.trial_id: trial for trial in trials if trial.trial_id not in done}
    return sorted(missing.values(), key=lambda trial: seeds.index(trial.spec.seed))


def search_course(
    plan: Plan, study_id: int, out: Path, store: Store, name: str, elsewhere: Callable[[int], None]
) -> tuple[Course, Places]:
    """The candidates of a search, then the confirmation of the best; arguments as of `share`.

    A candidate is chosen when there is room for it, and stored before it runs: what was asked once is asked no more.
    A failed one is tried again by the next run, as in any study. Where data or code have changed since, the search goes
    on from the last candidate that is still the same trial.

    Raises:
        DataError: data of a stored trial are missing or unfit.
    """
    study, design = plan.study, design_of(plan.study)
    stored = store.latest_study(study_id)
    planned = list(still_planned(plan, stored.planned if stored else plan.trials))
    if stored and len(planned) < len(stored.planned):
        store.searches.extend(study_id, 0, planned)
    known = to_build_on(store, study_id, planned)
    done = search_progress(standing(study, planned, known), known)
    n_done = done.n_finished + done.n_pruned
    course = Course([], n_done, done.n_planned - n_done, known)

    def run(trials: Sequence[PlannedTrial]) -> Places:
        start = len(course.todo)
        course.todo.extend(trials)
        n_under_way = sum(one.trial_id not in known for one in course.todo)
        course.n_to_come = standing(study, planned, known).n_left - n_under_way

        def ended(place: int) -> None:
            known.update(seen_so_far(store, study_id, [trials[place]]))
            elsewhere(start + place)

        for place in share(out, store, name, trials, ended):
            yield None if place is None else start + place

    def keep(trials: Sequence[PlannedTrial]) -> None:
        store.searches.extend(study_id, len(planned), trials)
        planned.extend(trials)

    def places() -> Places:
        for number in range(design.trials):
            asked = candidates(study, planned, known)
            if number == len(asked):
                trial = replace(plan_candidate(plan, *propose(study, asked)), bar=bar(study, asked))
                if trial.trial_id not in {one.trial_id for one in planned}:
                    known.update(to_build_on(store, study_id, [trial]))
                keep([trial])
            trial = candidates(study, planned, known)[number].trial
            if trial.trial_id not in known and trial.trial_id not in {one.trial_id for one in course.todo}:
                yield from run([trial])
        while any(trial.trial_id not in known for trial in course.todo):
            yield None
        last = plan_confirmation(plan, confirmation(study, winners(study, candidates(study, planned, known))))
        stored_ids = {trial.trial_id for trial in planned}
        keep([trial for trial in last if trial.trial_id not in stored_ids])
        known.update(to_build_on(store, study_id, last))
        yield from run(_by_seed(last, study.seeds, known))

    return course, places()
