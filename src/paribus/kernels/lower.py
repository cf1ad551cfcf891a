"""A plain network made faster: the same parameters, the same function, computed in fewer passes."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from paribus.kernels.block import Block, Parts, knows_activation, knows_norm, knows_pool
from paribus.kernels.chain import Named, hooked, plain_chain
from paribus.kernels.dropout import Chance, Dropout
from paribus.kernels.first import MergedConvolutions, TemporalThenSpatial, merges, separates
from paribus.kernels.pairs import Pairs, pairs

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d)


@dataclass(frozen=True, slots=True)
class Replacement:
    """Layers of the plain network, and what computes them in training."""

    layers: tuple[str, ...]
    by: str


class Lowered(nn.Sequential):
    """What `lower` makes; to be trained or evaluated, never saved.

    Attributes:
        chance: of dropout; its seed is set anew before each step.
        replaced: what is computed otherwise than in the plain network.
    """

    def __init__(self, steps: list[nn.Module], chance: Chance, replaced: list[Replacement]) -> None:
        super().__init__(*steps)
        self.chance = chance
        self.replaced = tuple(replaced)


@dataclass(slots=True)
class _Plan:
    steps: list[nn.Module] = field(default_factory=list)
    replaced: list[Replacement] = field(default_factory=list)
    chance: Chance = field(default_factory=Chance)

    def put(self, step: nn.Module, layers: Named, by: str) -> None:
        self.steps.append(step)
        self.replaced.append(Replacement(tuple(name for name, _ in layers), by))


def lower(model: nn.Module) -> Lowered:
    """The network for training and evaluation. What is not known to be computed right otherwise runs as it is.

    Known are chains of layers (`nn.Sequential`, nested or not) of PyTorch's own classes, without hooks, each standing
    in one place only. Whether a layer is in training mode, or frozen, is seen at each step.

    Args:
        model: stays as it is; shares its parameters and running statistics with what is returned.
    """
    layers, plan = plain_chain(model), _Plan()
    times = Counter(id(layer) for _, layer in layers)
    known = [times[id(layer)] == 1 and not hooked(layer) for _, layer in layers]
    i = 0
    while i < len(layers):
        usable = layers[i : next((j for j in range(i, len(layers)) if not known[j]), len(layers))]
        i += _put_next(plan, usable) or _put_plain(plan, layers[i][1], last=i == len(layers) - 1)
    return Lowered(plan.steps, plan.chance, plan.replaced)


def _put_next(plan: _Plan, layers: Named) -> int:
    """Put what stands for the first of the layers, if there is such; how many it took."""
    kinds: list[Any] = [layer for _, layer in layers]
    if n := merges(kinds):
        plan.put(MergedConvolutions(*kinds[:n]), layers[:n], "one convolution")
        return n
    if n := separates(kinds):
        plan.put(TemporalThenSpatial(*kinds[:n]), layers[:n], "one convolution, normalised by its input's moments")
        return n
    if kinds and pairs(kinds[0]):
        plan.put(Pairs(kinds[0]), layers[:1], "convolution of pixels in pairs")
        return 1
    if parts := _block(kinds):
        n = len(parts.layers())
        plan.put(Block(parts, layers[n - 1][0], plan.chance), layers[:n], "one block")
        return n
    if kinds and type(kinds[0]) in _DROPOUTS:
        plan.put(Dropout(kinds[0], layers[0][0], plan.chance), layers[:1], "dropout by place")
        return 1
    return 0


def _put_plain(plan: _Plan, layer: nn.Module, last: bool) -> int:
    plan.steps.append(_Logits(layer) if last and type(layer) is nn.Linear else layer)
    return 1


class _Logits(nn.Module):
    """The last layer, never in less than float32: rounded further, logits of two classes would often be equal."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return self.linear(x.to(self.linear.weight.dtype))  # type: ignore[no-any-return]


def _block(layers: list[Any]) -> Parts | None:
    """The longest block that the layers start with."""
    rest = list(layers)

    def take(known: bool) -> Any:
        return rest.pop(0) if known else None

    pre = take(len(rest) > 1 and knows_activation(rest[0]) and knows_norm(rest[1]))
    norm = take(bool(rest) and knows_norm(rest[0]))
    if norm is None:
        return None
    post = take(pre is None and bool(rest) and knows_activation(rest[0]))
    pool = take(bool(rest) and knows_pool(rest[0]))
    dropout = take(bool(rest) and type(rest[0]) in (nn.Dropout, nn.Dropout2d) and rest[0].p < 1)
    return Parts(norm, pre, post, pool, dropout)
