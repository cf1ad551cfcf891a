"""Preprocessing that belongs to the model: its constants are saved with the weights."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from paribus.data.dataset import Kind
from paribus.errors import DataError
from paribus.spec import Normalise, NormaliseFixed

Name = Literal["train", "none", "fixed", "first_example", "example"]
Axis = Literal["channel", "row"]
Floats = npt.NDArray[np.float64]

_CHUNK = 256
"""Examples in float64 at once; no result depends on it, since each example is treated alone."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """(x - mean) / std along one axis.

    Attributes:
        name: as in the specification.
        axis: ``channel`` is C of (N, C, H, W), for images; ``row`` is H, the electrodes of EEG.
        mean: one a channel or row, in the units of the data; None where there are no constants (none, example).
        std: likewise, above 0.
    """

    name: Name
    axis: Axis
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; floats come back bit for bit."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Normalisation":
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: this is not what `to_json` gave.
        """
        name, axis = plain["name"], plain["axis"]
        if name not in get_args(Name) or axis not in get_args(Axis):
            raise ValueError(f"there is no normalisation `{name}` by `{axis}`")
        if name in ("none", "example"):
            return cls(name, axis)
        mean, std = (tuple(float(value) for value in plain[key]) for key in ("mean", "std"))
        if len(mean) != len(std) or not np.isfinite([*mean, *std]).all() or min(std, default=0.0) <= 0:
            raise ValueError("mean and std of the normalisation must be finite, as many of each, and std above 0")
        return cls(name, axis, mean, std)


def fit(x: npt.NDArray[Any], rows: npt.NDArray[np.int64], normalise: Normalise, kind: Kind) -> Normalisation:
    """The constants, from the training part alone.

    A channel that is constant over the training part gets std 1, so that it becomes 0.

    Args:
        x: (N, C, H, W), float32 or uint8; may be a memory map, it is read in pieces.
        rows: (n,) of the training part, sorted.
        normalise: the way asked for.
        kind: EEG is normalised by electrode (row), images by channel.

    Raises:
        DataError: as many fixed constants must be given as there are channels, or one for all, in units of the data.
    """
    axis: Axis = "row" if kind == "eeg" else "channel"
    if isinstance(normalise, NormaliseFixed):
        if x.dtype == np.uint8 and np.max(normalise.mean) <= 1 and np.max(normalise.std) <= 1:
            raise DataError(
                "data.normalise: constants are in units of the data, pixels from 0 to 255, got mean "
                f"{normalise.mean} and std {normalise.std}: multiply those of pixels from 0 to 1 by 255"
            )
        size = x.shape[_AXES[axis]]
        return Normalisation("fixed", axis, _each("mean", normalise.mean, size), _each("std", normalise.std, size))
    if normalise.name in ("train", "first_example"):
        of = rows[:1] if normalise.name == "first_example" else rows
        mean, std = (_pixel_moments if x.dtype == np.uint8 else _moments)(x, of, _AXES[axis])
        return Normalisation(normalise.name, axis, tuple(mean.tolist()), tuple(std.tolist()))
    return Normalisation(normalise.name, axis)


def apply(x: npt.NDArray[Any], normalisation: Normalisation) -> npt.NDArray[np.float32]:
    """A new float32 array of the shape of x (N, C, H, W).

    Computed in float64 and rounded once. What becomes of an example does not depend on the others.

    Raises:
        DataError: x has another number of channels than there are constants.
    """
    axis = _AXES[normalisation.axis]
    mean, std = normalisation.mean, normalisation.std
    if mean is not None and x.shape[axis] != len(mean):
        raise DataError(f"the model was trained on {len(mean)} channels, these data have {x.shape[axis]}")
    out = np.empty(x.shape, dtype=np.float32)
    with np.errstate(over="ignore"):
        for start, chunk in _chunks(x):
            if normalisation.name == "example":
                centre, scale = _own_moments(chunk, axis)
                chunk = (chunk - centre) / scale
            elif mean is not None and std is not None:
                chunk = (chunk - _along(np.array(mean), axis)) / _along(np.array(std), axis)
            out[start : start + len(chunk)] = chunk
    return out


_AXES: dict[Axis, int] = {"channel": 1, "row": 2}


def _each(name: str, given: float | tuple[float, ...], size: int) -> tuple[float, ...]:
    values = (given,) * size if isinstance(given, int | float) else tuple(given)
    if len(values) != size:
        raise DataError(
            f"data.normalise.{name} must be one number, or one for each of the {size} channels, got {len(values)}"
        )
    return tuple(float(value) for value in values)


def _chunks(x: npt.NDArray[Any]) -> Iterator[tuple[int, Floats]]:
    for start in range(0, len(x), _CHUNK):
        yield start, np.ascontiguousarray(x[start : start + _CHUNK], dtype=np.float64)


def _along(values: Floats, axis: int) -> Floats:
    """(n,) to a shape that stands along one axis of (N, C, H, W)."""
    return values.reshape([-1 if i == axis else 1 for i in range(4)])


def _moments(x: npt.NDArray[Any], rows: npt.NDArray[np.int64], axis: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation over all examples, (n,) each; two passes, so that a large mean costs no digits."""
    others = tuple(i for i in range(4) if i != axis)
    n = len(rows) * x[0].size // x.shape[axis]
    pieces = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]

    def examples(piece: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        return np.ascontiguousarray(x[piece])  # in another layout they would be summed in another order

    mean = np.sum([examples(piece).sum(axis=others, dtype=np.float64) for piece in pieces], axis=0) / n
    centre = _along(mean, axis)
    squares = np.sum([((examples(piece) - centre) ** 2).sum(axis=others) for piece in pieces], axis=0)
    return mean, _above_zero(np.sqrt(squares / n))


def _pixel_moments(x: npt.NDArray[Any], rows: npt.NDArray[np.int64], axis: int) -> tuple[Floats, Floats]:
    """As `_moments`, of uint8, from exact counts of the 256 values: much faster."""
    counts = np.zeros((x.shape[axis], 256), dtype=np.int64)
    for start in range(0, len(rows), 16 * _CHUNK):
        moved = np.moveaxis(x[rows[start : start + 16 * _CHUNK]], axis, 0)
        counts += [np.bincount(channel.ravel(), minlength=256) for channel in moved]
    values, n = np.arange(256.0), counts[0].sum()
    mean = counts @ values / n
    squares = np.sum(counts * (values - mean[:, None]) ** 2, axis=1)
    return mean, _above_zero(np.sqrt(squares / n))


def _own_moments(chunk: Floats, axis: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each example by channel, in a shape to broadcast over (n, C, H, W)."""
    moved = np.ascontiguousarray(np.moveaxis(chunk, axis, 1))
    flat = moved.reshape(len(chunk), chunk.shape[axis], -1)  # sums run along the last axis, one example at a time
    mean, std = flat.mean(axis=2), _above_zero(flat.std(axis=2))
    shape = [len(chunk), 1, 1, 1]
    shape[axis] = chunk.shape[axis]
    return mean.reshape(shape), std.reshape(shape)


def _above_zero(std: Floats) -> Floats:
    """A constant channel gets std 1.

    Its own is exactly 0: sums of up to 2**29 equal float32 values are exact in float64, and so are their means.
    """
    return np.where(std == 0, 1.0, std)
