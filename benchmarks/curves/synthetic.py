"""Learning curves whose diagnosis is known, with noise from epoch to epoch."""

from collections.abc import Callable

import numpy as np

from paribus.record import EpochRow

N_VALIDATION = 1_000
N_CLASSES = 4

Shape = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]


def _fall(t, start, end, speed):
    return end + (start - end) * np.exp(-speed * t)


def healthy(t):
    """Everything settles within the first third."""
    return _fall(t, 1.3, 0.3, 12), _fall(t, 0.3, 0.89, 12), _fall(t, 1.3, 0.45, 12), _fall(t, 0.3, 0.85, 12)


def improving(t):
    """Everything falls to the very end."""
    return _fall(t, 1.3, 0.2, 1.2), _fall(t, 0.3, 0.92, 1.2), _fall(t, 1.3, 0.35, 1.2), _fall(t, 0.3, 0.88, 1.2)


def overfitting(t):
    """Training goes on falling; validation loss turns at a quarter, and accuracy falls off by 3 points."""
    late = np.maximum(t - 0.25, 0)
    return (
        _fall(t, 1.3, 0.03, 5),
        _fall(t, 0.3, 0.99, 5),
        _fall(t, 1.3, 0.5, 14) + 0.5 * late,
        _fall(t, 0.3, 0.83, 14) - 0.04 * late,
    )


def overconfident(t):
    """Validation loss turns at a quarter, and accuracy goes on rising, by 4 points."""
    late = np.maximum(t - 0.25, 0)
    return (
        _fall(t, 1.3, 0.03, 5),
        _fall(t, 0.3, 0.99, 5),
        _fall(t, 1.3, 0.5, 14) + 0.5 * late,
        _fall(t, 0.3, 0.8, 14) + 0.055 * late,
    )


def chance(t):
    """Nothing is learned."""
    flat = np.full_like(t, np.log(N_CLASSES))
    return flat, np.full_like(t, 0.252), flat, np.full_like(t, 0.25)


def diverged(t):
    """Learns for a third, then loses all of it."""
    up = 1.2 / (1 + np.exp(-30 * (t - 0.6)))
    return (
        _fall(t, 1.3, 0.5, 12) + up,
        _fall(t, 0.3, 0.8, 12) - 0.45 * up,
        _fall(t, 1.3, 0.6, 12) + up,
        _fall(t, 0.3, 0.76, 12) - 0.42 * up,
    )


def above(t):
    """Validation accuracy 6 points above that of training, which settles early."""
    train_loss, train, validation_loss, validation = healthy(t)
    return train_loss + 0.2, train - 0.1, validation_loss, validation


SHAPES: dict[str, tuple[Shape, float, frozenset[str], frozenset[str]]] = {
    # noise of validation accuracy; signs that must be seen; signs that may be
    "healthy": (healthy, 0.006, frozenset({"plateau"}), frozenset()),
    "improving": (improving, 0.006, frozenset({"still improving"}), frozenset()),
    "overfitting": (overfitting, 0.006, frozenset({"overfitting"}), frozenset()),
    "overconfident": (overconfident, 0.006, frozenset({"overconfident"}), frozenset()),
    "chance": (chance, 0.006, frozenset({"never left chance"}), frozenset()),
    "diverged": (diverged, 0.006, frozenset({"diverged"}), frozenset()),
    "oscillating": (healthy, 0.05, frozenset({"oscillates"}), frozenset({"plateau"})),
    "above": (above, 0.006, frozenset({"validation above training"}), frozenset({"plateau"})),
}
"""By name: the course, the noise of validation accuracy, the signs to be seen and those that may be seen too."""


def rows(name: str, n_epochs: int, seed: int) -> tuple[EpochRow, ...]:
    """A history of that shape; noise of losses grows with that of accuracy."""
    shape, noise, *_ = SHAPES[name]
    rng = np.random.default_rng([seed, n_epochs, list(SHAPES).index(name)])
    train_loss, train, validation_loss, validation = shape(np.arange(1, n_epochs + 1) / n_epochs)
    scale = noise / 0.006

    def around(values, sd):
        return values + rng.normal(0, sd, n_epochs)

    def share(values, sd, n):
        return np.round(np.clip(around(values, sd), 0, 1) * n) / n

    columns = zip(
        around(train_loss, 0.006),
        share(train, 0.004, 4_000),
        around(validation_loss, 0.012 * scale),
        share(validation, noise, N_VALIDATION),
        around(validation_loss + 0.02, 0.012 * scale),
        share(validation - 0.005, noise, N_VALIDATION),
        strict=True,
    )
    return tuple(EpochRow(i, *map(float, six), lr=1e-3, seconds=1.0) for i, six in enumerate(columns, 1))
