"""How an audit says things."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paribus.data.dataset import Dataset

SHOWN = 5
"""Examples that a finding names."""


def number(n: int, one: str) -> str:
    """``1 image``, ``1,236 images``."""
    return f"{n:,} {one}{'' if n == 1 else 's'}"


def some(names: Sequence[str]) -> tuple[str, ...]:
    """The first few."""
    return tuple(map(str, names[:SHOWN]))


def first_names(dataset: Dataset, rows: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """Where the first few of these rows came from: their names where there are any, else their ids."""
    names = dataset.ids if dataset.names is None else dataset.names
    return some(names[rows[:SHOWN]].tolist())
