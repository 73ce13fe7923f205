"""Guests of an evening, and what they agree to."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "guests",
        sa.Column("guest", sa.String(32), nullable=False),
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("line", sa.String(120), nullable=False),
        sa.Column("url", sa.String(300), nullable=False),
        sa.Column("link", sa.String(32), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
        sa.Column("picture", sa.String(32), nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("guest", name="pk_guests"),
        sa.ForeignKeyConstraint(
            ["room"], ["rooms.room"], name="fk_guests_room", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_guests_room", "guests", ["room"])


def downgrade() -> None:
    """Back: guests are forgotten."""
    op.drop_table("guests")
