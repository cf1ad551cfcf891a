"""A block of a network, dropout(pool(post(norm(pre(x))))), as one compiled operation (block.cpp).

docs/derivations.md derives how batch normalisation goes back.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from paribus.kernels.chain import pair
from paribus.kernels.dropout import Chance, Dropout, threshold
from paribus.kernels.native import TYPES, address, library, native
from paribus.kernels.norm import fixed, follow, keeps_statistics

FEWEST_CHANNELS = 8
"""The narrowest vector."""

_LARGEST_WINDOW = 250
"""A place in a window is remembered in a byte."""


class _Block(ctypes.Structure):
    """As `Block` in block.cpp."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "height", "width", "channels", "copies", "pool_height")),
        ("pool_width", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("type", "pre", "post", "pool", "dropout", "threads")),
        ("key", ctypes.c_uint32 * 2),
        ("threshold", ctypes.c_uint32),
        *((name, ctypes.c_double) for name in ("pre_slope", "post_slope", "keep_scale")),
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """The layers of a block, as they stand in the plain network; None where there is none.

    At most one of ``pre`` and ``post`` is there.
    """

    norm: nn.BatchNorm2d
    pre: nn.Module | None = None
    post: nn.Module | None = None
    pool: nn.MaxPool2d | nn.AvgPool2d | None = None
    dropout: nn.Dropout | nn.Dropout2d | None = None

    def layers(self) -> list[nn.Module]:
        """In the order of the forward pass."""
        return [each for each in (self.pre, self.norm, self.post, self.pool, self.dropout) if each is not None]


class Block(nn.Module):
    """The layers of ``parts`` at once where that can be done, else one after the other.

    Args:
        parts: each of a kind that `lower.lower` knows to be computed right here.
        name: of the dropout layer in its network.
        chance: of the network.
    """

    def __init__(self, parts: Parts, name: str, chance: Chance) -> None:
        super().__init__()
        self.parts, self.name, self.chance = parts, name, chance
        self.plain = nn.ModuleList(parts.layers())
        self.steps: list[nn.Module] = parts.layers()
        if parts.dropout is not None:
            self.steps[-1] = Dropout(parts.dropout, name, chance)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self._suits(x):
            for step in self.steps:
                x = step(x)
            return x
        norm = self.parts.norm
        geometry = self._geometry(x)
        if not norm.training:
            scale, shift = (each.repeat(geometry.copies) for each in fixed(norm))
            return _evaluated(x, scale, shift, geometry)
        y: torch.Tensor
        y, moments = _Fused.apply(x, norm.weight, norm.bias, norm.eps, geometry)  # type: ignore[no-untyped-call]
        follow(norm, moments[0], moments[1], x.numel() // x.shape[1])
        return y

    def _suits(self, x: torch.Tensor) -> bool:
        norm, (kh, kw) = self.parts.norm, window(self.parts.pool)
        return (
            native().library is not None
            and x.device.type == "cpu"
            and x.ndim == 4
            and x.dtype in TYPES
            and norm.weight.dtype == (torch.float64 if x.dtype == torch.float64 else torch.float32)
            and (self.parts.dropout is None or self.parts.dropout.training == norm.training)
            and x.shape[1] == norm.num_features
            and x.shape[2] >= kh
            and x.shape[3] >= kw
            and x.numel() > x.shape[1]  # more than one value a channel, as norm demands in training
            and torch.is_grad_enabled() == norm.training
        )

    def _geometry(self, x: torch.Tensor) -> _Block:
        parts, dropout = self.parts, self.parts.dropout
        batch, channels, height, width = x.shape
        copies = 2 if parts.pool is None and channels == FEWEST_CHANNELS and width % 2 == 0 else 1
        pre, pre_slope = activation_code(parts.pre)
        post, post_slope = activation_code(parts.post)
        pool_height, pool_width = window(parts.pool)
        p = dropout.p if dropout is not None and dropout.training else 0.0
        return _Block(
            batch=batch,
            height=height,
            width=width // copies,
            channels=channels * copies,
            copies=copies,
            pool_height=pool_height,
            pool_width=pool_width,
            type=TYPES[x.dtype],
            pre=pre,
            post=post,
            pool=int(isinstance(parts.pool, nn.MaxPool2d)),
            dropout=0 if p == 0 else 2 if isinstance(dropout, nn.Dropout2d) else 1,
            threads=torch.get_num_threads(),
            key=self.chance.key(self.name) if p else (0, 0),
            threshold=threshold(p),
            pre_slope=pre_slope,
            post_slope=post_slope,
            keep_scale=1 / (1 - p),
        )


def activation_code(layer: nn.Module | None) -> tuple[int, float]:
    """(kind, slope) of an activation, as block.cpp has them.

    Raises:
        KeyError: block.cpp does not know it.
    """
    if layer is None:
        return 0, 0.0
    if type(layer) is nn.LeakyReLU:
        return 1, float(layer.negative_slope)
    return {nn.ReLU: (1, 0.0), nn.ELU: (2, 0.0)}[type(layer)]


def window(pool: nn.MaxPool2d | nn.AvgPool2d | None) -> tuple[int, int]:
    """(height, width) that become one."""
    if pool is None:
        return 1, 1
    return pair(pool.kernel_size)


def knows_activation(layer: nn.Module) -> bool:
    """Whether block.cpp computes it; activations that fall somewhere cannot change places with a maximum."""
    if type(layer) is nn.LeakyReLU:
        return bool(layer.negative_slope >= 0)
    return type(layer) is nn.ReLU or (type(layer) is nn.ELU and layer.alpha == 1)


def knows_norm(layer: nn.Module) -> bool:
    """Whether block.cpp computes it."""
    return type(layer) is nn.BatchNorm2d and keeps_statistics(layer) and layer.num_features >= FEWEST_CHANNELS


def knows_pool(layer: nn.Module) -> bool:
    """Whether block.cpp computes it: windows side by side."""
    if type(layer) is nn.MaxPool2d:
        plain = pair(layer.dilation) == (1, 1) and not layer.return_indices
    elif type(layer) is nn.AvgPool2d:
        plain = layer.divisor_override is None
    else:
        return False
    size = window(layer)
    return (
        plain
        and pair(layer.stride) == size
        and pair(layer.padding) == (0, 0)
        and not layer.ceil_mode
        and size[0] * size[1] <= _LARGEST_WINDOW
    )


def _evaluated(x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, geometry: _Block) -> torch.Tensor:
    x, y = x.contiguous(memory_format=torch.channels_last), _output(x, geometry)
    library().paribus_block_evaluate(ctypes.byref(geometry), address(x), address(scale), address(shift), address(y))
    return y


def _output(x: torch.Tensor, geometry: _Block) -> torch.Tensor:
    b = geometry
    shape = (b.batch, b.channels // b.copies, b.height // b.pool_height, b.copies * b.width // b.pool_width)
    return torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)


class _Fused(torch.autograd.Function):
    """x (B, C, H, W), weight and bias (C) -> y, and (2, C) mean and variance of the batch."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, bias: Any, eps: float, geometry: _Block) -> Any:
        x = x.contiguous(memory_format=torch.channels_last)
        weight, bias = weight.contiguous(), bias.contiguous()
        b, g = geometry, torch.float64 if x.dtype == torch.float64 else torch.float32
        y = _output(x, b)
        remembers = b.dropout or (b.pool and b.pool_height * b.pool_width > 1)
        code = torch.empty(y.numel() if remembers else 0, dtype=torch.uint8)
        statistics = torch.empty((4, b.channels), dtype=g)
        moments = torch.empty((2, b.channels // b.copies), dtype=torch.float64)
        library().paribus_block_forward(
            ctypes.byref(b),
            address(x),
            address(weight),
            address(bias),
            ctypes.c_double(eps),
            address(y),
            address(code),
            address(statistics),
            address(moments),
        )
        ctx.save_for_backward(x, code, statistics)
        ctx.geometry = b
        ctx.mark_non_differentiable(moments)
        return y, moments

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Any, _: Any) -> Any:
        x, code, statistics = ctx.saved_tensors
        gy = gy.to(x.dtype).contiguous(memory_format=torch.channels_last)
        dx = torch.empty_like(x)
        sums = torch.empty((2, ctx.geometry.channels), dtype=torch.float64)
        library().paribus_block_backward(
            ctypes.byref(ctx.geometry),
            address(x),
            address(gy),
            address(code),
            address(statistics),
            address(dx),
            address(sums),
        )
        sums = sums[:, : ctx.geometry.channels // ctx.geometry.copies].to(statistics.dtype)
        return dx, sums[1], sums[0], None, None
