"""The layers of a network: output shapes, parameters, multiply-adds, and which feeds which."""

from typing import Any

import torch
from torch import fx, nn

from paribus.record import LayerRow

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_ADAPTIVE = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)


def summarise(model: nn.Module, input_shape: tuple[int, int, int]) -> tuple[LayerRow, ...]:
    """One row a layer, in the order of the forward pass, from a dummy batch.

    Parameters that belong to no layer, as those that a module holds beside its layers, have a row at the end.

    Args:
        model: left as it was, in training or evaluation mode.
        input_shape: (C, H, W).
    """
    calls: list[tuple[str, nn.Module, torch.Size, torch.Size]] = []

    def note(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            given = output if isinstance(output, tuple | list) else (output,)  # an LSTM gives its state too
            shapes = [each.shape for each in (*inputs, given[0]) if isinstance(each, torch.Tensor)]
            if shapes:
                calls.append((name, layer, shapes[0], shapes[-1]))

        return hook

    leaves = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]
    handles = [layer.register_forward_hook(note(name)) for name, layer in leaves if not _is_empty(layer)]
    training = model.training
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, *input_shape, device=device))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    counted: set[int] = set()
    inputs = _inputs(model, [name for name, *_ in calls])
    rows = [_row(*call, counted, None if inputs is None else inputs[i]) for i, call in enumerate(calls)]
    return (*rows, *_others(model, counted))


def _is_empty(layer: nn.Module) -> bool:
    """A `Sequential` without layers hands its input on."""
    return isinstance(layer, nn.Sequential)


def _row(
    name: str,
    layer: nn.Module,
    before: torch.Size,
    after: torch.Size,
    counted: set[int],
    inputs: tuple[int, ...] | None,
) -> LayerRow:
    new = [parameter for parameter in layer.parameters() if id(parameter) not in counted]
    counted.update(map(id, new))
    n_adds = _multiply_adds(layer, before, after)
    return LayerRow(
        name=name or "(itself)",
        type=type(layer).__name__,
        output_shape=tuple(after[1:]),
        n_parameters=sum(parameter.numel() for parameter in new),
        n_trainable=sum(parameter.numel() for parameter in new if parameter.requires_grad),
        multiply_adds=n_adds,
        flops=n_adds + _other_flops(layer, before, after),
        formula=_formula(layer) if new else "",
        inputs=inputs,
    )


def _others(model: nn.Module, counted: set[int]) -> list[LayerRow]:
    rows = []
    for name, module in model.named_modules():
        new = [each for each in module.parameters(recurse=False) if id(each) not in counted]
        counted.update(map(id, new))
        if new:
            n = sum(parameter.numel() for parameter in new)
            trainable = sum(parameter.numel() for parameter in new if parameter.requires_grad)
            rows.append(LayerRow(name or "(itself)", type(module).__name__, (), n, trainable, inputs=()))
    return rows


def _multiply_adds(layer: nn.Module, before: torch.Size, after: torch.Size) -> int:
    """Of convolutions and linear layers for one example, biases not counted."""
    if isinstance(layer, _CONVOLUTIONS):
        return after[1:].numel() * layer.weight[0].numel()
    if isinstance(layer, _TRANSPOSED):
        return before[1:].numel() * layer.weight[0].numel()
    return after[1:].numel() * layer.in_features if isinstance(layer, nn.Linear) else 0


def _other_flops(layer: nn.Module, before: torch.Size, after: torch.Size) -> int:
    """What R3's counting adds: 4 an element of an affine batch norm; window + 1 an output of adaptive pooling."""
    if isinstance(layer, _NORMS) and layer.affine:
        return 4 * after[1:].numel()
    if isinstance(layer, _ADAPTIVE):
        return after[1:].numel() * (before[2:].numel() // max(after[2:].numel(), 1) + 1)
    return 0


def _formula(layer: nn.Module) -> str:
    """How the parameters are counted: filters × inputs × kernel + biases, as in R1's table."""
    if isinstance(layer, _CONVOLUTIONS):
        shape = " × ".join(str(size) for size in layer.weight.shape)
        return shape + (f" + {layer.out_channels}" if layer.bias is not None else "")
    if isinstance(layer, nn.Linear):
        return f"{layer.out_features} × {layer.in_features}" + (
            f" + {layer.out_features}" if layer.bias is not None else ""
        )
    return f"2 × {layer.num_features}" if isinstance(layer, _NORMS) else ""


class _Leaves(fx.Tracer):
    """Does not look into modules without modules inside."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not list(m.children()) and not _is_empty(m)


def _inputs(model: nn.Module, names: list[str]) -> list[tuple[int, ...]] | None:
    """For each call the calls whose outputs go into it, -1 for the network's input; None when that cannot be traced."""
    try:
        graph = _Leaves().trace(model)
    except Exception:  # tracing runs the network's own code, which may do anything that tracing does not know
        return None
    calls = [node for node in graph.nodes if node.op == "call_module"]
    if [str(node.target) for node in calls] != names:
        return None
    position = {node: i for i, node in enumerate(calls)}

    def sources(node: fx.Node) -> list[int]:
        found: list[int] = []
        for before in node.all_input_nodes:
            if before in position:
                found.append(position[before])
            elif before.op == "placeholder":
                found.append(-1)
            else:
                found += sources(before)
        return found

    return [tuple(dict.fromkeys(sources(node))) for node in calls]
