import json
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from paribus.data.normalise import Normalisation, apply
from paribus.data.normalise import fit as fit_rows
from paribus.errors import DataError
from paribus.spec import NormaliseExample, NormaliseFirstExample, NormaliseFixed, NormaliseNone, NormaliseTrain

TRAIN, NONE, EXAMPLE = NormaliseTrain(name="train"), NormaliseNone(name="none"), NormaliseExample(name="example")


def fit(x: Any, way: Any, kind: Any) -> Normalisation:
    """On all rows."""
    return fit_rows(x, np.arange(len(x)), way, kind)


def eeg(n: int = 600, offset: float = 4300.0) -> Any:
    """Beyond one chunk, with the large mean of raw EEG, another one for each electrode."""
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 1, 3, 40)) * [[1.0], [20.0], [300.0]] + [[offset], [-offset], [0.0]]
    return x.astype(np.float32)


def test_eeg_is_normalised_by_electrode_as_sklearn_does_it() -> None:
    x = eeg()
    found = fit(x, TRAIN, "eeg")
    columns = x[:, 0].transpose(0, 2, 1).reshape(-1, 3).astype(np.float64)
    scaler = StandardScaler().fit(columns)
    assert (found.name, found.axis) == ("train", "row")
    np.testing.assert_allclose(found.mean, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(found.std, scaler.scale_, rtol=1e-12)
    expected = scaler.transform(columns).reshape(600, 40, 3).transpose(0, 2, 1)[:, None]
    np.testing.assert_allclose(apply(x, found), expected, rtol=1e-6, atol=1e-6)


def test_no_bit_depends_on_the_layout_in_memory() -> None:
    """An array of another layout is the same data, by its fingerprint."""
    x = eeg()
    turned = np.asfortranarray(x)
    assert fit(turned, TRAIN, "eeg") == fit(x, TRAIN, "eeg")
    np.testing.assert_array_equal(apply(turned, fit(x, TRAIN, "eeg")), apply(x, fit(x, TRAIN, "eeg")))


def test_images_are_normalised_by_colour() -> None:
    x = np.random.default_rng(0).integers(0, 256, size=(300, 3, 4, 5)).astype(np.uint8)
    found = fit(x, TRAIN, "image")
    assert found.axis == "channel"
    np.testing.assert_allclose(found.mean, x.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(found.std, x.std(axis=(0, 2, 3)), rtol=1e-12)
    out = apply(x, found)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.mean(axis=(0, 2, 3)), 0, atol=1e-5)


@pytest.mark.parametrize("way", [TRAIN, EXAMPLE])
@pytest.mark.parametrize("value", [0.0, 0.1, -4321.987, 1e-40, 3e38])
def test_a_constant_channel_becomes_nought(way: Any, value: float) -> None:
    x = eeg(700)
    x[:, :, 1] = np.float32(value)
    out = apply(x, fit(x, way, "eeg"))
    assert np.all(out[:, :, 1] == 0)
    assert np.isfinite(out).all()
    assert out[:, :, 0].std() > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_training_rows_alone_count(dtype: Any) -> None:
    x = np.random.default_rng(0).integers(0, 256, size=(5000, 3, 4, 5)).astype(dtype)
    x[:, 1] = 7
    rows = np.arange(0, 5000, 2)
    found = fit_rows(x, rows, TRAIN, "image")
    np.testing.assert_allclose(found.mean, x[rows].mean(axis=(0, 2, 3), dtype=float), rtol=1e-12)
    expected = x[rows].std(axis=(0, 2, 3), dtype=float)
    np.testing.assert_allclose(found.std, [expected[0], 1.0, expected[2]], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_by_the_first_training_example(dtype: Any) -> None:
    """R3's mistake: every example is normalised by the moments of one."""
    x = np.random.default_rng(0).integers(0, 256, size=(20, 3, 8, 8)).astype(dtype)
    found = fit_rows(x, np.array([4, 9, 11]), NormaliseFirstExample(name="first_example"), "image")
    np.testing.assert_allclose(found.mean, x[4].mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.std, x[4].std(axis=(1, 2), dtype=float), rtol=1e-12)
    assert Normalisation.from_json(found.to_json()) == found


def test_each_example_by_itself() -> None:
    x = eeg(5)
    expected = (x - x.mean(axis=3, keepdims=True, dtype=float)) / x.std(axis=3, keepdims=True, dtype=float)
    np.testing.assert_allclose(apply(x, fit(x, EXAMPLE, "eeg")), expected, rtol=1e-5, atol=1e-6)
    images = np.random.default_rng(0).normal(size=(4, 3, 5, 6)).astype(np.float32)
    mean, std = images.mean(axis=(2, 3), keepdims=True), images.std(axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(
        apply(images, fit(images, EXAMPLE, "image")), (images - mean) / std, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("way", [TRAIN, NONE, EXAMPLE, NormaliseFixed(name="fixed", mean=0.3, std=7.0)])
@pytest.mark.parametrize("kind", ["eeg", "image"])
def test_no_bit_depends_on_the_other_examples(way: Any, kind: Any) -> None:
    x = eeg(600) if kind == "eeg" else np.random.default_rng(1).normal(size=(600, 3, 7, 9)).astype(np.float32)
    normalisation = fit(x, way, kind)
    whole = apply(x, normalisation)
    for rows in ([0], [599], [5, 300, 2], list(range(250, 270))):
        assert apply(x[rows], normalisation).tobytes() == whole[rows].tobytes()
    assert apply(np.asfortranarray(x), normalisation).tobytes() == whole.tobytes()


def test_none_gives_a_new_array() -> None:
    x = eeg(2)
    out = apply(x, fit(x, NONE, "eeg"))
    np.testing.assert_array_equal(out, x)
    assert not np.shares_memory(out, x)


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [(0.5, 2.0, ([0.5] * 3, [2.0] * 3)), ((1.0, 2.0, 3.0), 4.0, ([1.0, 2.0, 3.0], [4.0] * 3))],
)
def test_fixed_constants(mean: Any, std: Any, expected: Any) -> None:
    x = eeg(2)
    found = fit(x, NormaliseFixed(name="fixed", mean=mean, std=std), "eeg")
    assert (list(found.mean or ()), list(found.std or ())) == expected
    np.testing.assert_allclose(
        apply(x, found)[:, 0, 2], (x[:, 0, 2].astype(float) - expected[0][2]) / expected[1][2], rtol=1e-6
    )


@pytest.mark.parametrize("field", ["mean", "std"])
def test_the_wrong_number_of_constants_is_refused(field: str) -> None:
    given: Any = {"mean": 0.0, "std": 1.0, field: (1.0, 2.0)}
    with pytest.raises(DataError, match=f"data.normalise.{field} .* 3 channels, got 2"):
        fit(eeg(2), NormaliseFixed(name="fixed", **given), "eeg")


def test_other_data_than_trained_on_are_refused() -> None:
    found = fit(eeg(2), TRAIN, "eeg")
    with pytest.raises(DataError, match="trained on 3 channels, these data have 2"):
        apply(eeg(2)[:, :, :2], found)


@pytest.mark.parametrize("way", [TRAIN, NONE, EXAMPLE])
def test_json_gives_the_same_back(way: Any) -> None:
    found = fit(eeg(), way, "eeg")
    assert Normalisation.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    "change",
    [
        {"name": "zca"},
        {"axis": "time"},
        {"mean": None},
        {"mean": [1.0]},
        {"std": [1.0, 0.0, 1.0]},
        {"mean": [float("nan"), 0, 0]},
        {"std": "abc"},
    ],
)
def test_damaged_json_is_refused(change: dict[str, Any]) -> None:
    plain = {"name": "train", "axis": "row", "mean": [0.0] * 3, "std": [1.0] * 3}
    with pytest.raises((KeyError, TypeError, ValueError)):
        Normalisation.from_json({**plain, **change})


def test_constants_of_pixels_from_0_to_1_are_refused_for_bytes() -> None:
    x = np.zeros((4, 1, 3, 3), np.uint8)
    small = NormaliseFixed(name="fixed", mean=0.508156, std=0.264441)
    with pytest.raises(DataError, match="multiply those of pixels from 0 to 1 by 255"):
        fit_rows(x, np.arange(4), small, "image")
    fit_rows(x.astype(np.float32), np.arange(4), small, "image")
