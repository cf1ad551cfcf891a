"""The order of examples in an epoch."""

import pytest
import torch
from scipy import stats

from paribus.training.order import batches, copies, order
from paribus.training.rng import torch_generator

Y = torch.tensor([0] * 700 + [2] * 250 + [4] * 50)[torch.randperm(1000, generator=torch.Generator().manual_seed(0))]


def test_shuffled_is_a_permutation_from_the_stream_of_order() -> None:
    expected = torch.randperm(1000, generator=torch_generator(7, "order", 3))
    assert torch.equal(order("shuffled", Y, 7, 3), expected)
    assert sorted(expected.tolist()) == list(range(1000))


@pytest.mark.parametrize(
    ("n", "size", "sizes"),
    [(6, 3, [3, 3]), (7, 3, [3, 4]), (8, 3, [3, 3, 2]), (4, 4, [4]), (3, 1, [1, 1, 1]), (3, 2, [3]), (1, 1, [1])],
)
def test_no_batch_of_one_is_left_over(n: int, size: int, sizes: list[int]) -> None:
    parts = batches(torch.arange(n), size)
    assert [len(part) for part in parts] == sizes
    assert torch.equal(torch.cat(parts), torch.arange(n))


def test_class_balanced_draws_each_class_alike_and_each_example_of_it_alike() -> None:
    drawn = torch.cat([order("class_balanced", Y, 0, epoch) for epoch in range(1, 21)])
    assert len(drawn) == 20_000
    counts = Y[drawn].bincount()
    assert counts[[1, 3]].tolist() == [0, 0]
    assert stats.chisquare(counts[[0, 2, 4]].numpy()).pvalue > 0.01
    for label in (0, 2, 4):
        of_each = drawn.bincount(minlength=1000)[label == Y]
        assert (of_each > 0).all()
        assert stats.chisquare(of_each.numpy()).pvalue > 0.01


def test_class_balanced_repeats_and_differs_by_epoch_and_seed() -> None:
    once = order("class_balanced", Y, 0, 1)
    assert once.shape == (1000,)
    assert once.dtype == torch.int64
    assert torch.equal(order("class_balanced", Y, 0, 1), once)
    assert not torch.equal(order("class_balanced", Y, 0, 2), once)
    assert not torch.equal(order("class_balanced", Y, 1, 1), once)


@pytest.mark.parametrize(
    ("positions", "expected"),
    [([4, 2, 4, 4, 0, 2], [0, 0, 1, 2, 0, 1]), ([0, 1, 2], [0, 0, 0]), ([5], [0]), ([1, 1, 1, 1], [0, 1, 2, 3])],
)
def test_copies_count_how_often_a_position_came_before(positions: list[int], expected: list[int]) -> None:
    assert copies(torch.tensor(positions)).tolist() == expected


def test_no_copies_in_a_permutation() -> None:
    assert not copies(order("shuffled", Y, 0, 1)).any()
