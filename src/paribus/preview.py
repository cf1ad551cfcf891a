"""A contact sheet: training examples as the networks of a study see them, epoch by epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from paribus.data.dataset import Dataset, Kind
from paribus.grid import Cell, cells, in_words
from paribus.spec import Baseline, Spec, StudySpec, TrialSpec
from paribus.training.augment import augmenter, mixed, mixup_of
from paribus.training.divide import divide, load_anew, load_once
from paribus.training.examples import prepare

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

EPOCHS = 6
"""Columns after the first."""
CHANNELS = 8
"""Of EEG, so many are drawn."""

_EDGE = 16
_GAP = 6
_LINE = 16
_INK, _PALE, _TRACE = (25, 25, 25), (95, 95, 95), (20, 80, 150)
_SMOOTH = 3
"""Traces are drawn so many times larger and then reduced."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """What one part of the sheet shows.

    Attributes:
        title: the cells of the study that see this.
        caption: what is done to the data, and how the picture is to be read; a line each.
        kind: images or traces.
        rows: (n,) the name of each example's class; what it is seen in, where all epochs are alike.
        columns: (k,) the epoch of each column; the name of each example's class, where all epochs are alike.
        x: (n, k, C, H, W) float32, as the network sees it.
    """

    title: str
    caption: tuple[str, ...]
    kind: Kind
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    x: npt.NDArray[np.float32]


def contact_sheet(study: StudySpec, n: int, seed: int) -> "Image":
    """A picture of n training examples, of different classes as far as there are, in each of the first epochs.

    Cells of the study that differ in data, normalisation or augmentation have a block each.

    Args:
        study: the question.
        n: examples, at least 1.
        seed: of the trial to look at; it draws the examples too.

    Raises:
        DataError, TrainingError: the data are missing, or do not fit what is to be done to them.
    """
    return _draw(f"{study.name}, seed {seed}: training examples as the network sees them", [*blocks(study, n, seed)])


def blocks(study: StudySpec, n: int, seed: int) -> Iterator[Block]:
    """The parts of the sheet, in the order of the study's cells; arguments as of `contact_sheet`."""
    load_anew()
    alike: dict[str, list[tuple[Cell, Baseline]]] = {}
    for cell, configuration in cells(study):
        data, recipe = configuration.data, configuration.train
        seen = [data.origin(), data.normalise, *recipe.augmentation]
        alike.setdefault("\n".join(spec.model_dump_json() for spec in seen), []).append((cell, configuration))
    for group in alike.values():
        title = "All cells" if len(alike) == 1 else _in_common([cell for cell, _ in group])
        yield _block(title, group[0][1], n, seed)


def _in_common(group: Sequence[Cell]) -> str:
    """The levels that all cells of a group have; or the cells, where that is nothing."""
    common = tuple(pair for pair in group[0] if all(pair in cell for cell in group))
    if common:
        return in_words(common)
    return "; ".join(in_words(cell) for cell in group[:3]) + (f"; {len(group) - 3} more" if len(group) > 3 else "")


def _block(title: str, configuration: Baseline, n: int, seed: int) -> Block:
    recipe = configuration.train
    spec = TrialSpec(
        data=configuration.data, model=configuration.model, train=recipe, vary=configuration.vary, seed=seed
    )
    parts, (dataset, _) = divide(spec)[0], load_once(spec.data.origin())
    chance = spec.seed_of("augmentation")
    rows = _choose(parts.rows["train"], dataset.y, n, seed)
    examples = prepare(dataset, rows, parts.normalisation, torch.device("cpu"))
    everyone, whose, mixup = torch.arange(len(rows)), torch.from_numpy(rows), mixup_of(recipe.augmentation)
    seen = [examples.batch(everyone)]
    for epoch in range(1, EPOCHS + 1 if recipe.augmentation else 1):
        x = examples.batch(everyone, augmenter(recipe.augmentation, dataset.kind, len(dataset.y), chance, epoch), whose)
        if mixup is not None:
            x, _ = mixed(x, examples.y, mixup, whose, dataset.n_classes, chance, epoch)
        seen.append(x)
    x_seen = torch.stack(seen, dim=1).numpy()
    classes = tuple(dataset.class_names[label] for label in dataset.y[rows])
    epochs = ("unaugmented", *(f"epoch {epoch}" for epoch in range(1, len(seen))))
    if not recipe.augmentation:  # all epochs are alike: the examples beside each other
        x_seen, classes, epochs = x_seen.swapaxes(0, 1), ("every epoch",), classes
    return Block(
        title=title,
        caption=(
            f"Normalisation: {_words(configuration.data.normalise)}.",
            f"Augmentation: {', '.join(map(_words, recipe.augmentation)) or 'none'}.",
            *(["Mixup: partners are other rows of this sheet; in training, of the batch."] if mixup else []),
            _reading(x_seen, dataset),
        ),
        kind=dataset.kind,
        rows=classes,
        columns=epochs,
        x=x_seen,
    )


def _choose(train: npt.NDArray[np.int64], y: npt.NDArray[np.int64], n: int, seed: int) -> npt.NDArray[np.int64]:
    """(at most n,) rows of training, by class: one of each class, then a second of each …"""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(train)
    labels = y[shuffled]
    turn = np.zeros(len(train), dtype=np.int64)
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    chosen: npt.NDArray[np.int64] = shuffled[np.lexsort((labels, turn))[:n]]
    return chosen[np.argsort(y[chosen], kind="stable")]


def _words(spec: Spec) -> str:
    """As ``crop (padding 4, fill 0.0)``."""
    fields: dict[str, Any] = spec.model_dump()
    name = fields.pop("name")
    settings = ", ".join(
        f"{key} {' to '.join(map(str, value)) if isinstance(value, tuple) else value}" for key, value in fields.items()
    )
    return f"{name} ({settings})" if settings else str(name)


def _reading(x: npt.NDArray[np.float32], dataset: Dataset) -> str:
    """How values are shown."""
    _, _, channels, height, width = x.shape
    if dataset.kind == "eeg":
        seconds = f", {width / dataset.sfreq_hz:g} s" if dataset.sfreq_hz else ""
        which = f"the first {CHANNELS} of {height} channels" if height > CHANNELS else f"{height} channels"
        return f"Traces: {which}, {width} samples{seconds}; half the distance of two lines is {_trace_unit(x):.3g}."
    low, high = _range(x)
    only = "" if channels in (1, 3) else f" The first of {channels} channels is shown."
    return f"After normalisation, rescaled to be seen: {low:.3g} is black, {high:.3g} is white.{only}"


def _range(x: npt.NDArray[np.float32]) -> tuple[float, float]:
    return float(x.min()), float(x.max())


def _trace_unit(x: npt.NDArray[np.float32]) -> float:
    """Rare large values may cross other channels' lines."""
    return max(float(np.quantile(np.abs(x[..., :CHANNELS, :]), 0.98)), 1e-12)


def _draw(title: str, parts: Sequence[Block]) -> "Image":
    from PIL import Image

    drawn = [_draw_block(block) for block in parts]
    large, width = _font(18), max(picture.width for picture in drawn)
    lines = _wrap(title, large, width - 2 * _EDGE)
    sheet = Image.new("RGB", (width, sum(p.height for p in drawn) + _EDGE + 24 * len(lines)), "white")
    _write(sheet, lines, (_EDGE, _EDGE), large, _INK, 24)
    top = _EDGE + 24 * len(lines)
    for picture in drawn:
        sheet.paste(picture, (0, top))
        top += picture.height
    return sheet


def _draw_block(block: Block) -> "Image":
    from PIL import Image

    tiles = [[_tile(block, i, k) for k in range(len(block.columns))] for i in range(len(block.rows))]
    small, bold = _font(12), _font(14)
    columns = [_fit(name, small, max(tiles[0][0].width, 90)) for name in block.columns]
    wide = max(tiles[0][0].width, *(int(small.getlength(name)) for name in columns)) + _GAP
    high = tiles[0][0].height + _GAP
    names = [_fit(name, small, 150) for name in block.rows]
    left = _EDGE + max(int(small.getlength(name)) for name in names) + 2 * _GAP
    width = max(left + wide * len(block.columns) + _EDGE, 640)
    title = _wrap(block.title, bold, width - 2 * _EDGE)
    caption = [line for text in block.caption for line in _wrap(text, small, width - 2 * _EDGE)]
    head = _GAP + (_LINE + 4) * len(title) + _LINE * len(caption) + _GAP
    picture = Image.new("RGB", (width, head + _LINE + _GAP + high * len(tiles) + _EDGE), "white")
    _write(picture, title, (_EDGE, _GAP), bold, _INK, _LINE + 4)
    _write(picture, caption, (_EDGE, _GAP + (_LINE + 4) * len(title)), small, _PALE, _LINE)
    for k, name in enumerate(columns):
        _write(picture, [name], (left + k * wide, head), small, _PALE, _LINE)
    for i, (name, row) in enumerate(zip(names, tiles, strict=True)):
        top = head + _LINE + _GAP + i * high
        _write(picture, [name], (_EDGE, top + tiles[0][0].height // 2 - _LINE // 2), small, _INK, _LINE)
        for k, tile in enumerate(row):
            picture.paste(tile, (left + k * wide, top))
    return picture


def _tile(block: Block, i: int, k: int) -> "Image":
    from PIL import Image

    if block.kind == "eeg":
        return _traces(block.x[i, k, 0, :CHANNELS], _trace_unit(block.x))
    low, high = _range(block.x)
    x = block.x[i, k] if block.x.shape[2] == 3 else block.x[i, k, :1]
    pixels = np.rint((x - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, 2)))
    longest = max(picture.size)
    if longest > 160:
        picture.thumbnail((160, 160))
        return picture
    scale = max(1, round(96 / longest))
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def _traces(x: npt.NDArray[np.float32], unit: float) -> "Image":
    """(n_channels, n_times) as lines under each other."""
    from PIL import Image, ImageDraw

    width, band = 150, max(12, 72 // len(x))
    size = (width, band * (len(x) + 1))
    picture = Image.new("RGB", (size[0] * _SMOOTH, size[1] * _SMOOTH), (247, 247, 247))
    pen = ImageDraw.Draw(picture)
    across = np.linspace(0, picture.width - 1, x.shape[1])
    for channel, values in enumerate(x):
        down = (channel + 1 - np.clip(values / unit, -9, 9) / 2) * band * _SMOOTH
        pen.line([*zip(across.tolist(), down.tolist(), strict=True)], fill=_TRACE, width=_SMOOTH)
    return picture.resize(size, Image.Resampling.LANCZOS)


def _font(size: int) -> "FreeTypeFont | ImageFont":
    """DejaVu Sans where the system has it, since it knows more letters than Pillow's own."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def _write(
    picture: "Image",
    lines: Sequence[str],
    place: tuple[int, int],
    font: "FreeTypeFont | ImageFont",
    ink: tuple[int, int, int],
    spacing: int,
) -> None:
    from PIL import ImageDraw

    pen = ImageDraw.Draw(picture)
    for i, line in enumerate(lines):
        pen.text((place[0], place[1] + i * spacing), line, fill=ink, font=font)


def _wrap(text: str, font: "FreeTypeFont | ImageFont", width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(_fit(word, font, width))
    return lines


def _fit(text: str, font: "FreeTypeFont | ImageFont", width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
