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
    UniqueConstraint,
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
    Column("lobby_min", Integer, nullable=True),  # NULL: as the house does it
    Column("doors", String(8), nullable=True),  # lobby | live; NULL: as the house does it
    Column("own_rules", Text, nullable=False),
    Column("rules_alone", Boolean, nullable=False),  # the house's do not hold there
    Column("made_here", Boolean, nullable=False),  # false: the stage told us of it
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # as the stage last said, or cancelled
    Column("facts", LargeBinary, nullable=False),  # JSON of the stage's `room` body; empty: none
    Column("sort_ms", BigInteger, nullable=False),  # where lists put it: its end, else its start
    Column("words", Text, nullable=False),  # title and host, folded, for the search
    Index(None, "sort_ms", "room"),
    Index("ix_rooms_state", "state", "sort_ms", "room"),
)

house_rules: Final = Table(  # as owners wrote them; without any the built-in ones hold
    "house_rules",
    metadata,
    Column("language", String(35), primary_key=True),
    Column("text", Text, nullable=False),
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
    Column("made_by", String(32), nullable=False),  # account; "": not known, or none
    Index(None, "room"),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("room", String(64), nullable=False),
    Column("call", String(16), nullable=False),  # room | picture | revoke | entry
    Column("body", LargeBinary, nullable=False),  # JSON
    Column("made_ms", BigInteger, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", String(300), nullable=False),  # what the last attempt met
    Column("refused", Boolean, nullable=False),  # the stage said no: not tried again
    Index(None, "room"),
    sqlite_autoincrement=True,  # an id is never used again: a sender may still hold the old one
)

accounts: Final = Table(
    "accounts",
    metadata,
    Column("account", String(32), primary_key=True),  # random; also WebAuthn's user handle
    Column("name", String(80), nullable=False),
    Column("role", String(16), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

passkeys: Final = Table(
    "passkeys",
    metadata,
    Column("passkey", String(64), primary_key=True),  # SHA-256 of the credential's id
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), nullable=False),
    Column("credential", LargeBinary, nullable=False),  # its id, as the browser wants it back
    Column("public_key", LargeBinary, nullable=False),  # COSE
    Column("counter", BigInteger, nullable=False),  # of signatures; 0: it does not count
    Column("browser", String(40), nullable=False),  # in which it was made
    Column("made_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False),  # to the day; 0: never
    Index(None, "account"),
)

recovery_codes: Final = Table(
    "recovery_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),  # gone once used
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), nullable=False),
    Index(None, "account"),
)

host_codes: Final = Table(
    "host_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False),  # 0: not yet
    Column("role", String(16), nullable=False),
    Column("name", String(80), nullable=False),  # for whom
    Column("made_by", String(32), nullable=False),  # account; "": the machine, -: no account
    Column("address", String(254), nullable=False),  # to which it was mailed; "": not, or used
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("session_hash", String(64), primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), nullable=True),
    Column("role", String(16), nullable=False),  # where there is no account
    Column("browser", String(40), nullable=False),  # family and system; "": not known
    Column("seen_ms", BigInteger, nullable=False),  # to the day
    Index(None, "expires_ms"),
    Index(None, "account"),
)

emails: Final = Table(
    "emails",
    metadata,
    Column("address", String(254), primary_key=True),  # proved; lower case, domain in ASCII
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Index(None, "account"),
)

mail_links: Final = Table(
    "mail_links",
    metadata,
    Column("link_hash", String(64), primary_key=True),  # gone once used
    Column("address", String(254), nullable=False),  # where it was sent
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), nullable=False),
    Column("purpose", String(8), nullable=False),  # sign_in | verify
    Column("asked_hash", String(64), nullable=False),  # of the asking browser's secret
    Column("expires_ms", BigInteger, nullable=False),
    Index(None, "address"),
    Index(None, "account"),
    Index(None, "expires_ms"),
)

letters: Final = Table(
    "letters",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("transport", String(8), nullable=False),  # mail | push | hook
    Column("key", String(200), nullable=False),  # what it is for: nothing is queued twice
    Column("batch", String(100), nullable=False),  # what it belongs to
    Column("host", String(255), nullable=False),  # of the recipient
    Column("recipient", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # empty once it is over
    Column("rank", Integer, nullable=False),  # 0: somebody waits for it; 1
    Column("made_ms", BigInteger, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),  # of no use later
    Column("attempts", Integer, nullable=False),
    Column("error", String(300), nullable=False),  # what the last attempt met
    Column("state", String(8), nullable=False),  # waiting | sending | sent | given_up | unsure
    Column("changed_ms", BigInteger, nullable=False),  # when it came into this state
    Index("ix_letters_due", "transport", "state", "rank", "next_ms"),
    Index("ix_letters_changed", "transport", "state", "changed_ms"),
    Index("ix_letters_batch", "batch"),
    UniqueConstraint("key", name="uq_letters_key"),
    sqlite_autoincrement=True,  # an id is never used again: a sender may still hold the old one
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("key", String(16), primary_key=True),  # its first part, which is no secret
    Column("key_hash", String(64), nullable=False),
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("scopes", String(300), nullable=False),  # words of web/keys/model.py
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False),  # to the day; 0: never
    Index(None, "account"),
)

done_once: Final = Table(
    "done_once",
    metadata,
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), primary_key=True),
    Column("once", String(64), primary_key=True),  # the caller's Idempotency-Key
    Column("digest", String(64), nullable=False),  # SHA-256 of the request
    Column("made", String(80), nullable=False),  # name of what came of it
    Column("made_ms", BigInteger, nullable=False),
    Index(None, "made_ms"),
)

hooks: Final = Table(
    "hooks",
    metadata,
    Column("hook", String(32), primary_key=True),
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),  # names, a space between
    Column("generation", Integer, nullable=False),  # of its secret, which is derived, not stored
    Column("overlap_ms", BigInteger, nullable=False),  # until then the secret before signs too
    Column("made_ms", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),  # on | off (by hand) | failed
    Column("reason", String(300), nullable=False),  # why it failed
    Column("failing_ms", BigInteger, nullable=False),  # since when no answer was good; 0: it is
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("delivery", String(32), primary_key=True),  # `webhook-id`, the same in all attempts
    Column("hook", ForeignKey("hooks.hook", ondelete="CASCADE"), nullable=False),
    Column("event", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON, as it is signed
    Column("made_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),  # tried no longer
    Column("sends", Integer, nullable=False),  # letters that were queued for it
    Column("attempts", Integer, nullable=False),
    Column("tried_ms", BigInteger, nullable=False),  # last; 0: not yet
    Column("status", Integer, nullable=False),  # HTTP, of the last answer; 0: none
    Column("answer", String(300), nullable=False),  # its first words, or what befell us
    Column("state", String(8), nullable=False),  # waiting | sent | failed
    Index(None, "hook"),
)

awaited_replays: Final = Table(
    "awaited_replays",
    metadata,
    Column("room", String(64), primary_key=True),  # ended; its replay is not ready yet
    Column("since_ms", BigInteger, nullable=False),
)

subscriptions: Final = Table(
    "subscriptions",
    metadata,
    Column("subscription", String(32), primary_key=True),
    Column("room", String(64), ForeignKey("rooms.room", ondelete="CASCADE"), nullable=False),
    Column("channel", String(8), nullable=False),  # mail | push
    Column("address", Text, nullable=False),  # of a mailbox, or a push endpoint
    Column("address_hash", String(64), nullable=False),  # SHA-256
    Column("keys", LargeBinary, nullable=False),  # of a push endpoint
    Column("language", String(8), nullable=False),  # in which it is told
    Column("zone", String(64), nullable=False),  # of the reader's clock; empty: not known
    Column("place", Integer, nullable=False),  # in the window; web/reminders/spread.py
    Column("made_ms", BigInteger, nullable=False),
    Column("confirmed_ms", BigInteger, nullable=False),  # 0: not yet
    Column("told_ms", BigInteger, nullable=False),  # the start that they know; -1: cancelled
    Column("reminded_ms", BigInteger, nullable=False),  # the start that they were reminded of
    Index("ix_subscriptions_place", "room", "channel", "place"),
    Index(None, "address_hash"),
    UniqueConstraint("room", "address_hash", name="uq_subscriptions_room"),
)

promotions: Final = Table(
    "promotions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("room", String(64), ForeignKey("rooms.room", ondelete="CASCADE"), nullable=False),
    Column("occasion", String(16), nullable=False),  # reminder | moved | cancelled
    Column("channel", String(8), nullable=False),  # mail | push
    Column("start_ms", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("opens_ms", BigInteger, nullable=False),
    Column("closes_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),  # open | closing | done
    Column("queued", Integer, nullable=False),  # that became letters
    Column("missed", Integer, nullable=False),  # that did not, for want of time
    Column("dropped", Integer, nullable=False),  # that did not, since the plan changed
    Column("told", Integer, nullable=False),  # entries in the journal so far
    Column("told_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of the last one; empty: none
    Index(None, "room"),
    sqlite_autoincrement=True,
)

identities: Final = Table(
    "identities",
    metadata,
    Column("identity", String(64), primary_key=True),  # SHA-256 of issuer and subject
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), nullable=False),
    Column("issuer", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Index(None, "account"),
)

crew: Final = Table(
    "crew",
    metadata,
    Column("room", String(64), ForeignKey("rooms.room", ondelete="CASCADE"), primary_key=True),
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), primary_key=True),
    Column("role", String(16), nullable=False),  # in this room
    Column("made_ms", BigInteger, nullable=False),
    Index(None, "account"),
)

seats: Final = Table(
    "seats",
    metadata,
    Column("room", String(64), ForeignKey("rooms.room", ondelete="CASCADE"), primary_key=True),
    Column("account", ForeignKey("accounts.account", ondelete="CASCADE"), primary_key=True),
    Column("seat", String(32), nullable=False),  # participant id
    Column("role", String(16), nullable=False),  # on the stage, while the seat is theirs
    Column("made_ms", BigInteger, nullable=False),  # when they first went there
    Index(None, "account"),
)

guests: Final = Table(
    "guests",
    metadata,
    Column("guest", String(32), primary_key=True),
    Column("room", String(64), ForeignKey("rooms.room", ondelete="CASCADE"), nullable=False),
    Column("place", Integer, nullable=False),  # in the hosts' order
    Column("name", String(80), nullable=False),
    Column("line", String(120), nullable=False),  # who they are
    Column("url", String(300), nullable=False),
    Column("link", String(32), nullable=False),  # id of the one link that is good
    Column("made_ms", BigInteger, nullable=False),
    Column("answers", LargeBinary, nullable=False),  # JSON: what they agreed to, and when
    Column("picture", String(32), nullable=False),  # hash of `jpeg`; empty: none
    Column("jpeg", LargeBinary, nullable=False),  # what they gave, 50 kB; empty: none
    Index(None, "room"),
)
