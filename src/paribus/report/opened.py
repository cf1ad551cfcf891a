"""Inside trained networks: first filters, of EEG with frequency responses, spatial filters; and power by class."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from paribus.analysis.words import count
from paribus.data.dataset import Dataset
from paribus.lang import tr
from paribus.record import LayerRow
from paribus.report.figures import COLOURS, DASHES, WIDTH
from paribus.report.svg import Picture, Scale, element, line, picture, tick_labels, ticks, width_of, words

Floats = npt.NDArray[np.floating]

AT_MOST_FILTERS = 64
AT_MOST_TRIALS = 400
"""Of each class, for its spectrum."""
RESPONSE, DRAWN = 1024, 128
"""Points that a frequency response is looked for at, at least, and drawn with, about."""
AT_MOST_CHANNELS = 64
CHUNK = 16
"""Trials that are transformed at a time."""


def opened_pictures(
    layers: Sequence[LayerRow],
    weights: Mapping[str, Floats],
    sfreq_hz: float | None,
    label: str,
    channel_names: Sequence[str] = (),
) -> tuple[Picture, ...]:
    """Of one trained network.

    Args:
        layers: of the network, in order.
        weights: by name, as a checkpoint holds them.
        sfreq_hz: sampling rate of EEG in Hz; None where it is not known, or of images.
        label: whose network it is, for the titles.
        channel_names: of EEG, where they are known.
    """
    first = next((layer.name for layer in layers if layer.type.startswith("Conv")), None)
    w = weights.get(f"{first}.weight")
    if w is None or w.ndim != 4:
        return ()
    made = []
    if w.shape[2] == 1 and w.shape[3] > 1:  # filters over time
        made.append(_temporal(w[:, 0, 0], sfreq_hz, label))
        spatial = weights.get("spatial.weight")
        if spatial is not None and spatial.ndim == 4 and spatial.shape[1] == 1 and spatial.shape[2] > 1:
            made.append(_spatial(spatial[:, 0, :, 0], len(w), label, channel_names))
    elif w.shape[2] > 1 and w.shape[1] in (1, 3):
        made.append(_image_filters(w, label))
    return tuple(made)


def _temporal(w: Floats, sfreq_hz: float | None, label: str) -> Picture:
    """(n_filters, n_taps): each filter's course and how much of each frequency it lets pass."""
    shown = w[:AT_MOST_FILTERS].astype(np.float64)
    columns, wide, tall, gap = 4, (WIDTH - 30) / 4, 58.0, 20.0
    rate = sfreq_hz or 1.0
    points = max(RESPONSE, 2 ** int(np.ceil(np.log2(shown.shape[1]))))  # all of the filter, and finely
    frequency = np.fft.rfftfreq(points, 1 / rate)
    response = np.abs(np.fft.rfft(shown, points, axis=1))
    body: list[str] = []
    for i, (taps, passed) in enumerate(zip(shown, response, strict=True)):
        x0, y0 = 8 + (i % columns) * wide, 26 + (i // columns) * (tall + gap)
        half = 0.42 * wide
        body.append(words(x0, y0 - 4, f"{i + 1}", font_size=8.5, fill_opacity=0.7))
        strongest = float(frequency[passed.argmax()])
        said = f"{strongest:.0f} Hz" if sfreq_hz else f"{strongest:.2f}"
        body.append(words(x0 + wide - 14, y0 - 4, said, text_anchor="end", font_size=8.5, fill_opacity=0.7))
        reach = float(np.abs(taps).max()) or 1.0
        at = np.linspace(x0, x0 + half, len(taps))
        body.append(_path(line(at, y0 + tall / 2 - taps / reach * tall / 2), COLOURS[0]))
        top = float(passed.max()) or 1.0
        drawn = passed[:: max(len(passed) // DRAWN, 1)]
        at = np.linspace(x0 + half + 8, x0 + wide - 14, len(drawn))
        body.append(_path(line(at, y0 + tall - drawn / top * tall), COLOURS[3]))
        base = f"M{x0 + half + 8:.1f} {y0 + tall:.1f}H{x0 + wide - 14:.1f}"
        body.append(element("path", d=base, stroke="currentColor", stroke_opacity=0.3, stroke_width=0.6))
    rows = -(-len(shown) // columns)
    unit = tr("0 to {n} Hz", n=f"{rate / 2:g}") if sfreq_hz else tr("0 to 0.5 cycles a sample")
    title = tr(
        "Temporal filters of {cell}: course (left), frequency response (right, {range}) and its peak",
        cell=label,
        range=unit,
    )
    return picture("temporal-filters", title, WIDTH, 30 + rows * (tall + gap), body)


def _spatial(w: Floats, n_temporal: int, label: str, names: Sequence[str]) -> Picture:
    """(n_filters, n_channels): how each spatial filter weighs the channels."""
    shown = w[:AT_MOST_FILTERS, :AT_MOST_CHANNELS].astype(np.float64)
    side = min(22.0, (WIDTH - 60) / shown.shape[1])
    named = len(names) == w.shape[1]
    left, top = 44.0, 30.0 + (0.71 * max(width_of(name, 8.5) for name in names) if named else 0.0)
    reach = float(np.abs(shown).max()) or 1.0
    body = [words(left + side * shown.shape[1] / 2, 12, tr("channel"), text_anchor="middle")]
    for j in range(0, shown.shape[1], max(1, round(14 / side))):
        x = left + (j + 0.5) * side
        if named:
            body.append(words(x, top - 5, names[j], font_size=8.5, transform=f"rotate(-45 {x:g} {top - 5:g})"))
        else:
            body.append(words(x, top - 5, str(j + 1), text_anchor="middle", font_size=8.5))
    high = min(side, 13.0)
    of_each = max(len(w) // max(n_temporal, 1), 1)
    for i, row in enumerate(shown):
        if i % of_each == 0:
            body.append(
                words(left - 6, top + (i + 0.8) * high, str(i // of_each + 1), text_anchor="end", font_size=8.5)
            )
        for j, value in enumerate(row):
            body.append(
                element(
                    "rect",
                    x=left + j * side + 0.5,
                    y=top + i * high + 0.5,
                    width=max(side - 1, 0.8 * side),
                    height=high - 1,
                    fill=COLOURS[0] if value > 0 else COLOURS[3],
                    fill_opacity=float(np.round(abs(value) / reach, 3)),
                )
            )
    title = tr(
        "Spatial filters of {cell}: weights of the channels, blue above 0, orange below; rows by temporal filter; the "
        "first {n} of {all} channels"
        if w.shape[1] > AT_MOST_CHANNELS
        else "Spatial filters of {cell}: weights of the channels, blue above 0, orange below; rows by temporal filter",
        cell=label,
        n=AT_MOST_CHANNELS,
        all=w.shape[1],
    )
    width = max(left + side * shown.shape[1] + 10 + (0.71 * width_of(names[-1], 8.5) if named else 0.0), 160.0)
    return picture("spatial-filters", title, width, top + high * len(shown) + 8, body)


def _image_filters(w: Floats, label: str) -> Picture:
    """(n_filters, 1 or 3, height, width) as small images, each by its own range; grey is 0 for a single channel."""
    shown = w[:AT_MOST_FILTERS].astype(np.float64)
    columns, side, gap = 16, 38.0, 5.0
    height, width = shown.shape[2:]
    body: list[str] = []
    for i, one in enumerate(shown):
        reach = float(np.abs(one).max()) or 1.0
        pixels = np.rint((one / reach + 1) * 127.5).astype(int)
        x0, y0 = 4 + (i % columns) * (side + gap), 4 + (i // columns) * (side + gap)
        for r in range(height):
            for c in range(width):
                red, green, blue = pixels[:, r, c] if len(pixels) == 3 else (pixels[0, r, c],) * 3
                body.append(
                    element(
                        "rect",
                        x=x0 + c * side / width,
                        y=y0 + r * side / height,
                        width=side / width + 0.3,
                        height=side / height + 0.3,
                        fill=f"#{red:02x}{green:02x}{blue:02x}",
                    )
                )
    rows = -(-len(shown) // columns)
    title = tr(
        "First filters of {cell}: {filters} of {height} x {width} pixels",
        cell=label,
        filters=count(len(shown), "filter"),
        height=height,
        width=width,
    )
    return picture("first-filters", title, 8 + min(len(shown), columns) * (side + gap), 8 + rows * (side + gap), body)


def spectrum_picture(dataset: Dataset) -> Picture | None:
    """Mean power spectrum of the EEG by class, over channels and trials; None for images.

    Periodograms of single trials, each channel less its mean, with a Hann window; in decibels.
    """
    if dataset.kind != "eeg" or dataset.x.shape[3] < 8:
        return None
    n = dataset.x.shape[3]
    rate = dataset.sfreq_hz or 1.0
    frequency = np.fft.rfftfreq(n, 1 / rate)[1:]
    window = np.hanning(n)
    curves = []
    for k in range(dataset.n_classes):
        rows = np.flatnonzero(dataset.y == k)[:AT_MOST_TRIALS]
        power = np.full(len(frequency), np.nan)
        if len(rows):
            parts = np.array_split(rows, -(-len(rows) // CHUNK))
            power = sum(_power(dataset.x[some, 0], window) for some in parts) / (len(rows) * dataset.x.shape[2])
        curves.append(10 * np.log10(np.maximum(power / (rate * (window**2).sum()), 1e-30)))
    finite = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    x_scale = Scale(float(frequency[0]), float(frequency[-1]), 54.0, WIDTH - 20)
    y_scale = Scale(float(finite.min()) - 1, float(finite.max()) + 1, 230.0, 34.0)
    return picture("spectrum", tr("Mean power spectrum by class, over channels and trials"), WIDTH, 268, [
        *_axes(x_scale, y_scale, tr("frequency (Hz)" if dataset.sfreq_hz else "frequency (cycles a sample)")),
        *_classes(dataset.class_names),
        *(_path(line(x_scale(frequency), y_scale(curve)), COLOURS[k % len(COLOURS)], DASHES[k % len(DASHES)])
          for k, curve in enumerate(curves)),
    ])  # fmt: skip


def _power(x: npt.NDArray[np.generic], window: Floats) -> Floats:
    """(n_frequencies,) sums over trials and channels of (n, n_channels, n_times), without the frequency 0."""
    values = x.astype(np.float64)
    values = (values - values.mean(axis=-1, keepdims=True)) * window
    return np.asarray((np.abs(np.fft.rfft(values, axis=-1)) ** 2).sum(axis=(0, 1))[1:])


def _axes(x: Scale, y: Scale, label: str) -> Iterator[str]:
    at_x, at_y = ticks(x, 8), ticks(y, 6)
    grid = "".join(f"M{x.at(v):.1f} {y.end:.1f}V{y.start:.1f}" for v in at_x)
    grid += "".join(f"M{x.start:.1f} {y.at(v):.1f}H{x.end:.1f}" for v in at_y)
    yield element("path", d=grid, stroke="currentColor", stroke_opacity=0.12, stroke_width=0.6, fill="none")
    for v, text in zip(at_x, tick_labels(at_x), strict=True):
        yield words(x.at(v), y.start + 14, text, text_anchor="middle", font_size=9.5)
    for v, text in zip(at_y, tick_labels(at_y), strict=True):
        yield words(x.start - 5, y.at(v) + 3.4, text, text_anchor="end", font_size=9.5)
    yield words((x.start + x.end) / 2, y.start + 30, label, text_anchor="middle")
    middle = (y.start + y.end) / 2
    yield words(11, middle, tr("power (dB)"), text_anchor="middle", transform=f"rotate(-90 11 {middle:g})")


def _classes(names: Sequence[str]) -> Iterator[str]:
    """A line of keys, as many as fit."""
    x = 54.0
    for k, name in enumerate(names):
        short = name if len(name) <= 24 else name[:23] + "…"
        if x + 40 + width_of(short) > WIDTH - 70:
            yield words(x, 15.5, tr("and {n} more", n=len(names) - k))
            return
        yield element(
            "path", d=f"M{x:.1f} 12h20", stroke=COLOURS[k % len(COLOURS)], stroke_width=2,
            stroke_dasharray=DASHES[k % len(DASHES)], fill="none",
        )  # fmt: skip
        yield words(x + 25, 15.5, short)
        x += 40 + width_of(short)


def _path(d: str, colour: str, dashes: str | None = None) -> str:
    return element("path", d=d, stroke=colour, stroke_width=1.1, stroke_dasharray=dashes, fill="none")
