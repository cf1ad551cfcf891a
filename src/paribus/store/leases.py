"""Who runs which trial now: leases that end unless their owner keeps them."""

import time
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, inspect, select, update

from paribus.store import schema
from paribus.store.database import Clock, Database, chunks

Sign = tuple[str, str, float]
"""What changes whenever an owner keeps a lease: owner, clock, end."""
ROUNDING = 1e-3
"""Seconds."""

table = schema.lease


class SqlLeases:
    """Leases in a database; `store.base.Leases` says what they are.

    A lease's end is measured by the clock of the database (PostgreSQL) or by the time since the machine started
    (SQLite). Neither moves when somebody sets a machine's clock. An end cannot be read where another clock measured
    it (the machine was started anew, or another one shares the folder), or where it lies farther ahead than the lease
    is long (the server's clock went back). Such a lease is watched: it is over when its owner gave no sign for its
    whole length.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watched: dict[str, tuple[Sign, float]] = {}

    def claim(self, trial_ids: Iterable[str], owner: str, seconds: float) -> frozenset[str]:
        ids = tuple(trial_ids)

        def work(connection: Connection) -> frozenset[str]:
            clock = self._database.clock(connection)
            given: list[str] = []
            for chunk in chunks(ids):
                held = {row.trial_id: row for row in connection.execute(_of(chunk))}
                trial = schema.trial.c
                done = select(trial.id).where(trial.id.in_(chunk), trial.status == "finished")
                finished = set(connection.execute(done).scalars())
                free = [
                    i
                    for i in chunk
                    if i not in finished and (i not in held or held[i].owner == owner or self._is_over(held[i], clock))
                ]
                if free:
                    connection.execute(delete(table).where(table.c.trial_id.in_(free)))
                    term = {"owner": owner, **_term(clock, seconds)}
                    connection.execute(insert(table), [{"trial_id": i, **term} for i in free])
                given += free
            return frozenset(given)

        return self._database.run(work, writes=True)

    def keep(self, owner: str, seconds: float) -> frozenset[str]:
        def work(connection: Connection) -> frozenset[str]:
            own = table.c.owner == owner
            connection.execute(update(table).where(own).values(_term(self._database.clock(connection), seconds)))
            return frozenset(connection.execute(select(table.c.trial_id).where(own)).scalars())

        return self._database.run(work, writes=True)

    def release(self, owner: str, trial_ids: Iterable[str] | None = None) -> None:
        ids = None if trial_ids is None else tuple(trial_ids)

        def work(connection: Connection) -> None:
            own = delete(table).where(table.c.owner == owner)
            if ids is None:
                connection.execute(own)
                return
            for chunk in chunks(ids):
                connection.execute(own.where(table.c.trial_id.in_(chunk)))

        self._database.run(work, writes=True)

    def held(self, trial_ids: Iterable[str]) -> dict[str, str]:
        ids = tuple(trial_ids)

        def work(connection: Connection) -> dict[str, str]:
            if not inspect(connection).has_table(table.name):
                return {}  # a store of version 1, only read
            clock = self._database.clock(connection)
            found = (row for chunk in chunks(ids) for row in connection.execute(_of(chunk)))
            return {row.trial_id: row.owner for row in found if not self._is_over(row, clock)}

        return self._database.run(work)

    def _is_over(self, row: Row[Any], clock: Clock) -> bool:
        if row.clock == clock.name and row.until - clock.now <= row.seconds + ROUNDING:
            return bool(clock.now > max(row.until, clock.since + row.seconds))
        sign, now = (row.owner, row.clock, row.until), time.monotonic()
        known, since = self._watched.get(row.trial_id, (None, now))
        if sign != known:
            self._watched[row.trial_id] = sign, now
            return False
        return bool(now - since > row.seconds)


def _of(trial_ids: list[str]) -> Any:
    return select(table).where(table.c.trial_id.in_(trial_ids))


def _term(clock: Clock, seconds: float) -> dict[str, Any]:
    return {"clock": clock.name, "until": clock.now + seconds, "seconds": seconds}
