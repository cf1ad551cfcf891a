"""A plain network made faster: the same parameters, the same function, computed in fewer passes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from paribus.kernels.block import Block, Parts, knows_activation, knows_norm, knows_pool
from paribus.kernels.chain import Named, branches_of, hooked, plain_chain
from paribus.kernels.dropout import Chance, Dropout
from paribus.kernels.first import MergedConvolutions, TemporalThenSpatial, merges, separates
from paribus.kernels.pairs import Pairs, pairs
from paribus.kernels.places import MOST_PLACES, FewPlaces, may_have_few_places

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


class Residual(nn.Module):
    """A residual block of lowered branches.

    Args:
        main: one branch.
        shortcut: the other.
        after: what their sum goes through.
    """

    def __init__(self, main: nn.Module, shortcut: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.main, self.shortcut, self.after = main, shortcut, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.main(x) + self.shortcut(x))  # type: ignore[no-any-return]


@dataclass(slots=True)
class _Plan:
    times: Counter[int]
    """How often each layer stands in the network, by its `id`."""
    steps: list[nn.Module] = field(default_factory=list)
    replaced: list[Replacement] = field(default_factory=list)
    chance: Chance = field(default_factory=Chance)

    def branch(self, chain: nn.Sequential, name: str) -> nn.Sequential:
        """A chain within the network, lowered."""
        own = _Plan(self.times, [], self.replaced, self.chance)
        _put_chain(own, plain_chain(chain, name), ends=False)
        return nn.Sequential(*own.steps)

    def put(self, step: nn.Module, layers: Named, by: str) -> None:
        self.steps.append(step)
        self.replaced.append(Replacement(tuple(name for name, _ in layers), by))


def lower(model: nn.Module) -> Lowered:
    """The network for training and evaluation. What is not known to be computed right otherwise runs as it is.

    Known are chains of layers (`nn.Sequential`, nested or not) of PyTorch's own classes, without hooks, each standing
    in one place only, and residual blocks of such chains (`chain.branches_of`). Whether a layer is in training
    mode, or frozen, is seen at each step.

    Args:
        model: stays as it is; shares its parameters and running statistics with what is returned.
    """
    layers = plain_chain(model)
    plan = _Plan(Counter(map(id, _standing(layers))))
    _put_chain(plan, layers, ends=True)
    return Lowered(plan.steps, plan.chance, plan.replaced)


def _standing(layers: Named) -> Iterator[nn.Module]:
    """Each layer as often as it stands in the network, branches included."""
    for _, layer in layers:
        yield layer
        if branches := branches_of(layer):
            for chain in branches:
                yield from _standing(plain_chain(chain))


def _put_chain(plan: _Plan, layers: Named, ends: bool) -> None:
    """Args: ends: whether the last layer gives the logits."""
    known = [plan.times[id(layer)] == 1 and not hooked(layer) for _, layer in layers]
    i = 0
    while i < len(layers):
        usable = layers[i : next((j for j in range(i, len(layers)) if not known[j]), len(layers))]
        i += _put_next(plan, usable) or _put_plain(plan, layers[i][1], last=ends and i == len(layers) - 1)


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
    if kinds and may_have_few_places(kinds[0]):
        plan.put(FewPlaces(kinds[0]), layers[:1], f"a matrix product a place, where it has {MOST_PLACES} or fewer")
        return 1
    if branches := branches_of(kinds[0]) if kinds else None:
        (main, shortcut, after), name = branches, layers[0][0]
        plan.steps.append(Residual(plan.branch(main, name), plan.branch(shortcut, name), after))
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
    """The longest block that the layers start with.

    One of norm and activation alone is left to PyTorch, which needs less time for it (benchmarks/small_maps).
    """
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
    return Parts(norm, pre, post, pool, dropout) if pool or dropout else None
