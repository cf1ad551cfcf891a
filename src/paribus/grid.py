"""From a study to its trials: patches on the baseline, the design, and each trial's id."""

import copy
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from paribus.errors import StudyError
from paribus.level import level_name
from paribus.record import PlannedTrial
from paribus.spec import AnyFactor, Baseline, Range, SearchDesign, StudySpec, TrialSpec
from paribus.suggest import from_known
from paribus.validate import spec_class_at, tag_of, validate

Cell = tuple[tuple[str, str], ...]
Patches = Mapping[str, Any]

ID_LENGTH = 16
MOST_CELLS, MOST_TRIALS = 5_000, 100_000
"""Of a study; ten levels of three factors are 1,000 cells."""
MOST_CORNERS = 500
"""Combinations of a search that are looked at before it starts; of more, so many are drawn."""


def patch(baseline: Baseline, patches: Patches) -> dict[str, Any]:
    """A baseline's plain values, without those that are merely default, with the value at each dotted path replaced.

    Where a patch changes the *kind* of a thing (``data.source``, ``train.schedule.name`` …), the new kind has defaults
    of its own; what was given for the old kind stays where the new one has such a field (and needs no value for it,
    or there is one), unless a patch set it too.

    Args:
        baseline: what is patched.
        patches: dotted path -> value, as in ``{"model.activation": "elu"}``.

    Raises:
        StudyError: a path leads through something that is not a mapping.
    """
    result: dict[str, Any] = baseline.model_dump(mode="json", exclude_unset=True)
    defaults: dict[str, Any] = baseline.model_dump(mode="json")
    for path, value in patches.items():
        *parents, last = path.split(".")
        place: Any = result
        default: Any = defaults
        for parent in parents:
            default = default.get(parent) if isinstance(default, dict) else None
            if place.get(parent) is None:
                place[parent] = _bare(parent, default, path)
            place = place[parent]
            if not isinstance(place, dict):
                raise StudyError(f"`{parent}` has no fields inside: it is {place!r}", path=path)
        place[last] = copy.deepcopy(value)
    for path in patches:
        *owner, last = path.split(".")
        cls = spec_class_at(Baseline, result, tuple(owner))
        tag = tag_of(cls) if cls else None
        if cls and tag and tag[0] == last:
            at = result
            for parent in owner:
                at = at[parent]
            for key in list(at):
                field = cls.model_fields.get(key)
                unfit = field is None or (field.is_required() and at[key] is None)
                if unfit and ".".join((*owner, key)) not in patches:
                    del at[key]
    return result


def _bare(name: str, default: Any, path: str) -> dict[str, Any]:
    """What a field must have to be patched inside: only its kind, where a default has one."""
    if default is not None and not isinstance(default, dict):
        raise StudyError(f"`{name}` has no fields inside: it is {default!r}", path=path)
    return {"name": default["name"]} if default and "name" in default else {}


def levels_of(name: str, factor: AnyFactor) -> dict[str, Patches]:
    """The levels of a factor by name, each as patches; of a range its two ends.

    Raises:
        StudyError: two levels are equal, or would have the same name.
    """
    if isinstance(factor, Range):
        return {str(end): {factor.path: end} for end in (factor.low, factor.high)}
    if isinstance(factor.levels, dict):
        return dict(factor.levels)
    assert factor.path is not None
    names = [level_name(value) for value in factor.levels]
    if len(set(names)) < len(names):
        names = [level_name(value, long=True) for value in factor.levels]
    for i, level in enumerate(names):
        if level in names[:i]:
            first, place = names.index(level), f"factors.{name}.levels.{i}"
            if factor.levels[i] == factor.levels[first]:
                raise StudyError(f"level `{level}` equals level {first + 1}: levels must differ", path=place)
            raise StudyError(
                f"this level and level {first + 1} would both be called `{level}`: give them names of your own, as in "
                f"`levels: {{one: {{{factor.path}: …}}, other: {{{factor.path}: …}}}}`",
                path=place,
            )
    return {level: {factor.path: value} for level, value in zip(names, factor.levels, strict=True)}


def baseline_level(study: StudySpec, factor: str) -> str | None:
    """The level of a factor that leaves the baseline as it is; None when no level does."""
    return level_of(study.baseline, factor, study.factors[factor]) if factor in study.factors else None


def level_of(recipe: Baseline, name: str, factor: AnyFactor) -> str | None:
    """The level of a factor that leaves a recipe as it is; None when no level does."""
    for level, patches in levels_of(name, factor).items():
        try:
            if validate(Baseline, patch(recipe, patches)) == recipe:
                return level
        except StudyError:
            continue  # valid only together with another factor's level, so not the recipe's
    return None


def cells(study: StudySpec) -> tuple[tuple[Cell, Baseline], ...]:
    """The distinct configurations of a study, in its order, without seeds.

    A ``grid`` has every combination of levels. ``one_at_a_time`` has the baseline as it stands (an empty cell)
    and then each level that differs from it, alone. Of a search, which chooses its cells on the way, these are the
    corners of what it may choose: as of ``one_at_a_time``, with the ends of ranges for levels. Every combination of
    them is seen to be valid; where there are too many, `MOST_CORNERS` that are drawn from them.

    Raises:
        StudyError: a level does not give a valid configuration, or two levels give the same one.
    """
    _refuse_endless(study)
    factors = {name: levels_of(name, factor) for name, factor in study.factors.items()}
    for name, levels in factors.items():
        _refuse_equal_levels(study.baseline, name, study.factors[name], levels)
        _refuse_step(study.baseline, name, study.factors[name])
    if study.design != "one_at_a_time":
        _refuse_overlaps(factors)
    if isinstance(study.design, SearchDesign):
        few = math.prod(map(len, factors.values())) <= MOST_CORNERS
        for cell, patches in _crossed(factors) if few else _some_crossed(factors):
            resolve(study.baseline, patches, cell)
    result = [(cell, resolve(study.baseline, patches, cell)) for cell, patches in _combine(study, factors)]
    if study.design != "grid":
        result = [((), study.baseline), *(each for each in result if each[1] != study.baseline)]
        for ((factor, level),) in (cell for cell, _ in result[1:]):
            if level == "baseline":
                raise StudyError(
                    "a level named `baseline` must be the baseline, and this one changes it: rename it",
                    path=f"factors.{factor}.levels.baseline",
                )
    _refuse_equal_cells(result)
    return tuple(result)


def _refuse_endless(study: StudySpec) -> None:
    """A few lines can ask for more cells than memory holds; counted before any is made."""
    counts = [2 if isinstance(factor, Range) else len(factor.levels) for factor in study.factors.values()]
    n = math.prod(counts) if study.design == "grid" else 1 + sum(counts)
    if n > MOST_CELLS or n * len(study.seeds) > MOST_TRIALS:
        raise StudyError(
            f"a study has at most {MOST_CELLS} cells and {MOST_TRIALS} trials, this has {n} cells and "
            f"{len(study.seeds)} seeds: take fewer levels or seeds, or `design: one_at_a_time`",
            path="factors" if n > MOST_CELLS else "seeds",
        )


def _refuse_overlaps(factors: Mapping[str, Mapping[str, Patches]]) -> None:
    """In a grid the later of two factors that set the same field would win, under the name of both."""
    owner: dict[str, str] = {}
    for name, levels in factors.items():
        for path in dict.fromkeys(path for patches in levels.values() for path in patches):
            for other, first in owner.items():
                overlap = (path + ".").startswith(other + ".") or (other + ".").startswith(path + ".")
                if overlap and first != name:
                    raise StudyError(
                        f"factors `{first}` and `{name}` both set `{max(path, other, key=len)}`: vary it in one of "
                        "them (to cross a kind with its fields, vary the kind's name, as in train.optimizer.name)",
                        path=f"factors.{name}",
                    )
            owner[path] = name


def _combine(study: StudySpec, factors: Mapping[str, Mapping[str, Patches]]) -> list[tuple[Cell, dict[str, Any]]]:
    """Each cell with all its patches; of designs that are no grid without the baseline."""
    if study.design == "grid":
        return _crossed(factors)
    return [(((name, level),), dict(patches)) for name in factors for level, patches in factors[name].items()]


def _crossed(factors: Mapping[str, Mapping[str, Patches]]) -> list[tuple[Cell, dict[str, Any]]]:
    """Every combination of levels with all its patches."""
    return [_together(factors, chosen) for chosen in itertools.product(*factors.values())]


def _some_crossed(factors: Mapping[str, Mapping[str, Patches]]) -> list[tuple[Cell, dict[str, Any]]]:
    """`MOST_CORNERS` combinations of levels: each level of a factor equally often, beside others by chance.

    Drawn as Latin hypercubes are (McKay et al. 1979), and always alike, so that a study is valid or is not.
    """
    random = Random(0)
    columns = []
    for levels in factors.values():
        column = (list(levels) * -(-MOST_CORNERS // len(levels)))[:MOST_CORNERS]
        random.shuffle(column)
        columns.append(column)
    return [_together(factors, chosen) for chosen in zip(*columns, strict=True)]


def _together(factors: Mapping[str, Mapping[str, Patches]], chosen: tuple[str, ...]) -> tuple[Cell, dict[str, Any]]:
    """One level of each factor, with all their patches."""
    cell = tuple(zip(factors, chosen, strict=True))
    return cell, {path: value for name, level in cell for path, value in factors[name][level].items()}


def resolve(baseline: Baseline, patches: Patches, cell: Cell) -> Baseline:
    """A cell's configuration.

    Raises:
        StudyError: it is not valid; the message names the cell.
    """
    try:
        return validate(Baseline, patch(baseline, patches))
    except StudyError as error:
        raise StudyError(f"{error} (with {in_words(cell)})", path="factors") from None


def in_words(cell: Cell) -> str:
    """As ``network eegnet, activation relu``; ``the baseline`` for an empty cell."""
    return ", ".join(f"{factor} {level}" for factor, level in cell) or "the baseline"


def _refuse_equal_levels(baseline: Baseline, name: str, factor: AnyFactor, levels: dict[str, Patches]) -> None:
    seen: dict[str, str] = {}
    for i, (level, patches) in enumerate(levels.items()):
        place = f"factors.{name}.{_place(factor, level, i)}"
        for path in patches:
            if path.split(".")[0] not in Baseline.model_fields:
                known = ", ".join(Baseline.model_fields)
                raise StudyError(f"`{path}`: a path starts with one of {known}", path=place)
        try:
            text = validate(Baseline, patch(baseline, patches)).model_dump_json()
        except StudyError as error:
            # A level may be valid only together with another factor's; the grid as a whole decides on those.
            if _alone(error, patches):
                raise StudyError(str(error), path=place) from None
            continue
        if text in seen:
            raise StudyError(f"level `{level}` equals level `{seen[text]}`: levels must differ", path=place)
        seen[text] = level


def _refuse_step(baseline: Baseline, name: str, factor: AnyFactor) -> None:
    """A range from 16 to 128 by halves has ends that are whole, and little else that is."""
    if not isinstance(factor, Range) or factor.step is None:
        return
    patches = {factor.path: factor.low + factor.step}
    try:
        validate(Baseline, patch(baseline, patches))
    except StudyError as error:
        if _alone(error, patches):
            raise StudyError(
                f"low and one step are {patches[factor.path]:.10g}, which is no value: {error}",
                path=f"factors.{name}.step",
            ) from None


def _place(factor: AnyFactor, level: str, i: int) -> str:
    """Where in a factor one of its levels stands."""
    if isinstance(factor, Range):
        return ("low", "high")[i]
    return f"levels.{level if isinstance(factor.levels, dict) else i}"


def _alone(error: StudyError, patches: Patches) -> bool:
    """Whether an error lies in what the patches themselves set."""
    return any(error.path.startswith(path) or path.startswith(error.path) for path in patches)


def _refuse_equal_cells(found: list[tuple[Cell, Baseline]]) -> None:
    seen: dict[str, Cell] = {}
    for cell, configuration in found:
        text = configuration.model_dump_json()
        if text in seen:
            raise StudyError(
                f"{in_words(cell)} is the same configuration as {in_words(seen[text])}: "
                "factors must not undo each other",
                path="factors",
            )
        seen[text] = cell


def check_reported(study: StudySpec) -> None:
    """Raise StudyError when a reported figure names a factor or a level that the study does not have."""
    levels = {name: list(levels_of(name, factor)) for name, factor in study.factors.items()}
    for i, reported in enumerate(study.reported):
        for j, figure in enumerate(reported.figures):
            for factor, level in figure.cell.items():
                place = f"reported.{i}.figures.{j}.cell"
                if factor not in levels:
                    raise StudyError(f"no factor `{factor}`{from_known(factor, levels)}", path=place)
                if level not in levels[factor]:
                    raise StudyError(
                        f"factor `{factor}` has no level `{level}`{from_known(level, levels[factor])}", path=place
                    )


def expand(
    study: StudySpec, fingerprint: Callable[[Any], str], code: Callable[[Any], str] = lambda _: ""
) -> tuple[PlannedTrial, ...]:
    """All trials of a study, cell by cell, seeds within; of a search the one that is known before it starts.

    Args:
        study: the question.
        fingerprint: gives the content hash of the data that a ``DataSpec`` names.
        code: gives the hash of the code of one's own that a configuration names, "" where it names none.

    Raises:
        StudyError: two cells hold the same trials, because their data have the same content.
    """
    if isinstance(study.design, SearchDesign):
        digests = fingerprint(study.baseline.data), code(study.baseline)
        return (planned_trial(study, (), study.baseline, study.seeds[0], *digests),)
    trials = []
    seen: dict[str, Cell] = {}
    for cell, configuration in cells(study):
        digests = fingerprint(configuration.data), code(configuration)
        for seed in study.seeds:
            planned = planned_trial(study, cell, configuration, seed, *digests)
            if seen.setdefault(planned.trial_id, cell) != cell:
                raise StudyError(
                    f"{in_words(cell)} and {in_words(seen[planned.trial_id])} are the same trials: "
                    "what differs between them changes nothing in these data",
                    path="factors",
                )
            trials.append(planned)
    return tuple(trials)


def planned_trial(
    study: StudySpec, cell: Cell, configuration: Baseline, seed: int, fingerprint: str, code: str = ""
) -> PlannedTrial:
    """One trial of a study; fingerprint and code are those of `trial_id`."""
    spec = TrialSpec(
        data=configuration.data,
        model=configuration.model,
        train=configuration.train,
        vary=configuration.vary,
        selection=study.selection,
        seed=seed,
    )
    return PlannedTrial(cell=cell, spec=spec, trial_id=trial_id(spec, fingerprint, code))


def trial_id(spec: TrialSpec, fingerprint: str, code: str = "") -> str:
    """A trial's id: 16 hexadecimal digits of the SHA-256 of its canonical JSON.

    Args:
        spec: the resolved specification.
        fingerprint: of the data.
        code: of one's own.
    """
    text = json.dumps(spec.identity(fingerprint, code), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]
