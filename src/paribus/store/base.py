"""What every store can do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from paribus.record import PlannedTrial, TrialFailure, TrialRecord
from paribus.spec import StudySpec


@dataclass(frozen=True, slots=True)
class StoredStudy:
    """A study as it was planned."""

    study_id: int
    study: StudySpec
    planned: tuple[PlannedTrial, ...]
    created: str
    """When it was first stored: ISO 8601, UTC."""
    command: str
    """The command that stored it last."""


class Store(Protocol):
    """Keeps studies and what their trials gave; trials are shared between studies.

    Every method raises StoreError when the store is damaged, locked, read-only or full. A call that
    raises has changed nothing.
    """

    def add_study(self, study: StudySpec, planned: Sequence[PlannedTrial], command: str) -> int:
        """Keep a study and make it the latest; the same study with the same trials keeps its id.

        Args:
            study: the study.
            planned: its trials, in the study's order.
            command: the command line that asked for it.

        Returns:
            The study's id.
        """
        ...

    def latest_study(self) -> StoredStudy | None:
        """The study that was added last, or None."""
        ...

    def studies(self) -> tuple[StoredStudy, ...]:
        """All studies, the latest last."""
        ...

    def add(self, outcome: TrialRecord | TrialFailure) -> None:
        """Keep what a trial gave, all of it or nothing.

        A record replaces a failure of the same trial, a failure replaces an earlier failure, and
        nothing replaces a record: the first one stays.
        """
        ...

    def finished(self, trial_ids: Iterable[str]) -> frozenset[str]:
        """Those of the trials that have a record."""
        ...

    def failed(self, trial_ids: Iterable[str]) -> frozenset[str]:
        """Those of the trials that have a failure and no record."""
        ...

    def record(self, trial_id: str) -> TrialRecord:
        """The record of one trial.

        Raises:
            StoreError: also when the trial has no record.
        """
        ...

    def records(self, trial_ids: Iterable[str]) -> tuple[TrialRecord, ...]:
        """The records of these trials in the order given; trials without a record are left out."""
        ...

    def failures(self, trial_ids: Iterable[str]) -> tuple[TrialFailure, ...]:
        """The failures of these trials in the order given; trials without a failure are left out."""
        ...

    def close(self) -> None:
        """Let go of the store; it cannot be used afterwards."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
