"""Accounts, their passkeys and recovery codes; sessions and codes get a role."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Sessions that are there go on without an account, with all that they could do: staff."""
    op.create_table(
        "accounts",
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_accounts"),
    )
    _create_ways_in()
    with op.batch_alter_table("host_codes") as table:
        table.add_column(sa.Column("role", sa.String(16), nullable=False, server_default="owner"))
        table.add_column(sa.Column("name", sa.String(80), nullable=False, server_default=""))
        table.add_column(sa.Column("made_by", sa.String(32), nullable=False, server_default=""))
    with op.batch_alter_table("sessions") as table:
        table.add_column(sa.Column("account", sa.String(32), nullable=True))
        table.add_column(sa.Column("role", sa.String(16), nullable=False, server_default="staff"))
        table.add_column(sa.Column("browser", sa.String(40), nullable=False, server_default=""))
        table.add_column(sa.Column("seen_ms", sa.BigInteger(), nullable=False, server_default="0"))
        table.create_foreign_key(
            "fk_sessions_account", "accounts", ["account"], ["account"], ondelete="CASCADE"
        )
        table.create_index("ix_sessions_account", ["account"])


def _create_ways_in() -> None:
    op.create_table(
        "passkeys",
        sa.Column("passkey", sa.String(64), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("browser", sa.String(40), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_passkeys_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("passkey", name="pk_passkeys"),
    )
    op.create_index("ix_passkeys_account", "passkeys", ["account"])
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_recovery_codes_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("code_hash", name="pk_recovery_codes"),
    )
    op.create_index("ix_recovery_codes_account", "recovery_codes", ["account"])


def downgrade() -> None:
    """Without accounts, and without the sessions that had one."""
    op.execute("DELETE FROM sessions WHERE account IS NOT NULL")
    with op.batch_alter_table("sessions") as table:
        table.drop_index("ix_sessions_account")
        table.drop_constraint("fk_sessions_account", type_="foreignkey")
        for column in ("account", "role", "browser", "seen_ms"):
            table.drop_column(column)
    with op.batch_alter_table("host_codes") as table:
        for column in ("role", "name", "made_by"):
            table.drop_column(column)
    for table_name in ("recovery_codes", "passkeys", "accounts"):
        op.drop_table(table_name)
