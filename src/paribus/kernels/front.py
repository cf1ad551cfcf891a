"""Filters over time, then over channels for each, as one compiled operation (front.cpp)."""

import ctypes
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from paribus.kernels.chain import multiplied_in
from paribus.kernels.native import TYPES, address, library, native


class _Front(ctypes.Structure):
    """As `Front` in front.cpp."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "channels", "times", "filters", "depth", "kernel", "padding")),
        *((name, ctypes.c_int32) for name in ("type", "threads")),
    )


def usable(x: torch.Tensor, over_time: torch.Tensor) -> bool:
    """Whether `front` can be."""
    return (
        native().library is not None
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and over_time.dtype == x.dtype
        and multiplied_in(x) in TYPES
    )


def front(
    x: torch.Tensor, over_time: torch.Tensor, over_channels: torch.Tensor, bias: torch.Tensor, padding: int
) -> torch.Tensor:
    """(B, G, 1, T + 2 * padding - k + 1), channels last; in bfloat16 under autocast.

    Args:
        x: (B, 1, n_channels, T), `usable`; no gradient goes to it.
        over_time: filters (F, k), in the type of x.
        over_channels: (G, n_channels), G a multiple of F; those of the first filter come first.
        bias: (G,).
        padding: zeros to both sides in time.
    """
    y: torch.Tensor = _Filters.apply(  # type: ignore[no-untyped-call]
        x, over_time, over_channels, bias, padding, multiplied_in(x)
    )
    return y


class _Filters(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Any, over_time: Any, over_channels: Any, bias: Any, padding: int, dtype: torch.dtype
    ) -> Any:
        batch, _, channels, times = x.shape
        (filters, kernel), groups = over_time.shape, len(bias)
        shape = _Front(
            batch=batch,
            channels=channels,
            times=times,
            filters=filters,
            depth=groups // filters,
            kernel=kernel,
            padding=padding,
            type=TYPES[dtype],
            threads=torch.get_num_threads(),
        )
        x, over_time, bias = x.contiguous(), over_time.contiguous(), bias.contiguous()
        mix = over_channels.T.contiguous()
        after = (batch, groups, 1, times + 2 * padding - kernel + 1)
        y = torch.empty(after, dtype=dtype, memory_format=torch.channels_last)
        library().paribus_front_forward(ctypes.byref(shape), *(address(each) for each in (x, over_time, mix, bias, y)))
        ctx.save_for_backward(x, over_time, over_channels)
        ctx.shape = shape
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Any) -> Any:
        x, over_time, over_channels = ctx.saved_tensors
        shape: _Front = ctx.shape
        groups = len(over_channels)
        products = torch.empty((shape.channels, shape.kernel, groups), dtype=torch.float64)
        sums = torch.empty(groups, dtype=torch.float64)
        gy = gy.contiguous(memory_format=torch.channels_last)
        library().paribus_front_backward(ctypes.byref(shape), *(address(each) for each in (x, gy, products, sums)))
        by_filter = products.view(shape.channels, shape.kernel, shape.filters, shape.depth)
        mix = over_channels.double().view(shape.filters, shape.depth, shape.channels)
        of_time = torch.einsum("ckfd,fdc->fk", by_filter, mix)
        of_channels = torch.einsum("ckfd,fk->fdc", by_filter, over_time.double()).reshape(groups, shape.channels)
        dtype = over_time.dtype
        return None, of_time.to(dtype), of_channels.to(dtype), sums.to(dtype), None, None
