"""Convolutions to 8 planes, two neighbouring pixels at a time: vectors of 16 are full then.

Where pixels 2i and 2i + 1 of c planes are taken for one pixel of 2c planes, which in channels last is the same memory,
a convolution is another one with half as many steps and twice as many planes. Its kernel has some zeros, but a
processor whose vectors hold 16 planes needs less time for it.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d, pad

from paribus.kernels.chain import pair

PLANES = 8
"""Half of the widest vector of float32 (AVX-512)."""


def pairs(layer: nn.Module) -> bool:
    """Whether it is a convolution that gains from taking pixels in pairs on this processor."""
    return torch.backends.cpu.get_cpu_capability() == "AVX512" and can_pair(layer)


def can_pair(layer: nn.Module) -> bool:
    """Whether it is a convolution to 8 planes, from at most as many, that keeps the width."""
    if type(layer) is not nn.Conv2d or isinstance(layer.padding, str):
        return False
    width = layer.kernel_size[1]
    return (
        layer.out_channels == PLANES
        and layer.in_channels <= PLANES
        and layer.groups == 1
        and layer.stride == (1, 1)
        and layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and width % 2 == 1
        and width > 1
        and pair(layer.padding)[1] == width // 2
    )


class Pairs(nn.Module):
    """A convolution that takes pixels in pairs where rows have an even number of them.

    Args:
        convolution: `can_pair`.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        plain: Any = self.convolution
        if x.ndim != 4 or x.shape[3] % 2 or x.device.type != "cpu":
            return plain(x)  # type: ignore[no-any-return]
        kernel, across = paired(plain.weight)
        bias = None if plain.bias is None else plain.bias.repeat(2)
        y = conv2d(_joined(x), kernel, bias, padding=(pair(plain.padding)[0], across))
        batch, planes, height, width = y.shape
        return y.permute(0, 2, 3, 1).reshape(batch, height, 2 * width, planes // 2).permute(0, 3, 1, 2)


def _joined(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) -> (B, 2C, H, W // 2), channels last: the planes of a pair's first pixel, then of its second."""
    batch, planes, height, width = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, height, width // 2, 2 * planes).permute(0, 3, 1, 2)


def paired(weight: torch.Tensor) -> tuple[torch.Tensor, int]:
    """(2G, 2C, h, k') for pairs from (G, C, h, k), k odd, and the padding that keeps the width."""
    outputs, planes, height, width = weight.shape
    across = (width // 2 + 1) // 2
    size = 2 * across + 1
    # From the first or second pixel of a pair, `step` pairs on, to the first or second: which column of the kernel?
    given, to, step = torch.meshgrid(torch.arange(2), torch.arange(2), torch.arange(size), indexing="ij")
    column = 2 * (step - across) + given - to + width // 2
    column = torch.where((column >= 0) & (column < width), column, width)  # where none, the zeros that are added
    taken = pad(weight, (0, 1))[..., column.flatten()].view(outputs, planes, height, 2, 2, size)
    kernel = taken.permute(4, 0, 3, 1, 2, 5).reshape(2 * outputs, 2 * planes, height, size)
    return kernel.contiguous(memory_format=torch.channels_last), across
