from typing import Any

import numpy as np
import pytest

from paribus.data.split import draw_test, split, stratified
from paribus.errors import DataError
from paribus.spec import Preparation


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("counts", "share", "drawn"),
    [
        ((100, 50), 0.2, (20, 10)),
        ((101, 49), 0.2, (20, 10)),  # 20.2 and 9.8
        ((3, 100), 0.1, (1, 10)),  # at least one
        ((3, 100), 0.9, (2, 90)),  # one stays
        ((2, 2), 0.01, (1, 1)),
        ((1, 10), 0.5, (0, 5)),  # the only one trains
    ],
)
def test_counts_by_class(counts: tuple[int, int], share: float, drawn: tuple[int, int]) -> None:
    y = np.repeat([0, 1], counts)
    rows = stratified(y, share, rng())
    assert np.bincount(y[rows], minlength=2).tolist() == list(drawn)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert rows.dtype == np.int64


def test_every_example_is_drawn_as_often() -> None:
    y = np.repeat([0, 1], (10, 20))
    times = np.bincount(np.concatenate([stratified(y, 0.5, rng(seed)) for seed in range(2000)]), minlength=30)
    assert np.all(np.abs(times - 1000) < 5 * np.sqrt(2000 * 0.25))  # five standard deviations of a fair draw


def test_parts_are_whole_and_apart(make: Any) -> None:
    dataset = make(y=np.arange(60) % 2)
    parts = split(dataset, Preparation(validation=0.25), rng())
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 30, "validation": 10, "test": 20}
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(60))
    assert parts["test"].tolist() == list(range(40, 60))
    assert all(rows.tolist() == sorted(rows.tolist()) for rows in parts.values())


def test_the_seed_decides_and_x_does_not(make: Any) -> None:
    y = np.arange(60) % 2
    x = np.zeros((60, 1, 2, 5), np.float32)
    same = [split(make(y=y, **fields), Preparation(), rng(3))["validation"].tolist() for fields in ({}, {"x": x})]
    assert same[0] == same[1]
    assert same[0] != split(make(y=y), Preparation(), rng(4))["validation"].tolist()


def test_official_validation_is_used_whatever_the_seed(make: Any) -> None:
    dataset = make(part=np.array(["validation"] * 2 + ["train"] * 6 + ["test"] * 4))
    parts = split(dataset, Preparation(validation=0.5), rng())
    assert parts["validation"].tolist() == [0, 1]
    assert parts["train"].tolist() == [2, 3, 4, 5, 6, 7]


def test_drawn_test_part_is_the_same_every_time_and_stratified() -> None:
    y = np.arange(100) % 5
    part = draw_test(y, 0.2)
    assert part.tolist() == draw_test(y, 0.2).tolist()
    assert np.bincount(y[part == "test"]).tolist() == [4] * 5


def test_the_draw_by_class_stays_as_it_was() -> None:
    """Trials of data whose test part is drawn keep their ids only while it is this one."""
    drawn = np.flatnonzero(draw_test(np.arange(20) % 2, 0.3) == "test")
    assert drawn.tolist() == [4, 5, 7, 8, 11, 12]


# ---------------------------------------------------------------- groups


def test_a_test_part_is_drawn_of_whole_groups_once_for_all_seeds() -> None:
    group = np.repeat([f"g{i}" for i in range(9)], 10)
    part = draw_test(np.arange(90) % 2, 0.2, group)
    assert not set(group[part == "train"]) & set(group[part == "test"])
    assert np.sum(part == "test") == 20
    again = np.random.default_rng(1).permutation(90)
    assert draw_test(np.arange(90)[again] % 2, 0.2, group[again]).tolist() == part[again].tolist(), "in any order"


def test_a_test_part_of_whole_groups_that_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="2 groups to draw a test part from, found only `a`: bring a test part"):
        draw_test(np.arange(6) % 2, 0.2, np.array(["a"] * 6))
    with pytest.raises(DataError, match=r"2 groups cannot be divided .* class 1 would be missing"):
        draw_test(np.array([1, 1, 0, 0]), 0.5, np.array(["b", "b", "a", "a"]))


def grouped(make: Any, sizes: list[int], y: list[int] | None = None, **fields: Any) -> Any:
    group = np.repeat([f"g{i:02d}" for i in range(len(sizes))], sizes)
    n = len(group)
    labels = np.array(y) if y is not None else np.arange(n) % 2
    fields = {"part": np.array(["train"] * n), "group": group, **fields}
    return make(y=labels, x=np.zeros((n, 1, 2, 5), np.float32), **fields)


@pytest.mark.parametrize(("sizes", "share", "n"), [([10] * 9, 0.2, 20), ([10] * 40, 0.25, 100), ([10, 30], 0.2, 10)])
def test_groups_stay_whole_and_the_share_is_near(make: Any, sizes: list[int], share: float, n: int) -> None:
    dataset = grouped(make, sizes)
    for seed in range(5):
        parts = split(dataset, Preparation(validation=share, split_by_group=True), rng(seed))
        train, validation = (set(dataset.group[parts[part]].tolist()) for part in ("train", "validation"))
        assert not train & validation
        assert train | validation == set(dataset.group.tolist())
        assert abs(len(parts["validation"]) - n) <= 0.01 * len(dataset.y)


def test_other_seeds_draw_other_groups(make: Any) -> None:
    dataset = grouped(make, [10] * 9)
    preparation = Preparation(split_by_group=True)
    drawn = {tuple(split(dataset, preparation, rng(seed))["validation"].tolist()) for seed in range(20)}
    assert len(drawn) > 5


def test_each_class_is_on_both_sides_where_that_can_be(make: Any) -> None:
    """Class 1 only in g00 and g05: just one of them may validate, though two groups of six would fit the share."""
    y = [1] * 4 + [0] * 16 + [1] * 4
    dataset = grouped(make, [4] * 6, y)
    for seed in range(10):
        parts = split(dataset, Preparation(validation=0.33, split_by_group=True), rng(seed))
        assert all(set(dataset.y[parts[part]].tolist()) == {0, 1} for part in ("train", "validation"))
        assert len(parts["validation"]) == 8


def test_a_class_in_one_group_only_is_trained_on(make: Any) -> None:
    dataset = grouped(make, [4] * 4, [1] * 4 + [0] * 12)
    for seed in range(10):
        parts = split(dataset, Preparation(split_by_group=True), rng(seed))
        assert "g00" in dataset.group[parts["train"]]


def test_groups_of_the_test_part_do_not_matter(make: Any) -> None:
    dataset = grouped(make, [4] * 4, part=np.array(["train"] * 8 + ["test"] * 8))
    parts = split(dataset, Preparation(split_by_group=True), rng())
    assert set(dataset.group[parts["validation"]].tolist()) < {"g00", "g01"}
    assert parts["test"].tolist() == list(range(8, 16))


@pytest.mark.parametrize(
    ("sizes", "fields", "message"),
    [
        ([12], {"group": None}, "needs groups, and these data have none"),
        ([12], {}, "at least 2 groups .* found only `g00`"),
        ([6, 6], {"y": [0] * 6 + [1] * 6}, "would be missing"),
    ],
)
def test_what_cannot_be_divided_is_refused(make: Any, sizes: list[int], fields: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        split(grouped(make, sizes, **fields), Preparation(split_by_group=True), rng())
