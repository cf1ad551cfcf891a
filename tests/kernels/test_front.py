"""Filters over time and channels, compiled, against PyTorch's convolution, in float64."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch.nn.functional import conv2d

from paribus.kernels.front import front, usable
from paribus.kernels.native import native

pytestmark = pytest.mark.skipif(native().library is None, reason=f"no compiled kernels: {native().why}")

SHAPES = [  # batch, channels, times, filters, depth, kernel, padding
    (5, 2, 75, 16, 2, 51, 25),  # EEGNet's
    (1, 1, 60, 8, 2, 51, 25),
    (17, 3, 40, 4, 1, 5, 0),  # fewer filters than a vector holds, more examples than parts
    (3, 22, 33, 20, 3, 7, 3),  # no whole vectors
    (2, 5, 9, 33, 1, 9, 0),  # one time is left
    (4, 2, 30, 16, 2, 1, 0),
]


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


def example(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    batch, channels, times, filters, depth, kernel, _ = shape
    x = torch.randn(batch, 1, channels, times, dtype=dtype)
    sizes = ((filters, kernel), (filters * depth, channels), (filters * depth,))
    return [x, *(torch.randn(*size, dtype=dtype).requires_grad_() for size in sizes)]


def convolved(
    x: torch.Tensor, over_time: torch.Tensor, over_channels: torch.Tensor, bias: torch.Tensor, padding: int
) -> torch.Tensor:
    depth = len(bias) // len(over_time)
    weight = over_channels[:, :, None] * over_time.repeat_interleave(depth, 0)[:, None]
    return conv2d(x.transpose(1, 2), weight[:, :, None], bias, padding=(0, padding))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_exact_in_float64(shape: tuple[int, ...]) -> None:
    given = example(shape)
    assert usable(given[0], given[1])
    expected, ours = convolved(*given, shape[-1]), front(*given, shape[-1])
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    g = torch.randn_like(expected)
    for a, b in zip(torch.autograd.grad(ours, given[1:], g), torch.autograd.grad(expected, given[1:], g), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("shape", SHAPES[:4], ids=str)
def test_as_near_to_float64_as_pytorch_is(shape: tuple[int, ...], half: bool) -> None:
    given = example(shape, torch.float32)
    exact = [each.detach().double().requires_grad_(each.requires_grad) for each in given]
    y = convolved(*exact, shape[-1])
    g = torch.randn_like(y).bfloat16().double()
    truth = [y, *torch.autograd.grad(y, exact[1:], g)]
    distances = []
    for run in (front, convolved):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            y = run(*given, shape[-1])
        assert y.dtype == (torch.bfloat16 if half else torch.float32)
        found = [y, *torch.autograd.grad(y, given[1:], g.to(y.dtype))]
        distances.append(
            [float((a - b).detach().norm() / b.detach().norm()) for a, b in zip(found, truth, strict=True)]
        )
    for ours, theirs in zip(*distances, strict=True):
        assert ours <= max(1.5 * theirs, 1e-6)


def test_threads_change_nothing() -> None:
    before, given, found = torch.get_num_threads(), example(SHAPES[2], torch.float32), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            y = front(*given, 0)
            found.append([y, *torch.autograd.grad(y.sin().sum(), given[1:])])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("place", [0, 39])
def test_what_is_not_finite_shows(place: int) -> None:
    given = example(SHAPES[2], torch.float32)
    given[0][3, 0, 1, place] = float("nan")
    assert front(*given, 2).isnan().flatten(1).any(1).nonzero().flatten().tolist() == [3]


def test_half_floats_and_mixed_types_are_left_to_pytorch() -> None:
    x, over_time, *_ = example(SHAPES[0], torch.float32)
    assert usable(x, over_time)
    assert not usable(x.double(), over_time)
    assert not usable(x.half(), over_time.half())
    with torch.autocast("cpu", torch.float16):
        assert not usable(x, over_time)


@pytest.mark.parametrize("capability", ["avx2", "default"])
def test_processors_with_less(capability: str, tested_for: Callable[[str, str], str]) -> None:
    """The exact tests again, compiled for less than this machine has."""
    assert tested_for(capability, "exact or near").split()[0] == "." * 14
