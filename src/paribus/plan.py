"""Which trials a study asks for and which of them are done; imports no torch."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from paribus.errors import DataError, NoStoreError, RunError
from paribus.grid import Cell, cells, expand, planned_trial, trial_id
from paribus.models.custom import own_code
from paribus.record import PlannedTrial, TrialFailure, TrialPruned, TrialRecord
from paribus.search import Candidate, Seen, Standing, candidates, confirming, design_of, seen, standing, winners
from paribus.spec import Baseline, DataSpec, SearchDesign, StudySpec
from paribus.store.base import Store, StoredStudy
from paribus.store.place import STORE, find_store, has_store, no_run_at, remembered, shown
from paribus.store.sql import open_store


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What planning has to know of the data."""

    fingerprint: str
    input_shape: tuple[int, int, int]
    n_classes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A study's trials, with the facts of the data of each."""

    study: StudySpec
    trials: tuple[PlannedTrial, ...]
    data: dict[DataSpec, DataFacts]
    """By ``spec.data.origin()``."""

    def facts(self, trial: PlannedTrial) -> DataFacts:
        """Of a trial's data."""
        return self.data[trial.spec.data.origin()]


def make_plan(study: StudySpec) -> Plan:
    """Load each distinct data set once and give every trial its id.

    Raises:
        DataError: data are missing or unfit.
    """
    facts: dict[DataSpec, DataFacts] = {}
    return Plan(study, expand(study, partial(_content, facts), own_code), facts)


def plan_trial(plan: Plan, cell: Cell, configuration: Baseline, seed: int) -> PlannedTrial:
    """One more trial of a plan's study, whose data are loaded if they were not yet.

    Raises:
        DataError: data are missing or unfit.
    """
    digests = _content(plan.data, configuration.data), own_code(configuration)
    return planned_trial(plan.study, cell, configuration, seed, *digests)


def plan_candidate(plan: Plan, cell: Cell, configuration: Baseline) -> PlannedTrial:
    """One more trial of a search.

    Data that are missing or unfit for it alone are found when it runs: it fails then, and the search goes on.
    """
    try:
        return plan_trial(plan, cell, configuration, plan.study.seeds[0])
    except DataError:
        origin = configuration.data.origin()
        plan.data[origin] = DataFacts(_unfit(origin), (0, 0, 0), 0)
        return plan_trial(plan, cell, configuration, plan.study.seeds[0])


def _unfit(origin: DataSpec) -> str:
    """What stands for the fingerprint of data that could not be loaded."""
    return "unfit " + hashlib.sha256(origin.model_dump_json().encode()).hexdigest()


def still_planned(plan: Plan, planned: Sequence[PlannedTrial]) -> tuple[PlannedTrial, ...]:
    """Of the trials that a search has stored, those that it would have now: data or code of one's own may have changed.

    Candidates are the same up to the first that is another trial now; those after it were chosen by what it gave.
    The data of all of them are looked at, so that any can be run.

    Raises:
        DataError: data are missing or unfit that were there.
    """
    still, searching = [], True
    for trial in planned:
        same, searched = trial.trial_id == _id_now(plan, trial), trial.spec.seed == plan.study.seeds[0]
        searching = searching and (same or not searched)
        if same and (searching or not searched):
            still.append(trial)
    return tuple(still)


def _id_now(plan: Plan, trial: PlannedTrial) -> str:
    unfit = trial_id(trial.spec, _unfit(trial.spec.data.origin()), own_code(trial.spec))
    if trial.trial_id == unfit:
        return plan_candidate(plan, trial.cell, trial.spec).trial_id
    return plan_trial(plan, trial.cell, trial.spec, trial.spec.seed).trial_id


def plan_confirmation(plan: Plan, study: StudySpec) -> tuple[PlannedTrial, ...]:
    """The trials of the study that a plan's search ends in (`search.confirmation`)."""
    return expand(study, partial(_content, plan.data), own_code)


def corners(plan: Plan) -> tuple[PlannedTrial, ...]:
    """Of a search, a trial at each end of what it may choose (`grid.cells`); none of another study."""
    if not isinstance(plan.study.design, SearchDesign):
        return ()
    return tuple(plan_trial(plan, *cell, plan.study.seeds[0]) for cell in cells(plan.study))


def _content(facts: dict[DataSpec, DataFacts], spec: DataSpec) -> str:
    """The fingerprint of data, which are looked at once."""
    # here, since who only looks at a run needs no source of data
    from paribus.data.fingerprint import fingerprint
    from paribus.data.sources import load_dataset

    origin = spec.origin()
    if origin not in facts:
        dataset = load_dataset(origin)
        facts[origin] = DataFacts(fingerprint(dataset), dataset.input_shape, dataset.n_classes)
    return facts[origin].fingerprint


def open_run(out: Path) -> Store:
    """The store of a run folder, in it or wherever it says, for reading.

    Raises:
        RunError: the folder does not exist or holds no run.
        StoreError: the store cannot be opened.
    """
    if not has_store(out):
        raise RunError(no_run_at(out))
    return open_store(find_store(out), read_only=True)


def _open_for(out: Path, given: str | None) -> Store | None:
    """The store that a run would use, for reading; None where it would begin a new one.

    Raises:
        RunError, StoreError: a run would be refused as well.
    """
    try:
        return open_store(find_store(out, given), read_only=True)
    except NoStoreError:
        if given is None and has_store(out):
            raise
        return None


def stored_study(out: Path, store: Store) -> StoredStudy | None:
    """The study that was run in a folder last, or None; a store elsewhere may hold those of other folders too.

    Raises:
        StoreError: the store or what the folder says of it cannot be read.
    """
    known = remembered(out)
    return store.latest_study(None if known is None else known.study_id)


def seen_so_far(store: Store, study_id: int, planned: Sequence[PlannedTrial]) -> dict[str, Seen]:
    """Trial id -> what a search knows of it, for those that have ended.

    It is the same whatever other studies have made of them: what the search has pruned stays so, and what it would have
    pruned is seen as if it had.
    """
    bars = {trial.trial_id: trial.bar for trial in reversed(planned)}  # what comes again is not run again
    ended: list[TrialRecord | TrialPruned | TrialFailure] = [*store.failures(bars)]
    ended += store.records(bars, predictions=False)
    ended += [outcome for outcome in store.searches.pruned(study_id) if outcome.trial_id in bars]
    return {outcome.trial_id: seen(outcome, bars[outcome.trial_id]) for outcome in ended}


def to_build_on(store: Store, study_id: int, planned: Sequence[PlannedTrial]) -> dict[str, Seen]:
    """What a run goes on from: `seen_so_far` without failures, which every run tries again."""
    return {i: one for i, one in seen_so_far(store, study_id, planned).items() if one.state != "failed"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How many trials a study has, and how many of them have ended in each way."""

    n_planned: int
    """Of a search at most so many: a recipe that it tries twice is trained once."""
    n_finished: int
    n_failed: int
    n_pruned: int = 0


def progress(store: Store, stored: StoredStudy) -> Progress:
    """How far a study is; of a search with its confirmation."""
    if isinstance(stored.study.design, SearchDesign):
        known = seen_so_far(store, stored.study_id, stored.planned)
        return search_progress(standing(stored.study, stored.planned, known), known)
    ids = {trial.trial_id for trial in stored.planned}
    return Progress(len(ids), len(store.finished(ids)), len(store.failed(ids)))


def search_progress(now: Standing, known: Mapping[str, Seen]) -> Progress:
    """How far a search is, by its candidates and the confirmation of those that are the best by now.

    Args:
        now: where it is.
        known: trial id -> what it gave (`seen_so_far`).
    """
    ids = {*(one.trial.trial_id for one in now.found), *(trial.trial_id for trial in now.last)} & known.keys()
    n = Counter(known[i].state for i in ids)
    return Progress(len(ids) + now.n_left, n["finished"], n["failed"], n["pruned"])


def planned_progress(out: Path, plan: Plan, given: str | None = None) -> Progress:
    """How far a plan's search has come in a run folder, as its next run would find it.

    It may have run with another budget, and before data or code have changed.

    Args:
        out: the run folder; it need not exist.
        plan: the study's.
        given: path or URL of the store that the run would be told of.

    Raises:
        DataError: data of a stored trial are missing or unfit.
        RunError, StoreError: a run would be refused as well.
    """
    study, planned, known = plan.study, plan.trials, dict[str, Seen]()
    if opened := _open_for(out, given):
        with opened as store:
            for stored in reversed(store.studies()):
                same = stored.study.without_budget() == study.without_budget()
                if same and stored.planned[:1] == plan.trials:
                    planned = still_planned(plan, stored.planned)
                    known = to_build_on(store, stored.study_id, planned)
                    break
    return search_progress(standing(study, planned, known), known)


@dataclass(frozen=True, slots=True)
class Search:
    """How a confirmation came about: the study that searched, and all that it tried."""

    study: StudySpec
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> tuple[Candidate, ...]:
        """Those that are confirmed, best first."""
        return winners(self.study, self.candidates)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as its store holds it; of a search, its confirmation, which is an ordinary study."""

    path: Path
    study: StudySpec
    planned: tuple[PlannedTrial, ...]
    records: tuple[TrialRecord, ...]
    failures: tuple[TrialFailure, ...]
    created: str
    """When the study was first stored, ISO 8601."""
    command: str
    """That started it."""
    store: str
    """Where records are kept: a path, or a URL without its password."""
    search: Search | None = None
    """That led to the study."""


def read_run(out: Path) -> StoredRun:
    """The latest study of a run folder, with all that its trials gave.

    Raises:
        RunError: the folder holds no study, or no trial of it is finished.
        StoreError: the store cannot be read.
    """
    with open_run(out) as store:
        where, stored = shown(find_store(out)), stored_study(out, store)
        if stored is None:
            raise RunError(f"{where} holds no study yet: start one with `paribus run`")
        study, planned, search = stored.study, stored.planned, None
        if isinstance(study.design, SearchDesign):
            found = candidates(study, planned, seen_so_far(store, stored.study_id, planned))
            search = Search(study, found)
            study, planned = confirming(study, search.best, planned)
        ids = [trial.trial_id for trial in planned]
        records, failures = store.records(ids), store.failures(ids)
    if search and not records:
        n, of = sum(one.seen.state != "running" for one in search.candidates), design_of(search.study).trials
        raise RunError(
            f"the search of {study.name} has ended {n} of {of} candidates, and no trial that confirms what it found is "
            f"finished yet: see `paribus status {out}`"
        )
    if not records:
        failed = f", {len(failures)} failed (`{failures[0].message}`)" if failures else ""
        raise RunError(f"no trial of study {study.name} is finished yet{failed}: see `paribus status {out}`")
    return StoredRun(out, study, planned, records, failures, stored.created, stored.command, where, search)


def checkpoint_in(out: Path, place: str) -> Path:
    """Where a checkpoint is that a record names: inside its run folder, whatever a store says.

    Raises:
        RunError: it would be elsewhere.
    """
    path = out / place
    if not path.resolve().is_relative_to(out.resolve()):
        raise RunError(f"{out / STORE} names a checkpoint outside of its run, {place}: it is left alone")
    return path


def finished(out: Path, plan: Plan, given: str | None = None) -> frozenset[str]:
    """The ids of a plan's trials that a run would find done; the arguments are those of `planned_progress`."""
    opened = _open_for(out, given)
    if opened is None:
        return frozenset()
    with opened as store:
        return store.finished(trial.trial_id for trial in plan.trials)


def distinct(plan: Plan, key: Callable[[PlannedTrial], str]) -> tuple[PlannedTrial, ...]:
    """The first trial of each kind."""
    found: dict[str, PlannedTrial] = {}
    for trial in plan.trials:
        found.setdefault(key(trial), trial)
    return tuple(found.values())
