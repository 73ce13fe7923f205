"""Who made a pass, and the seats that people of the house have on stages."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of passes that are there it is not known."""
    op.add_column(
        "invitations", sa.Column("made_by", sa.String(32), nullable=False, server_default="")
    )
    op.create_table(
        "seats",
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("seat", sa.String(32), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("room", "account", name="pk_seats"),
        sa.ForeignKeyConstraint(["room"], ["rooms.room"], name="fk_seats_room", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_seats_account", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_seats_account", "seats", ["account"])


def downgrade() -> None:
    """People come on stage by links alone."""
    op.drop_table("seats")
    op.drop_column("invitations", "made_by")
