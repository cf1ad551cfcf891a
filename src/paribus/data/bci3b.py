"""BCI Competition III, data set IIIb: left or right hand imagined, two bipolar channels (Blankertz et al. 2006)."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.data.arrays import member, read_npz, real
from paribus.data.dataset import Dataset
from paribus.errors import DataError
from paribus.spec import Bci3bData

SFREQ_HZ = 125.0
N_TIMES, N_CHANNELS = 750, 2
_SUBJECTS = ("S4b", "X11b")
_PARTS = ("train", "test")


def load(spec: Bci3bData) -> Dataset:
    """The trials of both subjects as (N, 1, 2, 750), in the order S4b train, S4b test, X11b train, X11b test.

    Raises:
        DataError: files are missing, or one has other keys, shapes or labels than R0's.
    """
    folder = Path(spec.path).expanduser()
    _must_be_there(folder)
    read = {(subject, part): _read(_file(folder, subject, part)) for subject in _SUBJECTS for part in _PARTS}
    ids = [f"{subject}/{part}/{row:04d}" for (subject, part), (_, y) in read.items() for row in range(len(y))]
    return Dataset(
        x=np.concatenate([x for x, _ in read.values()]),
        y=np.concatenate([y for _, y in read.values()]),
        ids=np.array(ids),
        part=np.concatenate([np.full(len(y), part, dtype="<U10") for (_, part), (_, y) in read.items()]),
        class_names=("left", "right"),
        kind="eeg",
        description="BCI Competition III, data set IIIb: subjects S4b and X11b imagining their left or right hand move",
        group=np.concatenate([np.full(len(y), subject, dtype="<U4") for (subject, _), (_, y) in read.items()]),
        sfreq_hz=SFREQ_HZ,
        channel_names=("C3", "C4"),
    )


def _file(folder: Path, subject: str, part: str) -> Path:
    return folder / f"{subject}_{part}.npz"


def _must_be_there(folder: Path) -> None:
    files = [_file(folder, subject, part) for subject in _SUBJECTS for part in _PARTS]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        what = f"the folder {folder} does not exist; it must hold" if not folder.is_dir() else f"{folder} lacks"
        raise DataError(
            f"BCI Competition III, data set IIIb: {what} {', '.join(missing)}. The data are published at "
            "https://www.bbci.de/competition/iii/ (data set IIIb): set `data.path` to the folder with the four files, "
            f"each with `signal` (n, {N_TIMES}, {N_CHANNELS}) and `label` (n,) in 1, 2"
        )


def _read(path: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """x (n, 1, 2, 750) and y (n,) of one file."""
    arrays = read_npz(path)
    signal, label = member(arrays, "signal", path), member(arrays, "label", path)
    if signal.ndim != 3 or signal.shape[1:] != (N_TIMES, N_CHANNELS) or not len(signal):
        raise DataError(f"`signal` in {path} must be (n, {N_TIMES}, {N_CHANNELS}), got shape {signal.shape}")
    if label.shape not in ((len(signal),), (len(signal), 1)):
        raise DataError(
            f"`label` in {path} must be ({len(signal)},) or ({len(signal)}, 1), one for each trial of `signal`, "
            f"got shape {label.shape}"
        )
    x = real(signal, f"`signal` in {path}").astype(np.float32).transpose(0, 2, 1)[:, None]
    return np.ascontiguousarray(x), _classes(label.ravel(), path)


def _classes(label: npt.NDArray[Any], path: Path) -> npt.NDArray[np.int64]:
    wrong = np.flatnonzero(~np.isin(label, (1, 2)))
    if len(wrong):
        raise DataError(f"`label` in {path} must be 1 (left) or 2 (right), got {label[wrong[0]]} at index {wrong[0]}")
    return label.astype(np.int64) - 1
