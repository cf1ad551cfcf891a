"""A database behind SQLAlchemy: transactions that are tried again when the connection is lost, errors in words."""

import logging
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, insert
from sqlalchemy.exc import SQLAlchemyError

from paribus.errors import StoreError

T = TypeVar("T")
log = logging.getLogger(__name__)

CHUNK = 500
"""Trials a query; databases limit the number of parameters."""
SHORTEST, LONGEST = 0.1, 10.0
"""Seconds between two attempts to connect again, at first and at most."""


class Lost(Exception):
    """The connection no longer leads to the store; a new one will. The message says why, for the log."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that leases are measured by, at one moment. Seconds; where they begin does not matter."""

    name: str
    """Times of different clocks cannot be compared."""
    now: float
    since: float
    """From when on owners could reach the store: a lease that ran out before could not be kept."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database, and what is particular to its kind (`sqlite.py`, `postgresql.py`)."""

    engine: Engine
    """A transaction of a connection with the execution option ``writes`` has the store to itself from its start."""
    place: str
    """Where it is, for messages; without a password."""
    in_words: Callable[[SQLAlchemyError], str]
    """What went wrong and what to do."""
    is_lost: Callable[[SQLAlchemyError], bool]
    """Whether the connection broke, so that another may do."""
    clock: Callable[[Connection], Clock]
    back_up: Callable[[Connection, int], str]
    """Keep a copy before the tables change, told their version, in a transaction that writes; says where it is."""
    patience: float
    """Seconds to go on trying when the connection is lost."""

    def run(self, work: Callable[[Connection], T], *, writes: bool = False) -> T:
        """What ``work`` gives, in one transaction.

        Args:
            work: done anew when the connection was lost, even where its first time may have counted:
                doing it twice must change nothing.
            writes: whether it changes anything.

        Raises:
            StoreError: in words; nothing was changed.
        """
        lost: float | None = None
        pause = SHORTEST
        while True:
            try:
                with self.engine.execution_options(writes=writes).begin() as connection:
                    result = work(connection)
            except Lost as error:
                log.warning("%s", error)
                self.engine.dispose()
            except SQLAlchemyError as error:
                if not self.is_lost(error) or not self.patience:
                    raise StoreError(self.in_words(error)) from error
                now = time.monotonic()
                if lost is None:
                    lost = now
                    log.warning(
                        "the connection to %s was lost: trying again for up to %g min", self.place, self.patience / 60
                    )
                if now - lost + pause > self.patience:
                    raise StoreError(
                        f"{self.in_words(error)} (tried again for {self.patience:g} s; "
                        "finished trials are kept, the same command goes on from there)"
                    ) from error
                time.sleep(pause)
                pause = min(2 * pause, LONGEST)
            except UnicodeDecodeError as error:
                raise StoreError(f"{self.place} is damaged, a text in it is none: restore it from a copy") from error
            else:
                if lost is not None:
                    log.warning("connected to %s again", self.place)
                return result

    def read(self, what: str, work: Callable[[Connection], T]) -> T:
        """As `run`, of ``work`` that makes values of rows.

        Raises:
            StoreError: also where rows of ``what`` do not make valid values.
        """
        with _intact(what, self.place):
            return self.run(work)


@contextmanager
def _intact(what: str, place: str) -> Iterator[None]:
    """Rows that do not make a valid value are damage, or were written by a newer paribus."""
    try:
        yield
    except (ValueError, TypeError, LookupError, zlib.error) as error:
        reason = "; ".join(str(error).splitlines()[:3])
        raise StoreError(
            f"{what} in {place} cannot be read ({reason}): it is damaged or was written by a newer paribus; "
            "upgrade paribus, or restore it from a copy"
        ) from error


def chunks(trial_ids: Iterable[str]) -> Iterator[list[str]]:
    """The distinct ids, as many at a time as a query takes."""
    distinct = list(dict.fromkeys(trial_ids))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]


def insert_rows(connection: Connection, table: Table, values: list[dict[str, Any]]) -> None:
    """Put in rows, or none."""
    if values:  # SQLAlchemy takes an empty list for one row of defaults
        connection.execute(insert(table), values)


def now() -> str:
    """The time, as stores write it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
