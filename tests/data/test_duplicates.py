from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.fft import dctn

from paribus.data.duplicates import (
    conflicting,
    constant,
    content_groups,
    content_groups_of,
    near_duplicates,
    perceptual_hashes,
    surplus,
)

Draw = Callable[..., Any]


def images(*values: int, dtype: type = np.uint8) -> Any:
    """Images of 1 x 2 x 3 that differ in their last pixel."""
    x = np.full((len(values), 1, 2, 3), 7, dtype=dtype)
    x[:, 0, 1, 2] = values
    return x


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_equal_examples_share_the_row_of_the_first(dtype: type) -> None:
    groups = content_groups(images(3, 1, 3, 2, 1, 3, dtype=dtype))
    assert groups.tolist() == [0, 1, 0, 3, 1, 0]
    assert groups.dtype == np.int64


def test_groups_do_not_depend_on_the_layout_or_on_pieces(tmp_path: Path) -> None:
    """700 examples: more than one piece, the last of them short, copies in different pieces."""
    content = np.random.default_rng(0).integers(0, 200, 700)
    x = np.random.default_rng(1).integers(0, 256, (200, 3, 4, 5), dtype=np.uint8)[content]
    expected = [content.tolist().index(value) for value in content.tolist()]
    np.save(tmp_path / "x.npy", x)
    assert content_groups(x).tolist() == expected
    assert content_groups(np.load(tmp_path / "x.npy", mmap_mode="r")).tolist() == expected
    assert content_groups(np.asfortranarray(x)).tolist() == expected
    assert content_groups(x.transpose(0, 2, 3, 1)).tolist() == expected


def test_one_hash_a_data_set(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, other = make(), make()
    groups = content_groups_of(dataset)
    assert content_groups_of(dataset) is groups
    assert content_groups_of(other) is not groups  # equal content, another object
    with pytest.raises(ValueError, match="read-only"):
        groups[0] = 1


def test_all_but_the_first_of_each_group() -> None:
    assert surplus(np.array([4, 9, 4, 4, 0, 9])).tolist() == [False, False, True, True, False, True]


def test_all_members_conflict_where_one_differs() -> None:
    groups = np.array([5, 5, 5, 2, 2, 1])
    y = np.array([0, 0, 1, 1, 1, 0])
    assert conflicting(groups, y).tolist() == [True, True, True, False, False, False]
    assert conflicting(groups[:0], y[:0]).tolist() == []


def test_constant_images_are_of_one_colour(make: Any) -> None:
    x = np.zeros((12, 3, 2, 2), dtype=np.uint8)
    x[:] = np.arange(12 * 12).reshape(12, 3, 2, 2)
    x[3] = 0
    x[5] = np.array([200, 0, 9])[:, None, None]  # one colour, three values
    x[7, :2] = 0  # blue differs
    assert np.flatnonzero(constant(make(x=x, kind="image"))).tolist() == [3, 5]


def test_constant_trials_have_only_flat_channels(make: Any) -> None:
    x = np.random.default_rng(0).normal(size=(12, 1, 2, 5)).astype(np.float32)
    x[2, 0] = [[1] * 5, [2] * 5]
    x[4, 0, 0] = 3
    assert np.flatnonzero(constant(make(x=x))).tolist() == [2]


# ---------------------------------------------------------------- near duplicates


def brute(hashes: Any, distance: int) -> list[tuple[int, int]]:
    """All pairs, one by one."""
    numbers = [int(value) for value in hashes]
    return [
        (i, j)
        for i in range(len(numbers))
        for j in range(i + 1, len(numbers))
        if (numbers[i] ^ numbers[j]).bit_count() <= distance
    ]


@pytest.mark.parametrize("distance", [0, 1, 2, 4, 8])
def test_the_pairs_are_those_of_a_full_comparison(distance: int) -> None:
    """Clusters around a few hashes, so that many pairs share several bands."""
    rng = np.random.default_rng(distance)
    centres = rng.integers(0, 2**63, 6, dtype=np.uint64)
    hashes = centres[rng.integers(0, 6, 150)]
    for _ in range(4):  # up to four bits flipped, the highest and the lowest among them
        hashes = hashes ^ np.where(rng.random(150) < 0.6, np.uint64(1) << rng.integers(0, 64, 150, np.uint64), 0)
    hashes = hashes.astype(np.uint64)
    found = [tuple(pair) for pairs in near_duplicates(hashes, distance) for pair in pairs.tolist()]
    assert len(found) == len(set(found))
    assert sorted(found) == brute(hashes, distance)
    assert found


def test_one_image_alone_has_no_pair() -> None:
    assert list(near_duplicates(np.array([5], np.uint64))) == []
    assert list(near_duplicates(np.array([], np.uint64))) == []


def test_a_hash_holds_the_signs_of_the_lowest_frequencies() -> None:
    x = np.random.default_rng(0).integers(0, 256, (3, 3, 20, 31), dtype=np.uint8)
    for image, found in zip(x, perceptual_hashes(x).tolist(), strict=True):
        signs = (dctn(image.mean(axis=0))[:8, :8] > 0).ravel()
        signs[0] = False
        assert found == sum(1 << i for i, sign in enumerate(signs.tolist()) if sign)


def test_brightness_contrast_and_noise_hardly_change_a_hash() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 190, (40, 1, 12, 12))
    x = np.kron(coarse, np.ones((1, 1, 4, 4))).astype(np.float32)
    other = 0.7 * x + 20 + rng.normal(0, 1, x.shape)
    first, second = perceptual_hashes(x.astype(np.uint8)), perceptual_hashes(other.astype(np.uint8))
    assert np.bitwise_count(first ^ second).mean() < 2
    assert np.bitwise_count(first ^ np.roll(first, 1)).mean() > 20  # other images differ in about half of the bits
