"""CIFAR-10 (Krizhevsky 2009): 60,000 colour images of 32 x 32, 10 classes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from paribus.data import parquet
from paribus.data.dataset import Dataset
from paribus.data.files import data_path, digest_files
from paribus.data.images import ImageItem, read_images
from paribus.data.pickled import plain_values
from paribus.errors import DataError
from paribus.record import Part
from paribus.spec import Cifar10Data

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
OFFICIAL = "cifar-10-batches-py"
HOW = "`paribus data fetch cifar10` downloads it (170 MB), or get it from https://www.cs.toronto.edu/~kriz/cifar.html"
_BATCHES: dict[str, Part] = {**{f"data_batch_{i}": "train" for i in range(1, 6)}, "test_batch": "test"}
_PARTS: dict[str, Part] = {"train": "train", "test": "test"}


def load(spec: Cifar10Data) -> Dataset:
    """CIFAR-10 from a parquet file (columns image, label, split) or the official folder of batches.

    Raises:
        DataError: the data are missing or damaged.
    """
    path = data_path(spec.path, ("cifar10.parquet", OFFICIAL), HOW)
    if path.name.endswith((".tar.gz", ".tgz", ".tar")):
        raise DataError(f"{path} is packed: unpack it (tar xf) and name the folder {OFFICIAL}, or {HOW}")
    if path.is_dir():
        inside = path / OFFICIAL
        path = inside if inside.is_dir() else path
        files = [path / name for name in _BATCHES]
        lacking = missing_batches(path)
        if lacking:
            raise DataError(f"{path} must hold {', '.join(_BATCHES)}; {lacking[0]} is missing: {HOW}")
        description = "CIFAR-10"
    else:
        files = [path]
        first = next(parquet.rows(path, ["image"]), {"image": b""})["image"]
        lossy = parquet.encoded(first, f"row 0 of {path}")[:2] == b"\xff\xd8"
        description = "CIFAR-10, JPEG copy" if lossy else "CIFAR-10"

    def items() -> Iterator[ImageItem]:
        return _of_batches(files) if len(files) > 1 else _of_parquet(path)

    digest = digest_files(files[0].parent, [file.name for file in files])
    return read_images(items, spec=spec, class_names=CLASS_NAMES, description=description, digest=digest)


def missing_batches(folder: Path) -> list[str]:
    """The names of the official files that a folder lacks."""
    return [name for name in _BATCHES if not (folder / name).is_file()]


def _of_parquet(path: Path) -> Iterator[ImageItem]:
    for i, row in enumerate(parquet.rows(path, ["image", "label", "split"])):
        part = _PARTS.get(str(row["split"]))
        if part is None:
            raise DataError(f"row {i} of {path}: the split must be train or test, got {row['split']!r}")
        where = f"row {i} of {path}"
        yield ImageItem(part, _label(row["label"], where), f"row {i}", parquet.encoded(row["image"], where))


def _of_batches(files: list[Path]) -> Iterator[ImageItem]:
    for file in files:
        batch = _batch(file)
        for i, (pixels, label) in enumerate(zip(batch["data"], batch["labels"], strict=True)):
            image = np.ascontiguousarray(pixels.reshape(3, 32, 32).transpose(1, 2, 0))
            name = f"{file.name} row {i}"
            yield ImageItem(_BATCHES[file.name], _label(label, name), name, image)


def _label(value: object, where: str) -> int:
    if not isinstance(value, int) or not 0 <= value < len(CLASS_NAMES):
        raise DataError(f"{where}: the label must be from 0 to {len(CLASS_NAMES) - 1}, got {value!r}")
    return value


def _batch(file: Path) -> dict[str, Any]:
    try:
        found = plain_values(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{file} cannot be read, it is damaged or not the official file ({error}); {HOW}") from None
    found = found if isinstance(found, dict) else {}
    batch = {key.decode("latin-1") if isinstance(key, bytes) else key: value for key, value in found.items()}
    data: Any = batch.get("data")
    labels: Any = batch.get("labels")
    arrays = isinstance(data, np.ndarray) and isinstance(labels, list)
    if not arrays or data.dtype != np.uint8 or data.shape != (len(labels), 3072):
        raise DataError(f"{file} must hold `data` of (n, 3072) bytes and as many `labels`: {HOW}")
    return batch
