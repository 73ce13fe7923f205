"""E-mail addresses of accounts, and the links that are sent there."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has an address to begin with."""
    op.create_table(
        "emails",
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_emails_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("address", name="pk_emails"),
    )
    op.create_index("ix_emails_account", "emails", ["account"])
    op.create_table(
        "mail_links",
        sa.Column("link_hash", sa.String(64), nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(8), nullable=False),
        sa.Column("asked_hash", sa.String(64), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_mail_links_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("link_hash", name="pk_mail_links"),
    )
    for column in ("address", "account", "expires_ms"):
        op.create_index(f"ix_mail_links_{column}", "mail_links", [column])


def downgrade() -> None:
    """Passkeys and recovery codes remain."""
    op.drop_table("mail_links")
    op.drop_table("emails")
