"""All that is particular to PostgreSQL: connecting, transactions, copies, and its errors in words."""

from datetime import UTC, datetime
from functools import partial

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from paribus.errors import StoreError
from paribus.store import schema
from paribus.store.database import Clock, Database
from paribus.store.place import VARIABLE, shown

PATIENCE = 300.0
"""Seconds that a writer goes on trying when the connection is lost: a server is upgraded and started in less."""
LOCK_SECONDS = 60
"""How long to wait for another writer."""
CONNECT = {
    "connect_timeout": 10,
    "application_name": "paribus",
    # a machine that vanished says nothing: without these it is missed for hours
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""What libpq is told unless the URL says otherwise."""


def postgresql_database(url: URL, *, read_only: bool) -> Database:
    """One database; nothing is opened yet.

    Raises:
        StoreError: the extra `postgresql` is not installed.
    """
    return Database(
        engine=postgresql_engine(url, read_only=read_only),
        place=shown(url),
        in_words=partial(in_words, place=shown(url)),
        is_lost=is_lost,
        clock=clock,
        back_up=back_up,
        patience=0.0 if read_only else PATIENCE,
    )


def postgresql_engine(url: URL, *, read_only: bool) -> Engine:
    """An engine; nothing is opened yet.

    Transactions that write come one after the other, as in SQLite: each takes a lock that belongs to the store.
    Those that read see the store as it is at their start.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise StoreError("a store in PostgreSQL needs its extra: pip install 'paribus[postgresql]'") from None
    engine = create_engine(url, connect_args={key: value for key, value in CONNECT.items() if key not in url.query})

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if read_only or not connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        else:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('paribus'), hashtext(current_schema()))")

    return engine


def clock(connection: Connection) -> Clock:
    """The server's, and when the server started."""
    now = func.extract("epoch", func.clock_timestamp())
    since = func.extract("epoch", func.pg_postmaster_start_time())
    row = connection.execute(select(now, since)).one()
    return Clock("server", float(row[0]), float(row[1]))


def back_up(connection: Connection, version: int) -> str:
    """Copy the tables into a schema whose name tells version and date, within the transaction that migrates.

    Changes of tables are part of a transaction here, so that a migration that fails leaves nothing behind; the copy is
    for one that succeeds and is regretted. It is a store itself: `?options=-csearch_path%3DSCHEMA` reads it. The
    server makes it, so that neither `pg_dump` nor its version matters; the user needs the right to create a schema.
    """
    name = f"paribus_backup_v{version}_{datetime.now(UTC):%Y%m%dt%H%M%S}"
    connection.execute(text(f"CREATE SCHEMA {name}"))
    here = connection.execute(select(func.current_schema())).scalar()
    quote = connection.dialect.identifier_preparer.quote
    query = text(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = :here AND table_name = ANY(:ours)"
    )
    for table in connection.execute(query, {"here": here, "ours": list(schema.tables.tables)}).scalars().all():
        copy, original = f"{name}.{quote(table)}", f"{quote(str(here))}.{quote(table)}"
        connection.execute(text(f"CREATE TABLE {copy} (LIKE {original} INCLUDING ALL)"))
        connection.execute(text(f"INSERT INTO {copy} SELECT * FROM {original}"))
    return f"the schema {name}"


# ---------------------------------------------------------------- errors


def is_lost(error: SQLAlchemyError) -> bool:
    """Whether the connection broke or none was to be had, which may pass."""
    if not isinstance(error, DBAPIError):
        return False
    state = _state(error)
    # connection exceptions; the server shuts down, crashed or starts up; no connection is free
    passing = state[:2] == "08" or state in ("57P01", "57P02", "57P03", "53300")
    return error.connection_invalidated or passing or (not state and isinstance(error, OperationalError))


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def in_words(error: SQLAlchemyError, place: str) -> str:
    """What went wrong with the database at ``place`` and what to do."""
    if not isinstance(error, DBAPIError):
        return f"{place} cannot be used as a store: {error}"
    cause = next(iter(str(error.orig).strip().splitlines()), "")
    state = _state(error)
    if state in _WORDS:
        return _WORDS[state].format(place=place, cause=cause)
    if is_lost(error) or state.startswith("28"):
        return _UNREACHABLE.format(place=place, cause=cause)
    return f"{place} cannot be used as a store: {cause}"


_UNREACHABLE = (
    "cannot connect to {place}: {cause}; check that the server runs there and knows user and database. "
    f"A password is taken from the URL in --store or in the environment variable {VARIABLE}, from PGPASSWORD, "
    "or from ~/.pgpass"
)
_TABLES = "{place} does not have the tables of a store ({cause}): it is damaged, or no store of paribus; check the URL"
_WORDS = {
    "42P01": _TABLES,
    "42703": _TABLES,
    "42501": "{place} does not allow it ({cause}): the user must own the store's tables, or the schema of a new store; "
    "for a migration GRANT CREATE ON DATABASE, since the tables are first copied into a schema of their own",
    "25006": "{place} is read-only: connect as a user, and to a server, that may write",
    "53100": "{place} cannot grow, the server's disk is full: free space and run the same command again; "
    "finished trials are kept",
    "55P03": "{place} is locked by another process: wait until it ends, or end it, then run the same command again",
}
