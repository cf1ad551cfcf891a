from typing import Any

import numpy as np
import pytest

from paribus.errors import DataError


def test_shape_and_classes_are_read_off(make: Any) -> None:
    dataset = make()
    assert dataset.input_shape == (1, 2, 5)
    assert dataset.n_classes == 2


def test_arrays_cannot_be_changed_and_the_given_ones_stay_as_they_are(make: Any) -> None:
    x = np.zeros((12, 1, 2, 5), dtype=np.float32)
    dataset = make(x=x)
    with pytest.raises(ValueError, match="read-only"):
        dataset.x[0] = 1
    x[0] = 1  # still writable
    dataset.x[[0, 1]][0] = 2  # a copy


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": np.zeros((12, 2, 5), np.float32)}, r"four axes .* got shape \(12, 2, 5\)"),
        ({"x": np.zeros((12, 1, 0, 5), np.float32)}, "none of them empty"),
        ({"x": np.zeros((12, 1, 2, 5))}, "float64"),
        ({"x": np.zeros((12, 1, 2, 5), np.uint8)}, "EEG must be float32"),
        ({"x": np.zeros((12, 3, 2, 5), np.float32)}, "EEG must be"),
        ({"x": np.zeros((12, 3, 2, 5)), "kind": "image"}, "images must be float32 or uint8"),
        ({"x": np.zeros((11, 1, 2, 5), np.float32)}, r"y must be int64 of shape \(11,\)"),
        ({"y": np.zeros(12, np.int32)}, "int32"),
        ({"ids": np.arange(12)}, "ids must be 12 strings"),
        ({"ids": np.array([f"{i % 11}" for i in range(12)])}, "`0` stands 2 times"),
        ({"part": np.array(["train"] * 11 + ["dev"])}, "got dev"),
        ({"group": np.array(["a"] * 11)}, "group must be 12 strings"),
        ({"class_names": ("left", "left")}, "class_names must be unique"),
        ({"sfreq_hz": 0.0}, "sfreq_hz"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make(**fields)


def test_uint8_and_colour_are_fine_for_images(make: Any) -> None:
    assert make(x=np.zeros((12, 3, 4, 4), np.uint8), kind="image").input_shape == (3, 4, 4)


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\nb", "\ud800"])
def test_class_names_are_printable(make: Any, name: str) -> None:
    with pytest.raises(DataError, match="class names must be printable text"):
        make(class_names=("left", name))
