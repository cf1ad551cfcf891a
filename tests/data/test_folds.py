"""Folds of cross-validation: each training example validates once, classes and groups as asked."""

from typing import Any

import numpy as np
import pytest

from paribus.data.split import folds
from paribus.errors import DataError
from paribus.spec import Preparation


def with_groups(make: Any, group: list[str], y: np.ndarray, **fields: Any) -> Any:
    return whole(make, y, group=np.array(group), **fields)


def whole(make: Any, y: np.ndarray, **fields: Any) -> Any:
    """All of it trains."""
    fields = {"part": np.array(["train"] * len(y)), **fields}
    return make(y=y, x=np.zeros((len(y), 1, 2, 5), np.float32), **fields)


def validated(found: Any) -> list[int]:
    return sorted(np.concatenate([fold["validation"] for fold in found]).tolist())


@pytest.mark.parametrize("stratify", [True, False])
def test_every_training_example_validates_once(make: Any, stratify: bool) -> None:
    dataset = make(y=np.arange(60) % 3)  # the first 40 train, the rest tests
    found = folds(dataset, Preparation(folds=4, stratify=stratify), 7)
    assert len(found) == 4
    assert validated(found) == list(range(40))
    for fold in found:
        assert sorted([*fold["train"], *fold["validation"]]) == list(range(40))
        assert fold["test"].tolist() == list(range(40, 60))
        counts = np.bincount(dataset.y[fold["validation"]], minlength=3)
        assert not stratify or counts.max() - counts.min() <= 1


def test_the_seed_decides(make: Any) -> None:
    dataset = make(y=np.arange(60) % 2)
    one, again, other = (folds(dataset, Preparation(folds=5), seed)[0]["validation"].tolist() for seed in (1, 1, 2))
    assert one == again != other


def test_leave_one_subject_out(make: Any) -> None:
    group = ["anna"] * 10 + ["ben"] * 14 + ["cleo"] * 6
    dataset = with_groups(make, group, np.arange(30) % 2)
    found = folds(dataset, Preparation(folds="groups"), 0)
    held = [set(dataset.group[fold["validation"]].tolist()) for fold in found]
    assert sorted(map(sorted, held)) == [["anna"], ["ben"], ["cleo"]]
    assert validated(found) == list(range(30))


def test_groups_stay_whole_in_folds(make: Any) -> None:
    group = [f"g{i // 5}" for i in range(60)]
    dataset = with_groups(make, group, np.arange(60) % 2)
    found = folds(dataset, Preparation(folds=4, split_by_group=True), 3)
    assert validated(found) == list(range(60))
    for fold in found:
        assert not set(dataset.group[fold["train"]]) & set(dataset.group[fold["validation"]])


@pytest.mark.parametrize(
    ("preparation", "group", "message"),
    [
        (Preparation(folds="groups"), None, "needs groups, and these data have none"),
        (Preparation(folds="groups"), ["a"] * 20, "needs at least 2 groups"),
        (Preparation(folds=3, split_by_group=True), ["a"] * 10 + ["b"] * 10, "at most the 2 groups there are, got 3"),
        (Preparation(folds=11), None, "11 folds, and class `c0` has 10"),
        (Preparation(folds=15, split_by_group=True), [f"g{i}" for i in range(20)], "at most the 10 examples of the"),
        (Preparation(folds=21, stratify=False), None, "at most the 20 examples there are, got 21"),
    ],
)
def test_what_cannot_be_folded(make: Any, preparation: Preparation, group: list[str] | None, message: str) -> None:
    y = np.arange(20) % 2
    names = {"class_names": ("c0", "c1")}
    dataset = with_groups(make, group, y, **names) if group else whole(make, y, **names)
    with pytest.raises(DataError, match=message):
        folds(dataset, preparation, 0)


def test_a_fold_must_not_hold_all_of_a_class(make: Any) -> None:
    dataset = with_groups(make, ["a"] * 6 + ["b"] * 6, np.repeat([0, 1], 6))
    with pytest.raises(DataError, match="must leave every class a training example"):
        folds(dataset, Preparation(folds="groups"), 0)


def test_data_with_a_validation_part_of_their_own(make: Any) -> None:
    part = np.array(["train"] * 20 + ["validation"] * 10)
    dataset = whole(make, np.arange(30) % 2, part=part)
    with pytest.raises(DataError, match=r"set data\.official_validation to false"):
        folds(dataset, Preparation(folds=2), 0)
    found = folds(dataset, Preparation(folds=2, official_validation=False), 0)
    assert validated(found) == list(range(20)), "that part is left out"


def test_a_rare_class_in_groups_is_no_warning(make: Any) -> None:
    """Fewer examples than folds, yet each fold trains on one; warnings are errors here."""
    y = np.zeros(40, np.int64)
    y[:3] = 1
    dataset = with_groups(make, [f"g{i}" for i in range(40)], y)
    assert validated(folds(dataset, Preparation(folds=5, split_by_group=True), 0)) == list(range(40))
