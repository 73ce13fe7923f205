"""House rules, and those of single rooms."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has written any; rooms that are there get the built-in ones as web starts."""
    op.create_table(
        "house_rules",
        sa.Column("language", sa.String(35), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
    )
    with op.batch_alter_table("rooms") as rooms:
        rooms.add_column(sa.Column("own_rules", sa.Text(), nullable=False, server_default=""))
        rooms.add_column(
            sa.Column("rules_alone", sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    """As before."""
    with op.batch_alter_table("rooms") as rooms:
        rooms.drop_column("rules_alone")
        rooms.drop_column("own_rules")
    op.drop_table("house_rules")
