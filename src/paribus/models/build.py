"""A network from its specification, with initial weights from the trial's own stream, tried on a dummy batch."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from paribus.errors import ModelError
from paribus.models.activation import activation_of
from paribus.models.custom import OWN_CODE_RAISES, build_module, what_happened
from paribus.models.deepconvnet import DeepConvNet
from paribus.models.dnn import DNN, R4_RATES, Logistic, matching_widths
from paribus.models.eegnet import EEGNet
from paribus.models.face_cnn import FACE_CNN_RATES, FaceCNN, FaceCNNLarge
from paribus.models.rates import rates_of
from paribus.models.resnet18 import ResNet18
from paribus.models.shape import layers_complain
from paribus.models.side_effects import seeded
from paribus.models.simple_cnn import SimpleCNN
from paribus.spec import (
    DeepConvNetSpec,
    DNNSpec,
    EEGNetSpec,
    FaceCNNLargeSpec,
    FaceCNNSpec,
    LogisticSpec,
    ModelSpec,
    ModuleSpec,
    ResNet18Spec,
    SimpleCNNSpec,
)

Shape = tuple[int, int, int]


def build(spec: ModelSpec, input_shape: Shape, n_classes: int) -> nn.Module:
    """The network with whatever initial weights; `create` draws the trial's.

    Convolutions on planes (images) are laid out channels last, which is faster on CPUs and the same everywhere a
    network is used.

    Raises:
        ModelError: the input does not fit the network.
    """
    model = _plain(spec, input_shape, n_classes)
    if isinstance(spec, ModuleSpec):
        _materialise(model, spec.name, input_shape)
    if isinstance(spec, EEGNetSpec | DeepConvNetSpec | ModuleSpec):
        return model
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _materialise(model: nn.Module, name: str, input_shape: Shape) -> None:
    """Let layers that take their sizes from the first input (`nn.LazyLinear`) have them now."""
    if not any(map(is_lazy, (*model.parameters(), *model.buffers()))):
        return
    training = model.training
    try:
        with torch.no_grad(), layers_complain(name, model):
            model.eval()(torch.zeros(2, *input_shape))
    except ModelError:
        raise
    except OWN_CODE_RAISES as error:
        raise ModelError(_does_not_work(name, input_shape, error)) from None
    model.train(training)


def create(spec: ModelSpec, input_shape: Shape, n_classes: int, seed_of: Callable[[str], int]) -> nn.Module:
    """The network with the trial's initial weights.

    A network of one's own keeps those that its constructor draws, from the stream of the name "".

    Args:
        spec: the network.
        input_shape: (C, H, W).
        n_classes: at least 2.
        seed_of: name of a layer -> seed.

    Raises:
        ModelError: the input does not fit the network.
    """
    with seeded(seed_of("")):
        model = build(spec, input_shape, n_classes)
    if not isinstance(spec, ModuleSpec):
        initialise(model, seed_of)
    return model


def _plain(spec: ModelSpec, input_shape: Shape, n_classes: int) -> nn.Module:
    match spec:
        case EEGNetSpec():
            return EEGNet(input_shape, n_classes, activation_of(spec), spec.dropout)
        case DeepConvNetSpec():
            return DeepConvNet(input_shape, n_classes, activation_of(spec), spec.dropout)
        case SimpleCNNSpec():
            return SimpleCNN(input_shape, n_classes, activation_of(spec), spec.dropout)
        case ResNet18Spec():
            return ResNet18(input_shape, n_classes, activation_of(spec), spec.stem)
        case FaceCNNSpec():
            given = FACE_CNN_RATES[spec.blocks] if spec.dropout is None else spec.dropout
            rates = rates_of("face_cnn", given, "each block and the dense layer", spec.blocks + 1)
            return FaceCNN(input_shape, n_classes, activation_of(spec), spec.blocks, rates)
        case FaceCNNLargeSpec():
            places = "each of the five blocks and the two dense layers"
            rates = rates_of("face_cnn_large", spec.dropout, places, 7)
            return FaceCNNLarge(input_shape, n_classes, activation_of(spec), rates)
        case DNNSpec():
            given = (R4_RATES if len(spec.widths) == len(R4_RATES) else 0.5) if spec.dropout is None else spec.dropout
            rates = rates_of("dnn", given, "each hidden layer", len(spec.widths))
            return DNN(input_shape, n_classes, activation_of(spec), _widths(spec, input_shape, n_classes), rates)
        case LogisticSpec():
            return Logistic(input_shape, n_classes)
        case ModuleSpec():
            return build_module(spec, input_shape, n_classes)


_MATCHED: dict[str, ModelSpec] = {
    "simple_cnn": SimpleCNNSpec(name="simple_cnn"),
    "resnet18": ResNet18Spec(name="resnet18"),
    "face_cnn": FaceCNNSpec(name="face_cnn"),
    "face_cnn_large": FaceCNNLargeSpec(name="face_cnn_large"),
}


def _widths(spec: DNNSpec, input_shape: Shape, n_classes: int) -> tuple[int, ...]:
    if spec.match_parameters is None:
        return spec.widths
    other = _MATCHED[spec.match_parameters]
    with torch.random.fork_rng(devices=[]):
        n_parameters = sum(p.numel() for p in _plain(other, input_shape, n_classes).parameters())
    return matching_widths(input_shape, n_classes, spec.widths, n_parameters)


def initialise(model: nn.Module, seed_of: Callable[[str], int]) -> None:
    """Draw PyTorch's usual initial weights anew, each layer from a stream of its own name.

    A layer that is added, removed or changed leaves all others' weights as they were.

    Args:
        model: changed in place.
        seed_of: name of a layer -> seed.
    """
    with torch.random.fork_rng(devices=[]):
        for name, layer in model.named_modules():
            reset = getattr(layer, "reset_parameters", None)
            if callable(reset):
                torch.manual_seed(seed_of(name))
                reset()


def check(spec: ModelSpec, input_shape: Shape, n_classes: int) -> None:
    """Build the network and send a dummy batch through it, as in evaluation and as in training.

    Raises:
        ModelError: it does not fit, in words.
    """
    try:
        with seeded(0), torch.no_grad():
            model = build(spec, input_shape, n_classes)
            with layers_complain(spec.name, model):
                given_in = {training: model.train(training)(torch.zeros(2, *input_shape)) for training in (False, True)}
    except ModelError:
        raise
    except OWN_CODE_RAISES as error:
        raise ModelError(_does_not_work(spec.name, input_shape, error)) from None
    for training, logits in given_in.items():
        if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != (2, n_classes):
            given = tuple(logits.shape) if isinstance(logits, torch.Tensor) else f"a {type(logits).__name__}"
            raise ModelError(
                f"{spec.name} must give logits of shape (B, {n_classes}), gave {given} for a batch of 2 "
                f"in {'training' if training else 'evaluation'}"
            )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ModelError(f"{spec.name} has no parameters that can be trained")
    if isinstance(spec, ModuleSpec):
        _check_own(spec, model, input_shape, n_classes)


def _check_own(spec: ModuleSpec, model: nn.Module, input_shape: Shape, n_classes: int) -> None:
    """Find mistakes that train without an error, and whose results are wrong.

    Raises:
        ModelError: in words.
    """
    try:
        with seeded(1), torch.no_grad():
            x = torch.randn(2, *input_shape)
            first, again = (model.eval()(x.clone()).float() for _ in range(2))
            alone = model(x[:1].clone()).float()
            anew = build(spec, input_shape, n_classes)
            anew.load_state_dict(model.state_dict())
            reloaded = anew.eval()(x.clone()).float()
    except ModelError:
        raise
    except OWN_CODE_RAISES as error:
        raise ModelError(_does_not_work(spec.name, input_shape, error)) from None
    if not _alike(first, again):
        raise ModelError(
            f"{spec.name} gives other logits each time for the same input in evaluation, so that no model could be "
            "reloaded: does it draw numbers there, as torch.nn.functional.dropout does without training=self.training?"
        )
    if alone.shape != (1, n_classes):
        raise ModelError(
            f"{spec.name} must give logits of shape (B, {n_classes}), gave {tuple(alone.shape)} for a batch of 1: does "
            "it squeeze the dimension of the batch?"
        )
    if not _alike(first[:1], alone):
        raise ModelError(
            f"{spec.name} gives other logits for an example alone than for the same one in a batch, in evaluation: it "
            "must not look at the batch there, as a softmax over dimension 0 does"
        )
    if not _alike(first, reloaded):
        raise ModelError(
            f"{spec.name} gives other logits when it is built anew with the same weights, so that no model could be "
            "reloaded: is something not in its state_dict? Layers in a list belong in nn.ModuleList, parameters in "
            "nn.Parameter, what is drawn once in register_buffer"
        )
    if (first >= 0).all() and torch.allclose(first.sum(dim=1), torch.ones(len(first)), atol=1e-4):
        raise ModelError(
            f"{spec.name} must give logits, gave probabilities: leave out the softmax at its end, which the loss brings"
        )


def _alike(first: torch.Tensor, second: torch.Tensor) -> bool:
    return torch.allclose(first, second, rtol=1e-3, atol=1e-5, equal_nan=True)


def _does_not_work(name: str, input_shape: Shape, error: BaseException) -> str:
    why = f"{name} does not work on input of shape {input_shape}: {what_happened(error)}"
    advice = "; is the input meant to be so large? data.size makes images smaller"
    return why + advice if "allocate memory" in str(error) else why


@torch.no_grad()
def constrain(model: nn.Module, spec: ModelSpec) -> None:
    """Scale down, in place, each filter whose Euclidean norm exceeds ``spec.max_norm`` (R1's table).

    A filter is all weights that lead to one output channel or unit.
    """
    if spec.max_norm is None:
        return
    for layer in model.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            layer.weight.copy_(torch.renorm(layer.weight, p=2, dim=0, maxnorm=spec.max_norm.conv))
        elif isinstance(layer, nn.Linear):
            layer.weight.copy_(torch.renorm(layer.weight, p=2, dim=0, maxnorm=spec.max_norm.dense))
