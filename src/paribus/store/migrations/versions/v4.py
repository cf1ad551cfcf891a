"""Version 4: what a search's candidates must reach, settled when they are chosen."""

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    op.add_column("study_trial", sa.Column("bar", sa.Text, comment="JSON, of a search's candidate"))
