"""A study, its trials, and a run."""

import os
import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, SecretStr, Tag, model_validator

from paribus.level import level_name
from paribus.spec.augmentation import FunctionSpec
from paribus.spec.base import FieldError, Scalar, Seed, Spec, seconds_in, short
from paribus.spec.data import DataSpec, Preparation
from paribus.spec.model import ModelSpec, ModuleSpec
from paribus.spec.search import Range, SearchDesign
from paribus.spec.train import TrainSpec
from paribus.suggest import from_known

SPEC_VERSION = 5
"""Goes into every trial id. Raise it when the same specification would give another result."""

Selection = Literal["best_validation", "last", "best_test"]

Stream = Literal["split", "init", "order", "augmentation", "dropout"]
"""Uses of chance: who validates (and what ``data.limit`` draws), the initial weights, the order of batches (and what
sampling draws), augmentation, dropout."""
STREAMS: tuple[Stream, ...] = get_args(Stream)
HELD = 0
"""The seed of streams that do not vary."""


def _in_order(streams: tuple[Stream, ...]) -> tuple[Stream, ...]:
    if len(set(streams)) < len(streams):
        raise ValueError(f"streams must be distinct, got {list(streams)}")
    return tuple(stream for stream in STREAMS if stream in streams)


def _count(value: Any) -> Any:
    """A count n of seeds is short for 0 … n - 1."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= 10_000:
            raise ValueError(f"a count of seeds is from 1 to 10000, got {value}")
        return list(range(value))
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a count or a list, as 3 or [0, 1, 2], got {short(value)}")
    return value


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be distinct, got {list(seeds)}")
    return seeds


def _level_names(value: Any) -> Any:
    return {key: level_name(level) for key, level in value.items()} if isinstance(value, dict) else value


_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"


def _names_a_folder(name: str) -> str:
    """A study's name is that of its run folder too."""
    if not re.fullmatch(_NAME, name):
        fit = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-_")[:80]
        raise ValueError(
            "must be of letters from a to z, digits, `.`, `_` and `-`, at most 80, and begin with a letter or digit"
            + (f", as `{fit}`" if fit else "")
            + f"; got `{name}`"
        )
    return name


class Baseline(Spec):
    """The configuration that factors change."""

    data: DataSpec
    """Where data come from, and what happens to them before training."""
    model: ModelSpec
    """The network."""
    train: TrainSpec = TrainSpec()
    """The recipe."""
    vary: Annotated[tuple[Stream, ...], Field(strict=False, min_length=1), AfterValidator(_in_order)] = STREAMS
    """Which uses of chance follow the seed; the others are those of seed 0 in every trial."""

    def foreign(self) -> tuple[str, ...]:
        """The code not of paribus that training runs, each as ``package.module:name``."""
        return tuple(
            each.name for each in (self.model, *self.train.augmentation) if isinstance(each, ModuleSpec | FunctionSpec)
        )

    @model_validator(mode="after")
    def _folds_are_refitted(self) -> Self:
        if self.data.folds is not None and self.train.refit != "all":
            raise FieldError(
                "train.refit", "data.folds needs a network that counts, trained on all folds: set it to all"
            )
        if self.data.folds is not None and self.train.early_stop is not None:
            raise FieldError(
                "train.early_stop",
                "cannot stand with data.folds: the epoch is chosen from the curves of all folds together, so each must "
                "run to its end",
            )
        return self


class TrialSpec(Baseline):
    """One fully resolved configuration with one seed."""

    selection: Selection = "best_validation"
    seed: Seed = 0

    def seed_of(self, stream: Stream) -> int:
        """The seed that a use of chance has in this trial."""
        return self.seed if stream in self.vary else HELD

    def identity(self, fingerprint: str, code: str = "") -> dict[str, Any]:
        """All that can change this trial's result, as plain JSON values.

        Args:
            fingerprint: of the data (`data.fingerprint.fingerprint`).
            code: of what is not of paribus (`models.custom.own_code`).
        """
        spec = self.model_dump(mode="json")
        preparation = {key: spec["data"][key] for key in Preparation.model_fields}
        own = {"code": code} if code else {}
        return {"spec_version": SPEC_VERSION, "fingerprint": fingerprint, **own, **spec, "data": preparation}


class Factor(Spec):
    """What is varied.

    Either ``path`` and a list of values for that path, or ``levels`` that each name a patch:
    a mapping from dotted paths to values.
    """

    path: str | None = None
    """The field that a list of levels sets."""
    levels: Annotated[tuple[Any, ...], Field(strict=False)] | dict[str, dict[str, Any]]
    """Values for ``path``; or a mapping from each level's name to its patch."""

    @model_validator(mode="before")
    @classmethod
    def _form(cls, values: Any) -> Any:
        if isinstance(values, Factor):
            return values
        if not isinstance(values, dict):
            levels = short(values) if isinstance(values, list) else "[0.1, 0.01]"
            raise ValueError(
                f"a factor is a mapping, as {{path: train.optimizer.lr, levels: {levels}}}, got {short(values)}"
            )
        if "levels" not in values:
            return values
        levels, path = values["levels"], values.get("path")
        if not isinstance(levels, dict | list) or not levels:
            raise ValueError(
                "levels must be a list of values, or a mapping of names to patches, with at least one level"
            )
        if isinstance(levels, list) and path is None:
            raise ValueError("a list of levels needs `path`, the field that they change, as in `model.activation`")
        if isinstance(levels, dict):
            if path is not None:
                raise ValueError("give either `path` with a list of levels, or named levels (a mapping), not both")
            if wrong := [name for name, patch in levels.items() if not isinstance(patch, dict)]:
                raise ValueError(f"level `{wrong[0]}` must be a patch, as in {{model.activation: relu}}")
        return values


class ReportedFigure(Spec):
    """A figure that somebody else reported for the cells that have these levels."""

    cell: Annotated[dict[str, str], BeforeValidator(_level_names, json_schema_input_type=dict[str, Scalar])]
    """Factor -> level."""
    test_accuracy: float | None = Field(None, ge=0, le=100)
    """In percent."""
    validation_accuracy: float | None = Field(None, ge=0, le=100)
    """In percent; stands beside our validation accuracy, never beside that on test."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.test_accuracy is None and self.validation_accuracy is None:
            raise ValueError("a reported figure needs test_accuracy or validation_accuracy, in percent")
        return self


class Reported(Spec):
    """Figures from a report, shown beside ours where the data are the same, and never where ``data.limit`` is set."""

    source: str
    """As it is to be called."""
    data: dict[str, Scalar]
    """Fields of the data specification that must have these values for the figures to be shown."""
    model: dict[str, Scalar] = Field({})
    """Likewise of the network."""
    figures: tuple[ReportedFigure, ...] = Field(strict=False)
    """One for each cell that was reported."""


def _kind_of_factor(value: Any) -> str:
    ends = isinstance(value, dict) and ("low" in value or "high" in value)
    return "a range" if ends or isinstance(value, Range) else "some levels"


def _kind_of_design(value: Any) -> str:
    return "a search" if isinstance(value, dict | SearchDesign) else "a name"


_NamedDesign = Literal["grid", "one_at_a_time"]


def _known_design(value: Any) -> Any:
    known = get_args(_NamedDesign)
    if value not in known:
        named = value if isinstance(value, str) else short(value)
        raise ValueError(
            f"`{named}` is not known{from_known(named, known)}, or a search, as {{search: tpe, trials: 40}}"
        )
    return value


AnyFactor = Annotated[
    Annotated[Factor, Tag("some levels")] | Annotated[Range, Tag("a range")], Discriminator(_kind_of_factor)
]
Design = Annotated[
    Annotated[_NamedDesign, BeforeValidator(_known_design, json_schema_input_type=_NamedDesign), Tag("a name")]
    | Annotated[SearchDesign, Tag("a search")],
    Discriminator(_kind_of_design),
]


class SeedsThatVary(Spec):
    """Seeds that only some uses of chance follow."""

    n: int | Annotated[tuple[Seed, ...], Field(strict=False)]
    """A count, or a list of seeds."""
    vary: tuple[Stream, ...] = Field(strict=False)
    """Uses of chance that follow the seed."""


class StudySpec(Spec):
    """A question: a baseline, factors with levels, a design and seeds."""

    name: Annotated[str, AfterValidator(_names_a_folder), Field(json_schema_extra={"pattern": _NAME})]
    """Letters, digits, dots, hyphens, underscores; the run folder's name, unless ``--out`` gives another."""
    question: str = Field(min_length=1)
    """What the study asks, in a sentence; heads the report."""
    baseline: Baseline
    """The configuration that factors change."""
    factors: dict[str, AnyFactor] = Field({})
    """Name of each factor, and what it varies."""
    design: Design = "grid"
    """All combinations of levels; each level beside the baseline, one factor at a time; or a search."""
    seeds: Annotated[
        tuple[Seed, ...],
        Field(strict=False, min_length=1),
        BeforeValidator(_count, json_schema_input_type=int | list[Seed] | SeedsThatVary),
        AfterValidator(_distinct),
    ] = (0, 1, 2, 3, 4)
    """A list, or a count n that stands for 0 ... n - 1; or ``{n: 5, vary: [init]}``, short for that many seeds with
    ``baseline.vary``."""
    selection: Selection = "best_validation"
    """Which epoch's weights count: highest validation accuracy (ties: lower validation loss, then earlier),
    the last, or the highest test accuracy (only to show how it flatters)."""
    reported: tuple[Reported, ...] = Field((), strict=False)
    """What others found, to stand beside our figures."""

    @model_validator(mode="before")
    @classmethod
    def _seeds_that_vary(cls, values: Any) -> Any:
        """Takes ``seeds: {n: …, vary: …}`` apart."""
        seeds = values.get("seeds") if isinstance(values, dict) else None
        if not isinstance(seeds, dict):
            return values
        if set(seeds) != {"n", "vary"}:
            raise FieldError(
                "seeds", f"a mapping has `n` (a count or a list) and `vary`, got {', '.join(map(str, seeds)) or 'none'}"
            )
        streams = seeds["vary"]
        if not isinstance(streams, list | tuple) or not streams:
            raise FieldError("seeds.vary", f"must be a list of {', '.join(STREAMS)}, got {streams!r}")
        if unknown := [stream for stream in streams if stream not in STREAMS]:
            raise FieldError("seeds.vary", f"`{unknown[0]}` is not known{from_known(unknown[0], STREAMS)}")
        baseline = values.get("baseline")
        if isinstance(baseline, dict):
            if "vary" in baseline:
                raise FieldError("seeds.vary", "give either this or baseline.vary, not both")
            values = {**values, "baseline": {**baseline, "vary": seeds["vary"]}}
        return {**values, "seeds": seeds["n"]}

    @model_validator(mode="after")
    def _search_or_not(self) -> Self:
        if not isinstance(self.design, SearchDesign):
            for name, factor in self.factors.items():
                if isinstance(factor, Range):
                    raise FieldError(
                        f"factors.{name}",
                        "a range is for a search, as in `design: {search: tpe, trials: 40}`; "
                        f"a {self.design} study needs `levels`",
                    )
            return self
        if not self.factors:
            raise FieldError("factors", "a search needs at least one factor to vary")
        if len(self.seeds) < 2:
            raise FieldError(
                "seeds",
                "a search needs two seeds at least: the first is searched with, the others confirm what it found",
            )
        if self.selection == "best_test":
            raise FieldError("selection", "best_test cannot stand with a search, which never looks at test data")
        if self.design.pruning and self.baseline.data.folds is not None:
            raise FieldError("design.pruning", "cannot stand with data.folds, whose epochs are of several trainings")
        return self

    def without_budget(self) -> "StudySpec":
        """What makes a search the same search: its budget, and the seeds that confirm, may grow later."""
        if not isinstance(self.design, SearchDesign):
            return self
        plain = self.design.model_dump(exclude={"trials", "confirm"}) | {"trials": 1}
        return self.model_copy(update={"design": SearchDesign(**plain), "seeds": self.seeds[:1]})


def _how_often(value: Any) -> str:
    """Epochs and ``never`` as they are, a time in seconds."""
    text = str(value).strip()
    if text == "never" or (text.isdecimal() and int(text)):
        return text
    seconds = None if text.isdecimal() else seconds_in(text)
    if seconds is None:
        raise ValueError(f"must be a time, as 30s, 5m or 2h, a number of epochs, as 10, or never; got `{value}`")
    return f"{seconds:.10g}s"


class Resources(Spec):
    """What Ray keeps free on a node for each trial that runs there."""

    cpu: float | None = Field(None, ge=0)
    """Cores; None for one a thread."""
    gpu: float = Field(0.0, ge=0)
    """GPUs: a share, as 0.25 for four trials on each, or a whole number."""

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        if self.gpu > 1 and self.gpu % 1:
            raise FieldError("gpu", f"must be a share of one GPU or a whole number, got {self.gpu:g}")
        if self.cpu == 0 and self.gpu == 0:
            raise FieldError("cpu", "cpu and gpu may not both be 0: any number of trials would run at a time")
        return self


def _plain_path(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


class RunSpec(Spec):
    """What cannot change a result: where and how to run."""

    out: Annotated[str, BeforeValidator(_plain_path)]
    """Folder of the run: store, checkpoints, report."""
    store: SecretStr | None = None
    """Path or URL of a store elsewhere; secret, since a URL may hold a password."""
    jobs: int | None = Field(1, ge=1)
    """Trials at a time, each in a worker process; 1 runs in this process. None: as many as this machine, or a Ray
    cluster, has room for."""
    executor: Literal["local", "ray"] = "local"
    """Who runs the trials: this machine's processes, or Ray, which needs the extra `cluster`."""
    address: str | None = None
    """Of a Ray cluster to join, as ``10.0.0.1:6379`` or ``auto``; None starts Ray on this machine alone."""
    resources: Resources | None = None
    """Of each trial, for Ray; None: a core a thread, and a whole GPU where ``device`` is ``cuda``."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: int = Field(1, ge=1)
    """Threads a trial. Results are bit-identical at the same number of threads only, so it is recorded."""
    checkpoint_every: Annotated[str, BeforeValidator(_how_often)] = "30s"
    """A time, as ``30s``, ``5m`` or ``2h`` (kept as seconds), or epochs, as ``10``, between two states of a running
    trial to go on from; ``never``."""
    retries: int = Field(2, ge=0)
    """How often a trial whose worker process died is tried again."""
    time_limit: float | None = Field(None, gt=0)
    """Seconds that a trial may take; None for as long as it likes."""
    command: str = ""

    @model_validator(mode="after")
    def _for_ray_alone(self) -> Self:
        for name in ("address", "resources"):
            if self.executor != "ray" and getattr(self, name) is not None:
                raise FieldError(name, "only Ray has a use for it: give `--executor ray` too")
        if self.address and self.address.startswith("ray://"):
            raise FieldError(
                "address", "Ray's client (ray://) cannot be used: run paribus on a node of the cluster, with `auto`"
            )
        return self
