"""Optimisers by specification."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import optim
from torch.nn import Parameter

from paribus.spec import AdamSpec, AnyOptimizer, SgdSpec


class _InMemoryOrder:
    """Shows PyTorch's fused Adam all tensors with their dimensions in the order in which values lie in memory.

    It goes through memory without a look at strides, and first copies gradients that are not contiguous, as those of
    convolutions are not where channels are last: a fifth of a step of ResNet-18.
    """

    def _init_group(self, group: dict[str, Any], params: Any, grads: Any, *states: Any) -> Any:
        found = super()._init_group(group, params, grads, *states)  # type: ignore[misc]
        orders = [_memory_order(each) for each in params]
        *moments, _ = states  # the last are numbers of steps
        for tensors in (params, grads, *moments):
            tensors[:] = [each.permute(order) for each, order in zip(tensors, orders, strict=bool(tensors))]
        grads[:] = [each.contiguous() for each in grads]  # if one should lie otherwise than its parameter
        return found


def _memory_order(tensor: torch.Tensor) -> list[int]:
    """Its dimensions, the one with the longest stride first."""
    return sorted(range(tensor.ndim), key=tensor.stride, reverse=True)


def _has_gaps(tensor: torch.Tensor) -> bool:
    return not tensor.permute(_memory_order(tensor)).is_contiguous()


class _Adam(_InMemoryOrder, optim.Adam):
    pass


class _AdamW(_InMemoryOrder, optim.AdamW):
    pass


def make_optimizer(spec: AnyOptimizer, parameters: Iterable[Parameter]) -> optim.Optimizer:
    """PyTorch's optimiser for a specification, all parameters in one group."""
    if isinstance(spec, SgdSpec):
        return optim.SGD(
            parameters,
            lr=spec.lr,
            momentum=spec.momentum,
            nesterov=spec.nesterov,
            weight_decay=spec.weight_decay,
        )
    kind, parameters = _Adam if isinstance(spec, AdamSpec) else _AdamW, list(parameters)
    fused = not any(map(_has_gaps, parameters))
    return kind(parameters, lr=spec.lr, betas=spec.betas, weight_decay=spec.weight_decay, fused=fused)
