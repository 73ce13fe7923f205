"""Listeners that are reckoned with, and the broadcast delay."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rooms that are there: nothing said, no delay."""
    for name in ("expected", "delay_s"):
        op.add_column("rooms", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """As before."""
    for name in ("delay_s", "expected"):
        op.drop_column("rooms", name)
