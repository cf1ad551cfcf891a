"""Dropout's masks: a hash of each element's place."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from paribus.kernels.dropout import Chance, Dropout, kept

CPU = torch.device("cpu")


def by_hand(n: int, p: float, key: tuple[int, int]) -> np.ndarray:
    """The hash in unsigned arithmetic, place by place."""
    found = []
    for place in range(n):
        h = (place * 0x9E3779B1 + key[0]) % 2**32
        h ^= h >> 16
        h = h * 0x7FEB352D % 2**32
        h ^= key[1]
        h ^= h >> 15
        h = h * 0x846CA68B % 2**32
        h ^= h >> 16
        h = h * 0x7FEB352D % 2**32
        h ^= h >> 15
        found.append((h >> 8) >= p * 2**24)
    return np.array(found)


@pytest.mark.parametrize("key", [(0, 0), (1, 2), (0xFFFFFFFF, 0x80000000), (0xDEADBEEF, 0xCAFEBABE)])
def test_as_by_hand(key: tuple[int, int]) -> None:
    mask = kept(torch.Size((50, 20)), 0.3, key, CPU)
    assert np.array_equal(mask.numpy().ravel(), by_hand(1000, 0.3, key))


def test_channels_run_fastest() -> None:
    flat = kept(torch.Size((2 * 5 * 7, 3)), 0.5, (3, 4), CPU)
    image = kept(torch.Size((2, 3, 5, 7)), 0.5, (3, 4), CPU)
    assert torch.equal(image.permute(0, 2, 3, 1).reshape(-1, 3), flat)


@pytest.mark.parametrize("p", [0.05, 0.25, 0.5, 0.9])
def test_keeps_its_share_and_neighbours_are_independent(p: float) -> None:
    mask = kept(torch.Size((1000, 200)), p, (11, 12), CPU).numpy()
    n = mask.size
    assert stats.binomtest(int(mask.sum()), n, 1 - p).pvalue > 0.001
    for a, b in ((mask[:, :-1], mask[:, 1:]), (mask[:-1], mask[1:])):
        both = int((a & b).sum())
        assert stats.binomtest(both, a.size, (1 - p) ** 2).pvalue > 0.0001
    other = kept(torch.Size((1000, 200)), p, (11, 13), CPU).numpy()
    assert stats.binomtest(int((mask & other).sum()), n, (1 - p) ** 2).pvalue > 0.0001


def test_keys_are_of_step_and_layer() -> None:
    a, b = Chance(1), Chance(2)
    assert len({a.key("x"), a.key("y"), b.key("x"), b.key("y")}) == 4
    assert a.key("x") == Chance(1).key("x")


def test_layer_scales_and_passes_gradients_as_pytorch_does() -> None:
    x = torch.randn(64, 10, dtype=torch.float64, requires_grad=True)
    layer = Dropout(nn.Dropout(0.25), "d", Chance(5))
    y = layer(x)
    mask = kept(x.shape, 0.25, Chance(5).key("d"), CPU)
    torch.testing.assert_close(y, x * mask / 0.75)
    y.sum().backward()
    torch.testing.assert_close(x.grad, mask / torch.tensor(0.75, dtype=torch.float64))


def test_whole_channels_go_at_once() -> None:
    y = Dropout(nn.Dropout2d(0.5), "d", Chance(1))(torch.ones(40, 8, 5, 6))
    each = y.flatten(2)
    assert ((each == 0).all(2) | (each == 2).all(2)).all()
    assert 0.35 < (each == 0).float().mean() < 0.65


def test_nothing_is_dropped_in_evaluation_or_at_rate_0() -> None:
    x = torch.randn(4, 3)
    assert Dropout(nn.Dropout(0.5).eval(), "d", Chance())(x) is x
    assert Dropout(nn.Dropout(0.0), "d", Chance())(x) is x
