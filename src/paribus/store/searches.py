"""What searches chose and ended."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, inspect, select

from paribus.record import PlannedTrial, TrialPruned
from paribus.store import rows, schema
from paribus.store.database import Database, insert_rows, now


class SqlSearches:
    """Searches in a database; `store.base.Searches` says what they are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def extend(self, study_id: int, position: int, planned: Sequence[PlannedTrial]) -> None:
        table = schema.study_trial

        def work(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.study_id == study_id, table.c.position >= position))
            insert_rows(connection, table, rows.planned_rows(study_id, planned, position))

        self._database.run(work, writes=True)

    def add(self, study_id: int, outcome: TrialPruned) -> None:
        table, lease = schema.pruned, schema.lease
        row = rows.pruned_row(study_id, outcome, now())

        def work(connection: Connection) -> None:
            same = table.c.study_id == study_id, table.c.trial_id == outcome.trial_id
            connection.execute(delete(table).where(*same))
            connection.execute(insert(table), [row])
            connection.execute(delete(lease).where(lease.c.trial_id == outcome.trial_id))

        self._database.run(work, writes=True)

    def pruned(self, study_id: int) -> tuple[TrialPruned, ...]:
        table = schema.pruned

        def work(connection: Connection) -> tuple[TrialPruned, ...]:
            if not inspect(connection).has_table(table.name):
                return ()  # a store of an older version, only read
            found = connection.execute(select(table).where(table.c.study_id == study_id).order_by(table.c.trial_id))
            return tuple(rows.trial_pruned(row) for row in found.mappings())

        return self._database.read("a pruned trial", work)
