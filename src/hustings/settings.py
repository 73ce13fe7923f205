"""One frozen tree of settings: defaults < TOML file < environment (`HUSTINGS_*`) < flags.

Each package receives its own small struct, never the whole tree. The names here are the names
in the TOML file (`[stage.rtc] first_port = 40000`), the environment
(`HUSTINGS_STAGE_RTC_FIRST_PORT`) and docs/settings.md, which is made from this module: the
docstring below each attribute gives its meaning, unit and reason. `hustings.loading` fills it.
"""

from typing import Annotated, Literal

import msgspec

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]
Secrets = Annotated[tuple[str, ...], msgspec.Meta(extra={"secret": True})]
"""Never printed, never logged."""


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all settings structs."""


class Tls(Frozen, frozen=True):
    """Certificate and key in PEM; both or none. Microphones need TLS off localhost."""

    cert: str = ""
    """Path of the certificate chain."""
    key: str = ""
    """Path of its private key."""


class PublicUrl(Frozen, frozen=True):
    """How people reach the services, where it differs from host and port (a proxy, a domain)."""

    web: str = ""
    """For example https://debate.example; empty: made from `host` and `web.port`."""
    stage: str = ""
    """Of the stage, with the path where a proxy put it."""
    edge: str = ""
    """Of the edges: what listeners are given."""


class Rtc(Frozen, frozen=True):
    """The stage's UDP side (WebRTC)."""

    first_port: Port = 40_000
    """First UDP port of the range; one speaker takes one port."""
    last_port: Port = 40_399
    """Last UDP port of the range."""
    bind: str = ""
    """Address to bind; empty: the one that `host` names, or all of the machine's own."""
    advertise: str = ""
    """Address to write into answers instead (behind 1:1 NAT)."""
    ice_servers: Secrets = ()
    """STUN/TURN URLs for speakers who cannot reach the stage, such as turn:relay.example:3478?transport=tcp;
    none by default. May hold an account: turn:user:password@host."""
    turn_secret: Secret = ""
    """Shared with the TURN servers above that have no account in their URL (coturn: `use-auth-secret`,
    `static-auth-secret`): each page gets a password of its own, good for twelve hours."""


class Radio(Frozen, frozen=True):
    """Radio studios as speakers, by the Icecast source protocol."""

    port: Port = 0
    """TCP port at which they send; 0: none. With a certificate (`tls.cert`) it wants TLS."""
    studios: Count = 8
    """Lines at once; each takes about 2 % of a core."""


class PushSettings(Frozen, frozen=True):
    """Programs sent on to other platforms by RTMP."""

    targets: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    """Platforms to which one room may be sent; 0: none."""
    processes: Count = 8
    """Of all rooms together; each takes 75 MB and some 0.2 % of a core."""
    allow: tuple[str, ...] = ()
    """Servers in your own network that hosts may name, such as rtmp://relay.lan:1935; all others must be on
    the public internet."""


class StageSettings(Frozen, frozen=True):
    """The stage service."""

    port: Port = 8001
    """TCP port of its pages, its API and the feed."""
    rooms: Count = 20
    """Open rooms at once in one process; measured in docs/benchmarks.md."""
    seats: Count = 13
    """People on stage in one room."""
    people: Count = 50
    """Named participants in one room, backstage included."""
    lobby_min: Annotated[int, msgspec.Meta(ge=0, le=720)] = 30
    """Minutes before the planned start at which the lobby of a room opens by itself whose form says nothing;
    0: by hand only. What a new room's form offers first."""
    doors: Annotated[str, msgspec.Meta(pattern="^(lobby|live)$")] = "lobby"
    """When the queue of a full house begins to move in a room whose form says nothing: with the lobby, or
    when it goes live. Those who wait already then are served in an order that is drawn by lot; whoever comes
    later, as they come. What a new room's form offers first."""
    keep_days: Annotated[int, msgspec.Meta(ge=-1, le=36_500)] = -1
    """Days after the end for which the recording of a room is kept whose form says nothing; 0: not kept,
    -1: for ever. What a new room's form offers first."""
    rtc: Rtc = Rtc()
    radio: Radio = Radio()
    push: PushSettings = PushSettings()


class JournalSettings(Frozen, frozen=True):
    """The record on disk."""

    sync_s: Positive = 0.8
    """Seconds between fsyncs: what a power cut may cost is this plus one fsync, <= 1 s."""
    snapshot_s: Positive = 60.0
    """Seconds between snapshots, where a restart and a new edge begin to read."""
    pending_bytes: Count = 64 * 1024 * 1024
    """Held in memory while the disk is full (about 45 minutes of a room)."""


Reaction = Literal["clap", "heart", "laugh", "wow", "agree", "doubt"]


class EdgeSettings(Frozen, frozen=True):
    """The edge service."""

    port: Port = 8002
    """TCP port of the audience; the edges of one machine share it."""
    count: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Edges that `hustings serve` runs; 0: one for each core but one, at least one."""
    share_port: bool = False
    """Whether other edges of this machine may listen on `port` too; `hustings serve` sets it."""
    lane_port: Port = 8010
    """TCP port on 127.0.0.1 of the first edge's operator's lane, further edges' count up; 0: none."""
    origin: str = ""
    """URL of the stage; empty: the stage on this machine."""
    token: Secret = ""
    """Edge credential (`hustings edge-token`); empty: made from the keys in `data`."""
    journal_key: str = ""
    """Public key that the stage's checkpoints must be signed with (`GET /journal-key`, or a file);
    empty: the key in `data`, if the stage is on this machine."""
    archive: str = ""
    """Where the past of rooms is read: the data folder of a stage on this machine, or the address of an
    edge that has one; empty: `data`, if the stage is on this machine, else nowhere."""
    archive_bytes: Count = 64 * 1024 * 1024
    """Past sound kept in memory, for those who rewind to the same minutes."""
    backlog_s: Positive = 40.0
    """Program kept in memory for resumers; at least 30."""
    send_buffer_bytes: Count = 65_536
    """Most unsent bytes of one listener (less where 5 s of sound are less) before they get no more
    until it has drained; twice that: closed."""
    drain_s: Positive = 30.0
    """Longest that an edge which is to end (SIGTERM, `POST /drain`) goes on sending."""
    linger_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Seconds for which it still takes newcomers, `/readyz` answering 503: a balancer's two checks."""
    joins_per_s: Positive = 5_000.0
    """Newcomers that one core takes in a second; the queue calls `join_share` of them."""
    listeners: Count = 20_000
    """Connections beyond which newcomers get 503."""
    held: Count = 4_000
    """Blocked LL-HLS requests of one room beyond which there is 503; a player holds one or two."""
    proxy_protocol: bool = False
    """Connections of `guard.trusted_proxies` begin with a PROXY header (version 1 or 2)."""
    of_network: Count = 5_000
    """Connections of one network (IPv4 /24, IPv6 /48) beyond which it takes a ticket; carriers share one."""
    waiting_share: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.2
    """Of connections and bandwidth, kept for those who wait for a seat and hear `opus-low` meanwhile."""
    reactions: tuple[Reaction, ...] = ("clap", "heart", "laugh", "wow", "agree", "doubt")
    """What listeners may react with, in this order; a list without any takes reactions away."""
    bandwidth_mbit: Annotated[float, msgspec.Meta(ge=0)] = 0
    """What this edge may send, Mbit/s; 0: not limited. A listener takes 0.041 (`opus`) to 0.073 (`aac`)."""
    join_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.2
    """Of one core, for those who join: what keeps a stampede away from those who listen. Three times
    as much while nothing presses; 1: all of it."""


class WebSettings(Frozen, frozen=True):
    """The web service."""

    port: Port = 8000
    """TCP port of its pages and its API."""
    database: Secret = ""
    """SQLAlchemy URL; empty: SQLite in `data`."""
    stage: str = ""
    """URL of the stage; empty: the stage on this machine."""


class OutboundSettings(Frozen, frozen=True):
    """Where web may go: addresses that people type in (webhooks, push services)."""

    allow: tuple[str, ...] = ()
    """Origins in your own network that may be reached, such as http://chat.lan:8065; also without TLS.
    All others must be https and have addresses of the public internet only. Whoever may type an address
    into this house then reaches these hosts from its machine: name only what may be asked by them."""


class MailSettings(Frozen, frozen=True):
    """The server that takes the house's mail. Without `host` no mail leaves the house: links to sign in then
    stand in web's log, and for 15 minutes on its owners' page *People*.
    """

    host: str = ""
    """Its name; localhost for a mail server on this machine."""
    port: Port = 587
    """TCP port: 587 with `starttls`, 465 with `tls`, often 25 with `none`."""
    tls: Annotated[str, msgspec.Meta(pattern="^(starttls|tls|none)$")] = "starttls"
    """How the line is made secret; its certificate must be good. `none` is for a server on this machine."""
    user: str = ""
    """Account there; empty: none is asked for."""
    password: Secret = ""
    """Of that account."""
    connections: Annotated[int, msgspec.Meta(ge=1, le=50)] = 8
    """Most at once, as long as there is something to send; ask whoever runs the server how many it takes."""
    sender: str = ""
    """Whom mail is from: Town Hall <no-reply@debate.example>, or the address alone. That domain must let
    the server send for it (SPF, DKIM), or mail ends in spam."""


class ReminderSettings(Frozen, frozen=True):
    """Reminders by mail and Web Push; the same for every evening of this house."""

    minutes: Positive = 20.0
    """Over how many they are spread, so that they bring no stampede."""
    ahead_min: Positive = 10.0
    """Minutes before the start at which the last one is sent at the latest: they end when the room's lobby
    opens, or so long before the start where it opens later or by hand."""
    per_s: Positive = 100.0
    """Most a second, by mail and by push each; where there are more, they begin earlier."""
    subscribers: Count = 200_000
    """Most of one room, by mail and by push each; beyond it nobody is taken."""
    contact: str = ""
    """Whom push services write to about trouble, mailto: or https:; empty: web's address, if that is https."""
    push: bool = True
    """Whether browsers may be reminded: their makers' push services then carry the messages, encrypted."""


class OidcSettings(Frozen, frozen=True):
    """Signing in through a provider of OpenID Connect (Keycloak, Entra, Google ...). Without `issuer`: none.
    Register the house there as a web application that comes back to WEB/sign-in/oidc/back.
    """

    issuer: str = ""
    """The provider's address, letter by letter as it calls itself, such as https://login.example/realms/news."""
    client_id: str = ""
    """How it calls this house."""
    client_secret: Secret = ""
    """What it gave this house; empty for a public client (PKCE is used in any case)."""
    name: str = "OpenID Connect"
    """What the button says."""
    newcomers: Annotated[str, msgspec.Meta(pattern="^(invited|member)$")] = "invited"
    """Who has no account here: `invited` needs a one-time link; `member`: gets an account in that role."""


class ServeSettings(Frozen, frozen=True):
    """`hustings serve`: after how many seconds without a heartbeat a service is started anew."""

    stage_frozen_s: Positive = 3.0
    """For the stage: shorter than the pause that speakers would take for an end."""
    edge_frozen_s: Positive = 2.0
    """For an edge: its listeners' players hold about half a second."""
    web_frozen_s: Positive = 5.0
    """For web: nobody hears it."""
    ready_s: Positive = 30.0
    """Longest start, up to the first answer."""


class ReplaySettings(Frozen, frozen=True):
    """The files of rooms that have ended."""

    downloads: tuple[Annotated[str, msgspec.Meta(pattern="^(m4a|opus|mp3|wav)$")], ...] = (
        "m4a",
        "opus",
        "mp3",
        "wav",
    )
    """Which ones are made, `m4a` always; an hour takes 30, 15, 29 and 346 MB, the segments 49 MB."""


class HouseSettings(Frozen, frozen=True):
    """The house as its podcast presents it (`/podcast.xml` of an edge); directories want all four."""

    title: Annotated[str, msgspec.Meta(max_length=200)] = "Hustings"
    """Its name."""
    about: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    """A sentence or two about it; empty: the title."""
    category: Annotated[str, msgspec.Meta(max_length=100)] = "News"
    """One of the categories of Apple's podcast directory."""
    image: str = ""
    """Address of a square picture (Apple: 1,400 to 3,000 pixels, PNG or JPEG); empty: Hustings' own sign."""


class GuardSettings(Frozen, frozen=True):
    """What strangers may do on the stage's and web's ports; `Limits(**asdict(settings.guard))`."""

    connections: Count = 2_000
    """Open connections of one port; beyond it 503."""
    per_address: Count = 500
    """Open connections of one address (IPv6: /56); campuses and carriers share one."""
    rate: Positive = 20.0
    """Requests a second and address; beyond it 429."""
    burst: Positive = 200.0
    """Requests at once before `rate` counts."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses whose X-Forwarded-For and -Proto are believed; themselves they are not limited."""
    forwarded_header: Annotated[str, msgspec.Meta(pattern="^(x-forwarded-for|forwarded)$")] = (
        "x-forwarded-for"
    )
    """The one header in which they name the client; they must set it and drop what clients sent."""


class Settings(Frozen, frozen=True):
    """Everything."""

    data: str = "hustings-data"
    """Folder for keys, journals and the embedded database."""
    host: str = "127.0.0.1"
    """Address the three services listen on."""
    log: Annotated[str, msgspec.Meta(pattern="^(debug|info|warning|error)$")] = "info"
    """Least level that is logged."""
    tls: Tls = Tls()
    public_url: PublicUrl = PublicUrl()
    house: HouseSettings = HouseSettings()
    stage: StageSettings = StageSettings()
    serve: ServeSettings = ServeSettings()
    replay: ReplaySettings = ReplaySettings()
    guard: GuardSettings = GuardSettings()
    journal: JournalSettings = JournalSettings()
    edge: EdgeSettings = EdgeSettings()
    web: WebSettings = WebSettings()
    outbound: OutboundSettings = OutboundSettings()
    mail: MailSettings = MailSettings()
    reminders: ReminderSettings = ReminderSettings()
    oidc: OidcSettings = OidcSettings()
