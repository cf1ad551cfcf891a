"""The exceptions of paribus. Each message says what must hold, what was given and what to do.

::

    ParibusError               everything that paribus raises on purpose
    ├── StudyError             a study file, a factor, a level or a --set is wrong
    ├── ImportRefused          a file names code to import, and nobody has allowed that
    ├── DataError              data are missing, damaged or unfit to train on
    ├── ModelError             a network does not exist or does not fit its input
    ├── TrainingError          a trial cannot go on
    │   └── NonFiniteLoss      the loss became NaN or infinite
    ├── CheckpointError        a checkpoint cannot be written, read or does not fit its description
    ├── StoreError             a store is damaged, locked or of another version
    └── RunError               a run folder is in use, missing or holds nothing yet
"""


class ParibusError(Exception):
    """Base of all errors that a person can mend; the command line shows its text without a traceback."""


class StudyError(ParibusError):
    """A study is not valid.

    Args:
        message: what must hold, what was given, what to do.
        path: the field, as in ``train.optimizer.lr``; empty when the file as a whole is meant.
        file: the study file, when there is one.
        line: the line in that file, from 1.
    """

    def __init__(self, message: str, *, path: str = "", file: str | None = None, line: int | None = None) -> None:
        self.message, self.path, self.file, self.line = message, path, file, line
        super().__init__(str(self))

    def __str__(self) -> str:
        place = "" if self.file is None else self.file + ("" if self.line is None else f":{self.line}")
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ImportRefused(ParibusError):
    """A study or a checkpoint names code that is not of paribus, and nobody has allowed to import it.

    Args:
        place: the file, or the file and the field.
        what: using it would do (`consent.what_it_runs`).
    """

    def __init__(self, place: str, what: str) -> None:
        self.place, self.what = place, what
        super().__init__(
            f"{place}: {what}; if you trust it, allow that with --allow-import (in Python: allow_import=True, or "
            "PARIBUS_ALLOW_IMPORT=1 in the environment)"
        )

    def __reduce__(self) -> tuple[type["ImportRefused"], tuple[str, str]]:
        return ImportRefused, (self.place, self.what)


class DataError(ParibusError):
    """Data are missing, damaged or unfit to train on."""


class ModelError(ParibusError):
    """A network does not exist or does not fit its input."""


class TrainingError(ParibusError):
    """A trial cannot go on."""


class NonFiniteLoss(TrainingError):
    """The loss became NaN or infinite.

    Args:
        epoch: the epoch, from 1.
        batch: the batch within the epoch, from 1.
        value: the loss.
    """

    def __init__(self, epoch: int, batch: int, value: float) -> None:
        self.epoch, self.batch, self.value = epoch, batch, value
        super().__init__(
            f"the loss became {value} in epoch {epoch}, batch {batch}: "
            "lower train.optimizer.lr, or look for extreme values in the data"
        )

    def __reduce__(self) -> tuple[type["NonFiniteLoss"], tuple[int, int, float]]:
        return NonFiniteLoss, (self.epoch, self.batch, self.value)


class CheckpointError(ParibusError):
    """A checkpoint cannot be written, read or does not fit its description."""


class StoreError(ParibusError):
    """A store is damaged, locked or of another version."""


class NoStoreError(StoreError):
    """Where a store should be there is nothing yet."""


class RunError(ParibusError):
    """A run folder is in use, missing or holds nothing yet."""
