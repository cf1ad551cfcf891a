"""Image files to a data set: decoded once, in an order and with ids that come from the pixels alone.

Whatever the files are called, in whatever order they come, in whatever container: the same pixels, classes and parts
give the same arrays and ids. (R2 read its images from folders, then from arrays, and got two accuracies.)
"""

import errno
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from paribus.data.cache import TEMPORARY, cached, remove_leftovers
from paribus.data.dataset import PARTS, Dataset
from paribus.data.split import draw_in_words, draw_test
from paribus.errors import DataError
from paribus.folders import cache_folder
from paribus.record import Part
from paribus.shown import printable
from paribus.spec import ImageCommon

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""That are decoded, whatever a file is called: some of Pillow's others start programs (EPS)."""
_VERSION = 3
"""Goes into the cache's key. Raise it when the same files would give other arrays."""
_GREY = ("1", "LA")
_CHUNK = 1024
_LISTED = 20
"""Unreadable files that an error names."""


@dataclass(frozen=True, slots=True)
class ImageItem:
    """One labelled image, not decoded yet.

    Attributes:
        part: its official part.
        label: from 0.
        name: where it came from, for people, as ``train/happy/17.png``; need not be unique.
        content: an encoded file, the path of one, or pixels (H, W) or (H, W, 3).
    """

    part: Part
    label: int
    name: str
    content: bytes | Path | Pixels


def read_images(
    items: Callable[[], Iterable[ImageItem]],
    *,
    spec: ImageCommon,
    class_names: tuple[str, ...],
    description: str,
    digest: str,
    notes: tuple[str, ...] = (),
    draw_test_share: float | None = None,
) -> Dataset:
    """The images as a data set, through the cache; x is uint8 in a memory map.

    Args:
        items: gives the images; called only when the cache does not hold them.
        spec: channels, size, and what to do about unreadable files.
        class_names: one a label.
        description: for the report.
        digest: of the files (`files.digest_files`).
        notes: what was found on the way.
        draw_test_share: share to draw for test where there is no test part; None where there is one.

    Raises:
        DataError: an image cannot be read and is not to be skipped, images differ in size, or there are none.
    """
    from PIL import __version__ as pillow

    way = f"{spec.channels} {spec.size} {spec.unreadable} {class_names} {draw_test_share}"
    key = f"images {_VERSION}, pillow {pillow}, {digest}, {way}, {description}, {notes}"

    def build() -> Dataset:
        full = ""
        for place in _places():
            try:
                with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=place, ignore_cleanup_errors=True) as folder:
                    decoded = _decode(items(), spec, Path(folder))
                    return _dataset(decoded, Path(folder), class_names, description, notes, draw_test_share)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                full += f" {place}"
        raise DataError(
            f"there is no room for the decoded images in{full}: free some, or set $PARIBUS_CACHE and $TMPDIR"
        )

    return cached(key, build)


def decode_files(paths: Sequence[Path], channels: int, size: tuple[int, int] | None = None) -> list[Pixels]:
    """(channels, H, W) pixels of each file, decoded as training's were.

    Args:
        paths: of image files.
        channels: 1 is grey, 3 is colour.
        size: (height, width) to resize to.

    Raises:
        DataError: one cannot be read.
    """
    found = []
    for path in paths:
        try:
            pixels, _ = _pixels(path, channels, size)
        except Exception as error:
            raise DataError(f"{path} cannot be read as an image: {_why(error)}") from None
        found.append(pixels)
    return found


def canonical(
    x: Pixels,
    y: npt.NDArray[np.int64],
    part: npt.NDArray[np.str_],
    draw_test_share: float | None = None,
    group: npt.NDArray[np.str_] | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.str_], npt.NDArray[np.str_]]:
    """The order of images that does not depend on where they came from, and their ids.

    An id is the part and a hash of the pixels, as ``train/0f3a…``; exact copies within a part, in the order of their
    classes, get ``.2``, ``.3`` … Parts follow each other as training, validation, test; within them the hash decides.

    Args:
        x: (N, C, H, W) uint8.
        y: (N,) classes.
        part: (N,) official parts.
        draw_test_share: share of the training part to draw for test, the same for every seed; None draws nothing.
        group: (N,) groups that are drawn whole; None draws by class.

    Returns:
        order (N,), and of the examples in that order the ids (N,) and the parts (N,).
    """
    hashes = np.array(
        [hashlib.blake2b(f"{one.shape}".encode() + one.tobytes(), digest_size=8).hexdigest() for one in x]
    )
    if draw_test_share is not None:
        part = part.astype("<U10")
        by_content = np.lexsort((y, hashes))
        train = by_content[part[by_content] == "train"]
        part[train] = draw_test(y[train], draw_test_share, None if group is None else group[train])
    rank = np.array([PARTS.index(one) for one in part.tolist()])
    order = np.lexsort((y, hashes, rank))
    seen: Counter[str] = Counter()
    ids = []
    for name in (f"{part[row]}/{hashes[row]}" for row in order):
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return order, np.array(ids), part[order]


# ---------------------------------------------------------------- decoding


@dataclass(slots=True)
class _Decoded:
    """Pixels on disk, in the order in which they came, and what was found on the way."""

    x: Pixels
    y: list[int] = field(default_factory=list)
    part: list[Part] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    changed: Counter[str] = field(default_factory=Counter)


def _decode(items: Iterable[ImageItem], spec: ImageCommon, folder: Path) -> _Decoded:
    """Decode every image into one file; no more than one is held in memory."""
    decoded = _Decoded(np.zeros((0, 1, 1, 1), np.uint8))
    reasons: list[str] = []
    shapes: dict[tuple[int, ...], tuple[int, str]] = {}
    with (folder / "pixels").open("wb") as file:
        for item in items:
            try:
                pixels, found = _pixels(item.content, spec.channels, spec.size)
            except Exception as error:  # Pillow's parsers meet damaged bytes with errors of many kinds
                reasons.append(f"{printable(item.name)} ({_why(error)})")
                continue
            count, first = shapes.get(pixels.shape[1:], (0, item.name))
            shapes[pixels.shape[1:]] = (count + 1, first)
            file.write(bytes([len(pixels)]) + pixels.tobytes())
            decoded.y.append(item.label)
            decoded.part.append(item.part)
            decoded.names.append(printable(item.name))
            decoded.formats[found.format] += 1
            decoded.changed.update(found.changed)
    decoded.unreadable = reasons
    if why := why_refused(reasons, spec):
        raise DataError(why)
    if not decoded.y:
        told = f": {_listed(reasons)}" if reasons else ""
        raise DataError(f"there are no images to train on{told}")
    _refuse_sizes(shapes)
    decoded.x = _one_form(folder, len(decoded.y), next(iter(shapes)), decoded.changed)
    return decoded


def _one_form(folder: Path, n: int, size: tuple[int, ...], changed: Counter[str]) -> Pixels:
    """(n, C, H, W): grey when all images are grey, else colour."""
    height, width = size
    channels = 1
    with (folder / "pixels").open("rb") as file:
        for _ in range(n):
            own = file.read(1)[0]
            channels = max(channels, own)
            file.seek(own * height * width, 1)
    shape = (n, channels, height, width)
    x = _map(folder / "x.npy", shape)
    grey = 0
    with (folder / "pixels").open("rb") as file:
        for row in range(n):
            own = file.read(1)[0]
            pixels = np.frombuffer(file.read(own * height * width), np.uint8)
            x[row] = pixels.reshape(own, height, width)  # one grey plane becomes three
            grey += own < channels
    if grey:
        changed["grey images beside colour ones are shown as colour"] = grey
    (folder / "pixels").unlink()
    mapped: Pixels = x
    return mapped


@dataclass(frozen=True, slots=True)
class _Found:
    format: str
    changed: tuple[str, ...]


def _pixels(
    content: bytes | Path | Pixels, channels: int | None, size: int | tuple[int, int] | None = None
) -> tuple[Pixels, _Found]:
    """(C, H, W) of one image, C 1 or 3, and how it was."""
    import warnings

    from PIL import Image, ImageOps

    notes: tuple[str, ...] = ()
    if isinstance(content, np.ndarray):
        content = np.ascontiguousarray(content)
        image: Image.Image = Image.fromarray(content)
    else:
        # Opened here: what Pillow 13 opens, it maps, and then scrambles an uncompressed TIFF that is to be turned.
        encoded = content.open("rb") if isinstance(content, Path) else BytesIO(content)
        with encoded as file, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)  # too large to be meant
            warnings.filterwarnings("ignore", category=UserWarning)
            with Image.open(file, formats=FORMATS) as opened:
                if getattr(opened, "is_animated", False) and opened.format != "MPO":  # a photograph and its previews
                    notes = ("files with several pictures, of which the first is taken",)
                opened.load()
                image = ImageOps.exif_transpose(opened)
                if image.mode == "I" and opened.format == "PPM":  # which Pillow scales to 16 bits
                    image = Image.fromarray(np.asarray(image).astype(np.uint16))
    kind = image.mode
    format_ = f"{image.height} x {image.width} {'grey' if kind in ('L', '1') else 'colour' if kind == 'RGB' else kind}"
    image, changed = _eight_bits(image)
    wanted = {1: "L", 3: "RGB", None: image.mode}[channels]
    if image.mode != wanted:
        image = image.convert(wanted)
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    planes = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
    return np.ascontiguousarray(planes, dtype=np.uint8), _Found(format_, (*notes, *changed))


def _eight_bits(image: "Image") -> tuple["Image", tuple[str, ...]]:
    """The image as L or RGB, and what was lost by that."""
    from PIL import Image

    mode = image.mode
    if mode in ("I", "F"):
        raise ValueError(f"pixels of 32 bits (mode {mode}), whose black and white nobody knows: save it with 8 or 16")
    if mode.startswith("I;16"):
        values = np.asarray(image).astype(np.float64)
        return Image.fromarray((values / 257.0).round().astype(np.uint8)), ("images of 16 bits scaled to 8",)
    if mode in ("L", "RGB"):
        return image, ()
    if mode in _GREY:
        return image.convert("L"), ("alpha channels dropped",) if mode == "LA" else ()
    lost = mode in ("RGBA", "PA") or (mode == "P" and "transparency" in image.info)
    colour = image.convert("RGBA").convert("RGB") if lost else image.convert("RGB")
    if mode in ("P", "PA"):
        planes = np.asarray(colour)
        if (planes == planes[..., :1]).all():  # a palette of greys
            colour = Image.fromarray(np.ascontiguousarray(planes[..., 0]))
    return colour, ("alpha channels dropped",) if lost else ()


def _why(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "not an image, or cut off" if "cannot identify" in text else text


def why_refused(unreadable: Sequence[str], spec: ImageCommon) -> str:
    """Why training refuses data with these unreadable files, each with its reason; empty where it does not."""
    if not unreadable or spec.unreadable == "skip":
        return ""
    n = len(unreadable)
    return (
        f"all image files must be readable, {n} {'is' if n == 1 else 'are'} not: {_listed(unreadable)}; mend or remove "
        "them, or leave them out with `unreadable: skip` under data in the study, or --set data.unreadable=skip; "
        "`paribus data audit` lists all"
    )


def _listed(reasons: Sequence[str]) -> str:
    more = f" and {len(reasons) - _LISTED} more" if len(reasons) > _LISTED else ""
    return ", ".join(reasons[:_LISTED]) + more


def _refuse_sizes(shapes: dict[tuple[int, ...], tuple[int, str]]) -> None:
    if len(shapes) > 1:
        usual = sorted(shapes.items(), key=lambda each: -each[1][0])
        told = ", ".join(f"{height} x {width}: {count} (as {name})" for (height, width), (count, name) in usual[:4])
        more = f" and {len(usual) - 4} other sizes" if len(usual) > 4 else ""
        raise DataError(
            f"all images must be of one size, found {told}{more}; "
            f"resize them with --set data.size={usual[0][0][0]}, or `size: {usual[0][0][0]}` under data in the study"
        )


def _places() -> Iterator[Path]:
    """Folders for decoded pixels: the cache, and where there is no room, or it cannot be written, the system's own."""
    with suppress(OSError, RuntimeError):
        cache = cache_folder()
        cache.mkdir(parents=True, exist_ok=True)
        remove_leftovers(cache)
        tempfile.TemporaryFile(dir=cache).close()  # may it be written?
        yield cache
    yield Path(tempfile.gettempdir())


# ---------------------------------------------------------------- the data set


def _dataset(
    decoded: _Decoded,
    folder: Path,
    class_names: tuple[str, ...],
    description: str,
    notes: tuple[str, ...],
    draw_test_share: float | None,
) -> Dataset:
    y = np.array(decoded.y, dtype=np.int64)
    part = np.array(decoded.part, dtype="<U10")
    order, ids, part = canonical(decoded.x, y, part, draw_test_share)
    x = _map(folder / "sorted.npy", decoded.x.shape)
    for start in range(0, len(order), _CHUNK):
        x[start : start + _CHUNK] = decoded.x[order[start : start + _CHUNK]]
    found = [f"{what}: {count}" for what, count in sorted(decoded.changed.items())]
    if decoded.unreadable:
        found.append(f"unreadable files left out: {len(decoded.unreadable)}, as {decoded.unreadable[0]}")
    if draw_test_share is not None:
        found.append(draw_in_words(draw_test_share, part))
    return Dataset(
        x=x,
        y=y[order],
        ids=ids,
        part=part,
        class_names=class_names,
        kind="image",
        description=description,
        notes=(*notes, *found),
        names=np.array(decoded.names)[order],
        formats=tuple(decoded.formats.most_common()),
        unreadable=tuple(decoded.unreadable),
    )


def _map(path: Path, shape: tuple[int, ...]) -> Any:
    """A new array on disk, all 0."""
    make: Any = np.lib.format.open_memmap
    array = make(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):  # a full disk is an error now, and not the end of the process later
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
