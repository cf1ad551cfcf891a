"""What is odd about EEG: flat channels, clipped trials, trials unlike all others."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.data.dataset import Dataset
from paribus.data.duplicates import chunks
from paribus.data.words import first_names, number
from paribus.record import Finding

_PLATEAU_SHARE = 0.01
"""A channel is clipped when it stays at its trial's highest or lowest value for this share of the trial …"""
_PLATEAU = 5
"""… and for so many samples at least."""
_OUTLYING = 5.0
"""Robust standard deviations of log variance beyond which a trial is outlying."""
_MAD_TO_STD = 1.4826
"""For a normal distribution the standard deviation is so many median absolute deviations."""


def signal_findings(dataset: Dataset) -> Iterator[Finding]:
    """Findings on the signals of EEG; trials with NaN or infinite values count as sound here."""
    flat, clipped, variance = _measure(dataset.x)
    yield from _flat(dataset, flat)
    yield from _clipped(dataset, clipped)
    yield from _outlying(dataset, variance)


def _measure(x: npt.NDArray[Any]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Of x (N, 1, n_channels, n_times), each (N, n_channels): whether flat, whether clipped, and the variance."""
    shape = (len(x), x.shape[2])
    flat, clipped = np.empty(shape, dtype=np.bool_), np.empty(shape, dtype=np.bool_)
    variance = np.empty(shape)
    for start, trials in chunks(x):
        rows, signal = slice(start, start + len(trials)), trials[:, 0]
        highest, lowest = signal.max(axis=2, keepdims=True), signal.min(axis=2, keepdims=True)
        flat[rows] = (highest == lowest)[..., 0]
        clipped[rows] = (_stays(signal == highest) | _stays(signal == lowest)) & ~flat[rows]
        with np.errstate(invalid="ignore"):  # infinite values
            variance[rows] = signal.var(axis=2, dtype=np.float64)
    return flat, clipped, variance


def _stays(at: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(n, n_channels) whether at (n, n_channels, n_times) is True for a plateau's length without a break."""
    length = _plateau(at.shape[2])
    if length > at.shape[2]:
        return np.zeros(at.shape[:2], dtype=np.bool_)
    total = np.cumsum(np.pad(at, [(0, 0), (0, 0), (1, 0)]), axis=2, dtype=np.int32)
    found: npt.NDArray[np.bool_] = (total[..., length:] - total[..., :-length] == length).any(axis=2)
    return found


def _plateau(n_times: int) -> int:
    return max(_PLATEAU, int(np.ceil(_PLATEAU_SHARE * n_times)))


def _flat(dataset: Dataset, flat: npt.NDArray[np.bool_]) -> Iterator[Finding]:
    rows = np.flatnonzero(flat.any(axis=1))
    if not len(rows):
        return
    always = np.flatnonzero(flat.all(axis=0)) + 1
    text = (
        f"{number(len(rows), 'trial')} of {len(flat):,} with a flat channel, "
        f"{number(int(flat.sum()), 'channel')} in all"
    )
    if len(always):
        text += f"; flat in every trial: {number(len(always), 'channel')} of {flat.shape[1]} ({_channels(always)})"
    yield Finding("flat_channels", len(rows), text, first_names(dataset, rows))


def _clipped(dataset: Dataset, clipped: npt.NDArray[np.bool_]) -> Iterator[Finding]:
    rows = np.flatnonzero(clipped.any(axis=1))
    if not len(rows):
        return
    where = np.flatnonzero(clipped.any(axis=0)) + 1
    text = (
        f"{number(len(rows), 'trial')} of {len(clipped):,} {'looks' if len(rows) == 1 else 'look'} clipped: a channel "
        f"stays at its highest or lowest value for {_plateau(dataset.x.shape[3])} samples or more ({_channels(where)})"
    )
    yield Finding("clipped", len(rows), text, first_names(dataset, rows))


def _outlying(dataset: Dataset, variance: npt.NDArray[np.float64]) -> Iterator[Finding]:
    score = np.abs(_robust_scores(variance))
    rows = np.flatnonzero(score.max(axis=1) > _OUTLYING)
    if not len(rows):
        return
    rows = rows[np.argsort(-score[rows].max(axis=1), kind="stable")]
    text = (
        f"{number(len(rows), 'trial')} of {len(variance):,} {'is' if len(rows) == 1 else 'are'} outlying: in a "
        f"channel, the log variance lies more than {_OUTLYING:g} robust standard deviations (1.4826 MAD) from the "
        f"channel's median; the farthest first, by {score.max():.1f}"
    )
    yield Finding("outlying", len(rows), text, first_names(dataset, rows))


def _robust_scores(variance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N, n_channels) log variance in robust standard deviations from the channel's median; 0 where there is none."""
    usable = np.isfinite(variance) & (variance > 0)
    log = np.log(variance, out=np.zeros_like(variance), where=usable)
    score = np.zeros_like(log)
    for channel in range(log.shape[1]):
        rows = usable[:, channel]
        if not rows.any():
            continue
        apart = log[rows, channel] - np.median(log[rows, channel])
        spread = _MAD_TO_STD * np.median(np.abs(apart))
        if spread > 0:
            score[rows, channel] = apart / spread
    return score


def _channels(numbers: npt.NDArray[np.int64]) -> str:
    """``channels 1, 4, 5 and 7 more``, counted from 1."""
    shown = ", ".join(map(str, numbers[:5]))
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"{'channel' if len(numbers) == 1 else 'channels'} {shown}{more}"
