"""The one form that data of every source take."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from paribus.errors import DataError
from paribus.record import Part

Kind = Literal["eeg", "image"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled examples. The arrays are read-only views; indexing with a list of rows gives writable copies.

    Attributes:
        x: (N, C, H, W) float32, or uint8 for images; EEG is (N, 1, n_channels, n_times) float32.
        y: (N,) int64, classes from 0 to n_classes - 1 (`audit.check` sees to the range).
        ids: (N,) str, stable and unique, as ``S4b/train/0017``.
        part: (N,) str, the official part of each: ``train``, ``validation`` or ``test``.
        class_names: one name a class.
        kind: what the axes of x mean.
        description: a sentence for the report.
        group: (N,) str, as the subject; None where there are no groups.
        sfreq_hz: sampling rate in Hz, above 0.
        channel_names: of the electrodes, one for each of n_channels; empty where they are not known, or of images.
        notes: what was found and done, in words.
        names: (N,) str, where each came from (a file, a row); need not be unique. None where ids say it.
        formats: size and mode of the image files, as ``48 x 48 grey``, and how many there are.
        unreadable: names of the files that could not be decoded and were skipped, each with the reason.

    Raises:
        DataError: a shape, a type or an id does not fit.
    """

    x: npt.NDArray[Any]
    y: npt.NDArray[np.int64]
    ids: npt.NDArray[np.str_]
    part: npt.NDArray[np.str_]
    class_names: tuple[str, ...]
    kind: Kind
    description: str
    group: npt.NDArray[np.str_] | None = None
    sfreq_hz: float | None = None
    notes: tuple[str, ...] = ()
    names: npt.NDArray[np.str_] | None = None
    formats: tuple[tuple[str, int], ...] = ()
    unreadable: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_x(self.x, self.kind)
        if self.y.dtype != np.int64 or self.y.shape != (len(self.x),):
            raise DataError(f"y must be int64 of shape ({len(self.x)},), got {self.y.dtype} of shape {self.y.shape}")
        for name in ("ids", "part", "group", "names"):
            values = getattr(self, name)
            if name in ("group", "names") and values is None:
                continue
            if values.dtype.kind != "U" or values.shape != (len(self.x),):
                raise DataError(f"{name} must be {len(self.x)} strings, got {values.dtype} of shape {values.shape}")
        unknown = set(np.unique(self.part).tolist()) - set(PARTS)
        if unknown:
            raise DataError(f"part must be one of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
        _check_unique("ids", self.ids.tolist())
        _check_unique("class_names", list(self.class_names))
        if len({name.strip() for name in self.class_names}) < len(self.class_names):
            names = ", ".join(f"{name!r}" for name in self.class_names)
            raise DataError(f"class names must differ by more than spaces around them, got {names:.200}: strip them")
        for name in self.class_names:
            if not name.isprintable():  # escape sequences would reach the terminal, half characters no file
                raise DataError(f"class names must be printable text, got {name!a}")
        if self.channel_names and (self.kind != "eeg" or len(self.channel_names) != self.x.shape[2]):
            n = self.x.shape[2] if self.kind == "eeg" else 0
            raise DataError(f"channel_names must be {n} names, one a channel of EEG, got {len(self.channel_names)}")
        if self.sfreq_hz is not None and not 0 < self.sfreq_hz < np.inf:
            raise DataError(f"sfreq_hz must be a finite number above 0, got {self.sfreq_hz}")
        for name in ("x", "y", "ids", "part", "group", "names"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one example; (1, n_channels, n_times) for EEG."""
        _, channels, height, width = self.x.shape
        return channels, height, width


def _check_x(x: npt.NDArray[Any], kind: Kind) -> None:
    if x.ndim != 4 or 0 in x.shape:
        raise DataError(f"x must have four axes (N, C, H, W), none of them empty, got shape {x.shape}")
    if kind == "eeg" and (x.dtype != np.float32 or x.shape[1] != 1):
        raise DataError(f"EEG must be float32 (N, 1, n_channels, n_times), got {x.dtype} of shape {x.shape}")
    if kind == "image" and x.dtype not in (np.float32, np.uint8):
        raise DataError(f"images must be float32 or uint8, got {x.dtype}")


def _check_unique(name: str, values: list[str]) -> None:
    if len(set(values)) < len(values):
        twice, count = Counter(values).most_common(1)[0]
        raise DataError(f"{name} must be unique, `{twice}` stands {count} times")


def _read_only(values: npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
    if values is None:
        return None
    view = values.view(np.ndarray)  # of the base class, also when x is a memory map
    view.flags.writeable = False
    return view
