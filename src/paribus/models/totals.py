"""A network as a whole, from its layers; imports no torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from paribus.lang import msg
from paribus.record import LayerRow

_MB = 2**20
_FLOAT = 4
"""Bytes of a float32."""

FLOPS_IN_WORDS = msg(
    "R3's counting: multiply-adds of convolutions and linear layers, without biases, plus 4 for every element of a "
    "batch norm, plus window + 1 for every output of an adaptive average pooling"
)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the layers, for one example. A MB is 2**20 bytes."""

    n_parameters: int
    n_trainable: int
    multiply_adds: int
    flops: int
    input_mb: float
    forward_backward_mb: float
    """Outputs of all layers, and as much again for their gradients."""
    parameters_mb: float


def uncounted(rows: Sequence[LayerRow]) -> tuple[str, ...]:
    """Types of layers with parameters whose multiply-adds are not counted, as ``LSTM``; norms do next to none."""
    types = (row.type for row in rows if row.n_parameters and not row.multiply_adds)
    return tuple(dict.fromkeys(name for name in types if "Norm" not in name and name != "PReLU"))


def totals(rows: Sequence[LayerRow], input_shape: tuple[int, ...]) -> Totals:
    """The sums of `summarise`'s rows.

    Args:
        rows: of one network.
        input_shape: (C, H, W).
    """
    n_parameters = sum(row.n_parameters for row in rows)
    outputs = sum(math.prod(row.output_shape) for row in rows if row.output_shape)
    return Totals(
        n_parameters=n_parameters,
        n_trainable=sum(row.n_trainable for row in rows),
        multiply_adds=sum(row.multiply_adds for row in rows),
        flops=sum(row.flops for row in rows),
        input_mb=math.prod(input_shape) * _FLOAT / _MB,
        forward_backward_mb=2 * outputs * _FLOAT / _MB,
        parameters_mb=n_parameters * _FLOAT / _MB,
    )
