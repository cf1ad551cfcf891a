from typing import Any

import numpy as np
import pytest

from paribus.data.audit import check, finite
from paribus.errors import DataError


def spoilt(make: Any, *rows: int, value: float = np.nan) -> Any:
    x = np.ones((24, 1, 2, 5), dtype=np.float32)
    x[list(rows), 0, 1, 4] = value
    return make(x=x, y=np.arange(24) % 2)


def test_sound_data_pass_as_they_are(make: Any) -> None:
    dataset = make()
    assert check(dataset, "refuse") is dataset


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_refusal_says_how_many_which_and_what_to_set(make: Any, value: float) -> None:
    with pytest.raises(DataError, match=r"1 example with .* among 24: e/0003; .*`data.non_finite: drop`"):
        check(spoilt(make, 3, value=value), "refuse")


def test_refusal_names_the_first_five(make: Any) -> None:
    with pytest.raises(DataError, match=r"7 examples .*: e/0000, e/0001, e/0002, e/0003, e/0004 and 2 more;"):
        check(spoilt(make, *range(7)), "refuse")


def test_dropping_takes_the_rows_out_of_every_array_and_says_so(make: Any) -> None:
    dataset = spoilt(make, 3, 20)
    kept = check(dataset, "drop")
    rows = [i for i in range(24) if i not in (3, 20)]
    for name in ("x", "y", "ids", "part"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(dataset, name)[rows])
    assert kept.notes == ("2 examples with NaN or infinite values dropped: e/0003, e/0020",)


def test_dropping_everything_is_refused(make: Any) -> None:
    with pytest.raises(DataError, match="all 24 examples"):
        check(spoilt(make, *range(24)), "drop")


def test_dropping_the_last_of_a_class_is_refused(make: Any) -> None:
    with pytest.raises(DataError, match="class `right` has none, and 4 in the test part"):
        check(spoilt(make, *range(1, 16, 2)), "drop")


@pytest.mark.parametrize("label", [-1, 2])
def test_labels_out_of_range_are_refused(make: Any, label: int) -> None:
    y = np.arange(12) % 2
    y[5] = label
    with pytest.raises(DataError, match=f"0 to 1.* got {label} for e/0005"):
        check(make(y=y), "refuse")


def test_one_training_example_is_too_few_to_validate(make: Any) -> None:
    y = np.array([0] * 7 + [1] + [0, 1, 0, 1])
    with pytest.raises(DataError, match=r"at least 2 training examples.*`right` has 1"):
        check(make(y=y), "refuse")


def test_one_is_enough_where_validation_is_given(make: Any) -> None:
    y = np.array([0] * 5 + [1] + [0, 1] + [0, 1, 0, 1])
    part = np.array(["train"] * 6 + ["validation"] * 2 + ["test"] * 4)
    assert check(make(y=y, part=part), "refuse").n_classes == 2


def test_a_class_that_is_only_tested_is_refused(make: Any) -> None:
    y = np.array([0, 1] * 4 + [0, 1, 2, 2])
    with pytest.raises(DataError, match="`up` has none, and 2 in the test part"):
        check(make(y=y, class_names=("left", "right", "up")), "refuse")


def test_a_class_that_is_not_tested_is_noted(make: Any) -> None:
    dataset = check(make(y=np.array([0, 1] * 4 + [0] * 4)), "refuse")
    assert dataset.notes == ("no test example of class right",)


def test_one_class_is_not_enough(make: Any) -> None:
    with pytest.raises(DataError, match=r"two classes.*found left"):
        check(make(y=np.zeros(12, np.int64), class_names=("left",)), "refuse")


def test_nothing_to_test_on_is_refused(make: Any) -> None:
    with pytest.raises(DataError, match="test part must not be empty"):
        check(make(part=np.array(["train"] * 12)), "refuse")


def test_finite_looks_at_each_example() -> None:
    x = np.zeros((3, 1, 2, 2), dtype=np.float32)
    x[1, 0, 1, 1] = np.nan
    assert finite(x).tolist() == [True, False, True]
    assert finite(np.zeros((2, 3, 1, 1), np.uint8)).tolist() == [True, True]


@pytest.mark.parametrize("lag", [0, 3, 6])
def test_channels_that_repeat_one_another_are_noted(make: Any, lag: int) -> None:
    series = np.random.default_rng(0).normal(size=(12, 60)).astype(np.float32)
    x = np.stack([series[:, lag * row : lag * row + 40] for row in range(3)], axis=1)[:, None]
    (note,) = check(make(x=x), "refuse").notes
    assert note.startswith(f"2 of 3 channels repeat, in every example, the channel before, shifted by {lag} samples")
    x = x.copy()
    x[7, 0, 1:, 20] += [1, 2]  # one example of twelve differs, in each channel otherwise
    assert check(make(x=x), "refuse").notes == ()


def test_own_channels_and_dead_ones_are_not_noted(make: Any) -> None:
    x = np.random.default_rng(0).normal(size=(12, 1, 3, 40)).astype(np.float32)
    x[:, :, 1:] = 0
    assert check(make(x=x), "refuse").notes == ()
