"""One frozen tree of settings: defaults < TOML file < environment (`HUSTINGS_*`) < flags.

Each package receives its own small struct, never the whole tree. The names here are the names
in the TOML file (`[stage.rtc] first_port = 40000`), the environment
(`HUSTINGS_STAGE_RTC_FIRST_PORT`) and docs/settings.md, which is made from this module.
"""

import msgspec


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all settings structs."""


class Tls(Frozen, frozen=True):
    """Certificate and key in PEM; both or none. Microphones need TLS off localhost."""

    cert: str = ""
    key: str = ""


class PublicUrl(Frozen, frozen=True):
    """How people reach the services, where it differs from host and port (a proxy, a domain)."""

    web: str = ""
    stage: str = ""
    edge: str = ""


class Rtc(Frozen, frozen=True):
    """The stage's UDP side (WebRTC)."""

    first_port: int = 40_000
    """First UDP port of the range; one speaker takes one port."""
    last_port: int = 40_399
    bind: str = ""
    """Address to bind; empty: the one that `host` names, or all of the machine's own."""
    advertise: str = ""
    """Address to write into answers instead (behind 1:1 NAT)."""
    ice_servers: tuple[str, ...] = ()
    """STUN/TURN URLs for speakers who cannot reach the stage; none by default."""


class StageSettings(Frozen, frozen=True):
    """The stage service."""

    port: int = 8001
    rooms: int = 20
    """Open rooms at once in one process; measured in docs/benchmarks.md."""
    seats: int = 13
    """People on stage in one room."""
    people: int = 50
    """Named participants in one room, backstage included."""
    rtc: Rtc = Rtc()


class JournalSettings(Frozen, frozen=True):
    """The record on disk."""

    sync_s: float = 0.8
    """Seconds between fsyncs: what a power cut may cost is this plus one fsync, <= 1 s."""
    snapshot_s: float = 60.0
    pending_bytes: int = 64 * 1024 * 1024
    """Held in memory while the disk is full (about 45 minutes of a room)."""


class EdgeSettings(Frozen, frozen=True):
    """The edge service."""

    port: int = 8002
    count: int = 1
    origin: str = ""
    """URL of the stage; empty: the stage on this machine."""
    token: str = ""
    """Edge credential (`hustings edge-token`); empty: made from the keys in `data`."""
    backlog_s: float = 40.0
    """Program kept in memory for resumers; at least 30."""
    send_buffer_bytes: int = 65_536
    """Unsent bytes of one listener beyond which they jump to live; twice that: closed."""
    listeners: int = 20_000
    """Connections beyond which newcomers get 503."""


class WebSettings(Frozen, frozen=True):
    """The web service."""

    port: int = 8000
    database: str = ""
    """SQLAlchemy URL; empty: SQLite in `data`."""
    stage: str = ""
    """URL of the stage; empty: the stage on this machine."""


class Settings(Frozen, frozen=True):
    """Everything."""

    data: str = "hustings-data"
    """Folder for keys, journals and the embedded database."""
    host: str = "127.0.0.1"
    """Address the three services listen on."""
    log: str = "info"
    tls: Tls = Tls()
    public_url: PublicUrl = PublicUrl()
    stage: StageSettings = StageSettings()
    journal: JournalSettings = JournalSettings()
    edge: EdgeSettings = EdgeSettings()
    web: WebSettings = WebSettings()
