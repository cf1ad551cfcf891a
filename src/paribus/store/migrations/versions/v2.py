"""Version 2: leases, for processes and machines that share a store."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("trial_id", sa.String(80), primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("clock", sa.String(80), nullable=False, comment="that `until` is read on"),
        sa.Column("until", sa.Double, nullable=False, comment="seconds on that clock"),
        sa.Column("seconds", sa.Double, nullable=False, comment="how long it lasts unless it is kept"),
    )
