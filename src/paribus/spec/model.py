"""Networks; their input shape and number of classes come from the data."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from paribus.spec.base import Share, Spec, module_and_name

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu"]
Rates = Share | Annotated[tuple[Share, ...], Field(strict=False)]
"""Probabilities that an activation is zeroed in training: one for all places, or one a place."""
Widths = tuple[Annotated[int, Field(ge=1)], ...]


class MaxNormSpec(Spec):
    """Largest Euclidean norm of each filter, held after every step (R1's table: 2 and 0.5)."""

    conv: float = Field(2.0, gt=0)
    """Of convolutions."""
    dense: float = Field(0.5, gt=0)
    """Of dense layers."""


def _one_is_a_list(value: Any) -> Any:
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


class ModelCommon(Spec):
    """What every network understands."""

    max_norm: MaxNormSpec | None = None
    """Bounds of the norms of filters; null leaves them free."""


class ActivatedModel(ModelCommon):
    """A network with one kind of activation."""

    activation: Activation = "relu"
    """In all places where the network has one."""
    negative_slope: float = Field(0.01, ge=0, le=1)
    """Of leaky_relu; no other activation has one."""


class EEGNetSpec(ActivatedModel):
    """EEGNet (R0; Lawhern et al. 2018)."""

    name: Literal["eegnet"]
    dropout: Share = 0.5
    """Probability that an activation is zeroed in training."""


class DeepConvNetSpec(ActivatedModel):
    """DeepConvNet (R0; Schirrmeister et al. 2017)."""

    name: Literal["deepconvnet"]
    dropout: Share = 0.5
    """Probability that an activation is zeroed in training."""


class SimpleCNNSpec(ActivatedModel):
    """SimpleCNN (R3)."""

    name: Literal["simple_cnn"]
    dropout: Share = 0.5
    """Probability that an activation is zeroed in training."""


class ResNet18Spec(ActivatedModel):
    """ResNet-18 (He et al. 2016; R3)."""

    name: Literal["resnet18"]
    stem: Literal["imagenet", "cifar"] = "imagenet"
    """``imagenet``: 7 x 7 by 2, then pooling (R3); ``cifar``: 3 x 3 without pooling, for small images."""


class FaceCNNSpec(ActivatedModel):
    """R2's network for faces."""

    name: Literal["face_cnn"]
    blocks: Literal[2, 5] = 5
    """5, or R2's starting point of 2."""
    dropout: Rates | None = None
    """After each block and before the last layer; by default the network's own rates."""


class FaceCNNLargeSpec(ActivatedModel):
    """R4's network for faces."""

    name: Literal["face_cnn_large"]
    activation: Activation = "leaky_relu"
    """Of the convolution blocks; the dense layers have ReLU."""
    negative_slope: float = Field(0.05, ge=0, le=1)
    """Of leaky_relu."""
    dropout: Rates = (0.2, 0.25, 0.3, 0.4, 0.5, 0.5, 0.5)
    """After each of five blocks and two dense layers."""


class DNNSpec(ActivatedModel):
    """Dense layers alone (R4)."""

    name: Literal["dnn"]
    widths: Annotated[
        Widths, Field(strict=False, min_length=1), BeforeValidator(_one_is_a_list, json_schema_input_type=Widths | int)
    ] = (2048, 512)
    """Units of each hidden layer."""
    dropout: Rates | None = None
    """After each hidden layer; by default R4's 0.4 and 0.5 where there are two, else 0.5."""
    match_parameters: Literal["simple_cnn", "resnet18", "face_cnn", "face_cnn_large"] | None = None
    """Scale the widths so that there are as many parameters as this network has at the same input."""


class LogisticSpec(ModelCommon):
    """Multinomial logistic regression: one linear layer."""

    name: Literal["logistic"]


class ModuleSpec(ModelCommon):
    """Any network: ``package.module:Class`` of PyTorch modules, or a function that gives one.

    Where its parameters have these names, it is given ``input_shape`` (C, H, W), ``n_classes`` (also ``n_outputs``,
    ``num_classes``), ``n_channels`` (EEG channels, H; also ``n_chans``), ``in_channels`` (C; also ``in_chans``) and
    ``n_times`` (W), unless ``args`` has them.
    """

    name: Annotated[str, AfterValidator(module_and_name)]
    args: dict[str, Any] = Field({})
    """Keyword arguments, plain values."""
    squeeze: bool = False
    """Give it (B, H, W) instead of (B, 1, H, W), as networks for EEG often want."""


def _tag(value: Any) -> str | None:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return "package.module:Class" if isinstance(name, str) and ":" in name else name


_Model = (
    Annotated[EEGNetSpec, Tag("eegnet")]
    | Annotated[DeepConvNetSpec, Tag("deepconvnet")]
    | Annotated[SimpleCNNSpec, Tag("simple_cnn")]
    | Annotated[ResNet18Spec, Tag("resnet18")]
    | Annotated[FaceCNNSpec, Tag("face_cnn")]
    | Annotated[FaceCNNLargeSpec, Tag("face_cnn_large")]
    | Annotated[DNNSpec, Tag("dnn")]
    | Annotated[LogisticSpec, Tag("logistic")]
    | Annotated[ModuleSpec, Tag("package.module:Class")]
)
ModelSpec = Annotated[_Model, Discriminator(_tag)]
