"""To which address an invitation was mailed, so that whoever uses it can keep that as a way in."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of those that wait already it is not known."""
    with op.batch_alter_table("host_codes") as table:
        table.add_column(sa.Column("address", sa.String(254), nullable=False, server_default=""))


def downgrade() -> None:
    """Forgotten."""
    with op.batch_alter_table("host_codes") as table:
        table.drop_column("address")
