"""Who wants to be reminded of a room, and what was sent."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables."""
    op.create_table(
        "subscriptions",
        sa.Column("subscription", sa.String(32), nullable=False),
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.String(64), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
        sa.Column("reminded_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["room"], ["rooms.room"], name="fk_subscriptions_room", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscription", name="pk_subscriptions"),
        sa.UniqueConstraint("room", "address_hash", name="uq_subscriptions_room"),
    )
    op.create_index("ix_subscriptions_place", "subscriptions", ["room", "channel", "place"])
    op.create_index("ix_subscriptions_address_hash", "subscriptions", ["address_hash"])
    counts = ("queued", "missed", "dropped", "told")
    op.create_table(
        "promotions",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=True),
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("occasion", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("opens_ms", sa.BigInteger(), nullable=False),
        sa.Column("closes_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["room"], ["rooms.room"], name="fk_promotions_room", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_promotions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_promotions_room", "promotions", ["room"])


def downgrade() -> None:
    """Nobody is reminded."""
    op.drop_table("promotions")
    op.drop_table("subscriptions")
