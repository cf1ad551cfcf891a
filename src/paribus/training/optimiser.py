"""Optimisers by specification."""

from collections.abc import Iterable

from torch import optim
from torch.nn import Parameter

from paribus.spec import AdamSpec, AnyOptimizer, SgdSpec


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
    kind = optim.Adam if isinstance(spec, AdamSpec) else optim.AdamW
    return kind(parameters, lr=spec.lr, betas=spec.betas, weight_decay=spec.weight_decay, fused=True)
