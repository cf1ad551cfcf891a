"""Inside trained networks: what is drawn is what the weights are."""

import re

import numpy as np
import pytest

from paribus.data.dataset import Dataset
from paribus.record import LayerRow
from paribus.report.opened import opened_pictures, spectrum_picture


def layers(name="temporal", kind="Conv2d 1→16, 1×51"):
    return (LayerRow(name, kind, (16, 2, 750), 816), LayerRow("head", "Linear", (2,), 10))


def tuned(hz, rate=250.0, taps=101):
    """A filter that lets one frequency pass."""
    t = np.arange(taps) / rate
    return np.sin(2 * np.pi * hz * t) * np.hanning(taps)


def test_a_filter_is_told_by_the_frequency_that_it_lets_pass():
    w = np.stack([tuned(10), tuned(50), tuned(90)])[:, None, None, :].astype(np.float32)
    (picture,) = opened_pictures(layers(), {"temporal.weight": w}, 250.0, "eegnet")
    peaks = [int(hz) for hz in re.findall(r">(\d+) Hz<", picture.svg)]
    assert peaks == pytest.approx([10, 50, 90], abs=1)
    (unknown,) = opened_pictures(layers(), {"temporal.weight": w}, None, "eegnet")
    assert "cycles a sample" in unknown.title
    assert [float(x) for x in re.findall(r">(0\.\d\d)<", unknown.svg)] == pytest.approx([0.04, 0.2, 0.36], abs=0.01)


def test_spatial_filters_show_sign_and_size():
    temporal = np.ones((2, 1, 1, 5), np.float32)
    spatial = np.array([[1.0, -0.5], [0.0, 0.25]], np.float32).reshape(2, 1, 2, 1)
    _, picture = opened_pictures(layers(), {"temporal.weight": temporal, "spatial.weight": spatial}, 100.0, "x")
    drawn = re.findall(r'fill="(#\w+)" fill-opacity="([\d.]+)"', picture.svg)
    assert [float(opacity) for _, opacity in drawn] == [1, 0.5, 0, 0.25]
    assert drawn[0][0] != drawn[1][0]
    assert re.findall(r">(\d)</text>", picture.svg)[:2] == ["1", "2"], "channels by number"
    weights = {"temporal.weight": temporal, "spatial.weight": spatial}
    _, named = opened_pictures(layers(), weights, 100.0, "x", ("C3", "C4"))
    assert ">C3</text>" in named.svg
    _, other = opened_pictures(layers(), weights, 100.0, "x", ("C3", "Cz", "C4"))
    assert ">C3</text>" not in other.svg, "names of other channels are none of these"


@pytest.mark.parametrize("channels", [1, 3])
def test_filters_of_images(channels):
    w = np.zeros((4, channels, 3, 3), np.float32)
    w[0, 0, 1, 1], w[1, 0, 0, 0] = 1.0, -1.0
    (picture,) = opened_pictures(layers("conv1", "Conv2d"), {"conv1.weight": w}, None, "cnn")
    fills = re.findall(r'fill="(#\w{6})"', picture.svg)
    assert len(fills) == 4 * 9
    assert fills[4] == ("#ffffff" if channels == 1 else "#ff8080")
    assert fills[9] == ("#000000" if channels == 1 else "#008080")
    assert set(fills[18:]) == {"#808080"}, "a filter of zeros is grey"


def test_what_has_no_filters():
    assert opened_pictures(layers("dense", "Linear"), {"dense.weight": np.ones((2, 3), np.float32)}, None, "dnn") == ()
    assert opened_pictures(layers(), {}, None, "gone") == ()
    odd = {"temporal.weight": np.ones((4, 7, 3, 3), np.float32)}
    assert opened_pictures(layers(), odd, None, "seven planes") == ()


def test_the_spectrum_has_its_peak_where_the_signal_has():
    rate, n = 100.0, 400
    t = np.arange(n) / rate
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.1, (20, 1, 2, n)).astype(np.float32) + 5
    y = np.arange(20) % 2
    x[y == 0] += np.sin(2 * np.pi * 10 * t).astype(np.float32)
    data = Dataset(
        x=x,
        y=y,
        ids=np.array([str(i) for i in range(20)]),
        part=np.array(["train"] * 20),
        class_names=("left <b>", "right"),
        kind="eeg",
        description="",
        sfreq_hz=rate,
    )
    picture = spectrum_picture(data)
    paths = re.findall(r'<path d="(M[^"]+)" stroke="#', picture.svg)[-2:]
    points = (
        np.array([[float(v) for v in pair.split()] for pair in paths[0].lstrip("M").replace("  ", " ").split("L")])
        if "L" in paths[0]
        else np.array(paths[0].lstrip("M").split(), float).reshape(-1, 2)
    )
    at = points[points[:, 1].argmin(), 0]
    assert at == pytest.approx(54 + (720 - 20 - 54) * (10 - 0.25) / (50 - 0.25), abs=2)
    assert "left &lt;b&gt;" in picture.svg


def test_filters_longer_than_the_response_are_heard_whole():
    late = np.zeros(2000)
    late[1500:] = tuned(40, rate=1000.0, taps=500)
    (picture,) = opened_pictures(layers(), {"temporal.weight": late[None, None, None].astype(np.float32)}, 1000.0, "x")
    assert re.findall(r">(\d+) Hz<", picture.svg) == ["40"]


def test_many_channels_and_classes_stay_within_the_figure():
    weights = {"temporal.weight": np.ones((2, 1, 1, 5), np.float32)}
    weights["spatial.weight"] = np.ones((64, 1, 800, 1), np.float32)
    _, picture = opened_pictures(layers(), weights, 100.0, "x")
    assert "first 64 of 800 channels" in picture.title
    assert all(float(width) > 0 for width in re.findall(r'<rect[^>]* width="([-\d.]+)"', picture.svg))
    names = tuple(f"a class with a very long name, number {k}" for k in range(20))
    data = Dataset(
        x=np.random.default_rng(0).normal(size=(40, 1, 3, 64)).astype(np.float32),
        y=np.arange(40) % 20,
        ids=np.array([str(i) for i in range(40)]),
        part=np.array(["train"] * 40),
        class_names=names,
        kind="eeg",
        description="",
    )
    spectrum = spectrum_picture(data)
    assert re.search(r"and \d+ more<", spectrum.svg)
    assert max(float(x) for x in re.findall(r'<text x="([\d.]+)"', spectrum.svg)) < 720
