"""What the data are, in 64 characters: it stands for them in a trial's id."""

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.data.dataset import Dataset

_CHUNK = 256
"""Examples hashed at once, so that an x in strides is never copied as a whole."""


def fingerprint(dataset: Dataset) -> str:
    """SHA-256 over the content of x, y, ids, part, class_names, group and kind, in hexadecimal.

    Equal content gives an equal fingerprint whatever its layout in memory and the machine's byte order.
    Where the data came from, the description, the notes and the sampling rate do not count.
    """
    digest = hashlib.sha256(b"paribus data 1\n")
    header = {
        "x": [_little(dataset.x).str, list(dataset.x.shape)],
        "kind": dataset.kind,
        "class_names": list(dataset.class_names),
        "ids": dataset.ids.tolist(),
        "part": dataset.part.tolist(),
        "group": None if dataset.group is None else dataset.group.tolist(),
    }
    text = json.dumps(header, sort_keys=True).encode()
    digest.update(len(text).to_bytes(8, "little"))  # so that no byte of x could pass for one of the header
    digest.update(text)
    for array in (dataset.x, dataset.y):
        for start in range(0, len(array), _CHUNK):
            digest.update(np.ascontiguousarray(array[start : start + _CHUNK], dtype=_little(array)).data)
    return digest.hexdigest()


def _little(array: npt.NDArray[Any]) -> np.dtype[Any]:
    return array.dtype.newbyteorder("<")
