"""Learning curves of a cell: the mean over its seeds, epoch by epoch, with the seeds' range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from paribus.errors import DataError
from paribus.record import EpochRow, Part

Quantity = Literal["loss", "accuracy"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
PARTS: tuple[Part, ...] = get_args(Part)
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """One quantity over the epochs; all arrays (n_epochs,).

    Attributes:
        epoch: from 1, ascending.
        mean: over the seeds that still ran in that epoch.
        low: the least of those seeds.
        high: the greatest of those seeds.
        n: how many seeds still ran.
    """

    epoch: Ints
    mean: Floats
    low: Floats
    high: Floats
    n: Ints


Curves = dict[tuple[Quantity, Part], Band]


def mean_curves(histories: Sequence[Sequence[EpochRow]]) -> Curves:
    """Curves of one cell for each quantity and part.

    A seed that stopped early counts up to its last epoch only, so the mean can jump where one drops out; ``n`` tells.
    NaN in one seed makes the mean NaN, a gap in the drawing.

    Args:
        histories: one a seed.

    Raises:
        DataError: there is no history with an epoch.
    """
    last = max((row.epoch for history in histories for row in history), default=0)
    if not last:
        raise DataError("curves need at least one history with an epoch, got none")
    return {(quantity, part): _band(histories, f"{part}_{quantity}", last) for quantity in QUANTITIES for part in PARTS}


def _band(histories: Sequence[Sequence[EpochRow]], field: str, last: int) -> Band:
    ran = np.zeros((len(histories), last), dtype=bool)
    values = np.zeros((len(histories), last))
    for i, history in enumerate(histories):
        at = [row.epoch - 1 for row in history]
        ran[i, at] = True
        values[i, at] = [getattr(row, field) for row in history]
    n = ran.sum(axis=0)
    epochs = np.flatnonzero(n)
    ran, values, n = ran[:, epochs], values[:, epochs], n[epochs]
    return Band(
        epoch=epochs.astype(np.int64) + 1,
        mean=np.where(ran, values, 0.0).sum(axis=0) / n,
        low=np.where(ran, values, np.inf).min(axis=0),
        high=np.where(ran, values, -np.inf).max(axis=0),
        n=n.astype(np.int64),
    )


def downsample(x: Ints, series: Floats, at_most: int = 300) -> tuple[Ints, Floats]:
    """Evenly spaced points of a series, the first and the last among them. For drawing only.

    Args:
        x: (n,) positions.
        series: (..., n) values at those positions.
        at_most: points to keep, at least 2.

    Returns:
        x (m,) and series (..., m) with m = min(n, at_most).
    """
    if at_most < 2:
        raise DataError(f"at_most must be at least 2, got {at_most}")
    if len(x) <= at_most:
        return x, series
    keep = np.linspace(0, len(x) - 1, at_most).round().astype(np.int64)
    return x[keep], series[..., keep]
