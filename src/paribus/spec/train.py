"""The recipe: optimiser, schedule, loss, early stopping, sampling, augmentation."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from paribus.spec.augmentation import AugmentationSpec
from paribus.spec.base import LARGEST, Share, Spec, named

Precision = Literal["fp32", "bf16"]
"""Of multiplications: float32, or bfloat16 with sums and statistics in float32."""


class AdamSpec(Spec):
    """Adam (Kingma & Ba 2015); weight decay is added to the gradient."""

    name: Literal["adam"]
    lr: float = Field(1e-3, gt=0, le=LARGEST)
    """Learning rate; its highest, where the schedule changes it."""
    weight_decay: float = Field(0.0, ge=0, le=LARGEST)
    """Times the weights, added to the gradient."""
    betas: tuple[Share, Share] = Field((0.9, 0.999), strict=False)
    """Decay rates of the means of the gradient and of its square."""


class AdamWSpec(Spec):
    """AdamW (Loshchilov & Hutter 2019): Adam with decoupled weight decay, without which it is Adam."""

    name: Literal["adamw"]
    lr: float = Field(1e-3, gt=0, le=LARGEST)
    """Learning rate; its highest, where the schedule changes it."""
    weight_decay: float = Field(0.01, gt=0, le=LARGEST)
    """Times the learning rate and the weights, taken from the weights."""
    betas: tuple[Share, Share] = Field((0.9, 0.999), strict=False)
    """Decay rates of the means of the gradient and of its square."""


class SgdSpec(Spec):
    """Stochastic gradient descent with momentum, Nesterov's on request."""

    name: Literal["sgd"]
    lr: float = Field(1e-2, gt=0, le=LARGEST)
    """Learning rate; its highest, where the schedule changes it."""
    weight_decay: float = Field(0.0, ge=0, le=LARGEST)
    """Times the weights, added to the gradient."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Share of the last step that goes on."""
    nesterov: bool = False
    """Look ahead by the momentum."""

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        return self


AnyOptimizer = AdamSpec | AdamWSpec | SgdSpec
OptimizerSpec = Annotated[
    Annotated[AnyOptimizer, Field(discriminator="name")],
    BeforeValidator(named, json_schema_input_type=AnyOptimizer | Literal["adam", "adamw", "sgd"]),
]


class ConstantSpec(Spec):
    """The learning rate stays as it is."""

    name: Literal["constant"]


class StepSpec(Spec):
    """The learning rate is multiplied by ``factor`` every ``every`` epochs (R3: halved every 10)."""

    name: Literal["step"]
    factor: float = Field(0.5, gt=0, le=1)
    """What the learning rate is multiplied by."""
    every: int = Field(10, ge=1)
    """Epochs between two steps."""


class CosineSpec(Spec):
    """Half a cosine from the learning rate to 0 over all steps (Loshchilov & Hutter 2017, no restarts)."""

    name: Literal["cosine"]


class OneCycleSpec(Spec):
    """Up from lr / 25 to lr over the first ``warmup`` of all steps, then down to nothing (Smith & Topin 2018)."""

    name: Literal["one_cycle"]
    warmup: float = Field(0.3, gt=0, lt=1)
    """Share of all steps."""


_Schedule = ConstantSpec | StepSpec | CosineSpec | OneCycleSpec
ScheduleSpec = Annotated[
    Annotated[_Schedule, Field(discriminator="name")],
    BeforeValidator(named, json_schema_input_type=_Schedule | Literal["constant", "step", "cosine", "one_cycle"]),
]


class LossSpec(Spec):
    """Cross-entropy."""

    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of the target that is spread evenly over all classes (Szegedy et al. 2016)."""
    class_weights: Literal["none", "inverse_count", "inverse_share", "effective_number"] = "none"
    """R2's two ways: 1 / n of the class, or 1 / share of the class; or (1 - beta) / (1 - beta^n),
    scaled to add up to the number of classes (Cui et al. 2019)."""
    beta: float = Field(0.999, gt=0, lt=1)
    """Of ``effective_number``."""
    flooding: float | None = Field(None, ge=0)
    """The level b of |loss - b| + b (Ishida et al. 2020; R0)."""


class EarlyStopSpec(Spec):
    """End training when the validation loss has not fallen by ``min_improvement`` for ``patience`` epochs."""

    patience: int = Field(10, ge=1)
    """Epochs."""
    min_improvement: float = Field(0.0, ge=0)
    """By how much the loss must have fallen."""


class TrainSpec(Spec):
    """The recipe."""

    epochs: int = Field(100, ge=1)
    """At most; which of them counts is for ``selection`` to say."""
    batch_size: int = Field(64, ge=1)
    """Examples a step."""
    optimizer: OptimizerSpec = AdamSpec(name="adam")
    """What makes steps of gradients."""
    schedule: ScheduleSpec = ConstantSpec(name="constant")
    """The learning rate over the steps."""
    loss: LossSpec = LossSpec()
    """What is minimised; the loss that is reported is always the plain cross-entropy."""
    early_stop: EarlyStopSpec | None = None
    """End before ``epochs``; null never does."""
    sampling: Literal["shuffled", "class_balanced"] = "shuffled"
    """Each example once an epoch, or as many draws with replacement, each class equally likely."""
    augmentation: tuple[AugmentationSpec, ...] = Field((), strict=False)
    """Of training examples only, in this order."""
    refit: Literal["none", "all"] = "none"
    """``all``: once the epoch is chosen, train anew on training and validation together, for so many epochs."""
    precision: Precision = "fp32"
    """bf16: convolutions and matrix products in training and evaluation; weights, sums and loss stay fp32."""
