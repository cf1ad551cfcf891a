"""Version 1: studies, trials, predictions. Stores of this version have no table of Alembic's."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

CURVES = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "lr",
    "seconds",
)


def upgrade() -> None:
    op.create_table("meta", sa.Column("schema_version", sa.Integer, nullable=False))
    op.create_table(
        "study",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("content", sa.String(64), nullable=False, unique=True, comment="SHA-256 of the study and its trials"),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False, comment="the latest study has the highest"),
    )
    op.create_table(
        "study_trial",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("trial_id", sa.String(80), nullable=False),
        sa.Column("cell", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
    )
    op.create_table(
        "trial",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("status", sa.String(8), sa.CheckConstraint("status IN ('finished', 'failed')"), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(80), nullable=False),
        sa.Column("environment", sa.Text),
        sa.Column("seconds", sa.Double),
        sa.Column("added", sa.String(40), nullable=False),
        sa.Column("data", sa.Text),
        sa.Column("layers", sa.Text),
        sa.Column("selected_epoch", sa.Integer),
        sa.Column("stopped_early", sa.Boolean),
        sa.Column("checkpoint", sa.Text),
        sa.Column("failure_kind", sa.Text),
        sa.Column("failure_message", sa.Text),
        sa.Column("failure_traceback", sa.Text),
    )
    op.create_table(
        "epoch",
        sa.Column("trial_id", sa.String(80), sa.ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Double) for name in CURVES),
    )
    op.create_table(
        "example_set",
        sa.Column("id", sa.String(64), primary_key=True, comment="SHA-256 of the ids and classes"),
        sa.Column("ids", sa.LargeBinary, nullable=False, comment="JSON list, deflated"),
        sa.Column("y", sa.LargeBinary, nullable=False, comment="int64, little-endian"),
    )
    op.create_table(
        "prediction",
        sa.Column("trial_id", sa.String(80), sa.ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("part", sa.String(10), primary_key=True),
        sa.Column("example_set_id", sa.String(64), sa.ForeignKey("example_set.id"), nullable=False),
        sa.Column("n_classes", sa.Integer, nullable=False),
        sa.Column("logits", sa.LargeBinary, nullable=False, comment="float32 (n, n_classes), little-endian"),
        sa.Column("crc32", sa.BigInteger, nullable=False, comment="of the bytes of logits"),
    )
