"""Convolutions with few places, as one matrix product for each of them.

Deep in a network the maps can be smaller than the kernel: ResNet-18 with ImageNet's stem has 2 x 2 and 1 x 1 of them
where images are 32 x 32. Most of a 3 x 3 kernel then meets padding only. Here each place takes the part of the kernel
that it needs, and the gradient of the rest is 0 without being computed.
"""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from paribus.kernels.chain import multiplied_in, pair

MOST_PLACES = 4
"""Of the output, as 2 x 2. With more of them PyTorch's convolution needs less time."""
FEWEST_WEIGHTS = 128 * 128
"""Channels in times channels out. With fewer, calling counts for more than computing."""

Span = tuple[slice, slice]
"""What a place takes in one direction: of the kernel, and of the input."""


def may_have_few_places(layer: nn.Module) -> bool:
    """Whether it is a convolution that gains where its output has few places."""
    return (
        type(layer) is nn.Conv2d
        and layer.groups == 1
        and layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and layer.in_channels * layer.out_channels >= FEWEST_WEIGHTS
    )


class FewPlaces(nn.Module):
    """A convolution, by matrix products where its output has few places.

    Args:
        convolution: `may_have_few_places`.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        plain: Any = self.convolution
        dtype = multiplied_in(x)
        known = x.ndim == 4 and x.device.type == "cpu" and x.shape[1] == plain.in_channels
        if not known or dtype != multiplied_in(plain.weight):
            return plain(x)  # type: ignore[no-any-return]
        rows, columns = map(spans, x.shape[2:], plain.kernel_size, plain.stride, pair(plain.padding))
        if not 0 < len(rows) * len(columns) <= MOST_PLACES:
            return plain(x)  # type: ignore[no-any-return]
        y: torch.Tensor = _Products.apply(x.to(dtype), plain.weight, rows, columns)  # type: ignore[no-untyped-call]
        return y if plain.bias is None else y + plain.bias.to(y.dtype)[:, None, None]


def spans(size: int, kernel: int, stride: int, padding: int) -> tuple[Span, ...]:
    """Of each place of the output in one direction; none where the kernel is larger than the padded input."""
    found = []
    for start in range(-padding, size + padding - kernel + 1, stride):
        low, high = max(0, -start), min(kernel, size - start)
        found.append((slice(low, max(low, high)), slice(start + low, start + max(low, high))))
    return tuple(found)


class _Products(torch.autograd.Function):
    """Sums over places are made in the type of the weights."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, rows: tuple[Span, ...], columns: tuple[Span, ...]) -> Any:
        places = [(i, j, *row, *column) for i, row in enumerate(rows) for j, column in enumerate(columns)]
        kernel, planes = weight.permute(0, 2, 3, 1).to(x.dtype), x.permute(0, 2, 3, 1)
        y = x.new_empty(len(x), len(rows), len(columns), len(weight))
        saved = []
        for i, j, of_kernel, of_x, across_kernel, across_x in places:
            taken = kernel[:, of_kernel, across_kernel].reshape(len(weight), -1)
            seen = planes[:, of_x, across_x].reshape(len(x), -1)
            y[:, i, j] = seen @ taken.T
            saved += [taken, seen]
        ctx.save_for_backward(*saved)
        ctx.given = places, x.shape, x.dtype, weight.shape, weight.dtype
        return y.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Any) -> Any:
        saved = ctx.saved_tensors
        places, (batch, channels, height, width), dtype, (outputs, _, *kernel), weight_dtype = ctx.given
        wants_x, wants_weight = ctx.needs_input_grad[:2]
        gx = gy.new_zeros((batch, height, width, channels), dtype=weight_dtype) if wants_x else None
        gw = gy.new_zeros((outputs, *kernel, channels), dtype=weight_dtype) if wants_weight else None
        for (i, j, of_kernel, of_x, across_kernel, across_x), taken, seen in zip(
            places, saved[::2], saved[1::2], strict=True
        ):
            g = gy[:, :, i, j].to(dtype)
            if gx is not None:
                there = gx[:, of_x, across_x]
                there += (g @ taken).view(there.shape)
            if gw is not None:
                there = gw[:, of_kernel, across_kernel]
                there += (g.T @ seen).view(there.shape)
        return (
            None if gx is None else gx.to(dtype).permute(0, 3, 1, 2),
            None if gw is None else gw.permute(0, 3, 1, 2),
            None,
            None,
        )
