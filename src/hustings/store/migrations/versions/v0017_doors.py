"""When a room's queue begins to move."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rooms that are there: as the house does it."""
    op.add_column("rooms", sa.Column("doors", sa.String(8), nullable=True))


def downgrade() -> None:
    """As before."""
    op.drop_column("rooms", "doors")
