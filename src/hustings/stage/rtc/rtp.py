"""The RTP end of one speaker: packets in with their statistics, packets out, RTCP both ways.

Keeps true: receiver reports tell the truth (browsers choose their FEC by them), one source at a
time is heard, and a speaker cannot send more than a voice needs. aiortc's own receiver is not
used: its jitter buffer loses 24 % of the sound at 5 % loss, and it decodes in a thread for each
speaker. aiortc's DTLS transport calls `_handle_rtp_packet`, `_handle_rtcp_packet` (by these
names, the first one by keyword) and `_handle_disconnect`. Called by `stage.rtc.peers`.
"""

import logging
import struct
from collections.abc import Callable
from typing import Any, Final

from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import (
    RtcpByePacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    RtpPacket,
)

from hustings.base.clock import Clock
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

log = logging.getLogger(__name__)

OnPacket = Callable[[int, int, bytes, float], None]

MAX_PAYLOAD: Final = 1_275  # the largest Opus frame, RFC 6716 3.2.1
RATE: Final = 60.0  # packets a second from one speaker; 50 are due
BURST: Final = 150.0  # what a stalled line may deliver at once: 3 s
_NTP_SECONDS: Final = 2_208_988_800  # 1900 to 1970


class RtpEnd:
    """Counters are read by `Peer.statistics`; `heard_s` is the last authenticated packet's time."""

    def __init__(
        self, payload_type: int, ssrc: int, sequence: int, on_packet: OnPacket, clock: Clock
    ) -> None:
        self._ssrc = ssrc  # the name that aiortc's router reads
        self._payload_type = payload_type
        self._on_packet = on_packet
        self._clock = clock
        self._table: dict[int, Any] = {}
        self._remote_ssrc: int | None = None
        self._remote: StreamStatistics | None = None
        self._sender_report = (0, 0.0)  # middle of its NTP time, when it came
        self._sequence = sequence
        self._timestamp = sequence * TICK_SAMPLES  # any start will do
        self._octets = 0
        self._credit = BURST
        self._credit_s = clock.monotonic()
        self.heard_s = clock.monotonic()
        self.sent = 0
        self.refused = 0  # too many, too large, or not Opus
        self.loss = 0.0  # of the last report's second
        self.loss_there = 0.0  # what the other side reports of our packets

    def attach(self, ssrc_table: dict[int, Any]) -> None:
        """Give the router's table: a change of source replaces its row instead of adding one."""
        self._table = ssrc_table

    @property
    def received(self) -> int:
        """Packets of the present source."""
        return int(self._remote.packets_received) if self._remote else 0

    @property
    def lost(self) -> int:
        """Packets of the present source that never came."""
        return int(self._remote.packets_lost) if self._remote and self.received else 0

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter, RFC 3550 6.4.1."""
        return float(self._remote.jitter) * 1_000 / SAMPLE_RATE if self._remote else 0.0

    def next_packet(self, payload: bytes) -> bytes:
        """The RTP packet around one Opus frame of 20 ms; call once for each tick."""
        marker = 0x80 if self.sent == 0 else 0
        kind = marker | self._payload_type
        time = self._timestamp & 0xFFFFFFFF
        header = struct.pack(">BBHII", 0x80, kind, self._sequence, time, self._ssrc)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp += TICK_SAMPLES
        self._octets += len(payload)
        self.sent += 1
        return header + payload

    def skip(self) -> None:
        """A tick's frame is not sent: time goes on, the sequence does not, so it is no loss."""
        self._timestamp += TICK_SAMPLES

    def report(self) -> bytes:
        """RTCP for this second: a sender or a receiver report, and our name."""
        blocks = self._blocks()
        name = RtcpSdesPacket([RtcpSourceInfo(ssrc=self._ssrc, items=[(1, b"hustings")])])
        if not self.sent:
            return bytes(RtcpRrPacket(ssrc=self._ssrc, reports=blocks)) + bytes(name)
        wall_ms = self._clock.wall_ms()
        seconds, millis = divmod(wall_ms, 1_000)
        facts = RtcpSenderInfo(
            ntp_timestamp=(seconds + _NTP_SECONDS) << 32 | (millis << 32) // 1_000,
            rtp_timestamp=self._timestamp & 0xFFFFFFFF,
            packet_count=self.sent & 0xFFFFFFFF,
            octet_count=self._octets & 0xFFFFFFFF,
        )
        head = RtcpSrPacket(ssrc=self._ssrc, sender_info=facts, reports=blocks)
        return bytes(head) + bytes(name)

    def goodbye(self) -> bytes:
        """RTCP BYE."""
        return bytes(RtcpRrPacket(ssrc=self._ssrc)) + bytes(RtcpByePacket([self._ssrc]))

    def _blocks(self) -> list[RtcpReceiverInfo]:
        stream = self._remote
        if stream is None or not stream.packets_received:
            return []
        fraction = stream.fraction_lost  # reading it begins the next interval
        self.loss = fraction / 256
        middle, came_s = self._sender_report
        delay = min(max(self._clock.monotonic() - came_s, 0.0), 65_535.0) if middle else 0.0
        return [
            RtcpReceiverInfo(
                ssrc=self._remote_ssrc,
                fraction_lost=fraction,
                packets_lost=stream.packets_lost,
                highest_sequence=stream.cycles + stream.max_seq,
                jitter=stream.jitter,
                lsr=middle,
                dlsr=int(delay * 65_536),
            )
        ]

    # Called by aiortc.

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        """One decrypted packet; the time we take is monotonic, not aiortc's wall clock."""
        now = self._clock.monotonic()
        if packet.payload_type != self._payload_type or not self._admit(now):
            self.refused += 1
            return
        self.heard_s = now
        if packet.ssrc != self._remote_ssrc:
            self._remote_ssrc, self._remote = packet.ssrc, StreamStatistics(SAMPLE_RATE)
            self._table.clear()
            self._table[packet.ssrc] = self
        assert self._remote is not None
        self._remote.add(packet)
        if len(packet.payload) > MAX_PAYLOAD:
            self.refused += 1
        elif packet.payload:  # empty: padding that probes the line
            try:
                self._on_packet(packet.sequence_number, packet.timestamp, packet.payload, now)
            except Exception:  # our own fault must not end this speaker's connection
                log.exception("a speaker's packet could not be taken")

    async def _handle_rtcp_packet(self, packet: Any) -> None:
        now = self._clock.monotonic()
        self.heard_s = now
        if isinstance(packet, RtcpSrPacket):
            self._sender_report = (packet.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF, now)
        if isinstance(packet, RtcpSrPacket | RtcpRrPacket):
            for block in packet.reports:
                if block.ssrc == self._ssrc:
                    self.loss_there = block.fraction_lost / 256

    def _handle_disconnect(self) -> None:
        """Nothing to stop: there is no decoder here."""

    def _admit(self, now_s: float) -> bool:
        self._credit = min(BURST, self._credit + (now_s - self._credit_s) * RATE)
        self._credit_s = now_s
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True
