"""What a search tries next, by validation alone, and what it confirms in the end. All of it follows from values.

A candidate is an ordinary trial with the first of the study's seeds. The next one is a function of the study and of
what the earlier ones gave (`propose`), so a search that was stopped goes on as if nothing had been. Nothing here knows
of test data: `Seen` is all that is kept of an outcome.
"""

import hashlib
import logging
import math
import statistics
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from paribus.errors import RunError, StudyError
from paribus.grid import Cell, Patches, baseline_level, cells, levels_of, patch, planned_trial, resolve
from paribus.record import PlannedTrial, TrialFailure, TrialPruned, TrialRecord
from paribus.spec import Baseline, Factor, Range, SearchDesign, StudySpec
from paribus.validate import validate

RECIPE, BEST_FOUND = "recipe", "best found"
"""The factor of a confirmation, and its level where one candidate is confirmed."""
WARM_UP = 0.2
"""Share of the baseline's epochs in which no candidate is ended: first epochs say little."""
DIGITS = 4
"""Significant digits of a number that is tried, so that a recipe can be read and written down."""
DRAWS = 100
"""Of a candidate, until one is a valid configuration."""

State = Literal["finished", "pruned", "failed", "running"]
Values = dict[str, str | int | float]
"""Factor -> name of a level, or a number of a range."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a search learns of a trial."""

    state: State
    curve: tuple[float, ...] = ()
    """Validation accuracy after each epoch, from 0 to 1."""
    accuracy: float = math.nan
    """Validation accuracy at the selected epoch; of a pruned one the best so far."""
    loss: float = math.nan
    """Validation loss there, which decides between equal accuracies."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a search asked for."""

    number: int
    """From 0, the baseline."""
    trial: PlannedTrial
    seen: Seen


def seen(outcome: TrialRecord | TrialPruned | TrialFailure, bar: Sequence[float] = ()) -> Seen:
    """An outcome without anything that was measured on test.

    Args:
        outcome: of a trial.
        bar: that the search has for it (`PlannedTrial.bar`). A trial that another study has trained to its end is seen
            as far as the search would have trained it.
    """
    if isinstance(outcome, TrialFailure):
        return Seen("failed", seconds=0.0 if math.isnan(outcome.seconds) else outcome.seconds)
    curve = tuple(row.validation_accuracy for row in outcome.history)
    if isinstance(outcome, TrialRecord):
        behind = (n for n in range(1, len(curve) + 1) if is_behind(bar, curve[:n], outcome.spec.train.epochs))
        end = next(behind, None)
        if end is None:
            row = outcome.history[outcome.selected_epoch - 1]
            return Seen("finished", curve, row.validation_accuracy, row.validation_loss, outcome.seconds)
        curve, seconds = curve[:end], sum(row.seconds for row in outcome.history[:end])
    else:
        seconds = outcome.seconds
    row = outcome.history[curve.index(max(curve))]
    return Seen("pruned", curve, row.validation_accuracy, row.validation_loss, seconds)


def candidates(study: StudySpec, planned: Sequence[PlannedTrial], known: Mapping[str, Seen]) -> tuple[Candidate, ...]:
    """Those that a search has asked for, in order, as far as its budget goes.

    Args:
        study: with a search for its design.
        planned: its trials as they are stored, those of the confirmation among them.
        known: trial id -> what it gave, as far as it has ended.
    """
    asked = [trial for trial in planned if trial.spec.seed == study.seeds[0]][: design_of(study).trials]
    return tuple(Candidate(n, trial, known.get(trial.trial_id, Seen("running"))) for n, trial in enumerate(asked))


def design_of(study: StudySpec) -> SearchDesign:
    """A study's design, which must be a search."""
    assert isinstance(study.design, SearchDesign)
    return study.design


# ---------------------------------------------------------------- what to try


def propose(study: StudySpec, before: Sequence[Candidate]) -> tuple[Cell, Baseline]:
    """The cell and the configuration of the next candidate.

    It follows from the study and from what ``before`` gave, through Optuna's sampler with a seed of its own for each
    candidate. Those that still run count as bad meanwhile, so that candidates asked for together differ.

    Args:
        study: with a search for its design.
        before: all earlier candidates, the baseline first.

    Raises:
        StudyError: again and again, what was chosen is not a valid configuration.
        RunError: Optuna (the extra `search`) is not installed.
    """
    for draw in range(DRAWS):
        values = _chosen(study, before, draw)
        cell = tuple((name, str(value)) for name, value in values.items())
        try:
            return cell, resolve(study.baseline, patches_of(study, values), cell)
        except StudyError as error:
            unfit = error
    raise StudyError(f"{DRAWS} candidates in turn were no valid study, the last: {unfit.message}", path="factors")


def _chosen(study: StudySpec, before: Sequence[Candidate], draw: int) -> Values:
    """What the sampler asks for next, or instead of what it has asked for already in earlier draws."""
    design = design_of(study)
    again = f" {draw}" if draw else ""
    seed = int.from_bytes(hashlib.sha256(f"search {design.seed} {len(before)}{again}".encode()).digest()[:4], "big")
    with _optuna() as optuna:
        space = {name: _distribution(optuna, study, name) for name in study.factors}
        sampler = (
            optuna.samplers.RandomSampler(seed=seed)
            if design.search == "random"
            else optuna.samplers.TPESampler(
                n_startup_trials=design.startup, multivariate=True, constant_liar=True, seed=seed
            )
        )
        asked = optuna.create_study(direction="maximize", sampler=sampler)
        asked.add_trials([trial for one in before if (trial := _told(optuna, study, space, one))])
        chosen = asked.ask(space).params
    return {name: _rounded(study.factors[name], chosen[name]) for name in study.factors}


def require_optuna() -> None:
    """Raises RunError where the extra is not installed."""
    with _optuna():
        pass


@contextmanager
def _optuna() -> Iterator[Any]:
    """Optuna without its words: what it would say is told by the run itself."""
    try:
        import optuna
    except ImportError as error:
        raise RunError(f"a search needs its extra ({error.name}): pip install 'paribus[search]'") from None
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield optuna
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(optuna: Any, study: StudySpec, name: str) -> Any:
    factor = study.factors[name]
    if isinstance(factor, Factor):
        return optuna.distributions.CategoricalDistribution(tuple(levels_of(name, factor)))
    if is_whole(study.baseline, factor):
        return optuna.distributions.IntDistribution(factor.low, factor.high, log=factor.log, step=factor.step or 1)
    return optuna.distributions.FloatDistribution(factor.low, factor.high, log=factor.log, step=factor.step)


def is_whole(baseline: Baseline, factor: Range) -> bool:
    """Whether whole numbers are tried alone: a step is one, or the field takes nothing else."""
    if not all(isinstance(value, int) for value in (factor.low, factor.high, factor.step or 1)):
        return False
    if factor.step is not None:
        return True
    try:
        validate(Baseline, patch(baseline, {factor.path: factor.low + 0.5}))
    except StudyError:
        return True
    return False


def _rounded(factor: Factor | Range, value: Any) -> Any:
    """A float as it can be written down, and still within its range."""
    if isinstance(factor, Factor) or isinstance(value, int):
        return value
    if factor.step is not None:
        return round(value, 12)
    return min(max(float(f"{value:.{DIGITS}g}"), float(factor.low)), float(factor.high))


def _told(optuna: Any, study: StudySpec, space: Mapping[str, Any], one: Candidate) -> Any:
    """A candidate as Optuna knows trials; None where the baseline lies outside of what is searched."""
    states = optuna.trial.TrialState
    state = {"finished": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL, "running": states.RUNNING}
    values = values_of(study, one.trial)
    try:
        return optuna.trial.create_trial(
            state=state[one.seen.state],
            params=values,
            distributions=dict(space),
            value=one.seen.accuracy if one.seen.state == "finished" else None,
            intermediate_values=dict(enumerate(one.seen.curve, 1)) if one.seen.state == "pruned" else None,
        )
    except ValueError:
        if one.number:
            raise
        return None


def values_of(study: StudySpec, trial: PlannedTrial) -> Values:
    """What a candidate has of each factor; of the baseline, whose cell is empty, what it happens to have."""
    if trial.cell:
        return {name: _value(study, name, text) for name, text in trial.cell}
    plain = study.baseline.model_dump(mode="json")
    values: Values = {}
    for name, factor in study.factors.items():
        found: Any = baseline_level(study, name) if isinstance(factor, Factor) else _at(plain, factor.path)
        if found is not None and (isinstance(factor, Factor) or isinstance(found, int | float)):
            values[name] = found
    return values


def _value(study: StudySpec, name: str, text: str) -> str | int | float:
    factor = study.factors[name]
    if isinstance(factor, Factor):
        return text
    return int(text) if is_whole(study.baseline, factor) else float(text)


def _at(plain: Any, path: str) -> Any:
    for step in path.split("."):
        plain = plain.get(step) if isinstance(plain, dict) else None
    return plain


def patches_of(study: StudySpec, values: Values) -> Patches:
    """Values as patches on the baseline."""
    patches: dict[str, Any] = {}
    for name, value in values.items():
        factor = study.factors[name]
        patches |= {factor.path: value} if isinstance(factor, Range) else levels_of(name, factor)[str(value)]
    return patches


def bar(study: StudySpec, before: Sequence[Candidate]) -> tuple[float, ...]:
    """What the best validation accuracy so far must reach at each epoch, or the candidate is ended; none at first.

    The median of what the finished candidates had after the same epoch, as Optuna's `MedianPruner` has it. It is
    settled when a candidate is chosen and kept with it (`PlannedTrial.bar`), so that it is the same whoever runs it.
    """
    design = design_of(study)
    curves = [one.seen.curve for one in before if one.seen.state == "finished"]
    if design.pruning is None or len(curves) < design.startup:
        return ()
    spared = math.ceil(WARM_UP * study.baseline.train.epochs)
    reached = [[curve[epoch] for curve in curves if epoch < len(curve)] for epoch in range(max(map(len, curves)))]
    return tuple(0.0 if e < spared else statistics.median(there) for e, there in enumerate(reached))


def is_behind(bar: Sequence[float], curve: Sequence[float], epochs: int) -> bool:
    """Whether a trial that has come so far is to be ended; not after its last epoch, when nothing is left to spare.

    Args:
        bar: as `bar` gave it.
        curve: validation accuracy after each epoch so far.
        epochs: of the trial at most.
    """
    n = len(curve)
    return n < epochs and n <= len(bar) and max(curve) < bar[n - 1]


# ---------------------------------------------------------------- what it found


def ranked(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The distinct ones that were trained to their end, best first.

    By validation accuracy at the selected epoch; of equal ones by the loss there, then the earlier one.
    """
    distinct = {one.trial.trial_id: one for one in reversed(found) if one.seen.state == "finished"}
    return tuple(sorted(distinct.values(), key=lambda one: (-one.seen.accuracy, one.seen.loss, one.number)))


def winners(study: StudySpec, found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those that are to be confirmed, best first; the baseline, which is anyway, may be among them."""
    return ranked(found)[: design_of(study).confirm]


def confirmation(study: StudySpec, best: Sequence[Candidate]) -> StudySpec:
    """The study that a search ends in: the baseline against what was found, with the seeds that took no part.

    It is an ordinary one-at-a-time study with one factor, the recipe.
    """
    others = [one for one in best if one.number]
    names = [BEST_FOUND] if design_of(study).confirm == 1 else [f"candidate {one.number}" for one in others]
    levels = {
        name: dict(patches_of(study, values_of(study, one.trial))) for name, one in zip(names, others, strict=False)
    }
    factors = {RECIPE: Factor(levels=levels)} if levels else {}
    return study.model_copy(update={"design": "one_at_a_time", "factors": factors, "seeds": study.seeds[1:]})


def confirming(
    study: StudySpec, best: Sequence[Candidate], planned: Sequence[PlannedTrial]
) -> tuple[StudySpec, tuple[PlannedTrial, ...]]:
    """The confirmation of a search and its trials, in its order.

    Args:
        study: with a search for its design.
        best: its `winners`.
        planned: its trials as they are stored. There can be others than the confirmation's: of a candidate that was the
            best before the budget grew. A trial that is not among them yet has an id that no record has, since its own
            one takes the data.
    """
    last = confirmation(study, best)
    ids = {trial.spec.model_dump_json(): trial.trial_id for trial in planned}
    wanted = [planned_trial(last, *cell, seed, "") for cell in cells(last) for seed in last.seeds]
    return last, tuple(replace(one, trial_id=ids.get(one.spec.model_dump_json(), one.trial_id)) for one in wanted)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a search is."""

    found: tuple[Candidate, ...]
    """As `candidates` has them."""
    last: tuple[PlannedTrial, ...]
    """The trials of the confirmation, were the search to end now."""
    n_left: int
    """Trials that it still runs, at most: candidates and their confirmation."""


def standing(study: StudySpec, planned: Sequence[PlannedTrial], known: Mapping[str, Seen]) -> Standing:
    """Where a search is; arguments as of `candidates`."""
    found = candidates(study, planned, known)
    n_to_search = design_of(study).trials - sum(one.seen.state != "running" for one in found)
    _, last = confirming(study, winners(study, found), planned)
    to_confirm = [trial for trial in last if trial.trial_id not in known]
    if n_to_search == 0:
        return Standing(found, last, len(to_confirm))
    # Any that is still to come may be the best; the baseline is confirmed whichever is.
    others = design_of(study).confirm * (len(study.seeds) - 1)
    return Standing(found, last, n_to_search + others + sum(not trial.cell for trial in to_confirm))
