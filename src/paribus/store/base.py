"""What every store can do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from paribus.record import PlannedTrial, TrialFailure, TrialPruned, TrialRecord
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


class Leases(Protocol):
    """Who runs which trial now, so that processes and machines that share a store run none twice.

    Every method raises StoreError as those of `Store` do. An owner is any text that no other process uses.
    """

    def claim(self, trial_ids: Iterable[str], owner: str, seconds: float) -> frozenset[str]:
        """Take what nobody holds, at one stroke: no trial is ever given to two owners.

        Given are the trials without a record that are free, ``owner``'s already, or another's whose lease is over.

        Args:
            trial_ids: wanted.
            owner: for whom.
            seconds: how long the lease lasts unless it is kept.

        Returns:
            Those that ``owner`` holds now.
        """
        ...

    def keep(self, owner: str, seconds: float) -> frozenset[str]:
        """Let all leases of an owner last ``seconds`` from now; to be called well before they end.

        Returns:
            The trials that it holds. A trial that is missing was taken over: its owner was silent for too long.
        """
        ...

    def release(self, owner: str, trial_ids: Iterable[str] | None = None) -> None:
        """Give up these leases of an owner, or all of them; another's are left alone."""
        ...

    def held(self, trial_ids: Iterable[str]) -> dict[str, str]:
        """Trial -> owner, of those that are held now."""
        ...


class Searches(Protocol):
    """What only a study that chooses its trials on the way keeps beside them.

    Every method raises StoreError as those of `Store` do. A study's id is as `Store.add_study` gave it.
    """

    def extend(self, study_id: int, position: int, planned: Sequence[PlannedTrial]) -> None:
        """Put further trials into a study; the same trial may come again.

        Args:
            study_id: the study.
            position: how many trials of the study stay before them; what stood there or later is replaced.
            planned: the trials.
        """
        ...

    def add(self, study_id: int, outcome: TrialPruned) -> None:
        """Keep what a search gave of a trial that it ended, in place of what it had of it; the trial's lease ends.

        The trial itself has neither a record nor a failure by that, and other studies train it.
        """
        ...

    def pruned(self, study_id: int) -> tuple[TrialPruned, ...]:
        """What a search ended, by trial id."""
        ...


class Store(Protocol):
    """Keeps studies and what their trials gave; trials are shared between studies.

    Every method raises StoreError when the store is damaged, locked, read-only or full. A call that
    raises has changed nothing. Where a connection to a server breaks, a store that was opened for writing
    tries again for some minutes. Threads may share a store.
    """

    @property
    def leases(self) -> Leases:
        """Who runs which trial now."""
        ...

    @property
    def searches(self) -> Searches:
        """What searches chose and ended."""
        ...

    def add_study(self, study: StudySpec, planned: Sequence[PlannedTrial], command: str) -> int:
        """Keep a study and make it the latest; the same study with the same trials keeps its id.

        So does a search whose budget or confirming seeds have changed, and it keeps what `Searches.extend` gave it.

        Args:
            study: the study.
            planned: its trials, in the study's order.
            command: the command line that asked for it.

        Returns:
            The study's id.
        """
        ...

    def latest_study(self, study_id: int | None = None) -> StoredStudy | None:
        """The study that was added last, or None.

        Args:
            study_id: as `add_study` gave it: this study, where several share the store.
        """
        ...

    def studies(self) -> tuple[StoredStudy, ...]:
        """All studies, the latest last."""
        ...

    def add(self, *outcomes: TrialRecord | TrialFailure) -> None:
        """Keep what trials gave, all of it or nothing; when it returns, it survives a power cut.

        Several at once cost little more than one: the disk is waited for once.

        A record replaces a failure of the same trial, a failure replaces an earlier failure, and
        nothing replaces a record: the first one stays. The leases of these trials end.
        """
        ...

    def finished(self, trial_ids: Iterable[str]) -> frozenset[str]:
        """Those of the trials that have a record."""
        ...

    def failed(self, trial_ids: Iterable[str]) -> frozenset[str]:
        """Those of the trials that have a failure and no record."""
        ...

    def records(self, trial_ids: Iterable[str], *, predictions: bool = True) -> tuple[TrialRecord, ...]:
        """The records of these trials in the order given; trials without a record are left out.

        Args:
            trial_ids: wanted.
            predictions: False leaves them empty; they are most of what there is to read.
        """
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
