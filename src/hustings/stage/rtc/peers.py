"""WebRTC connections of speakers: SDP in, raw Opus packets out and in; no codec, no thread.

Of aiortc only DTLS and SRTP are used, of aioice ICE (`stage.rtc.ice`); the RTP end is `stage.rtc.rtp`.
A connection is one task, which ends with it. Packets go to the studio as they come, by
`on_packet`; frames for the speaker are encrypted and sent within `send`, so no queue stands
between the mixer and the line: a frame that cannot go at once is dropped.

Runs on whatever event loop calls `accept`; all else must be called on that same loop.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final

from aioice import Candidate
from aiortc import RTCDtlsTransport, RTCIceServer
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import connection_kwargs
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters

from hustings.base.clock import Clock
from hustings.base.errors import OperatorError, PeerError
from hustings.base.ids import new_id
from hustings.base.tasks import Tasks
from hustings.settings import Rtc
from hustings.stage.rtc import sdp
from hustings.stage.rtc.certificate import Certificate
from hustings.stage.rtc.ice import GuardedConnection, Ports, own_addresses
from hustings.stage.rtc.relays import used_by_stage
from hustings.stage.rtc.rtp import OnPacket, RtpEnd

log = logging.getLogger(__name__)

OnState = Callable[[str], None]

CONNECT_S: Final = 10.0  # a failed ICE never reports by itself
WATCH_S: Final = 1.0  # RTCP and the look at the line
PROBE_S: Final = 5.0  # consent, RFC 7675 5.1
QUIET_S: Final = 1.5  # without a packet: ask at once
LOST_S: Final = 4.0
GONE_S: Final = 30.0  # RFC 7675: no longer allowed to send


def _check_names() -> None:
    """Stop with a clear word where aiortc no longer has what this module calls."""
    names = "_register_rtp_receiver _register_rtp_sender _send_rtp _set_role _handle_rtp_data"
    missing = [name for name in names.split() if not hasattr(RTCDtlsTransport, name)]
    missing += [
        name
        for name in ("_rtp_router", "_tx_srtp", "_task")
        if name not in RTCDtlsTransport.__init__.__code__.co_names
    ]
    handler = getattr(RTCDtlsTransport, "_handle_rtp_data", None)
    if handler is None or "arrival_time_ms" not in handler.__code__.co_varnames:
        missing.append("arrival_time_ms")
    if missing:
        raise OperatorError(
            "aiortc_version",
            f"aiortc {metadata.version('aiortc')} lacks {', '.join(missing)}; "
            "install the version that pyproject.toml names.",
        )


_check_names()


@dataclass(frozen=True)
class PeerStatistics:
    """One connection's numbers since it began, but the losses: of the last second."""

    rtt_ms: float | None  # None until first measured
    loss: float  # 0..1, of the speaker's packets
    loss_there: float  # 0..1, of ours, as they report it
    received: int
    lost: int
    jitter_ms: float
    sent: int
    unsent: int  # frames dropped: not connected, or the socket full
    refused: int  # their packets beyond a voice's rate or size
    foreign: int  # datagrams from strangers
    overflow: int  # packets dropped as the loop was too slow


class _Line:
    """What RTCDtlsTransport needs of an ICE transport."""

    def __init__(self, ice: GuardedConnection) -> None:
        self._recv = ice.recv
        self._send = ice.send
        self.role = "controlled"


class Peer:
    """One connection; made by `Peers.accept`. States: connecting, connected, lost, closed."""

    def __init__(
        self, ice: GuardedConnection, end: RtpEnd, on_state: OnState, clock: Clock
    ) -> None:
        self.id = new_id()
        self.answer_sdp = ""
        self.looks = False  # whether we look for the other side where it says that it is
        self.remote_ufrag = ""
        self.state = ""
        self._ice = ice
        self._end = end
        self._on_state = on_state
        self._clock = clock
        self._certificate = Certificate.generateCertificate()
        self._dtls = RTCDtlsTransport(_Line(ice), [self._certificate])
        self._ended = asyncio.Event()
        self._tasks = Tasks()
        self._endings = Tasks()  # never cancelled: what is half closed would stay open
        self._ending: asyncio.Task[None] | None = None
        self._rtt_ms: float | None = None
        self._unsent = 0

    def send(self, opus_packet: bytes) -> None:
        """Send one frame of 20 ms, at once or never; call once for each tick, connected or not."""
        if self.state != "connected" or not self._ice.writable:
            self._end.skip()
            self._unsent += 1
            return
        self._ice.send_now(self._dtls._tx_srtp.protect(self._end.next_packet(opus_packet)))  # noqa: SLF001

    def statistics(self) -> PeerStatistics:
        """The numbers as they stand."""
        end, ice = self._end, self._ice
        return PeerStatistics(
            rtt_ms=self._rtt_ms,
            loss=end.loss,
            loss_there=end.loss_there,
            received=end.received,
            lost=end.lost,
            jitter_ms=end.jitter_ms,
            sent=end.sent,
            unsent=self._unsent,
            refused=end.refused,
            foreign=ice.foreign,
            overflow=ice.overflow,
        )

    async def trickle(self, candidates: Sequence[str]) -> None:
        """Further places to look for the other side, while we are still looking."""
        known = len(self._ice.remote_candidates)
        if self.state == "connecting" and self.looks:
            for line in candidates[: max(0, sdp.MAX_CANDIDATES - known)]:
                await self._ice.add_remote_candidate(Candidate.from_sdp(line))

    async def close(self) -> None:
        """End the connection and wait until nothing of it is left; may be called again."""
        await self._tasks.close()
        await self._release()

    def _enter(self, state: str) -> None:
        if self.state in {state, "closed"}:
            return
        began, self.state = bool(self.state), state
        if state == "closed" and not began:  # `accept` failed, and says so itself
            return
        try:
            self._on_state(state)
        except Exception:  # our own fault must not leave a socket open
            log.exception("a speaker's new state %s could not be taken", state)

    async def prepare(self) -> sdp.Local:
        """Bind a port, ask STUN and TURN servers if any are set; what our side's SDP says."""
        ice = self._ice
        await ice.gather_candidates()
        fingerprints = self._certificate.getFingerprints()
        return sdp.Local(
            session=secrets.randbits(62),
            ufrag=ice.local_username,
            password=ice.local_password,
            fingerprint=next(each.value for each in fingerprints if each.algorithm == "sha-256"),
            ssrc=self._end._ssrc,  # noqa: SLF001 - aiortc's name for it
            candidates=tuple(each.to_sdp() for each in ice.local_candidates),
        )

    async def begin(self, remote: sdp.Offer, candidates: Sequence[str], *, complete: bool) -> None:
        """Connect to the other side in the background.

        candidates: where to look for it; its own checks show us further ones. complete: whether
        there will be none, so that a failure is known before the time is up.
        """
        ice = self._ice
        ice.remote_username, ice.remote_password = remote.ufrag, remote.password
        self.remote_ufrag = remote.ufrag
        for line in candidates:
            await ice.add_remote_candidate(Candidate.from_sdp(line))
        if complete:
            await ice.add_remote_candidate(None)
        self._enter("connecting")
        self._tasks.start(self._run(remote), name=f"peer {self.id}")

    async def _run(self, remote: sdp.Offer) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._ice.connect()
                await self._secure(remote)
            if self._dtls.state != "connected":
                raise ConnectionError("DTLS failed")
            self._end.heard_s = self._clock.monotonic()
            self._enter("connected")
            await self._watch()
        except (TimeoutError, ConnectionError) as error:
            log.info("peer %s did not connect: %s", self.id, error or "no answer in time")
        finally:
            await self._release()

    async def _secure(self, remote: sdp.Offer) -> None:
        """DTLS, and our RTP end attached to it before the first packet can come."""
        dtls, end = self._dtls, self._end
        codec = RTCRtpCodecParameters(
            mimeType="audio/opus", clockRate=48_000, channels=2, payloadType=remote.payload_type
        )
        parameters = RTCRtpReceiveParameters(codecs=[codec])
        dtls._register_rtp_receiver(end, parameters)  # noqa: SLF001
        dtls._register_rtp_sender(end, parameters)  # noqa: SLF001
        end.attach(dtls._rtp_router.ssrc_table)  # noqa: SLF001
        dtls._set_role("client" if sdp.our_setup(remote) == "active" else "server")  # noqa: SLF001
        dtls.on("statechange", self._dtls_changed)
        prints = [
            RTCDtlsFingerprint(algorithm=name, value=value) for name, value in remote.fingerprints
        ]
        await dtls.start(RTCDtlsParameters(fingerprints=prints))

    def _dtls_changed(self) -> None:
        if self._dtls.state in {"closed", "failed"}:
            self._ended.set()

    async def _watch(self) -> None:
        """Until the other side hangs up or is gone: RTCP, consent and the state, each second."""
        probed_s = -PROBE_S
        while True:
            now = self._clock.monotonic()
            if now - self._end.heard_s > QUIET_S or now - probed_s > PROBE_S:
                probed_s = now
                await self._probe()
            silent_s = self._clock.monotonic() - self._end.heard_s
            if silent_s > GONE_S:
                return
            self._enter("lost" if silent_s > LOST_S else "connected")
            if self._ice.writable:
                await self._dtls._send_rtp(self._end.report())  # noqa: SLF001
            try:
                async with asyncio.timeout(WATCH_S):
                    await self._ended.wait()
                return
            except TimeoutError:
                continue

    async def _probe(self) -> None:
        asked_s = self._clock.monotonic()
        if await self._ice.probe():
            now = self._clock.monotonic()
            self._end.heard_s = now
            measured = (now - asked_s) * 1_000
            last = self._rtt_ms
            self._rtt_ms = measured if last is None else last + (measured - last) / 4

    async def _release(self) -> None:
        """Wait until everything is closed; the first caller begins it."""
        if self._ending is None:
            self._ending = self._endings.start(self._shut(), name=f"end of peer {self.id}")
        await asyncio.shield(self._ending)

    async def _shut(self) -> None:
        """Say goodbye, and give back the socket and the port."""
        dtls = self._dtls
        pump: asyncio.Future[Any] | None = dtls._task  # noqa: SLF001
        try:
            if dtls.state == "connected":
                await dtls._send_rtp(self._end.goodbye())  # noqa: SLF001
        except ConnectionError:
            pass
        await dtls.stop()
        if pump is not None:
            await asyncio.wait([pump])
        dtls.remove_all_listeners()
        await self._ice.close()
        self._enter("closed")


class Peers:
    """All connections of one stage; as many at once as the port range has ports."""

    def __init__(self, settings: Rtc, clock: Clock) -> None:
        """settings.bind empty binds all of the machine's addresses: give it the stage's host."""
        self._settings = settings
        self._clock = clock
        self._ports = Ports(settings.first_port, settings.last_port)
        self._addresses = own_addresses(settings.bind)
        self._servers = ice_servers(settings)
        self._peers: set[Peer] = set()

    def __len__(self) -> int:
        return len(self._peers)

    async def accept(
        self, offer_sdp: str | bytes, *, returns: bool, on_packet: OnPacket, on_state: OnState
    ) -> Peer:
        """Answer an offer; the connection is then made in the background.

        returns: send sound back (mix-minus).
        on_packet(sequence, timestamp, payload, arrival in monotonic seconds): each Opus packet.
        on_state: connecting, connected, lost (4 s without a sign, may come back), closed (last).
        Raises as `sdp.read_offer`, TryLater `rtc_full` (no port), OperatorError `rtc_bind`.
        """
        offer = sdp.read_offer(offer_sdp)
        if not offer.sends and not (returns and offer.receives):
            raise PeerError("sdp_bad", "This offer would neither send nor receive sound.")
        ice = GuardedConnection(self._ports, self._addresses, **self._servers)

        def changed(state: str) -> None:
            if state == "closed":
                self._peers.discard(peer)
            on_state(state)

        peer = Peer(ice, new_end(offer.payload_type, on_packet, self._clock), changed, self._clock)
        self._peers.add(peer)
        advertise = self._settings.advertise
        # Without servers in between our address is reachable, and theirs shows by itself.
        peer.looks = bool(self._servers)
        candidates = offer.candidates if peer.looks else ()
        try:
            local = await peer.prepare()
            peer.answer_sdp = sdp.write_answer(offer, local, returns=returns, advertise=advertise)
            await peer.begin(offer, candidates, complete=False)
        except BaseException:
            self._peers.discard(peer)
            await peer.close()
            raise
        return peer

    async def close(self) -> None:
        """End all connections."""
        await asyncio.gather(*(peer.close() for peer in list(self._peers)))


def new_end(payload_type: int, on_packet: OnPacket, clock: Clock) -> RtpEnd:
    """An RTP end with a random source and start, as RFC 3550 wants it."""
    ssrc, sequence = secrets.randbits(31) | 1, secrets.randbelow(2**15)
    return RtpEnd(payload_type, ssrc, sequence, on_packet, clock)


def ice_servers(settings: Rtc) -> dict[str, Any]:
    """aioice's keyword arguments for `stage.rtc.ice_servers`; a TURN URL may carry `user:secret@`."""
    servers = []
    for url in used_by_stage(settings):
        scheme, _, rest = url.partition(":")
        account, _, host = rest.rpartition("@")
        user, _, secret = account.partition(":")
        servers.append(RTCIceServer(f"{scheme}:{host}", user or None, secret or None))
    try:
        return dict(connection_kwargs(servers))
    except ValueError as error:
        raise OperatorError(
            "ice_servers", f"stage.rtc.ice_servers has a URL that is not STUN or TURN: {error}."
        ) from error
