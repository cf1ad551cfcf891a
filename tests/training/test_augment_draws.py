"""Draws by example: the generator against its definition, and that they are uniform, normal and independent."""

import numpy as np
import pytest
import torch
from scipy import stats

from paribus.training.augment_draws import Draws, keys

MASK = 2**64 - 1


def splitmix64(seed: int, n: int) -> list[int]:
    """The published algorithm, one number at a time with Python's integers."""
    numbers = []
    for _ in range(n):
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        numbers.append(z ^ (z >> 31))
    return numbers


def draws(n: int, stream: int = 20_240_229) -> Draws:
    return Draws(stream, keys(torch.arange(n), n))


def test_reference_gives_the_published_numbers() -> None:
    assert splitmix64(1234567, 3) == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("stream", [0, 1234567, 2**63 - 1])
def test_rows_are_splitmix_streams_of_their_own(stream: int) -> None:
    own = splitmix64(stream, 5)
    expected = [[word // 2**11 / 2**53 for word in splitmix64(seed, 4)] for seed in own]
    np.testing.assert_array_equal(Draws(stream, keys(torch.arange(5), 5)).uniform(4).numpy(), expected)


def test_first_numbers_do_not_depend_on_how_many_are_asked_for() -> None:
    torch.testing.assert_close(draws(9).uniform(7)[:, :3], draws(9).uniform(3), rtol=0, atol=0)


def test_uniform() -> None:
    u = draws(5000).uniform(4).numpy()
    assert u.dtype == np.float64
    assert u.min() >= 0
    assert u.max() < 1
    for column in u.T:
        assert stats.kstest(column, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(u.T) - np.eye(4)).max() < 0.05  # columns of a row
    assert abs(np.corrcoef(u[:-1, 0], u[1:, 0])[0, 1]) < 0.05  # neighbouring rows


@pytest.mark.parametrize("d", [1, 7, 20])
def test_normal(d: int) -> None:
    z = draws(4000).normal(d).numpy()
    assert z.shape == (4000, d)
    assert z.dtype == np.float32
    assert stats.kstest(z.ravel(), "norm").pvalue > 0.01
    if d > 1:
        assert abs(np.corrcoef(z.T) - np.eye(d)).max() < 0.07
        assert abs(np.corrcoef((z**2).T) - np.eye(d)).max() < 0.07  # pairs share a radius


def test_copies_have_keys_of_their_own_whatever_the_size_of_the_data() -> None:
    rows, copies = torch.arange(10).repeat(4), torch.arange(4).repeat_interleave(10)
    small, large = keys(rows + 10 * copies, 10), keys(rows + 1000 * copies, 1000)
    np.testing.assert_array_equal(small, large)
    assert len(set(small.tolist())) == 40
    np.testing.assert_array_equal(small[:10], np.arange(10))
