"""Who may edit one room without a role in the house for that."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "crew",
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("room", "account", name="pk_crew"),
        sa.ForeignKeyConstraint(["room"], ["rooms.room"], name="fk_crew_room", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_crew_account", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_crew_account", "crew", ["account"])


def downgrade() -> None:
    """Rooms are edited by those who may edit all."""
    op.drop_table("crew")
