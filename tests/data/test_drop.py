from typing import Any

import numpy as np
import pytest

from paribus.data import drop, duplicates
from paribus.data.drop import allot, limited, reduce_training
from paribus.data.split import split
from paribus.errors import DataError
from paribus.spec import Preparation

# content, class, part of each image: 0 is black, equal numbers are equal images
IMAGES = [
    (0, 0, "train"),  # 0: constant
    (0, 1, "train"),  # 1: constant, and conflicting with 0
    (1, 0, "train"),  # 2: conflicts with 3
    (1, 1, "train"),  # 3
    (2, 0, "train"),  # 4: stands in test
    (3, 0, "train"),  # 5: twice
    (3, 0, "train"),  # 6
    (4, 1, "train"),  # 7: thrice
    (4, 1, "train"),  # 8
    (4, 1, "train"),  # 9
    (5, 1, "train"),  # 10: stands in validation, twice in training
    (5, 1, "train"),  # 11
    (6, 0, "train"),  # 12: alone
    (5, 1, "validation"),  # 13
    (7, 0, "validation"),  # 14
    (2, 0, "test"),  # 15
    (8, 1, "test"),  # 16
    (8, 1, "test"),  # 17: copies in test stay
]


def faces(make: Any, images: list[tuple[int, int, str]] = IMAGES) -> Any:
    content, y, part = zip(*images, strict=True)
    x = np.arange(4, dtype=np.uint8) * np.array(content, dtype=np.uint8)[:, None]
    return make(x=x.reshape(-1, 1, 2, 2), y=np.array(y), part=np.array(part), kind="image")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def reduce(dataset: Any, seed: int = 0, **fields: Any) -> tuple[dict[Any, Any], dict[str, int]]:
    preparation = Preparation(**fields)
    generator = rng(seed)
    return reduce_training(dataset, split(dataset, preparation, generator), preparation, generator)


@pytest.mark.parametrize(
    ("reasons", "gone", "counts"),
    [
        (["constant"], [0, 1], {"constant": 2}),
        (["conflicting"], [0, 1, 2, 3], {"conflicting": 4}),
        (["cross_split_duplicates"], [4, 10, 11], {"cross_split_duplicates": 3}),
        (["duplicates"], [1, 3, 6, 8, 9, 11], {"duplicates": 6}),
        (["conflicting", "constant"], [0, 1, 2, 3], {"constant": 2, "conflicting": 2}),
        (["duplicates", "cross_split_duplicates"], [1, 3, 4, 6, 8, 9, 10, 11], None),
        (
            ["duplicates", "cross_split_duplicates", "conflicting", "constant"],
            [0, 1, 2, 3, 4, 6, 8, 9, 10, 11],
            {"constant": 2, "conflicting": 2, "cross_split_duplicates": 3, "duplicates": 3},
        ),
    ],
)
def test_each_reason_takes_what_it_says_from_training(
    make: Any, reasons: list[str], gone: list[int], counts: dict[str, int] | None
) -> None:
    rows, dropped = reduce(faces(make), drop=reasons)
    assert rows["train"].tolist() == [row for row in range(13) if row not in gone]
    assert rows["validation"].tolist() == [13, 14]
    assert rows["test"].tolist() == [15, 16, 17]
    if counts is not None:
        assert list(dropped.items()) == list(counts.items())  # in the order in which it was done
    assert sum(dropped.values()) == len(gone)


def test_what_is_asked_for_and_not_found_counts_zero(make: Any) -> None:
    sound = faces(make, [(i + 1, i % 2, "train" if i < 8 else "test") for i in range(12)])
    rows, dropped = reduce(sound, drop=["constant", "conflicting", "duplicates"], limit=100)
    assert dropped == {"constant": 0, "conflicting": 0, "duplicates": 0, "limit": 0}
    assert rows["train"].tolist() == split(sound, Preparation(), rng())["train"].tolist()


def test_copies_across_a_drawn_split_are_those_of_this_draw(make: Any) -> None:
    """Eight pairs of copies in training, validation drawn: those go whose twin was drawn."""
    dataset = faces(make, [(i // 2 + 1, (i // 2) % 2, "train") for i in range(16)] + [(20, 0, "test"), (21, 1, "test")])
    for seed in range(5):
        before = split(dataset, Preparation(validation=0.25), rng(seed))
        rows, dropped = reduce(dataset, seed, validation=0.25, drop=["cross_split_duplicates"])
        drawn = {row // 2 for row in before["validation"].tolist()}
        assert rows["train"].tolist() == [row for row in range(16) if row // 2 not in drawn]
        assert dropped["cross_split_duplicates"] == len(before["train"]) - len(rows["train"])


def test_an_unused_validation_part_does_not_count(make: Any) -> None:
    rows, dropped = reduce(faces(make), official_validation=False, drop=["cross_split_duplicates"], validation=0.1)
    assert 13 not in np.concatenate(list(rows.values()))
    used = set(rows["validation"].tolist())
    assert {10, 11} <= set(rows["train"].tolist()) or used & {10, 11}
    assert dropped["cross_split_duplicates"] > 0  # row 4, whose copy is tested


def test_nothing_is_hashed_where_nothing_asks_for_it(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(x: Any) -> Any:
        raise AssertionError("hashed")

    monkeypatch.setattr(duplicates, "content_groups", refuse)
    dataset = faces(make)
    assert reduce(dataset, drop=["constant"], limit=6)[1] == {"constant": 2, "limit": 5}
    with pytest.raises(AssertionError, match="hashed"):
        reduce(dataset, drop=["duplicates"])


@pytest.mark.parametrize("reason", drop.ORDER)
def test_a_class_keeps_an_example(make: Any, reason: str) -> None:
    twice: dict[str, list[tuple[int, int, str]]] = {
        "constant": [(0, 1, "train")],
        "conflicting": [(1, 1, "train"), (1, 0, "train")],
        "cross_split_duplicates": [(2, 1, "train")],
        "duplicates": [(3, 1, "train"), (3, 1, "train")],
    }
    images = [*twice[reason], *((i, 0, "train") for i in range(10, 16)), (9, 0, "validation"), (2, 1, "test")]
    if reason == "duplicates":  # can empty no class
        assert reduce(faces(make, images), drop=[reason])[1] == {"duplicates": 1}
        return
    with pytest.raises(DataError, match=f"keep a training example: data.drop `{reason}` would leave class `right`"):
        reduce(faces(make, images), drop=[reason])


def test_every_reason_of_the_specification_has_its_place() -> None:
    from typing import get_args

    from paribus.spec.data import Drop

    assert set(drop.ORDER) == set(get_args(Drop))


# ---------------------------------------------------------------- limit


@pytest.mark.parametrize(
    ("counts", "total", "places"),
    [
        ([50, 30, 20], 10, [5, 3, 2]),
        ([50, 30, 20], 11, [6, 3, 2]),  # due 5.5, 3.3, 2.2
        ([40, 35, 25], 10, [4, 4, 2]),  # due 4, 3.5, 2.5: the first of equal remainders
        ([97, 2, 1], 10, [8, 1, 1]),  # due 9.7, 0.2, 0.1, each at least one
        ([60, 39, 1], 10, [6, 3, 1]),  # due 6, 3.9, 0.1: 6 + 3 + 1
        ([55, 44, 1], 10, [5, 4, 1]),
        ([90, 5, 5], 3, [1, 1, 1]),
        ([3, 3], 6, [3, 3]),
        ([7], 3, [3]),
    ],
)
def test_places_by_largest_remainder(counts: list[int], total: int, places: list[int]) -> None:
    assert allot(np.array(counts), total).tolist() == places


def test_places_add_up_whatever_the_classes() -> None:
    generator = rng()
    for _ in range(300):
        counts = generator.integers(1, 40, generator.integers(1, 9)) ** generator.integers(1, 3)
        total = int(generator.integers(len(counts), counts.sum() + 1))
        places = allot(counts, total)
        assert places.sum() == total
        assert np.all((places >= 1) & (places <= counts))
        raised = places[(places == 1)].sum()  # only classes raised to one move the others from their due
        assert np.all(np.abs(places - counts * total / counts.sum()) < 1 + raised)


def test_a_limit_draws_so_many_class_by_class() -> None:
    y = np.repeat([0, 1, 2], (60, 30, 10))
    rows = limited(y, 20, rng())
    assert np.bincount(y[rows]).tolist() == [12, 6, 2]
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert rows.tolist() != limited(y, 20, rng(1)).tolist()
    times = np.bincount(np.concatenate([limited(y, 20, rng(seed)) for seed in range(2000)]), minlength=100)
    assert np.all(np.abs(times - 400) < 5 * np.sqrt(2000 * 0.2 * 0.8))  # five standard deviations of a fair draw


def test_validation_and_test_are_the_same_with_and_without_a_limit(make: Any) -> None:
    dataset = make(y=np.arange(90) % 2)
    whole, none = reduce(dataset)
    part, dropped = reduce(dataset, limit=11)
    assert none == {}
    assert dropped == {"limit": len(whole["train"]) - 11}
    assert len(part["train"]) == 11
    assert set(part["train"].tolist()) < set(whole["train"].tolist())
    for name in ("validation", "test"):
        assert part[name].tolist() == whole[name].tolist()


def test_the_limit_counts_what_the_drops_have_left(make: Any) -> None:
    rows, dropped = reduce(faces(make), drop=["constant", "duplicates"], limit=5)
    assert len(rows["train"]) == 5
    assert dropped == {"constant": 2, "duplicates": 5, "limit": 1}


@pytest.mark.parametrize("limit", [11, 12])
def test_a_limit_that_is_not_reached_keeps_all(make: Any, limit: int) -> None:
    rows, dropped = reduce(faces(make), drop=["constant"], limit=limit)
    assert len(rows["train"]) == 11
    assert dropped["limit"] == 0


def test_fewer_than_one_a_class_is_refused(make: Any) -> None:
    with pytest.raises(DataError, match="1 is too few for 2 classes"):
        reduce(make(), limit=1)
