"""All that is particular to SQLite: opening a file, transactions, and its errors in words."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from paribus.shown import holds_password

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
    def _connect(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours: sqlite3 would start transactions too late
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

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
