"""Reading learning curves: what their shape says, by which numbers, and which field to change.

Each sign is looked for seed by seed, in curves that are smoothed by a running mean; a cell has it when at least half
of its seeds do. Bounds are meant to be seldom wrong rather than to find everything: `benchmarks/curves` counts both.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paribus.analysis.advice import ADVICE, PATIENCE, TEXT, Sign
from paribus.analysis.words import count, n_of_counted
from paribus.lang import tr
from paribus.lang.retell import retold
from paribus.record import EpochRow, TrialFailure, TrialRecord
from paribus.spec import TrialSpec
from paribus.training.early_stop import stop_epoch
from paribus.training.select import selected

Floats = npt.NDArray[np.float64]

SHORTEST = 10
"""Epochs: in fewer no shape can be told."""
NOISE = 3.0
"""Standard errors that a change must exceed."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the curves of a cell say.

    Attributes:
        sign: which shape.
        numbers: that say so, as `advice.TEXT` takes them; empty where trials broke off.
        spec: of the first trial that shows it.
        seeds: that show it.
        n_seeds: that were looked at.
        broken: the message that trials ended in; empty where curves were read.
    """

    sign: Sign
    numbers: tuple[float, ...]
    spec: TrialSpec
    seeds: tuple[int, ...]
    n_seeds: int
    broken: str = ""

    @property
    def text(self) -> str:
        """The numbers in a sentence, without its full stop."""
        n = len(self.seeds)
        if self.broken:
            trials = count(n, "trial")
            return tr("{trials} of {n} ended in {message}", trials=trials, n=self.n_seeds, message=retold(self.broken))
        said = TEXT[self.sign](self.numbers)
        if self.n_seeds == 1:
            return said
        return tr("{what} ({seeds}, median)", what=said, seeds=n_of_counted(n, count(self.n_seeds, "seed")))

    @property
    def advice(self) -> str:
        """What to try, without the full stop; empty where there is nothing to do."""
        return ADVICE[self.sign](self.spec)[0]

    @property
    def fields(self) -> tuple[str, ...]:
        """Of the study file that the advice is about."""
        return ADVICE[self.sign](self.spec)[1]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The history of one trial, smoothed where said so; all arrays (n_epochs,)."""

    rows: tuple[EpochRow, ...]
    spec: TrialSpec
    chance: float
    """Share of the most frequent class of validation."""
    n_classes: int
    n_validation: int
    train_loss: Floats
    """Smoothed, as the next three."""
    train_accuracy: Floats
    validation_loss: Floats
    validation_accuracy: Floats
    loss_noise: float
    """Standard deviation of the validation loss from epoch to epoch, its trend left out."""
    accuracy_noise: float

    @property
    def window(self) -> int:
        """Epochs that the running mean is over."""
        return _window(len(self.rows))

    @property
    def sampling(self) -> float:
        """Standard deviation of the validation accuracy, had other examples been drawn."""
        reached = float(self.validation_accuracy[-1])
        return math.sqrt(max(reached * (1 - reached), 0.01) / self.n_validation)


@dataclass(frozen=True, slots=True)
class _Found:
    """A sign in one trial: the numbers that stand in its sentence."""

    numbers: tuple[float, ...]


def diagnose(records: Sequence[TrialRecord], failures: Sequence[TrialFailure] = ()) -> tuple[Diagnosis, ...]:
    """What the curves of one cell say, the gravest first.

    Args:
        records: of its finished trials.
        failures: of its failed ones.
    """
    found: list[Diagnosis] = []
    n_seeds = len(records) + len(failures)
    broken = [one for one in failures if one.kind == "NonFiniteLoss"]
    if broken:
        seeds = tuple(one.spec.seed for one in broken)
        found.append(Diagnosis("diverged", (), broken[0].spec, seeds, n_seeds, broken[0].message))
    curves = [curve_of(record) for record in records if len(record.history) >= SHORTEST]
    for sign, look in SIGNS.items():
        shown = [(curve, seen) for curve in curves if (seen := look(curve))]
        if shown and 2 * len(shown) >= len(curves):
            medians = tuple(float(np.median(column)) for column in zip(*(s.numbers for _, s in shown), strict=True))
            seeds = tuple(curve.spec.seed for curve, _ in shown)
            found.append(Diagnosis(sign, medians, shown[0][0].spec, seeds, len(curves)))
    return tuple(found)


def curve_of(record: TrialRecord) -> Curve:
    """A trial's history, ready to be read."""
    rows = record.history
    validation = record.predictions["validation"]

    def column(name: str) -> Floats:
        return np.array([getattr(row, name) for row in rows], np.float64)

    counts = np.bincount(validation.y)
    return Curve(
        rows=rows,
        spec=record.spec,
        chance=float(counts.max() / counts.sum()),
        n_classes=validation.logits.shape[1],
        n_validation=len(validation.y),
        train_loss=smooth(column("train_loss")),
        train_accuracy=smooth(column("train_accuracy")),
        validation_loss=smooth(column("validation_loss")),
        validation_accuracy=smooth(column("validation_accuracy")),
        loss_noise=roughness(column("validation_loss")),
        accuracy_noise=roughness(column("validation_accuracy")),
    )


def _window(n: int) -> int:
    return 2 * (n // 30) + 3


def smooth(values: Floats) -> Floats:
    """Running mean over an odd number of epochs (a fifteenth of all, at least 3); at the ends over those there are."""
    width = _window(len(values))
    kernel = np.ones(width)
    there = np.convolve(np.ones(len(values)), kernel, mode="same")
    return np.asarray(np.convolve(values, kernel, mode="same") / there)


def roughness(values: Floats) -> float:
    """Standard deviation of independent noise around a smooth course, from second differences; robust to jumps.

    Second differences of noise have 6 times its variance; the median of their absolute values is 0.6745 of their
    standard deviation.
    """
    return float(np.median(np.abs(np.diff(values, 2))) / 0.6745 / math.sqrt(6)) if len(values) > 2 else 0.0


def _error(noise: float, window: int) -> float:
    """Standard error of the difference between two smoothed values far apart."""
    return noise * math.sqrt(2 / window)


# ---------------------------------------------------------------- signs, each in one trial


def _diverged(curve: Curve) -> _Found | None:
    first, least, last = (float(curve.train_loss[i]) for i in (0, int(curve.train_loss.argmin()), -1))
    chance = math.log(curve.n_classes)
    if last > 1.5 * least + 0.1 and last > 0.95 * min(first, chance):
        return _Found((least, float(curve.train_loss.argmin() + 1), last))
    return None


def _never_left_chance(curve: Curve) -> _Found | None:
    reached, train = float(curve.validation_accuracy.max()), float(curve.train_accuracy.max())
    if reached <= curve.chance + 2 * curve.sampling and train <= curve.chance + 0.05:
        return _Found((reached, curve.chance))
    return None


def _still_improving(curve: Curve) -> _Found | None:
    """The last fifth of the epochs against the fifth before it, in loss and not worse in accuracy."""
    n = max(len(curve.rows) // 5, 2)
    loss = np.array([row.validation_loss for row in curve.rows])
    accuracy = np.array([row.validation_accuracy for row in curve.rows])
    fall = float(loss[-2 * n : -n].mean() - loss[-n:].mean())
    gain = float(accuracy[-n:].mean() - accuracy[-2 * n : -n].mean())
    error = max(curve.loss_noise, 1e-6) * math.sqrt(2 / n)
    if fall > NOISE * error and fall > 0.02 * float(loss[-2 * n : -n].mean()) and gain >= 0 and not _diverged(curve):
        return _Found((float(n), fall, gain))
    return None


def _rise(curve: Curve) -> tuple[int, float, float] | None:
    """Where the validation loss is lowest and how far it rises from there, while training loss falls on."""
    at = int(curve.validation_loss.argmin())
    least, last = float(curve.validation_loss[at]), float(curve.validation_loss[-1])
    # The lowest of many is low by luck too: by about sqrt(2 ln m) standard errors of m.
    luck = math.sqrt(2 * math.log(max(len(curve.rows) / curve.window, 1)))
    beyond = (NOISE + luck) * curve.loss_noise / math.sqrt(curve.window)
    falls = curve.train_loss[-1] < curve.train_loss[at]
    if at < 0.8 * len(curve.rows) and last - least > max(beyond, 0.05 * least) and falls and not _diverged(curve):
        return at, least, last
    return None


def _change_in_accuracy(curve: Curve, at: int) -> float:
    """From an epoch to the end."""
    return float(curve.validation_accuracy[-1] - curve.validation_accuracy[at])


def _overfitting(curve: Curve) -> _Found | None:
    """The loss rises and the accuracy does not gain by it."""
    rise = _rise(curve)
    if rise is None or _overconfident(curve) is not None:
        return None
    at, least, last = rise
    train = float(curve.train_loss[at]), float(curve.train_loss[-1])
    return _Found((at + 1.0, least, last, *train, _change_in_accuracy(curve, at)))


def _overconfident(curve: Curve) -> _Found | None:
    """The loss rises although the accuracy does too: wrong answers are given with more and more confidence."""
    rise = _rise(curve)
    if rise is None:
        return None
    at, least, last = rise
    gain = _change_in_accuracy(curve, at)
    return _Found((at + 1.0, least, last, gain)) if gain > NOISE * _error(curve.accuracy_noise, curve.window) else None


def _oscillates(curve: Curve) -> _Found | None:
    """From epoch to epoch the accuracy moves by more than it would for other validation examples."""
    late = [row.validation_accuracy for row in curve.rows[len(curve.rows) // 2 :]]
    noise = roughness(np.array(late))
    return _Found((noise, curve.sampling)) if noise > max(0.02, curve.sampling) else None


def _plateau(curve: Curve) -> _Found | None:
    """For more than half of the epochs neither training nor validation has moved."""
    train, n = curve.train_loss, len(curve.rows)
    # Losses far above chance, as a first epoch can have, are not what the others are held against.
    reach = float(np.ptp(np.minimum(train, 2 * math.log(curve.n_classes))))
    accuracy_moves = NOISE * curve.accuracy_noise / math.sqrt(curve.window) + 0.01
    moves = (np.abs(train - train[-1]) > 0.03 * reach + 1e-6) | (
        np.abs(curve.validation_accuracy - curve.validation_accuracy[-1]) > accuracy_moves
    )
    since = int(np.flatnonzero(moves)[-1]) + 1 if moves.any() else 0
    others = (_rise, _diverged, _never_left_chance, _still_improving)
    if since > n / 2 or any(look(curve) for look in others):
        return None
    return _Found((since + 1.0, float(train[-1]), float(curve.validation_accuracy[-1])))


def _validation_above_training(curve: Curve) -> _Found | None:
    late = slice(len(curve.rows) // 2, None)
    gap = float((curve.validation_accuracy[late] - curve.train_accuracy[late]).mean())
    return _Found((gap,)) if gap > max(NOISE * curve.sampling, 0.01) else None


def _early_stopping(curve: Curve) -> _Found | None:
    """What it would have cost or gained on test, for fewer epochs."""
    rows = curve.rows
    end = stop_epoch(PATIENCE, [row.validation_loss for row in rows])
    if (
        curve.spec.train.early_stop is not None
        or curve.spec.data.folds is not None
        or end is None
        or end > 0.9 * len(rows)
    ):
        return None
    kept, early = (selected(curve.spec.selection, some) for some in (rows, rows[:end]))
    return _Found((float(end), float(len(rows)), early.test_accuracy - kept.test_accuracy))


SIGNS: dict[Sign, Callable[[Curve], _Found | None]] = {
    "diverged": _diverged,
    "never left chance": _never_left_chance,
    "overfitting": _overfitting,
    "overconfident": _overconfident,
    "oscillates": _oscillates,
    "validation above training": _validation_above_training,
    "still improving": _still_improving,
    "plateau": _plateau,
    "early stopping": _early_stopping,
}
