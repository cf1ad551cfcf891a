"""Convolutions of pixels in pairs against the plain ones, in float64."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from paribus.kernels.pairs import Pairs, can_pair


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


@pytest.mark.parametrize("width", [6, 7, 2])  # rows of an odd number of pixels are left as they are
@pytest.mark.parametrize(
    ("planes", "kernel", "padding", "bias"),
    [(8, (5, 5), 2, True), (1, (3, 3), (1, 1), True), (3, (1, 7), (0, 3), False), (8, (2, 9), (0, 4), True)],
)
def test_exact_in_float64(
    planes: int, kernel: tuple[int, int], padding: int | tuple[int, int], bias: bool, width: int
) -> None:
    plain = nn.Conv2d(planes, 8, kernel, padding=padding, bias=bias).double()
    assert can_pair(plain)
    x = torch.randn(3, planes, 5, width, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    found = []
    for run in (plain, Pairs(plain)):
        given = x.clone(memory_format=torch.preserve_format).requires_grad_()
        y = run(given)
        found.append([y, *torch.autograd.grad(y.sin().sum(), [given, *plain.parameters()])])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-10, atol=1e-10)
    assert found[1][0].is_contiguous(memory_format=torch.channels_last) or width == 7


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 16, 3, padding=1),
        nn.Conv2d(16, 8, 3, padding=1),
        nn.Conv2d(8, 8, 3),
        nn.Conv2d(8, 8, 3, padding="same"),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 8, 3, padding=1, stride=2),
        nn.Conv2d(8, 8, 3, padding=2, dilation=2),
        nn.Conv2d(8, 8, (3, 4), padding=(1, 2)),
        nn.Conv2d(8, 8, 1),
        nn.Linear(8, 8),
    ],
)
def test_others_are_left_alone(layer: nn.Module) -> None:
    assert not can_pair(layer)
