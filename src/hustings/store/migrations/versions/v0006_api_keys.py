"""Keys of programs, what they made once, and where lists put a room."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rooms that are there get their place and words: from the plan, and the end of past ones."""
    with op.batch_alter_table("rooms") as table:
        table.add_column(sa.Column("sort_ms", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("words", sa.Text(), nullable=False, server_default=""))
    _fill()
    op.create_index("ix_rooms_sort_ms", "rooms", ["sort_ms", "room"])
    op.create_index("ix_rooms_state", "rooms", ["state", "sort_ms", "room"])
    _create_keys()


def _fill() -> None:
    """As `web.rooms.queries` does, at the time of this migration."""
    rooms = sa.table(
        "rooms",
        *(sa.column(name) for name in ("room", "title", "host", "state")),
        *(sa.column(name) for name in ("start_ms", "changed_ms", "sort_ms", "words")),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(rooms)).fetchall():
        at_ms = row.changed_ms if row.state == "ended" else row.start_ms or (1 << 53) - 1
        plain = unicodedata.normalize("NFKD", f"{row.title}\n{row.host}".casefold())
        words = "".join(c for c in plain if not unicodedata.combining(c))
        change = sa.update(rooms).where(rooms.c.room == row.room)
        connection.execute(change.values(sort_ms=at_ms, words=words))


def _create_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("scopes", sa.String(300), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_api_keys_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_account", "api_keys", ["account"])
    op.create_table(
        "done_once",
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("once", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("made", sa.String(80), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_done_once_account", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account", "once", name="pk_done_once"),
    )
    op.create_index("ix_done_once_made_ms", "done_once", ["made_ms"])


def downgrade() -> None:
    """Without keys; rooms stand where their plan puts them."""
    op.drop_table("done_once")
    op.drop_table("api_keys")
    op.drop_index("ix_rooms_state", "rooms")
    op.drop_index("ix_rooms_sort_ms", "rooms")
    with op.batch_alter_table("rooms") as table:
        table.drop_column("words")
        table.drop_column("sort_ms")
