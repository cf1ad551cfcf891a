from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from paribus.data import digits
from paribus.data.sources import load_dataset
from paribus.spec import DigitsData


def test_the_digits_of_sklearn() -> None:
    dataset = load_dataset(DigitsData(source="digits"))
    expected = load_digits()
    assert (dataset.kind, dataset.x.shape, dataset.x.dtype) == ("image", (1797, 1, 8, 8), np.float32)
    np.testing.assert_array_equal(dataset.x[:, 0], expected.images)
    np.testing.assert_array_equal(dataset.y, expected.target)
    assert dataset.class_names == tuple("0123456789")
    assert dataset.ids[[0, 1796]].tolist() == ["0000", "1796"]


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_share_of_each_class_is_drawn_for_test(share: float) -> None:
    dataset = load_dataset(DigitsData(source="digits", test=share))
    tested, all_of_it = (np.bincount(y) for y in (dataset.y[dataset.part == "test"], dataset.y))
    np.testing.assert_array_equal(tested, [round(share * n) for n in all_of_it.tolist()])
    assert load_dataset(DigitsData(source="digits", test=share)).part.tolist() == dataset.part.tolist()


def test_decoded_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_dataset(DigitsData(source="digits"))
    monkeypatch.setattr(digits, "_decode", lambda: pytest.fail("decoded again"))
    np.testing.assert_array_equal(load_dataset(DigitsData(source="digits", test=0.4)).x, first.x)
