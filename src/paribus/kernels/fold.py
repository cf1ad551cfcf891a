"""A plain network made faster for evaluation: batch norm, by then a fixed scale and shift, goes into convolutions."""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d

from paribus.kernels.block import knows_activation
from paribus.kernels.chain import Named, hooked, plain_chain
from paribus.kernels.first import channels_first, merged, merges, separates

_Affine = tuple[torch.Tensor, torch.Tensor]
"""Scale and shift of each channel."""


class _Convolution(nn.Module):
    """One convolution in place of some layers that start with one.

    Args:
        layers: what it stands for.
        weight: its own.
        bias: likewise.
        merged: whether it takes in all n_channels of (B, 1, n_channels, T) at once.
    """

    def __init__(self, layers: list[nn.Module], weight: torch.Tensor, bias: torch.Tensor | None, merged: bool) -> None:
        super().__init__()
        self.layers, self.weight, self.bias, self.merged = layers, weight, bias, merged

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        like: Any = self.layers[0]
        if not self.merged:
            return conv2d(x, self.weight, self.bias, like.stride, like.padding, like.dilation, like.groups)
        if x.shape[2] == self.weight.shape[1]:
            return conv2d(channels_first(x), self.weight, self.bias, padding=like.padding)
        for layer in self.layers:  # filters that do not span all channels
            x = layer(x)
        return x


@torch.no_grad()
def fold(model: nn.Module) -> nn.Sequential:
    """The network for evaluation, in PyTorch's own operations only; what is not a chain of known layers runs as it is.

    Args:
        model: in evaluation mode; stays as it is.

    Returns:
        what is to be used at once, for it holds copies of weights.
    """
    layers, steps = plain_chain(model), []
    while layers:
        usable = layers[: next((i for i, (_, layer) in enumerate(layers) if hooked(layer)), len(layers))]
        n, step = _next(usable) if usable else (1, layers[0][1])
        steps.append(step)
        layers = layers[n:]
    return nn.Sequential(*_largest_first(steps))


def _largest_first(steps: list[nn.Module]) -> list[nn.Module]:
    """Max pooling before an activation that never falls: the same to the last bit, and fewer values to activate."""
    for i in range(len(steps) - 1):
        activation, pool = steps[i : i + 2]
        if knows_activation(activation) and type(pool) is nn.MaxPool2d and not (hooked(activation) or hooked(pool)):
            steps[i : i + 2] = [pool, activation]
    return steps


def _next(layers: Named) -> tuple[int, nn.Module]:
    """How many of the layers go into the next step, and the step."""
    kinds = [layer for _, layer in layers]
    first: Any = kinds[0]
    merges_two = merges(kinds)
    n = merges_two or separates(kinds)
    if n == 3 and not _fixed(kinds[1]):
        n = 0
    if n:
        weight, bias = merged(first, kinds[n - 1], None if merges_two else _affine(kinds[1]))  # type: ignore[arg-type]
    elif type(first) is nn.Conv2d and first.padding_mode == "zeros":
        weight, bias = first.weight, first.bias
    else:
        return 1, first
    is_merged, n = bool(n), n or 1
    if n < len(kinds) and _fixed(kinds[n]):
        scale, shift = _affine(kinds[n])  # type: ignore[arg-type]
        weight = weight * scale[:, None, None, None]
        bias = shift if bias is None else bias * scale + shift
        n += 1
    if n == 1:
        return 1, first
    return n, _Convolution(kinds[:n], weight, bias, is_merged)


def _fixed(layer: nn.Module) -> bool:
    """Whether it is batch norm by running statistics."""
    return type(layer) is nn.BatchNorm2d and layer.running_mean is not None and not layer.training


def _affine(norm: nn.BatchNorm2d) -> _Affine:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var.double() + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    shift = -norm.running_mean.double() * scale
    if norm.bias is not None:
        shift = shift + norm.bias.double()
    dtype = norm.running_mean.dtype
    return scale.to(dtype), shift.to(dtype)
