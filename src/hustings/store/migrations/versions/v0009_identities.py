"""Who of an OpenID provider is which account."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "identities",
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name="pk_identities"),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_identities_account", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_identities_account", "identities", ["account"])


def downgrade() -> None:
    """Linked accounts need another way in."""
    op.drop_table("identities")
