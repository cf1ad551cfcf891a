"""Sizes of planes after convolutions and poolings, and inputs too small for a network, in words.

docs/derivations.md derives the two formulas.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from paribus.errors import ModelError

_KINDS: tuple[tuple[type[nn.Module], ...], ...] = (
    (nn.Conv1d, nn.LazyConv1d, nn.MaxPool1d, nn.AvgPool1d),
    (nn.Conv2d, nn.LazyConv2d, nn.MaxPool2d, nn.AvgPool2d),
    (nn.Conv3d, nn.LazyConv3d, nn.MaxPool3d, nn.AvgPool3d),
)
_AXES = {kind: n for n, kinds in enumerate(_KINDS, start=1) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Window:
    """What a convolution or pooling reads along one axis, as PyTorch has it.

    Attributes:
        kernel: values that are read at once.
        stride: from one window to the next.
        padding: values put before and after, each; or ``same``: as many in all as keep the size, stride 1.
        dilation: from one value of a window to the next.
        ceil: of poolings: windows may reach past the end, if they start before it (``ceil_mode``).
    """

    kernel: int
    stride: int = 1
    padding: int | Literal["same"] = 0
    dilation: int = 1
    ceil: bool = False

    @property
    def span(self) -> int:
        """From the first value of a window to its last, both counted."""
        return self.dilation * (self.kernel - 1) + 1


def output_size(size: int, window: Window) -> int:
    """How many windows there are in ``size`` values; 0 or less where not one fits."""
    if window.padding == "same":
        return size
    room = size + 2 * window.padding - window.span
    if not window.ceil:
        return room // window.stride + 1
    starts = -(-(size + window.padding) // window.stride)  # of windows before the end of the values
    return min(-(-room // window.stride) + 1, starts)


def least_input(size: int, window: Window) -> int:
    """The fewest values, at least 1, in which there are ``size`` windows."""
    if window.padding == "same":
        return size
    least = (size - 1) * window.stride + window.span - 2 * window.padding
    if window.ceil:
        least = max(least - window.stride + 1, (size - 1) * window.stride + 1 - window.padding)
    return max(least, 1)


def windows_of(layer: nn.Module) -> tuple[Window, ...]:
    """A window for each axis of a convolution or pooling of PyTorch's own; none for other layers.

    Classes derived from them may do something else, as to pad first.
    """
    n = _AXES.get(type(layer), 0)

    def each(name: str, default: Any = None) -> tuple[Any, ...]:
        value = getattr(layer, name, default)
        return tuple(value) if isinstance(value, tuple | list) else (0 if value == "valid" else value,) * n

    if n == 0:
        return ()
    ceil = (getattr(layer, "ceil_mode", False),) * n
    parts = zip(each("kernel_size"), each("stride"), each("padding"), each("dilation", 1), ceil, strict=True)
    return tuple(Window(*part) for part in parts)


def size_after(network: str, layers: Mapping[str, nn.Module], input_shape: tuple[int, int, int], what: str) -> int:
    """How many rows or columns are left after layers that follow one another.

    Args:
        network: its name, for the error.
        layers: by name.
        input_shape: (C, H, W).
        what: ``rows`` of H, or ``columns`` or ``samples`` of W.

    Raises:
        ModelError: nothing would be left; it names the layer, what it gets and what is needed.
    """
    axis = 0 if what == "rows" else 1
    chain = [(name, found[axis]) for name, layer in layers.items() if (found := windows_of(layer))]
    given = size = input_shape[1:][axis]
    for name, window in chain:
        before, size = size, output_size(size, window)
        if size < 1:
            raise ModelError(
                f"input of {given} {what} is too short for {network}: needs at least "
                f"{least_input_of([each for _, each in chain])}; layer {name} would get {before}, "
                f"fewer than its kernel of {window.kernel} needs"
            )
    return size


def least_input_of(windows: Sequence[Window]) -> int:
    """The fewest values of which layers that follow one another leave one."""
    size = 1
    for window in reversed(windows):
        size = least_input(size, window)
    return size


@contextmanager
def layers_complain(network: str, model: nn.Module) -> Iterator[None]:
    """While this lasts, a convolution or pooling of the model whose input is too small says so, by its name.

    Raises:
        ModelError: from the model's forward pass.
    """

    def look(name: str, windows: tuple[Window, ...]) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            if not inputs or not isinstance(inputs[0], torch.Tensor) or inputs[0].ndim <= len(windows):
                return
            sizes = tuple(inputs[0].shape[-len(windows) :])
            if any(output_size(size, window) < 1 for size, window in zip(sizes, windows, strict=True)):
                raise ModelError(
                    f"layer {name or '(itself)'} of {network} gets an input of size {sizes}, too small for its kernel "
                    f"of {tuple(window.kernel for window in windows)}: it needs at least "
                    f"{tuple(least_input(1, window) for window in windows)}; give the network larger examples, or the "
                    "layer a smaller kernel or more padding"
                )

        return hook

    found = [(name, layer, windows) for name, layer in model.named_modules() if (windows := windows_of(layer))]
    handles = [layer.register_forward_pre_hook(look(name, windows)) for name, layer, windows in found]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def need_one_plane(network: str, input_shape: tuple[int, int, int]) -> None:
    """Raise ModelError unless the input is one plane of EEG, (1, n_channels, n_times)."""
    if input_shape[0] != 1:
        raise ModelError(
            f"{network} takes EEG trials of shape (1, n_channels, n_times), the data have {input_shape}: "
            "choose a network for images, as simple_cnn"
        )
