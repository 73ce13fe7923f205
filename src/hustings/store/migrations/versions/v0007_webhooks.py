"""Webhooks: who is told, what they were told, whose replay is awaited."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three tables."""
    op.create_table(
        "hooks",
        sa.Column("hook", sa.String(32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("overlap_ms", sa.BigInteger(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("failing_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hook", name="pk_hooks"),
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery", sa.String(32), nullable=False),
        sa.Column("hook", sa.String(32), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tried_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(300), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("delivery", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["hook"], ["hooks.hook"], name="fk_deliveries_hook", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_deliveries_hook", "deliveries", ["hook"])
    op.create_table(
        "awaited_replays",
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("room", name="pk_awaited_replays"),
    )


def downgrade() -> None:
    """Nobody is told any more."""
    op.drop_table("awaited_replays")
    op.drop_table("deliveries")
    op.drop_table("hooks")
