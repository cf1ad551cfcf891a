"""All that is particular to SQLite: opening a file, transactions, copies, and its errors in words."""

import os
import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from paribus.errors import StoreError
from paribus.shown import holds_password
from paribus.store.database import Clock, Database, Lost

BUSY_SECONDS = 15.0
"""How long to wait for another process that holds the file."""

PRAGMAS = (
    "foreign_keys = ON",
    "trusted_schema = OFF",  # a file may hold views and triggers of its own: they get no functions with effects
    "cell_size_check = ON",  # a damaged page is found before it is believed
)
READER_PRAGMAS = ("query_only = ON",)
WRITER_PRAGMAS = (
    "journal_mode = WAL",  # readers go on while one writes; stays as it was where the file system cannot
    "synchronous = FULL",  # a trial that was reported as kept survives a power cut
)


def sqlite_database(path: Path, *, create: bool, read_only: bool) -> Database:
    """One file; nothing is opened yet."""
    return Database(
        engine=sqlite_engine(path, create=create, read_only=read_only),
        place=str(path),
        in_words=partial(in_words, place=str(path)),
        is_lost=lambda _: False,
        clock=lambda _: Clock(_boot(), time.monotonic(), -float("inf")),
        back_up=lambda _, version: str(back_up(path, version)),
        patience=0.0,
    )


def sqlite_engine(path: Path, *, create: bool, read_only: bool) -> Engine:
    """An engine for one file; nothing is opened yet.

    A transaction of a connection with the execution option ``writes`` takes the write lock at its start,
    so that it waits for its turn instead of failing half-way.
    """
    query = {"uri": "true", "mode": "rwc" if create else "rw", "timeout": str(BUSY_SECONDS)}
    if read_only and _on_read_only_ground(path):
        # only there: a reader that may not write at all leaves the files of the write-ahead log behind
        query |= {"mode": "ro", "immutable": "1"}
    if create and not path.exists() and any(map(holds_password, os.environ.values())):
        _make_private(path)
    engine = create_engine(URL.create("sqlite", database=path.absolute().as_uri(), query=query))
    pragmas = PRAGMAS + (READER_PRAGMAS if read_only else WRITER_PRAGMAS)

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours: sqlite3 would start transactions too late
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
        record.info["file"] = _identity(path)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        if writes and not read_only:
            pooled = connection.connection
            assert isinstance(pooled.driver_connection, sqlite3.Connection)
            _see_that_it_is_there(path, pooled.info["file"], pooled.driver_connection)

    return engine


def _make_private(path: Path) -> None:
    """An empty file for its owner alone, and with it the files that SQLite lays beside it.

    Where the environment holds a URL with a password, this is somebody's server, and what is read from there or named
    in an error is not for everybody on the machine.
    """
    with suppress(OSError):  # SQLite says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def _on_read_only_ground(path: Path) -> bool:
    """Whether SQLite could not lay its lock files beside the file, and needs none since nobody writes."""
    return not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()


# ---------------------------------------------------------------- a file that goes away


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _see_that_it_is_there(path: Path, opened: tuple[int, int] | None, connection: sqlite3.Connection) -> None:
    """SQLite goes on writing into a file that was deleted, and all of it would be lost at the end.

    The open file still has everything, so it is written anew.

    Raises:
        Lost: it is there again; a new connection leads to it.
        StoreError: it cannot be written, or another file is in its place.
    """
    there = _identity(path)
    if there is not None and there == opened:
        return
    if there is None:
        try:
            # not `backup`, which waits for ever for the write lock that we hold ourselves
            whole = connection.serialize()
            _write_whole(path, lambda unfinished: unfinished.write_bytes(whole))
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"{path} was deleted while it was in use and cannot be written anew "
                f"({getattr(error, 'strerror', None) or error}): run the study again in another folder"
            ) from error
        raise Lost(f"{path} was deleted while it was in use: written anew, nothing is missing")
    try:
        # immutable, since a write-ahead log beside it may still be the old file's
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as other:
            same = _n_trials(other) >= _n_trials(connection)
    except sqlite3.Error:
        same = False
    if not same:
        raise StoreError(
            f"{path} was replaced by another file while it was in use: put it back, or run the study again"
        )
    raise Lost(f"{path} was written anew by another process: opened again")


def _n_trials(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM trial").fetchone()[0])


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """A file that is whole or not there."""
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        write(unfinished)
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        for left in ("-wal", "-shm"):  # of a file that is no more; SQLite would take them for the new one's
            path.with_name(path.name + left).unlink(missing_ok=True)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _copy(connection: sqlite3.Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as target:
        connection.backup(target)


def back_up(path: Path, version: int) -> Path:
    """Copy a file, as it was last committed, to one beside it whose name tells version and date.

    Raises:
        StoreError: there is no room, or no right to write.
    """
    when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    copy = path.with_name(f"{path.stem}.version-{version}.{when}{path.suffix}")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            _write_whole(copy, lambda unfinished: _copy(connection, unfinished))
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{path} is of an older version and must be copied to {copy.name} before it is changed, which failed "
            f"({getattr(error, 'strerror', None) or error}): free space, or make its folder writable"
        ) from error
    return copy


# ---------------------------------------------------------------- the clock of leases


@lru_cache(maxsize=1)
def _boot() -> str:
    """A name for the time since this machine started, which all its processes read alike."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return uuid.uuid4().hex  # then each process's clock is its own, and leases of others are watched


# ---------------------------------------------------------------- errors


def in_words(error: SQLAlchemyError, place: str) -> str:
    """What went wrong with the file at ``place`` and what to do."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    # the low byte is the primary code, the rest says where in SQLite it arose
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in _WORDS:
        return _WORDS[code].format(place=place, cause=cause)
    return f"{place} cannot be used as a store: {cause or error}"


_LOCKED = "{place} is locked by another process: wait until it ends, or end it, then run the same command again"
_CLOSED = "{place} cannot be opened: its folder must exist, and you need the right to read and write in it"
_WORDS = {
    sqlite3.SQLITE_NOTADB: "{place} is not a store: it is no SQLite database, or its beginning was overwritten; "
    "check the path, or restore the file from a copy",
    sqlite3.SQLITE_CORRUPT: "{place} is damaged (cut short or overwritten): restore it from a copy, "
    "or move it away and run the study again",
    sqlite3.SQLITE_ERROR: "{place} does not have the tables of a store ({cause}): it is damaged, "
    "or no store of paribus; check the path",
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: _CLOSED,
    sqlite3.SQLITE_PERM: _CLOSED,
    sqlite3.SQLITE_READONLY: "{place} is read-only: make the file and its folder writable, "
    "or choose another folder for the run",
    sqlite3.SQLITE_FULL: "{place} cannot grow, the disk is full: free space and run the same command again; "
    "finished trials are kept",
    sqlite3.SQLITE_IOERR: "{place} cannot be read or written ({cause}): check that the disk has free space "
    "and is still there, then run the same command again; finished trials are kept",
}
