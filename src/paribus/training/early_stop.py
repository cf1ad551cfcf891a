"""When to stop."""

from collections.abc import Sequence

from paribus.spec import EarlyStopSpec


def should_stop(spec: EarlyStopSpec | None, losses: Sequence[float]) -> bool:
    """Whether the validation loss has gone ``patience`` epochs without falling by ``min_improvement``.

    Args:
        spec: None never stops.
        losses: validation loss of every epoch until now.
    """
    return spec is not None and stop_epoch(spec, losses) is not None


def stop_epoch(spec: EarlyStopSpec, losses: Sequence[float]) -> int | None:
    """The epoch, from 1, after which training would end; None where it would go on to the last."""
    best, best_at = float("inf"), 0
    for i, loss in enumerate(losses):
        if loss < best - spec.min_improvement:
            best, best_at = loss, i
        if i - best_at >= spec.patience:
            return i + 1
    return None
