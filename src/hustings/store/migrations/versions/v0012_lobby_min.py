"""When a room's lobby opens."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rooms that are there: as the house does it."""
    op.add_column("rooms", sa.Column("lobby_min", sa.Integer(), nullable=True))


def downgrade() -> None:
    """As before."""
    op.drop_column("rooms", "lobby_min")
