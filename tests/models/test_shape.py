"""Sizes against PyTorch's own layers, the least inputs that follow, and what is said of inputs that are too small."""

import itertools
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from paribus.errors import ModelError
from paribus.models.build import check
from paribus.models.shape import Window, layers_complain, least_input, least_input_of, output_size, windows_of
from paribus.spec import ModuleSpec

Layer = Callable[..., nn.Module]


def layers() -> Iterator[tuple[nn.Module, Window]]:
    """Convolutions and poolings of every kind, each with its window."""
    for kernel, stride, padding, dilation in itertools.product((1, 2, 3, 5), (1, 2, 3), (0, 1, 2), (1, 2, 3)):
        window = Window(kernel, stride, padding, dilation)
        yield nn.Conv1d(1, 1, kernel, stride, padding, dilation), window
        for ceil in (False, True):
            if padding <= kernel // 2:  # PyTorch demands it of poolings
                pooled = Window(kernel, stride, padding, dilation, ceil)
                yield nn.MaxPool1d(kernel, stride, padding, dilation, ceil_mode=ceil), pooled
                if dilation == 1:
                    yield nn.AvgPool1d(kernel, stride, padding, ceil_mode=ceil), pooled
    for kernel, dilation in itertools.product((1, 2, 3, 4), (1, 2)):  # even kernels: more to one side
        yield nn.Conv1d(1, 1, kernel, padding="same", dilation=dilation), Window(kernel, 1, "same", dilation)
        yield nn.Conv1d(1, 1, kernel, padding="valid", dilation=dilation), Window(kernel, dilation=dilation)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_as_pytorch_does() -> None:
    """Whatever PyTorch refuses has a size of 0 or less, and nothing else has; the least input is the least."""
    n = 0
    for layer, window in layers():
        assert windows_of(layer) == (window,)
        sizes = {}
        for size in range(1, 14):
            try:
                with torch.no_grad():
                    sizes[size] = layer(torch.zeros(1, 1, size)).shape[-1]
            except RuntimeError:
                sizes[size] = 0
            assert max(output_size(size, window), 0) == sizes[size], (layer, size)
            n += 1
        for wanted in range(1, max(sizes.values()) + 1):
            enough = [size for size in sizes if sizes[size] >= wanted]
            assert enough[0] == least_input(wanted, window), (layer, wanted)
    assert n > 3000


def test_two_axes_and_other_layers() -> None:
    assert windows_of(nn.Conv2d(1, 1, (1, 51), padding=(0, 25))) == (Window(1), Window(51, padding=25))
    assert windows_of(nn.AvgPool2d((1, 4))) == (Window(1, 1), Window(4, 4))
    assert windows_of(nn.LazyConv2d(4, 3)) == (Window(3), Window(3))
    assert windows_of(nn.Linear(2, 2)) == windows_of(nn.AdaptiveAvgPool2d(1)) == ()


def test_least_inputs_by_hand() -> None:
    """DeepConvNet: 1 -> 2 + 4 = 6 -> 12 + 4 = 16 -> 36 -> 76."""
    assert least_input_of([Window(5), Window(2, 2)] * 4) == 76
    assert least_input_of([Window(51, padding=25), Window(4, 4), Window(15, padding=7), Window(8, 8)]) == 32
    assert least_input_of([]) == 1


class Own(nn.Sequential):
    """A network of one's own whose second convolution is too large for small images."""

    def __init__(self, n_classes: int, pool: bool = False) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(first=nn.LazyConv2d(2, 3, stride=2))
        layers["second"] = nn.MaxPool2d((7, 2)) if pool else nn.Conv2d(2, 2, (4, 3), dilation=2)
        layers["flatten"], layers["classify"] = nn.Flatten(), nn.LazyLinear(n_classes)
        super().__init__(layers)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleSpec]:
    """Found by the name of this file, wherever pytest keeps it."""
    monkeypatch.setitem(sys.modules, "own_network", sys.modules[__name__])
    monkeypatch.setattr(Own, "__module__", "own_network")
    return lambda **args: ModuleSpec(name="own_network:Own", args=args)


def test_a_network_of_ones_own_names_its_layer(own: Callable[..., ModuleSpec]) -> None:
    """Of 14 rows the first leaves 6; the second, 4 rows two apart, spans 7, which 15 rows leave."""
    check(own(), (3, 15, 11), 2)
    with pytest.raises(
        ModelError, match=r"layer second of own_network:Own gets an input of size \(6, 5\), too small"
    ) as e:
        check(own(), (3, 14, 11), 2)
    assert "its kernel of (4, 3): it needs at least (7, 5); give the network larger examples" in str(e.value)
    with pytest.raises(ModelError, match=r"layer second .* size \(6, 5\), .* \(7, 2\): it needs at least \(7, 2\)"):
        check(own(pool=True), (3, 14, 11), 2)


def test_it_complains_of_nothing_that_works() -> None:
    """A derived class pads by itself, and a pooling may reach past the end: both take less than their kernel."""

    class Padding(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(nn.functional.pad(x, (2, 2, 2, 2)))

    model = nn.Sequential(Padding(1, 1, 5), nn.MaxPool2d(3, 2, ceil_mode=True))
    with layers_complain("padding", model):
        assert model(torch.zeros(1, 1, 2, 2)).shape == (1, 1, 1, 1)
    assert not any(layer._forward_pre_hooks for layer in model)
