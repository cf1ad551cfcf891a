"""When to stop."""

from collections.abc import Sequence

from paribus.spec import EarlyStopSpec


def should_stop(spec: EarlyStopSpec | None, losses: Sequence[float]) -> bool:
    """Whether the validation loss has gone ``patience`` epochs without falling by ``min_improvement``.

    Args:
        spec: None never stops.
        losses: validation loss of every epoch until now.
    """
    if spec is None:
        return False
    best, best_at = float("inf"), 0
    for i, loss in enumerate(losses):
        if loss < best - spec.min_improvement:
            best, best_at = loss, i
    return len(losses) - 1 - best_at >= spec.patience
