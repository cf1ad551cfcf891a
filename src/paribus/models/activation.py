"""Activations by name."""

from collections.abc import Callable

from torch import nn

from paribus.spec import ActivatedModel

NewActivation = Callable[[], nn.Module]
"""Gives a new activation module."""


def activation_of(spec: ActivatedModel) -> NewActivation:
    """What makes the activations of a network; the slope of LeakyReLU is 0.01 in R0 and 0.05 in R4."""
    match spec.activation:
        case "relu":
            return nn.ReLU
        case "leaky_relu":
            return lambda: nn.LeakyReLU(spec.negative_slope)
        case "elu":
            return lambda: nn.ELU(1.0)
        case "gelu":
            return nn.GELU
        case "silu":
            return nn.SiLU
