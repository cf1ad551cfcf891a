"""EEG networks' first layers as one convolution, against the layers one after the other."""

import copy

import pytest
import torch
from torch import nn

from paribus.kernels.first import MergedConvolutions, TemporalThenSpatial, _moments, merges, separates


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


@pytest.mark.parametrize(("n", "length", "k"), [(3, 60, 7), (2, 51, 51), (5, 200, 1), (1, 9, 3)])
def test_moments_by_hand(n: int, length: int, k: int) -> None:
    x = torch.randn(n, length, dtype=torch.float64) + 0.5
    windows = nn.functional.pad(x, (k // 2, k // 2)).unfold(1, k, 1).reshape(-1, k)
    products, total = _moments(x, k)
    torch.testing.assert_close(products, windows.T @ windows)
    torch.testing.assert_close(total, windows.sum(0))


def temporal(k: int, padding: int, bias: bool) -> nn.Conv2d:
    return nn.Conv2d(1, 16, (1, k), padding=(0, padding), bias=bias)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("n_channels", [1, 2, 22])
def test_eegnet_front_is_exact(n_channels: int, bias: bool) -> None:
    layers = [temporal(51, 25, bias), nn.BatchNorm2d(16), nn.Conv2d(16, 32, (n_channels, 1), groups=16, bias=bias)]
    nn.init.normal_(layers[1].weight)
    nn.init.normal_(layers[1].bias)
    assert separates(layers) == 3
    _compare(layers, TemporalThenSpatial, torch.randn(5, 1, n_channels, 120, dtype=torch.float64).cumsum(-1) + 3)


@pytest.mark.parametrize(("first_bias", "second_bias"), [(True, True), (False, True), (True, False), (False, False)])
@pytest.mark.parametrize("n_channels", [1, 2, 22])
def test_deepconvnet_front_is_exact(n_channels: int, first_bias: bool, second_bias: bool) -> None:
    layers = [temporal(5, 0, first_bias), nn.Conv2d(16, 25, (n_channels, 1), bias=second_bias)]
    assert merges(layers) == 2
    _compare(layers, MergedConvolutions, torch.randn(3, 1, n_channels, 40, dtype=torch.float64))


def _compare(layers: list[nn.Module], kind: type[nn.Module], x: torch.Tensor) -> None:
    plain = [each.double() for each in layers]
    ours = copy.deepcopy(plain)
    g = None
    for network, run in ((plain, nn.Sequential(*plain)), (ours, kind(*ours))):
        y = run(x)
        g = torch.randn_like(y) if g is None else g
        y.backward(g)
        network.append(y)
    torch.testing.assert_close(ours.pop(), plain.pop())
    for a, b in zip(ours, plain, strict=True):
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            torch.testing.assert_close(p.grad, q.grad, rtol=1e-10, atol=1e-10 * float(q.grad.abs().max()) + 1e-9)
        for p, q in zip(a.buffers(), b.buffers(), strict=True):
            torch.testing.assert_close(p, q)


def test_filters_that_do_not_span_all_channels_run_as_they_are() -> None:
    x = torch.randn(3, 1, 5, 60)
    merged = nn.Sequential(temporal(5, 0, True), nn.Conv2d(16, 25, (2, 1)))
    torch.testing.assert_close(MergedConvolutions(*merged)(x), merged(x))
    front = nn.Sequential(temporal(51, 25, False), nn.BatchNorm2d(16), nn.Conv2d(16, 32, (2, 1), groups=16))
    torch.testing.assert_close(TemporalThenSpatial(*front)(x), copy.deepcopy(front)(x))


def test_gradients_of_the_input_come_from_the_layers_themselves() -> None:
    front = nn.Sequential(temporal(51, 25, False), nn.BatchNorm2d(16), nn.Conv2d(16, 32, (2, 1), groups=16)).double()
    x = torch.randn(3, 1, 2, 60, dtype=torch.float64)
    grads = []
    for run in (TemporalThenSpatial(*front), front):
        own = x.clone().requires_grad_()
        run(own).pow(3).sum().backward()
        grads.append(own.grad)
    torch.testing.assert_close(grads[0], grads[1])


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2d(2, 16, (1, 5)), nn.Conv2d(16, 25, (2, 1))],
        [nn.Conv2d(1, 16, (1, 5), stride=(1, 2)), nn.Conv2d(16, 25, (2, 1))],
        [nn.Conv2d(1, 16, (1, 5), dilation=(1, 2)), nn.Conv2d(16, 25, (2, 1))],
        [nn.Conv2d(1, 16, (1, 5), padding="same"), nn.Conv2d(16, 25, (2, 1))],
        [nn.Conv2d(1, 16, (1, 5), padding=(0, 2), padding_mode="circular"), nn.Conv2d(16, 25, (2, 1))],
        [nn.Conv2d(1, 16, (2, 5)), nn.Conv2d(16, 25, (2, 1))],
        [nn.Conv2d(1, 16, (1, 5)), nn.Conv2d(16, 32, (2, 1), groups=4)],
        [nn.Conv2d(1, 16, (1, 5)), nn.Conv2d(16, 25, (2, 2))],
        [nn.Conv2d(1, 16, (1, 5)), nn.ReLU(), nn.Conv2d(16, 25, (2, 1))],
        [temporal(50, 25, False), nn.BatchNorm2d(16), nn.Conv2d(16, 32, (2, 1), groups=16)],
        [temporal(51, 24, False), nn.BatchNorm2d(16), nn.Conv2d(16, 32, (2, 1), groups=16)],
        [temporal(51, 25, False), nn.BatchNorm2d(16, affine=False), nn.Conv2d(16, 32, (2, 1), groups=16)],
        [temporal(51, 25, False), nn.BatchNorm2d(16), nn.Conv2d(16, 32, (2, 1))],
    ],
)
def test_others_are_left_alone(layers: list[nn.Module]) -> None:
    assert merges(layers) == separates(layers) == 0
