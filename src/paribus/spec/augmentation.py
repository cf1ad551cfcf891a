"""Augmentation: what is done at random to training examples, each with draws of its own, anew each epoch.

Those of images see pixels (before normalisation: 0 to 255, or the units of images that are floats); those of EEG see
normalised signals, whose unit is the standard deviation. Each is done in the order of the list.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from paribus.spec.base import Positive, Probability, Share, Spec, module_and_name, named

Fill = Annotated[float, Field(ge=0, le=255)]


class CropSpec(Spec):
    """Pad, then crop to the former size at random."""

    name: Literal["crop"]
    padding: int = Field(4, ge=1)
    """Pixels on each side."""
    fill: Fill = 0.0
    """Value of pixels that come from outside."""


class HorizontalFlipSpec(Spec):
    """Left becomes right."""

    name: Literal["horizontal_flip"]
    p: Probability = 0.5
    """Probability, for each example."""


class VerticalFlipSpec(Spec):
    """Up becomes down."""

    name: Literal["vertical_flip"]
    p: Probability = 0.5
    """Probability, for each example."""


class RotationSpec(Spec):
    """By an angle from -degrees to degrees, counter-clockwise where positive, bilinear."""

    name: Literal["rotation"]
    degrees: float = Field(15.0, gt=0, le=180)
    """At most."""
    fill: Fill = 0.0
    """Value of pixels that come from outside."""


class AffineSpec(Spec):
    """Scaled, sheared, rotated about the centre, then shifted, bilinear (R4)."""

    name: Literal["affine"]
    degrees: float = Field(0.0, ge=0, le=180)
    """Rotated by at most so many."""
    translate: Share = 0.1
    """At most this share of width and of height."""
    scale: tuple[Positive, Positive] = Field((0.9, 1.1), strict=False)
    """Factor, from and to."""
    shear: float = Field(10.0, ge=0, lt=90)
    """Of x, at most so many degrees."""
    fill: Fill = 0.0
    """Value of pixels that come from outside."""


class ErasingSpec(Spec):
    """A rectangle becomes ``fill`` (Zhong et al. 2020, "Random erasing data augmentation")."""

    name: Literal["erasing"]
    p: Probability = 0.5
    """Probability, for each example."""
    area: tuple[Share, Share] = Field((0.02, 0.33), strict=False)
    """Share of the image, from and to."""
    aspect: tuple[Positive, Positive] = Field((0.3, 3.3), strict=False)
    """Height through width, from and to."""
    fill: Fill = 0.0
    """Value of the pixels."""


class CutoutSpec(Spec):
    """A square, which may stand out over the edge, becomes ``fill`` (DeVries & Taylor 2017)."""

    name: Literal["cutout"]
    size: int = Field(8, ge=1)
    """Pixels."""
    fill: Fill = 0.0
    """Value of the pixels."""


class BrightnessSpec(Spec):
    """Pixels times a factor from 1 - amount to 1 + amount."""

    name: Literal["brightness"]
    amount: float = Field(0.2, gt=0, le=1)
    """How far from 1 the factor may be."""


class ContrastSpec(Spec):
    """Distances from the image's mean times a factor from 1 - amount to 1 + amount."""

    name: Literal["contrast"]
    amount: float = Field(0.2, gt=0, le=1)
    """How far from 1 the factor may be."""


class MixupSpec(Spec):
    """Each example mixed with another of its batch, and so their classes (Zhang et al. 2018); for images and EEG.

    Done last, wherever it stands in the list.
    """

    name: Literal["mixup"]
    alpha: float = Field(0.2, gt=0, le=100)
    """Of the Beta distribution of the share; the larger share stays with the example itself."""


class TimeShiftSpec(Spec):
    """By up to ``samples`` to either side; what moves in is 0."""

    name: Literal["time_shift"]
    samples: int = Field(10, ge=1)
    """At most."""


class ChannelDropoutSpec(Spec):
    """Each channel becomes 0 with probability p."""

    name: Literal["channel_dropout"]
    p: Share = 0.1
    """Probability, for each channel of each example."""


class GaussianNoiseSpec(Spec):
    """Plus independent normal noise."""

    name: Literal["gaussian_noise"]
    std: Positive = 0.1
    """Of the noise; the signal's is 1."""


class SignFlipSpec(Spec):
    """The whole trial times -1."""

    name: Literal["sign_flip"]
    p: Probability = 0.5
    """Probability, for each example."""


class TimeMaskSpec(Spec):
    """A stretch of time, the same in all channels, becomes 0."""

    name: Literal["time_mask"]
    samples: int = Field(50, ge=1)
    """Its length."""
    p: Probability = 0.5
    """Probability, for each example."""


class FourierSurrogateSpec(Spec):
    """Phases shifted at random, alike in all channels, by up to ``phase`` times pi (Schwabedal et al. 2018).

    The mean and the highest frequency stay.
    """

    name: Literal["fourier_surrogate"]
    phase: float = Field(0.5, gt=0, le=1)
    """At most, in units of pi."""
    p: Probability = 0.5
    """Probability, for each example."""


class FunctionSpec(Spec):
    """A function of one's own, ``package.module:function``; for images and EEG.

    It is called with x (B, C, H, W) float32, as the others see it; with the draws of its examples, of which
    ``draws.uniform(d)`` and ``draws.normal(d)`` give (B, d) numbers; and with ``args``. It gives a new tensor like x.
    """

    name: Annotated[str, AfterValidator(module_and_name)]
    args: dict[str, Any] = Field({})
    """Keyword arguments, plain values."""


ImageAugmentation = (
    CropSpec
    | HorizontalFlipSpec
    | VerticalFlipSpec
    | RotationSpec
    | AffineSpec
    | ErasingSpec
    | CutoutSpec
    | BrightnessSpec
    | ContrastSpec
)
EEGAugmentation = (
    TimeShiftSpec | ChannelDropoutSpec | GaussianNoiseSpec | SignFlipSpec | TimeMaskSpec | FourierSurrogateSpec
)
_BuiltIn = ImageAugmentation | EEGAugmentation | MixupSpec
AnyAugmentation = _BuiltIn | FunctionSpec


def _tag(value: Any) -> str:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return "function" if isinstance(name, str) and ":" in name else "built in"


AugmentationSpec = Annotated[
    Annotated[
        Annotated[Annotated[_BuiltIn, Field(discriminator="name")], Tag("built in")]
        | Annotated[FunctionSpec, Tag("function")],
        Discriminator(_tag),
    ],
    BeforeValidator(named, json_schema_input_type=AnyAugmentation | str),
]
