"""The tables, in one place, for SQLite and PostgreSQL alike.

The truth about a room is its journal; what stands here is what its owner asked for, and the
last that the stage said (`facts`). Times are wall milliseconds UTC. Secrets are stored as
SHA-256 only. Migrations (`store/migrations`) make these tables; a contract test compares both.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

rooms: Final = Table(
    "rooms",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("language", String(35), nullable=False),
    Column("host", String(80), nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("radio", Boolean, nullable=False),
    Column("expected", Integer, nullable=False),
    Column("delay_s", Integer, nullable=False),
    Column("keep_days", Integer, nullable=True),  # of the recording; NULL: for ever
    Column("made_here", Boolean, nullable=False),  # false: the stage told us of it
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # as the stage last said, or cancelled
    Column("facts", LargeBinary, nullable=False),  # JSON of the stage's `room` body; empty: none
)

invitations: Final = Table(
    "invitations",
    metadata,
    Column("jti", String(32), primary_key=True),
    Column("room", String(64), ForeignKey("rooms.room", ondelete="CASCADE"), nullable=False),
    Column("kind", String(8), nullable=False),  # invite | whip
    Column("seat", String(32), nullable=False),  # participant id
    Column("role", String(16), nullable=False),
    Column("name", String(80), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger, nullable=False),  # 0: good
    Index(None, "room"),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("room", String(64), nullable=False),
    Column("call", String(16), nullable=False),  # room | revoke | entry
    Column("body", LargeBinary, nullable=False),  # JSON
    Column("made_ms", BigInteger, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", String(300), nullable=False),  # what the last attempt met
    Column("refused", Boolean, nullable=False),  # the stage said no: not tried again
    Index(None, "room"),
    sqlite_autoincrement=True,  # an id is never used again: a sender may still hold the old one
)

host_codes: Final = Table(
    "host_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False),  # 0: not yet
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("session_hash", String(64), primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index(None, "expires_ms"),
)
