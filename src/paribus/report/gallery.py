"""Misclassified test examples as pictures: images as they are, EEG trials as traces."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from paribus.analysis.mistakes import AT_MOST, Mistake, always_wrong, mistakes, of_pairs
from paribus.analysis.result import CellResult, StudyResult
from paribus.analysis.words import KIND_WORDS, PART_WORDS, count, listed
from paribus.data.dataset import Dataset
from paribus.data.duplicates import content_groups_of
from paribus.lang import msg, tr
from paribus.record import Predictions, TrialRecord
from paribus.report.svg import element, line, width_of, words

LARGEST = 96
"""Pixels of an image's longer side in the page."""
CHANNELS, POINTS = 8, 240
"""Of an EEG trial."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One example: its picture as markup of our own, and what stands below it."""

    picture: str
    """Of an image with its saliency map beside it, where that was asked for."""
    true: str
    named: str
    probability: float
    example: str
    copies: str
    """Where exact copies of it stand, in words; empty where there are none."""


@dataclass(frozen=True, slots=True)
class Wall:
    """Examples of one kind under a heading."""

    title: str
    note: str
    tiles: tuple[Tile, ...]


Explain = Callable[[npt.NDArray[np.generic], npt.NDArray[np.int64]], npt.NDArray[np.float64]]
"""(n, C, H, W) images and the (n,) classes they were named -> (n, H, W) maps from 0 to 1."""


def walls(
    result: StudyResult, records: Sequence[TrialRecord], dataset: Dataset, explain: Explain | None = None
) -> tuple[Wall, ...]:
    """What the best cell names wrongly, and what every cell does.

    Args:
        result: of the study.
        records: of its finished trials.
        dataset: that the best cell was tested on.
        explain: gives images a saliency map.
    """
    if result.best is None:
        return ()
    tests = {record.trial_id: record.predictions["test"] for record in records}
    own = _tests(result.best.cell, tests)
    row_of = {str(example): row for row, example in enumerate(dataset.ids.tolist())}
    found = [one for one in mistakes(own) if one.id in row_of]
    unit = _unit(dataset)
    names = dataset.class_names

    def tiles(some: Sequence[Mistake]) -> tuple[Tile, ...]:
        rows = [row_of[one.id] for one in some]
        maps: Sequence[npt.NDArray[np.float64] | None] = [None] * len(rows)
        if explain and rows and dataset.kind == "image":
            maps = list(explain(np.asarray(dataset.x[rows]), np.array([one.named for one in some])))
        return tuple(_tile(one, row, dataset, unit, heat) for one, row, heat in zip(some, rows, maps, strict=True))

    label = result.best.cell.label
    made = [
        Wall(
            tr("Most confident mistakes"),
            tr(
                "Of {cell}, by the mean probability over {seeds}: {n} of {all} test examples are named wrongly.",
                cell=label,
                seeds=count(len(own), "seed"),
                n=f"{len(found):,}",
                all=f"{len(own[0].y):,}",
            ),
            tiles(found[:AT_MOST]),
        )
    ]
    if len(names) > 2:
        made += [
            Wall(
                tr("{true} taken for {named}", true=names[true], named=names[named]),
                tr("Of {cell}.", cell=label),
                tiles(some),
            )
            for (true, named), some in of_pairs(found)
        ]
    cells = [some for cell in result.cells if (some := _tests(cell, tests))]
    if len(cells) > 1 and all(np.array_equal(test.ids, own[0].ids) for some in cells for test in some):
        never, n = always_wrong(cells)
        hard = msg("{examples} that no network of any cell names rightly: hard, or their label is wrong.")
        note = tr(hard, examples=count(n, "test example"))
        made.append(Wall(tr("Wrong in every trial"), note, tiles([one for one in never if one.id in row_of])))
    return tuple(wall for wall in made if wall.tiles)


def _tests(cell: CellResult, tests: dict[str, Predictions]) -> list[Predictions]:
    return [tests[trial_id] for trial_id in cell.trial_ids if trial_id in tests]


def _tile(one: Mistake, row: int, dataset: Dataset, unit: float, heat: npt.NDArray[np.float64] | None = None) -> Tile:
    true, named = dataset.class_names[one.true], dataset.class_names[one.named]
    what = tr(KIND_WORDS[dataset.kind])
    said = tr("{kind}, true class {true}, named {named}", kind=what, true=true, named=named)
    x = np.asarray(dataset.x[row])
    picture = _traces(x[0], said, unit, dataset.channel_names) if dataset.kind == "eeg" else _image(_pixels(x), said)
    if heat is not None:
        picture += _image(_heated(_pixels(x), heat), tr("Saliency map of this {what}", what=said))
    example = str(dataset.names[row]) if dataset.names is not None else one.id
    return Tile(picture, true, named, one.probability, example, _copies(row, dataset))


def _copies(row: int, dataset: Dataset) -> str:
    """As ``copies: train (Sad), test (Fear)``: a label that copies contradict is likely wrong somewhere."""
    groups = content_groups_of(dataset)
    others = np.flatnonzero(groups == groups[row])
    found = dict.fromkeys(
        tr("{part} ({class_name})", part=tr(PART_WORDS[dataset.part[i]]), class_name=dataset.class_names[dataset.y[i]])
        for i in others
        if i != row
    )
    return tr("copy: {places}" if len(found) == 1 else "copies: {places}", places=listed(found)) if found else ""


def _pixels(x: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """(H, W, 3) or (H, W) of an image (C, H, W)."""
    values = x.astype(np.float64)
    if x.dtype != np.uint8:
        low, high = float(values.min()), float(values.max())
        values = (values - low) / max(high - low, 1e-12) * 255
    pixels: npt.NDArray[np.uint8] = np.rint(values).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(pixels, 0, 2) if len(pixels) == 3 else pixels[0])


def _heated(pixels: npt.NDArray[np.uint8], heat: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """(H, W, 3): the image in pale grey, orange where the heat (H, W) is."""
    grey = pixels.astype(np.float64) if pixels.ndim == 2 else pixels.mean(axis=2)
    pale = np.repeat((128 + grey / 2)[..., None], 3, axis=2)
    mixed = pale + heat[..., None] * (np.array([213.0, 94.0, 0.0]) - pale)  # the orange-red of the other figures
    return np.asarray(np.rint(mixed).astype(np.uint8))


def _image(pixels: npt.NDArray[np.uint8], said: str) -> str:
    """As a PNG within the page."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((LARGEST, LARGEST))
    width = round(LARGEST * picture.width / max(picture.size))
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    source = base64.b64encode(out.getvalue()).decode()
    return f'<img src="data:image/png;base64,{source}" alt="{escape(said)}" width="{width}" loading="lazy">'


def _unit(dataset: Dataset) -> float:
    """Of traces: half the distance of two lines, the same for all of them; from the first examples."""
    if dataset.kind != "eeg":
        return 1.0
    return max(float(np.quantile(np.abs(_around_mean(np.asarray(dataset.x[:50, 0, :CHANNELS]))), 0.98)), 1e-12)


def _around_mean(x: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Each channel less its mean over time: offsets would press all traces flat."""
    values = x.astype(np.float64)
    return np.asarray(values - values.mean(axis=-1, keepdims=True))


def _traces(x: npt.NDArray[np.generic], said: str, unit: float, names: Sequence[str] = ()) -> str:
    """(n_channels, n_times) as lines under each other, in the colour of the page's text."""
    shown = _around_mean(x[:CHANNELS])
    keep = np.linspace(0, x.shape[1] - 1, min(POINTS, x.shape[1])).round().astype(np.int64)
    width, band = 170.0, max(9.0, 84.0 / len(shown))
    names = [name if len(name) <= 11 else name[:10] + "…" for name in names[: len(shown)]]
    left = 4 + max((width_of(name, 7.0) for name in names), default=-2.0)
    at = np.linspace(left, width - 2, len(keep))
    body = [words(1, (channel + 0.8) * band + 2.4, name, font_size=7.0) for channel, name in enumerate(names)]
    body += [
        element(
            "path",
            d=line(at, (channel + 0.8 - np.clip(values[keep] / unit, -4, 4) / 2.5) * band),
            stroke="currentColor",
            stroke_width=0.7,
            fill="none",
        )
        for channel, values in enumerate(shown)
    ]
    more = len(x) - len(shown)
    height = band * (len(shown) + 0.8) + (12 if more else 0)
    if more:
        body.append(words(2, height - 3, tr("and {channels}", channels=count(more, "more channel")), font_size=8.0))
    box = f"0 0 {width:g} {height:g}"
    return element("svg", "", "".join(body), viewBox=box, width=width, role="img", aria_label=said, fill="currentColor")
