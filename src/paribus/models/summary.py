"""The layers of a network with their output shapes and parameters."""

from typing import Any

import torch
from torch import nn

from paribus.record import LayerRow


def summarise(model: nn.Module, input_shape: tuple[int, int, int]) -> tuple[LayerRow, ...]:
    """One row a layer, in the order of the forward pass, from a dummy batch.

    Args:
        model: left as it was, in training or evaluation mode.
        input_shape: (C, H, W).
    """
    rows: list[LayerRow] = []

    def note(name: str) -> Any:
        def hook(layer: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
            n = sum(parameter.numel() for parameter in layer.parameters())
            rows.append(LayerRow(name, type(layer).__name__, tuple(output.shape[1:]), n))

        return hook

    leaves = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]
    handles = [layer.register_forward_hook(note(name)) for name, layer in leaves]
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, *input_shape))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return tuple(rows)
