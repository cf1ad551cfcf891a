"""Where planning, executors, training and the store meet."""

import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from paribus.course import planned_course, search_course
from paribus.errors import DataError, ModelError, RunError, TrainingError
from paribus.execute.base import Crashed, Executor, Finished, Message, Progress, Retrying
from paribus.execute.in_process import InProcess
from paribus.execute.processes import Processes
from paribus.execute.ray import Ray
from paribus.grid import in_words
from paribus.live import Journal, clear
from paribus.machine import available_memory
from paribus.models.build import check
from paribus.models.custom import own_code, refuse_inside_import
from paribus.plan import Plan, corners, distinct, make_plan
from paribus.record import PlannedTrial, TrialFailure, TrialPruned, TrialRecord
from paribus.search import require_optuna
from paribus.share import alone, may_work, owner
from paribus.spec import Resources, RunSpec, SearchDesign, StudySpec, TrainSpec
from paribus.store.place import VARIABLE as PASSWORDS
from paribus.store.place import find_store, remember
from paribus.store.rows import study_content
from paribus.store.sql import open_store
from paribus.training.augment_own import check_functions
from paribus.training.divide import divide, everything, load_anew, n_trainings
from paribus.training.environment import resolve_device
from paribus.training.state import remove_state
from paribus.training.trial import TrialTask, run_trial

LOCK = "run.lock"
OWNER = "run.owner.json"
"""Who was in a run folder first: process and start."""
MEMORY_OF_A_WORKER = 2 * 2**30
"""Bytes. SimpleCNN takes 0.6 GB; large networks on large batches take more, and then --jobs says how many."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first thing that a run tells: what it is going to do."""

    trials: tuple[PlannedTrial, ...]
    """To run, in the order of the indices of all messages."""
    n_done: int
    """Finished in an earlier run of the same folder."""
    epochs: tuple[int, ...]
    """Of each trial, at most, of all its trainings together."""
    beside: str = ""
    """Who works in the same folder already, in words; the trials are shared then."""
    n_to_come: int = 0
    """At most that a search is still to choose; told of by `RunGrew`."""


@dataclass(frozen=True, slots=True)
class RunGrew:
    """A search has chosen further trials; their indices follow on those before."""

    trials: tuple[PlannedTrial, ...]
    epochs: tuple[int, ...]
    n_to_come: int
    """At most that are still to be chosen after these."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a run did."""

    n_finished: int
    n_failed: int
    n_done_before: int
    n_elsewhere: int = 0
    """That another process finished, or saw fail, meanwhile."""
    n_pruned: int = 0
    """Candidates of a search that were ended, since others were ahead."""


Outcome = TrialRecord | TrialPruned | TrialFailure
RunMessage = RunStarted | RunGrew | Message
Listener = Callable[[RunMessage], None]


def run_study(study: StudySpec, run: RunSpec, listen: Listener = lambda _: None) -> RunOutcome:
    """Run what is missing of a study, storing each trial as it ends.

    Trials go seed by seed, so that a study that is stopped early has every cell for the seeds it has. Several
    processes, on one machine or many, may run a study in one folder or with one store: each trial is run by one. A
    search is one process's; its candidates come one after the other, or as many at a time as there are jobs.

    Args:
        study: the question.
        run: where and how.
        listen: told of the start and of every message of the executor.

    Raises:
        DataError, ModelError, TrainingError: found before any training.
        RunError: the run folder cannot be written, another process runs this search, or its extra is missing; or a
            module that is imported for its network calls this.
        StoreError: the store cannot be written.
    """
    refuse_inside_import()
    run = _settled(run)
    if isinstance(study.design, SearchDesign):
        require_optuna()
    plan = make_plan(study)
    check_plan(plan)
    out = Path(run.out)
    where = find_store(out, None if run.store is None else run.store.get_secret_value())
    with _first(out) as beside, open_store(where, create=True) as store, owner(out, store) as name:
        if isinstance(study.design, SearchDesign):  # before anything is written: another's search stays as it is
            alone(out, store, name, "a search", f"search {study_content(study, plan.trials)}")
        study_id = store.add_study(study, plan.trials, run.command)
        remember(out, where, study_id)
        elsewhere: list[int] = []

        def ended_elsewhere(place: int) -> None:
            elsewhere.append(place)
            tell_growth()
            journal.ended(place)

        if isinstance(study.design, SearchDesign):
            course, sequence = search_course(plan, study_id, out, store, name, ended_elsewhere)
        else:
            course, sequence = planned_course(plan, out, store, name, ended_elsewhere)
        told = list(course.todo)
        epochs = _epochs(told)
        listen(RunStarted(tuple(told), course.n_done, epochs, beside, course.n_to_come))
        if not beside:
            clear(out, partial(may_work, out))
        journal = Journal(out, told, epochs, beside=name if beside else "")
        places: list[int] = []  # of the trials that are ours, in the order in which they came

        def tell_growth() -> None:
            if grown := course.todo[len(told) :]:
                told.extend(grown)
                listen(RunGrew(tuple(grown), _epochs(grown), course.n_to_come))
                journal.grew(grown, _epochs(grown))

        def tasks() -> Iterator[TrialTask | None]:
            for place in sequence:
                tell_growth()
                places.extend([] if place is None else [place])
                yield None if place is None else _task(plan, course.todo[place], run)

        n_failed = n_pruned = 0
        with closing(_executor(run).map(run_trial, tasks())) as messages:
            for of_ours in messages:
                message = replace(of_ours, index=places[of_ours.index])
                if isinstance(message, Finished | Crashed):
                    outcome = _outcome(message, course.todo[message.index], plan)
                    if isinstance(outcome, TrialPruned):
                        store.searches.add(study_id, outcome)
                    else:
                        store.add(outcome)
                    n_failed += isinstance(outcome, TrialFailure)
                    n_pruned += isinstance(outcome, TrialPruned)
                    course.note(outcome)
                    journal.ended(message.index)
                    remove_state(out, outcome.trial_id)
                elif isinstance(message, Progress):
                    journal.epoch(message.index, message.event)
                elif isinstance(message, Retrying):
                    journal.again(message.index)
                listen(message)
    n_finished = len(places) - n_failed - n_pruned
    return RunOutcome(n_finished, n_failed, course.n_done, len(elsewhere), n_pruned)


def _epochs(trials: Sequence[PlannedTrial]) -> tuple[int, ...]:
    """Of each trial, at most, of all its trainings together."""

    def n(trial: PlannedTrial) -> int:
        try:
            return n_trainings(trial.spec)
        except DataError:  # a candidate whose data are unfit, and which fails at once
            return 1

    return tuple(trial.spec.train.epochs * n(trial) for trial in trials)


def check_plan(plan: Plan) -> None:
    """Build each distinct network once on a dummy batch; try each split, normalisation and batch size.

    Of a search the ends of all that it may choose are tried.

    Raises:
        DataError, ModelError, TrainingError: in words, naming the cell.
    """

    load_anew()
    plan = replace(plan, trials=(*plan.trials, *corners(plan)))

    def network(trial: PlannedTrial) -> str:
        return f"{plan.facts(trial)} {trial.spec.model.model_dump_json()}"

    def draw(trial: PlannedTrial) -> int:
        """Where classes can be missing from a draw, every seed's is looked at."""
        data = trial.spec.data
        return trial.spec.seed_of("split") if data.split_by_group or not data.stratify else 0

    def batches(trial: PlannedTrial) -> str:
        train = trial.spec.train
        return (
            f"{trial.spec.data.model_dump_json()} {train.batch_size} {train.augmentation} {train.refit} {draw(trial)}"
        )

    for trial in distinct(plan, network):
        facts = plan.facts(trial)
        with _naming(trial):
            check(trial.spec.model, facts.input_shape, facts.n_classes)
    for trial in distinct(plan, batches):
        with _naming(trial):
            divided = divide(trial.spec)
            check_functions(trial.spec.train.augmentation, plan.facts(trial).input_shape)
            if trial.spec.train.refit == "all":
                everything(trial.spec, divided)


@contextmanager
def _naming(trial: PlannedTrial) -> Iterator[None]:
    try:
        yield
    except (DataError, ModelError, TrainingError) as error:
        raise type(error)(f"{error} (in the cell: {in_words(trial.cell)})") from None


def seconds_an_epoch(plan: Plan, run: RunSpec) -> dict[str, float]:
    """How long an epoch takes for each distinct configuration, by training two epochs and timing the second.

    Args:
        plan: the study.
        run: where and how; its folder is left alone.

    Returns:
        seconds by `configuration` of a trial.

    Raises:
        TrainingError: a configuration cannot be trained.
    """
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for trial in distinct(plan, configuration):
            train = trial.spec.train.model_copy(update={"epochs": 2, "early_stop": None})
            spec = trial.spec.model_copy(update={"train": train})
            short = PlannedTrial(cell=trial.cell, spec=spec, trial_id=trial.trial_id)
            task = _task(plan, short, run.model_copy(update={"out": folder}))
            outcome = run_trial(task, lambda _: None)
            if isinstance(outcome, TrialFailure):
                raise TrainingError(outcome.message)
            refits = (train.refit == "all") / len(divide(spec))
            seconds[configuration(trial)] = outcome.history[-1].seconds * (1 + refits)
    return seconds


def configuration(trial: PlannedTrial) -> str:
    """What decides how long an epoch takes: equal for trials that differ only in seed, epochs or learning rate."""
    train = trial.spec.train
    kept = ("batch_size", "precision", "sampling", "augmentation", "refit")
    same = TrainSpec(**{name: getattr(train, name) for name in kept})
    return f"{trial.spec.data.model_dump_json()} {trial.spec.model.model_dump_json()} {same.model_dump_json()}"


def default_jobs(run: RunSpec) -> int:
    """One worker a core that this process may use, as far as memory goes; one in all where trials share a GPU."""
    if resolve_device(run.device).type != "cpu":
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores // run.threads, available_memory() // MEMORY_OF_A_WORKER))


def _task(plan: Plan, trial: PlannedTrial, run: RunSpec) -> TrialTask:
    told = run.model_copy(update={"store": None})  # the parent writes it: no password goes anywhere
    return TrialTask(trial, plan.facts(trial).fingerprint, told, own_code(trial.spec))


def _settled(run: RunSpec) -> RunSpec:
    """What is left open, decided, so that it is the same for all trials.

    Raises:
        TrainingError: the device is not there.
    """
    if run.executor == "local":
        resolve_device(run.device)
        return run.model_copy(update={"jobs": run.jobs or default_jobs(run)})
    given = run.resources or Resources(gpu=1.0 if run.device == "cuda" else 0.0)
    resources = given.model_copy(update={"cpu": run.threads if given.cpu is None else given.cpu})
    device = run.device
    if device == "auto":  # not by what each node happens to have
        device = "cuda" if given.gpu else "cpu"
    jobs = run.jobs
    if run.address is None:
        resolve_device(device)
        jobs = jobs or (None if given.gpu else default_jobs(run.model_copy(update={"device": device})))
    return run.model_copy(update={"resources": resources, "device": device, "jobs": jobs})


def _executor(run: RunSpec) -> Executor:
    time_limit = run.time_limit or math.inf
    if run.executor == "ray":
        needs = (run.resources or Resources()).model_dump()
        return Ray(
            run.jobs,
            address=run.address,
            **needs,
            retries=run.retries,
            time_limit=time_limit,
            variables=_variables(),
        )
    if run.jobs == 1 and run.time_limit is None:
        return InProcess()
    return Processes(run.jobs or 1, retries=run.retries, time_limit=time_limit)


def _variables() -> dict[str, str]:
    """Of the environment, that decide how a trial runs; the store's may hold a password, and a trial needs none."""
    names = [name for name in os.environ if name.startswith("PARIBUS_") and name != PASSWORDS]
    return {name: os.environ[name] for name in (*names, "AEON_DATA", "MNE_DATA") if name in os.environ}


def _outcome(message: Finished | Crashed, trial: PlannedTrial, plan: Plan) -> Outcome:
    if isinstance(message, Finished):
        result: Outcome = message.result
        return result
    return TrialFailure(
        trial_id=trial.trial_id,
        spec=trial.spec,
        fingerprint=plan.facts(trial).fingerprint,
        environment=None,
        kind=message.kind,
        message=message.message,
        traceback=message.traceback,
        seconds=float("nan"),
    )


@contextmanager
def _first(out: Path) -> Iterator[str]:
    """Be the process that tells of a run folder's run in it; else the words say which one is."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        yield f"another `paribus run` is working in {out}{_owner(out)}"
        return
    except OSError as error:
        raise RunError(f"cannot write in {out}: {error.strerror}; choose another folder with --out") from None
    try:
        started = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError):  # only for others to read: the lock is what counts
            (out / OWNER).write_text(json.dumps({"pid": os.getpid(), "started": started}))
        yield ""
    finally:
        with suppress(OSError):
            (out / OWNER).unlink()
        lock.release()


def _owner(out: Path) -> str:
    try:
        owner = json.loads((out / OWNER).read_text())
        return f" (process {int(owner['pid'])}, since {owner['started']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
