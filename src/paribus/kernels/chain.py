"""A network as a chain of layers."""

from typing import Any

import torch
from torch import nn

Named = list[tuple[str, nn.Module]]
"""Layers and their names, in the order of the forward pass."""


def plain_chain(module: nn.Module, name: str = "") -> Named:
    """The layers of `nn.Sequential`, nested or not; the module itself where it is none, or a hook watches it."""
    if not isinstance(module, nn.Sequential) or type(module).forward is not nn.Sequential.forward or hooked(module):
        return [(name, module)]
    found: Named = []
    for key, child in module._modules.items():  # `named_children` leaves out a layer that stands in two places
        if child is not None:
            found += plain_chain(child, f"{name}.{key}" if name else key)
    return found


def hooked(module: nn.Module) -> bool:
    """Whether anybody watches the module's calls, so that they have to be made."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, each) for each in hooks)


Branches = tuple[nn.Sequential, nn.Sequential, nn.Module]
"""Two chains that start from the same input, and what their sum goes through."""


def branches_of(layer: nn.Module) -> Branches | None:
    """Of a residual block that tells its branches, unless a hook watches anything in it."""
    own = vars(type(layer))
    if not {"branches", "forward"} <= own.keys() or any(map(hooked, layer.modules())):
        return None
    found: Branches = own["branches"](layer)
    return found


def pair(value: Any) -> tuple[int, int]:
    """(height, width) of a layer's setting, which may be one number for both."""
    return (value, value) if isinstance(value, int) else tuple(value)


def multiplied_in(x: torch.Tensor) -> torch.dtype:
    """The type that a layer multiplies in on a CPU, given x: autocast's for float32, else that of x."""
    half = torch.is_autocast_enabled("cpu") and x.dtype == torch.float32
    return torch.get_autocast_dtype("cpu") if half else x.dtype
