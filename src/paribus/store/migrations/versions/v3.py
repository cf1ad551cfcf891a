"""Version 3: trials that a search ended early."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    op.create_table(
        "pruned",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("trial_id", sa.String(80), primary_key=True),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(80), nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("history", sa.Text, nullable=False, comment="JSON"),
        sa.Column("seconds", sa.Double),
        sa.Column("added", sa.String(40), nullable=False),
    )
