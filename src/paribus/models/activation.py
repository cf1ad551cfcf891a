"""Activations by name."""

from collections.abc import Callable

from torch import nn

from paribus.spec import Activation

ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.01),
    "elu": lambda: nn.ELU(1.0),
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
"""A new module each, with the slopes of R0: LeakyReLU 0.01, ELU 1.0."""
