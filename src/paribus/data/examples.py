"""Examples without labels, for predicting."""

from pathlib import Path
from typing import Any

import numpy.typing as npt

from paribus.data.aeon import read_ts
from paribus.data.npz import read_arrays
from paribus.errors import DataError


def read_examples(file: Path) -> npt.NDArray[Any]:
    """x (N, C, H, W), float32 or uint8, from a ``.npz`` (array ``x``), ``.npy`` or ``.ts`` file.

    Raises:
        DataError: the file is missing, damaged or of another kind.
    """
    if file.suffix == ".ts":
        return read_ts(file)[0]
    if file.suffix in (".npz", ".npy"):
        return read_arrays(file)
    raise DataError(f"{file}: examples come from .npz, .npy or .ts files")
