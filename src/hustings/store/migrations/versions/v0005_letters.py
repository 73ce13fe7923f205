"""Letters that leave the house."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One queue for all transports."""
    op.create_table(
        "letters",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=True),
        sa.Column("transport", sa.String(8), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("batch", sa.String(100), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(300), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_letters"),
        sa.UniqueConstraint("key", name="uq_letters_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_letters_due", "letters", ["transport", "state", "rank", "next_ms"])
    op.create_index("ix_letters_changed", "letters", ["transport", "state", "changed_ms"])
    op.create_index("ix_letters_batch", "letters", ["batch"])


def downgrade() -> None:
    """What waits is lost."""
    op.drop_table("letters")
