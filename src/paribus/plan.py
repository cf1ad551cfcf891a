"""Which trials a study asks for and which of them are done; imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.errors import RunError
from paribus.grid import expand
from paribus.models.custom import own_code
from paribus.record import PlannedTrial, TrialFailure, TrialRecord
from paribus.spec import DataSpec, StudySpec
from paribus.store.base import Store, StoredStudy
from paribus.store.place import STORE, find_store, has_store, remembered, shown
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

    def content(spec: DataSpec) -> str:
        origin = spec.origin()
        if origin not in facts:
            dataset = load_dataset(origin)
            facts[origin] = DataFacts(fingerprint(dataset), dataset.input_shape, dataset.n_classes)
        return facts[origin].fingerprint

    return Plan(study, expand(study, content, own_code), facts)


def open_run(out: Path) -> Store:
    """The store of a run folder, in it or wherever it says, for reading.

    Raises:
        RunError: the folder does not exist or holds no run.
        StoreError: the store cannot be opened.
    """
    if not out.is_dir():
        raise RunError(f"no run folder at {out}: start one with `paribus run STUDY --out {out}`")
    if not has_store(out):
        raise RunError(f"{out} holds no run: there is no {STORE} in it; start one with `paribus run STUDY --out {out}`")
    return open_store(find_store(out), read_only=True)


def stored_study(out: Path, store: Store) -> StoredStudy | None:
    """The study that was run in a folder last, or None; a store elsewhere may hold those of other folders too.

    Raises:
        StoreError: the store or what the folder says of it cannot be read.
    """
    known = remembered(out)
    return store.latest_study(None if known is None else known.study_id)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as its store holds it."""

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
        ids = [trial.trial_id for trial in stored.planned]
        records, failures = store.records(ids), store.failures(ids)
    if not records:
        failed = f", {len(failures)} failed (`{failures[0].message}`)" if failures else ""
        raise RunError(f"no trial of study {stored.study.name} is finished yet{failed}: see `paribus status {out}`")
    return StoredRun(out, stored.study, stored.planned, records, failures, stored.created, stored.command, where)


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
