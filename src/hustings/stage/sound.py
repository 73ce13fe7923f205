"""The sound of one room: voices in, one mix, the program out, and to each speaker the others.

Called by `stage.hall` once a tick (20 ms). Who may be heard where comes from the roster
(`arrange`); lines come and go by `connect` and `disconnect`. A speaker's return is mix-minus; all
who are silent at a tick share one encode of the whole program. Who hears whom backstage and in
private: `stage.mix.returns`. Between the mix and the program lies the broadcast delay: people on
stage hear each other at once.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

from hustings.base.ids import ParticipantId
from hustings.media.opus import OpusEncoder
from hustings.media.pcm import SILENCE, Pcm
from hustings.stage.mix.delay import DelayLine, Held
from hustings.stage.mix.echo import EchoFinder
from hustings.stage.mix.loudness import ShortTerm
from hustings.stage.mix.mixer import Mixed, Mixer
from hustings.stage.mix.program import Program
from hustings.stage.mix.returns import GREEN, OWN, PROGRAM, Spoken, returns
from hustings.stage.mix.voice import Voice, VoiceStatistics
from hustings.stage.room import HOSTS, person_of
from hustings.stage.rtc.peers import Peer, Peers
from hustings.wire.kinds import Part, Participant, Track

RETURN_BITRATE: Final = 32_000
RETURN_COMPLEXITY: Final = 5  # 0.26 % of a core a stream; 10 costs four times that

OnConnected = Callable[[str, bool], None]  # participant id, connected


class Connection(Protocol):
    """What a voice comes by."""

    id: str

    async def close(self) -> None:
        """Hang up."""
        ...


class Line:
    """One person's connection: what comes from their microphone, what goes to their ear."""

    def __init__(self, voice: Voice, *, encoder: bool) -> None:
        self.is_encoder = encoder  # an outside encoder (WHIP, radio): nothing is sent back
        self.voice = voice
        self.peer: Connection | None = None
        self.connected = False
        self.opus = _return_encoder()
        self.hears = OWN  # which shared encode the last frame was of


def _return_encoder() -> OpusEncoder:
    return OpusEncoder(RETURN_BITRATE, complexity=RETURN_COMPLEXITY)


class Sound:
    """All lines of a room and the mix of them."""

    def __init__(self, peers: Peers, on_connected: OnConnected) -> None:
        self._peers = peers
        self._on_connected = on_connected
        self._lines: dict[ParticipantId, Line] = {}
        self._mixer = Mixer()
        self._echo = EchoFinder()
        self._loudness = ShortTerm()
        self._gains: dict[str, int] = {}
        self._muted: frozenset[str] = frozenset()
        self._program: Program | None = None
        self.delay: DelayLine[Held] = DelayLine()
        self.taking = False  # what is spoken now will be aired
        self.mixed: Pcm = SILENCE
        """What was said on stage in the last tick, whether it is aired or not."""
        self._shared = {PROGRAM: _return_encoder(), GREEN: _return_encoder()}
        self._aired: frozenset[str] = frozenset()
        self._backstage: frozenset[str] = frozenset()
        self._green: frozenset[str] = frozenset()
        self._partners: dict[str, str] = {}
        self._tracked: frozenset[str] = frozenset()

    # --- lines -----------------------------------------------------------------------------------

    async def connect(self, who_id: str, offer_sdp: str, *, encoder: bool = False) -> Peer:
        """Answer an offer; the newest line of a person replaces the one before."""
        seat = ParticipantId(who_id)
        before = self._lines.get(seat)
        # The voice outlives the line: whoever reconnects goes on at the same loudness.
        line = Line(before.voice if before else Voice(), encoder=encoder)
        line.voice.trim(self._gains.get(who_id, 0))

        def state(now: str) -> None:
            if self._lines.get(seat) is line:
                line.connected = now == "connected"
                self._on_connected(who_id, line.connected)

        peer = line.peer = await self._peers.accept(
            offer_sdp, returns=not encoder, on_packet=line.voice.put, on_state=state
        )
        await self._replace(seat, line)
        return peer

    async def connect_studio(self, who_id: str, connection: Connection) -> Voice:
        """A radio studio's line; its packets go to the voice that this returns."""
        seat = ParticipantId(who_id)
        before = self._lines.get(seat)
        line = Line(before.voice if before else Voice(), encoder=True)
        line.voice.trim(self._gains.get(who_id, 0))
        line.peer, line.connected = connection, True
        await self._replace(seat, line)
        self._on_connected(who_id, True)
        return line.voice

    async def _replace(self, seat: ParticipantId, line: Line) -> None:
        replaced, self._lines[seat] = self._lines.get(seat), line
        if replaced is not None and replaced.peer is not None:
            await replaced.peer.close()

    async def disconnect(self, who_id: str, peer_id: str = "") -> bool:
        """Hang up a person's line (only the one of `peer_id`, if given)."""
        line = self._lines.get(ParticipantId(who_id))
        if line is None or line.peer is None or (peer_id and line.peer.id != peer_id):
            return False
        del self._lines[ParticipantId(who_id)]
        await line.peer.close()
        self._on_connected(who_id, False)
        return True

    def peer(self, who_id: str, peer_id: str) -> Peer | None:
        """That WebRTC connection of theirs, if it is still the one they have."""
        line = self._lines.get(ParticipantId(who_id))
        peer = line.peer if line else None
        return peer if isinstance(peer, Peer) and peer.id == peer_id else None

    async def close(self) -> None:
        """Hang up all."""
        for who_id in list(self._lines):
            await self.disconnect(who_id)

    @property
    def people(self) -> set[str]:
        """Who has a line."""
        return set(self._lines)

    def connections(self) -> dict[str, str]:
        """Who has a sound connection, and which."""
        return {who: line.peer.id for who, line in self._lines.items() if line.peer}

    @property
    def encoders(self) -> set[str]:
        """People who came by an outside encoder and so cannot press a button."""
        return {who_id for who_id, line in self._lines.items() if line.is_encoder}

    def arrange(
        self,
        people: Mapping[str, Participant],
        talks: Mapping[str, str],
        tracked: Collection[str] = (),
    ) -> None:
        """Take over from the roster who is on air, who is backstage, and who talks in private.

        tracked: whose own track is kept.
        """
        self._track(frozenset(tracked))
        self._partners = {**talks, **{guest: host for host, guest in talks.items()}}
        heard = [who for who in people.values() if not who.muted and who.id not in self._partners]
        self._aired = frozenset(who.id for who in heard if who.place == "stage")
        self._backstage = frozenset(who.id for who in heard if who.place == "backstage")
        self._green = frozenset(
            who.id for who in people.values() if who.place == "backstage" or who.role in HOSTS
        )
        self._muted = frozenset(who.id for who in people.values() if who.muted)
        self._gains = {who.id: who.gain_db for who in people.values()}
        for who_id, line in self._lines.items():
            line.voice.trim(self._gains.get(who_id, 0))

    def _track(self, tracked: frozenset[str]) -> None:
        """From here on keep the tracks of these; of who is none of them any more nothing stays."""
        for who in self._tracked - tracked:
            for held in self.delay:
                held.voices.pop(who, None)
            if self._program is not None:
                self._program.forget(who)
        self._tracked = tracked

    # --- on air ----------------------------------------------------------------------------------

    @property
    def on_air(self) -> bool:
        """Whether parts are being made."""
        return self._program is not None

    def go_on_air(self, next_part: int, *, radio: bool) -> None:
        """The next tick is the first of part `next_part`."""
        self._program = Program(next_part, radio)

    def radio(self, *, on: bool) -> None:
        """Whether the parts from here on have MP3 too."""
        if self._program is not None:
            self._program.radio = on

    def off_air(self) -> None:
        """No parts from here on; people on stage still hear each other."""
        self._program = None

    def drop(self) -> None:
        """Off the air, and what was held back or half encoded is gone for good."""
        self._program = None
        self.delay.clear()

    # --- the tick ----------------------------------------------------------------------------------

    def tick(self, now_s: float) -> Part | None:
        """20 ms of everybody; the finished part at a part's last tick, else None."""
        aired: dict[ParticipantId, Pcm] = {}
        beside = Spoken({}, {})
        for who_id, line in self._lines.items():
            pcm = line.voice.tick(now_s)  # also when not heard: the buffer must drain
            if pcm is None:
                continue
            if who_id in self._aired:
                aired[who_id] = pcm
            elif who_id in self._backstage:
                beside.backstage[who_id] = pcm
            elif who_id in self._partners and who_id not in self._muted:
                beside.private[who_id] = pcm
        self._echo.hear({who: line.voice.raw for who, line in self._lines.items()}, now_s)
        mixed = self._mixer.mix(aired)
        self.mixed = mixed.program
        self._loudness.feed(mixed.program)
        self._send_returns(mixed, beside)
        taken = Held(mixed.program, self._voices(aired)) if self.taking else None
        airs = self.delay.tick(taken)
        if self._program is None or airs is None:
            return None
        return self._program.tick(airs.program, airs.voices)

    def _voices(self, aired: Mapping[ParticipantId, Pcm]) -> dict[str, Pcm]:
        """Those of who agreed to it and is heard, each by itself."""
        voices: dict[str, Pcm] = {}
        for seat, pcm in aired.items():
            who = person_of(seat)
            if who in self._tracked and pcm.any():
                voices[who] = voices[who] + pcm if who in voices else pcm
        return voices

    @property
    def tracks(self) -> list[Track]:
        """Own tracks in the part that was finished last."""
        return self._program.tracks if self._program is not None else []

    def _send_returns(self, mixed: Mixed, beside: Spoken) -> None:
        peers = {
            who_id: line.peer
            for who_id, line in self._lines.items()
            if isinstance(line.peer, Peer) and line.connected and not line.is_encoder
        }
        heard = returns(peers, mixed, beside, green=self._green, partners=self._partners)
        packets: dict[str, bytes] = {}
        for who_id, (shared, pcm) in heard.items():
            line = self._lines[who_id]
            if shared == OWN:
                # Where a decoder changes streams, the first frame must not lean on the one before.
                packet = line.opus.encode(pcm, independent=line.hears != OWN)
            elif (known := packets.get(shared)) is None:
                changes = any(
                    to == shared != self._lines[who].hears for who, (to, _) in heard.items()
                )
                packet = packets[shared] = self._shared[shared].encode(pcm, independent=changes)
            else:
                packet = known
            line.hears = shared
            peers[who_id].send(packet)

    @property
    def speaking(self) -> list[str]:
        """Who on stage is speaking now."""
        return [w for w, line in self._lines.items() if w in self._aired and line.voice.speaking]

    @property
    def echoes(self) -> dict[str, str]:
        """Who is heard and sends a copy of whose sound (perhaps their own, come back)."""
        heard = self._aired | self._backstage
        return {copy: source for copy, source in self._echo.found.items() if copy in heard}

    @property
    def loudness(self) -> float:
        """Of the mix over the last 3 s, LUFS; -70 is silence."""
        return round(self._loudness.lufs, 1)

    def levels(self) -> dict[str, float]:
        """How loud each microphone is, dBFS, whether heard or not."""
        return {w: round(line.voice.level_dbfs, 1) for w, line in self._lines.items()}

    def statistics(self) -> dict[str, VoiceStatistics]:
        """Per person: packets received, lost, recovered, concealed."""
        return {who_id: line.voice.statistics() for who_id, line in self._lines.items()}
