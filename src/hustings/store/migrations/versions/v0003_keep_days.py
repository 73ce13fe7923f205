"""For how long a room's recording is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rooms that are there: for ever, as they were promised."""
    op.add_column("rooms", sa.Column("keep_days", sa.Integer(), nullable=True))


def downgrade() -> None:
    """As before."""
    op.drop_column("rooms", "keep_days")
