"""Mean curves by hand."""

import numpy as np
import pytest

from paribus.analysis.curves import downsample, mean_curves
from paribus.errors import DataError
from paribus.record import EpochRow


def history(*test_losses):
    return [
        EpochRow(
            epoch=i,
            train_loss=2 * loss,
            train_accuracy=0.5,
            validation_loss=loss,
            validation_accuracy=0.6,
            test_loss=loss,
            test_accuracy=loss / 10,
            lr=0.1,
            seconds=1.0,
        )
        for i, loss in enumerate(test_losses, 1)
    ]


def test_seeds_that_stop_early_count_while_they_ran():
    curves = mean_curves([history(4.0, 2.0, 1.0), history(2.0, 1.0)])
    assert len(curves) == 6
    band = curves["loss", "test"]
    assert band.epoch.tolist() == [1, 2, 3]
    assert band.n.tolist() == [2, 2, 1]
    assert band.mean.tolist() == [3.0, 1.5, 1.0]
    assert band.low.tolist() == [2.0, 1.0, 1.0]
    assert band.high.tolist() == [4.0, 2.0, 1.0]
    assert curves["loss", "train"].mean.tolist() == [6.0, 3.0, 2.0]
    assert curves["accuracy", "test"].mean == pytest.approx([0.3, 0.15, 0.1])


def test_nan_is_not_hidden():
    band = mean_curves([history(1.0, float("nan")), history(3.0, 3.0)])["loss", "test"]
    assert band.mean[0] == 2.0
    assert np.isnan(band.mean[1])


def test_no_history_is_refused():
    with pytest.raises(DataError):
        mean_curves([[], []])


@pytest.mark.parametrize(("n", "at_most", "kept"), [(10, 300, 10), (301, 300, 300), (1201, 50, 50), (3, 2, 2)])
def test_downsample_keeps_both_ends_and_real_points(n, at_most, kept):
    x = np.arange(1, n + 1)
    series = np.stack([x**2.0, -x * 1.0])
    few, values = downsample(x, series, at_most)
    assert len(few) == kept
    assert values.shape == (2, kept)
    assert (few[0], few[-1]) == (1, n)
    assert (np.diff(few) > 0).all()
    np.testing.assert_array_equal(values, np.stack([few**2.0, -few * 1.0]))


def test_downsample_needs_two_points():
    with pytest.raises(DataError):
        downsample(np.arange(5), np.zeros(5), 1)
