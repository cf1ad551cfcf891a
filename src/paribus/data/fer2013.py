"""FER2013 (Goodfellow et al. 2013, "Challenges in representation learning"): 35,887 grey faces, 7 expressions."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from paribus.data import parquet
from paribus.data.dataset import Dataset
from paribus.data.files import data_path, digest_files
from paribus.data.folder import PART_FOLDERS, image_files
from paribus.data.images import ImageItem, Pixels, read_images
from paribus.errors import DataError
from paribus.record import Part
from paribus.spec import Fer2013Data

CLASS_NAMES = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
SIDE = 48
HOW = (
    "get it from Kaggle (Challenges in Representation Learning: Facial Expression Recognition Challenge, which asks "
    "for an account) as fer2013.csv, icml_face_data.csv or a folder, or as parquet with the columns image, label, usage"
)
_OFFICIAL: dict[str, Part] = {"training": "train", "publictest": "validation", "privatetest": "test"}
_USAGE: dict[str, Part] = {**PART_FOLDERS, **_OFFICIAL}
_CALLED = {
    **{name.lower(): i for i, name in enumerate(CLASS_NAMES)},
    **{str(i): i for i in range(len(CLASS_NAMES))},
    "anger": 0,
    "disgusted": 1,
    "fearful": 2,
    "happiness": 3,
    "sadness": 4,
    "surprised": 5,
}


def load(spec: Fer2013Data) -> Dataset:
    """FER2013 from a parquet file, Kaggle's CSV or class folders.

    Training trains, PublicTest validates, PrivateTest tests.

    Raises:
        DataError: the data are missing or damaged; the message says where.
    """
    path = data_path(spec.path, ("fer2013.parquet", "fer2013.csv", "icml_face_data.csv", "fer2013"), HOW)
    images = image_files(path)[0] if path.is_dir() else None
    digest = digest_files(path.parent, [path.name]) if images is None else digest_files(path, images)

    def items() -> Iterator[ImageItem]:
        if images is not None:
            return _of_folders(path, images)
        return _of_csv(path) if path.suffix.lower() == ".csv" else _of_parquet(path)

    return read_images(
        items, spec=spec, class_names=CLASS_NAMES, description="FER2013: grey faces, 7 expressions", digest=digest
    )


def _part(usage: str, where: str) -> Part:
    found = _USAGE.get(str(usage).strip().lower())
    if found is None:
        raise DataError(f"{where}: the usage must be Training, PublicTest or PrivateTest, got {usage!r}")
    return found


def _label(value: object, where: str) -> int:
    try:
        label = int(str(value))
    except ValueError:
        label = -1
    if not 0 <= label < len(CLASS_NAMES):
        raise DataError(f"{where}: the emotion must be from 0 to {len(CLASS_NAMES) - 1}, got {value!r}")
    return label


def _of_parquet(path: Path) -> Iterator[ImageItem]:
    names = {name.lower(): name for name in parquet.columns(path)}
    image, label, usage = (names.get(name, name) for name in ("image", "label", "usage"))
    for i, row in enumerate(parquet.rows(path, [image, label, usage])):
        where = f"row {i} of {path}"
        content = parquet.encoded(row[image], where)
        yield ImageItem(_part(row[usage], where), _label(row[label], where), f"row {i}", content)


def _of_csv(path: Path) -> Iterator[ImageItem]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.reader(file)
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in ("emotion", "pixels", "usage") if name not in header]
        if missing:
            raise DataError(
                f"{path} must have the columns emotion, pixels, Usage in its first line; {missing[0]} is missing"
            )
        emotion, pixels, usage = (header.index(name) for name in ("emotion", "pixels", "usage"))
        for row in _lines(reader, path):
            where = f"line {reader.line_num} of {path}"
            if not row:
                continue
            if len(row) < len(header):
                raise DataError(f"{where} must have {len(header)} columns, it has {len(row)}: the file may be cut off")
            yield ImageItem(
                _part(row[usage], where),
                _label(row[emotion], where),
                f"line {reader.line_num}",
                _face(row[pixels], where),
            )


def _lines(reader: Any, path: Path) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise DataError(
            f"line {reader.line_num} of {path} cannot be read ({error}): a quote may be left open"
        ) from None


def _face(text: str, where: str) -> Pixels:
    try:
        values = np.array([int(value) for value in text.split()])
    except ValueError:
        raise DataError(f"{where}: pixels must be whole numbers with spaces between them") from None
    if len(values) != SIDE * SIDE:
        raise DataError(f"{where} must have {SIDE * SIDE} pixels ({SIDE} x {SIDE}), it has {len(values)}")
    if values.min() < 0 or values.max() > 255:
        raise DataError(f"{where}: pixels must be from 0 to 255, got {values.min()} to {values.max()}")
    return values.reshape(SIDE, SIDE).astype(np.uint8)


def _of_folders(root: Path, images: Sequence[str]) -> Iterator[ImageItem]:
    """The part stands before the file's name (``PublicTest_123.jpg``) or is a folder; the class is a folder too.

    The data set's own words say more than ``train`` and ``test``: some copies keep PublicTest and PrivateTest in one
    folder ``test``.
    """
    if not images:
        raise DataError(f"{root} holds no images: {HOW}")
    for where in images:
        *above, file = where.split("/")
        folders = [name.strip().lower() for name in above]
        usages = [name for name in (file.split("_")[0].lower(), *folders) if name in _USAGE]
        official = list(dict.fromkeys(name for name in usages if name in _OFFICIAL))
        if len(official) > 1:
            raise DataError(f"{where} in {root} must belong to one part, its names say {' and '.join(official)}")
        classes = [_CALLED[name] for name in folders if name in _CALLED]
        if not usages:
            raise DataError(
                f"{where} in {root}: neither a folder nor the file's name says Training, PublicTest or PrivateTest"
            )
        if not classes:
            known = ", ".join(CLASS_NAMES)
            raise DataError(f"{where} in {root}: no folder above it is called as an expression ({known}) or 0 to 6")
        yield ImageItem(_USAGE[(official or usages)[0]], classes[-1], where, root / where)
