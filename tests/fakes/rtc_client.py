"""A stock aiortc client on loopback: what a browser does, without one."""

import asyncio
import re
from fractions import Fraction

import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCIceTransportPolicy

SILENCE = bytes.fromhex("f8fffe")  # an Opus frame of 20 ms
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:7\r\na=sendrecv\r\n"
OPUS_FRAMES = [SILENCE + bytes([n]) for n in range(256)]  # padding tells them apart


class Frames(MediaStreamTrack):
    """Sends given Opus frames, one each `every_s`, then silence."""

    kind = "audio"

    def __init__(self, frames: list[bytes], every_s: float = 0.005) -> None:
        super().__init__()
        self.frames = list(frames)
        self.every_s = every_s
        self.sent = 0

    async def recv(self) -> av.Packet:
        if self.readyState != "live":
            raise MediaStreamError
        await asyncio.sleep(self.every_s)
        packet = av.Packet(self.frames[self.sent] if self.sent < len(self.frames) else SILENCE)
        packet.pts, packet.time_base = self.sent * 960, Fraction(1, 48_000)
        self.sent += 1
        return packet


class Caller:
    """One RTCPeerConnection; `offer()`, then `answered(sdp)`, then `close()`.

    relay: reach the other side through it and in no other way.
    """

    def __init__(
        self,
        frames: list[bytes],
        *,
        every_s: float = 0.005,
        video: bool = False,
        relay: RTCIceServer | None = None,
    ) -> None:
        self.connection = RTCPeerConnection(
            RTCConfiguration([relay], iceTransportPolicy=RTCIceTransportPolicy.RELAY)
            if relay
            else RTCConfiguration(iceServers=[])
        )
        self.track = Frames(frames, every_s)
        self.connection.addTrack(self.track)
        self._more = VIDEO if video else ""
        self.heard: list[tuple[int, int, bytes]] = []  # sequence, timestamp, payload
        receiver = self.connection.getReceivers()[0]
        receiver._handle_rtp_packet = self._take  # type: ignore[method-assign]

    async def _take(self, packet: object, arrival_time_ms: int) -> None:
        self.heard.append((packet.sequence_number, packet.timestamp, packet.payload))  # type: ignore[attr-defined]

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp) + self._more

    async def answered(self, sdp: str) -> None:
        answer = re.sub(r"(?ms)^m=video 0 .*?(?=^m=|\Z)", "", sdp)  # aiortc cannot read a refusal
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    @property
    def port(self) -> int:
        """Its first UDP port."""
        sdp = self.connection.localDescription.sdp
        return int(re.search(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)", sdp)[1])  # type: ignore[index]

    async def close(self) -> None:
        await self.connection.close()
