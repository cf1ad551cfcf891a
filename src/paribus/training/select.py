"""Which epoch's weights count."""

from collections.abc import Sequence

from paribus.record import EpochRow
from paribus.spec import Selection


def is_better(selection: Selection, row: EpochRow, best: EpochRow | None) -> bool:
    """Whether an epoch takes the place of the best before it.

    ``best_validation``: higher validation accuracy; at the same accuracy lower validation loss; else the earlier
    one stays. ``best_test`` is the same on test data, only to show how it flatters.
    """
    if best is None or selection == "last":
        return True
    if selection == "best_validation":
        return (row.validation_accuracy, -row.validation_loss) > (best.validation_accuracy, -best.validation_loss)
    return (row.test_accuracy, -row.test_loss) > (best.test_accuracy, -best.test_loss)


def selected(selection: Selection, history: Sequence[EpochRow]) -> EpochRow:
    """The epoch of a history, of at least one, whose weights count."""
    best: EpochRow | None = None
    for row in history:
        if is_better(selection, row, best):
            best = row
    assert best is not None
    return best
