"""Which trials a study asks for and which of them are done; imports no torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from paribus.errors import RunError
from paribus.grid import Cell, cells, expand, planned_trial
from paribus.models.custom import own_code
from paribus.record import PlannedTrial, TrialFailure, TrialPruned, TrialRecord
from paribus.search import Candidate, Seen, candidates, confirming, design_of, n_to_confirm, seen, winners
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


def stored_study(out: Path, store: Store) -> StoredStudy | None:
    """The study that was run in a folder last, or None; a store elsewhere may hold those of other folders too.

    Raises:
        StoreError: the store or what the folder says of it cannot be read.
    """
    known = remembered(out)
    return store.latest_study(None if known is None else known.study_id)


def seen_so_far(store: Store, study_id: int, planned: Sequence[PlannedTrial]) -> dict[str, Seen]:
    """Trial id -> what a search knows of it, for those that have ended.

    What it has pruned stays so for it, although another study may have trained it since.
    """
    ids = list(dict.fromkeys(trial.trial_id for trial in planned))
    ended: list[TrialRecord | TrialPruned | TrialFailure] = [*store.failures(ids), *store.records(ids)]
    ended += [outcome for outcome in store.pruned(study_id) if outcome.trial_id in ids]
    return {outcome.trial_id: seen(outcome) for outcome in ended}


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
    ids = {trial.trial_id for trial in stored.planned}
    finished, failed, design = store.finished(ids), store.failed(ids), stored.study.design
    if not isinstance(design, SearchDesign):
        return Progress(len(ids), len(finished), len(failed))
    pruned = {trial.trial_id for trial in store.pruned(stored.study_id)}
    finished, failed = finished - pruned, failed - pruned
    asked = [trial for trial in stored.planned if trial.spec.seed == stored.study.seeds[0]]
    if len(asked) < design.trials or len(finished | failed | pruned) < len(ids):
        return Progress(design.trials + n_to_confirm(stored.study), len(finished), len(failed), len(pruned))
    return Progress(len(ids), len(finished), len(failed), len(pruned))


def planned_progress(out: Path, plan: Plan) -> Progress:
    """How far a plan's search has come in a run folder, where it may have run with another budget."""
    study = plan.study
    if has_store(out):
        with open_run(out) as store:
            for stored in reversed(store.studies()):
                same = stored.study.without_budget() == study.without_budget()
                if same and stored.planned[:1] == plan.trials:
                    return progress(store, replace(stored, study=study))
    return Progress(design_of(study).trials + n_to_confirm(study), 0, 0)


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


def finished(out: Path, plan: Plan) -> frozenset[str]:
    """The ids of a plan's trials that a run folder already holds; none when there is no run yet."""
    if not has_store(out):
        return frozenset()
    with open_run(out) as store:
        return store.finished(trial.trial_id for trial in plan.trials)


def distinct(plan: Plan, key: Callable[[PlannedTrial], str]) -> tuple[PlannedTrial, ...]:
    """The first trial of each kind."""
    found: dict[str, PlannedTrial] = {}
    for trial in plan.trials:
        found.setdefault(key(trial), trial)
    return tuple(found.values())
