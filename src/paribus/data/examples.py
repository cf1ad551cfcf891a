"""Examples without labels, for predicting."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.data.aeon import read_ts
from paribus.data.folder import image_files
from paribus.data.images import SUFFIXES, decode_files
from paribus.data.npz import read_arrays
from paribus.errors import DataError


def read_examples(
    file: Path, input_shape: tuple[int, int, int], *, resize: bool = False
) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """x (N, C, H, W), float32 or uint8, from a ``.npz`` (array ``x``), ``.npy`` or ``.ts`` file, an image, or a folder
    of images, which are taken in the order of their names; and what each example is called: its file, or its place.

    Args:
        file: where the examples are.
        input_shape: (C, H, W) of the network; images are decoded as grey or colour accordingly.
        resize: whether training resized its images; then these are resized too.

    Raises:
        DataError: the file is missing, damaged or of another kind, or an image is of another size.
    """
    if not file.exists():
        raise DataError(f"{file} does not exist: check the path")
    if holds_images(file):
        return _images(file, input_shape, resize=resize)
    if file.suffix == ".ts":
        x: npt.NDArray[Any] = read_ts(file)[0]
    elif file.suffix in (".npz", ".npy"):
        x = read_arrays(file)
    else:
        raise DataError(f"{file}: examples come from .npz, .npy or .ts files, image files, or a folder of them")
    return x, tuple(map(str, range(len(x))))


def holds_images(file: Path) -> bool:
    """Whether a path is that of an image file or of a folder of them, by its name."""
    return file.is_dir() or file.name.lower().endswith(SUFFIXES)


def _images(
    file: Path, input_shape: tuple[int, int, int], *, resize: bool
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    channels, height, width = input_shape
    if channels not in (1, 3):
        raise DataError(f"{file}: the network takes examples of {channels} channels, images have 1 or 3")
    names = image_files(file)[0] if file.is_dir() else [file.name]
    paths = [file / name for name in names] if file.is_dir() else [file]
    if not paths:
        raise DataError(f"{file} holds no images (files that end in {', '.join(SUFFIXES[:3])} …)")
    found = decode_files(paths, channels, (height, width) if resize else None)
    for path, pixels in zip(paths, found, strict=True):
        if pixels.shape != input_shape:
            raise DataError(
                f"{path} has {pixels.shape[1]} x {pixels.shape[2]} pixels, the network takes {height} x {width}: "
                "resize it"
            )
    return np.stack(found), tuple(names)
