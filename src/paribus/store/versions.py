"""The version of a store's tables: made new, read as they are, migrated after a backup, or refused."""

import logging

from sqlalchemy import Connection, func, insert, inspect, select, update

from paribus.errors import NoStoreError, StoreError
from paribus.store import schema
from paribus.store.database import Database

log = logging.getLogger(__name__)


def prepare(database: Database, *, create: bool, read_only: bool) -> None:
    """See that a store's tables can be used.

    Args:
        database: where they are.
        create: make them in an empty database.
        read_only: leave tables of an older version as they are.

    Raises:
        NoStoreError: the database is empty.
        StoreError: no store, or one of a version that cannot be used.
    """
    found = database.run(lambda connection: _found(connection, database.place))
    if found is None and create:
        found = database.run(lambda connection: _create(connection, database.place), writes=True)
    if found is None:
        raise NoStoreError(_no_store(database.place))
    if found > schema.SCHEMA_VERSION:
        raise StoreError(
            f"{database.place} was written by paribus store version {found}, "
            f"this one reads {schema.SCHEMA_VERSION}: upgrade paribus"
        )
    if found < schema.SCHEMA_VERSION and not read_only:
        copy = database.run(lambda connection: _migrate(connection, database), writes=True)
        if copy is not None:
            log.warning(
                "%s was of version %d and is now of version %d; a copy of what it was is in %s",
                database.place,
                found,
                schema.SCHEMA_VERSION,
                copy,
            )


def _found(connection: Connection, place: str) -> int | None:
    """The version; None in an empty database."""
    present = inspect(connection).get_table_names()
    if not present:
        return None
    if schema.meta.name not in present:
        raise StoreError(_no_store(place))
    version = connection.execute(select(func.max(schema.meta.c.schema_version))).scalar()
    if not isinstance(version, int) or version < schema.OLDEST_READ:
        raise StoreError(f"{place} does not say its version: it is damaged; restore it from a copy")
    later = {name for name, since in schema.SINCE.items() if since > version}
    lacking = sorted(set(schema.tables.tables) - later - set(present))  # a view of that name may be endless
    if version <= schema.SCHEMA_VERSION and lacking:
        raise StoreError(
            f"{place} does not have the tables of a store, there is no table {lacking[0]}: it is damaged, or no store "
            "of paribus; check the path"
        )
    return version


def _no_store(place: str) -> str:
    return (
        f"{place} is a database, but not a store of paribus: check the path, or name an empty one to start a new store"
    )


def _create(connection: Connection, place: str) -> int:
    found = _found(connection, place)  # again, now that nobody else can write: another may have been faster
    if found is not None:
        return found
    schema.tables.create_all(connection)
    _stamp(connection, schema.SCHEMA_VERSION)
    connection.execute(insert(schema.meta).values(schema_version=schema.SCHEMA_VERSION))
    return schema.SCHEMA_VERSION


def _stamp(connection: Connection, version: int) -> None:
    """Say to Alembic where the tables stand, as it would itself; importing it takes longer than making a store."""
    schema.alembic_version.create(connection, checkfirst=True)
    connection.execute(insert(schema.alembic_version).values(version_num=str(version)))


def _migrate(connection: Connection, database: Database) -> str | None:
    """Where the copy is; None when another process was faster."""
    found = _found(connection, database.place)
    if found is None or found >= schema.SCHEMA_VERSION:
        return None
    copy = database.back_up(connection, found)
    if not inspect(connection).has_table(schema.alembic_version.name):
        _stamp(connection, found)
    upgrade(connection, schema.SCHEMA_VERSION)
    connection.execute(update(schema.meta).values(schema_version=schema.SCHEMA_VERSION))
    return copy


def upgrade(connection: Connection, version: int) -> None:
    """Run the migrations up to a version, in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "paribus.store:migrations")
    command.upgrade(config, str(version))
