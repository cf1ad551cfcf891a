"""A network from its specification, with initial weights from the trial's own stream, tried on a dummy batch."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import nn

from paribus.errors import ModelError
from paribus.models.activation import ACTIVATIONS
from paribus.models.deepconvnet import DeepConvNet
from paribus.models.eegnet import EEGNet
from paribus.models.simple_cnn import SimpleCNN
from paribus.spec import ModelSpec


class Network(Protocol):
    """How a network is made."""

    def __call__(
        self,
        input_shape: tuple[int, int, int],
        n_classes: int,
        activation: Callable[[], nn.Module],
        dropout: float,
    ) -> nn.Module: ...


NETWORKS: dict[str, Network] = {"eegnet": EEGNet, "deepconvnet": DeepConvNet, "simple_cnn": SimpleCNN}


def build(spec: ModelSpec, input_shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """The network with whatever initial weights; `initialise` draws the trial's.

    Raises:
        ModelError: the input does not fit the network.
    """
    return NETWORKS[spec.name](input_shape, n_classes, ACTIVATIONS[spec.activation], spec.dropout)


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


def check(spec: ModelSpec, input_shape: tuple[int, int, int], n_classes: int) -> None:
    """Build the network and send a dummy batch through it.

    Raises:
        ModelError: it does not fit, in words.
    """
    model = build(spec, input_shape, n_classes).eval()
    try:
        with torch.no_grad():
            logits = model(torch.zeros(2, *input_shape))
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelError(f"{spec.name} does not work on input of shape {input_shape}: {error}") from None
    if tuple(logits.shape) != (2, n_classes):
        raise ModelError(
            f"{spec.name} must give logits of shape (B, {n_classes}), gave {tuple(logits.shape)} for a batch of 2"
        )


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
