"""`stage.rtc.rtp`: the RTP end without a line: packets, limits and reports."""

from typing import Any

import pytest
from aiortc.rtp import RtcpPacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSrPacket, RtpPacket

from hustings.base.clock import ManualClock
from hustings.stage.rtc.rtp import BURST, MAX_PAYLOAD, RtpEnd

THEIRS, OURS, TYPE = 1_111, 2_222, 111


class Line:
    """An end, its clock, and what it gave on."""

    def __init__(self, sequence: int = 100) -> None:
        self.clock = ManualClock()
        self.came: list[tuple[int, int, bytes, float]] = []
        self.table: dict[int, Any] = {}
        self.end = RtpEnd(TYPE, OURS, sequence, self.take, self.clock)
        self.end.attach(self.table)

    def take(self, seq: int, timestamp: int, payload: bytes, arrival_s: float) -> None:
        self.came.append((seq, timestamp, payload, arrival_s))

    async def receive(
        self, seq: int, payload: bytes = b"frame", *, ssrc: int = THEIRS, **more: int
    ) -> None:
        packet = RtpPacket(
            payload_type=more.get("type", TYPE), sequence_number=seq, timestamp=seq * 960
        )
        packet.ssrc, packet.payload = ssrc, payload
        await self.end._handle_rtp_packet(packet, arrival_time_ms=0)

    def reported(self) -> RtcpReceiverInfo:
        [head, _] = RtcpPacket.parse(self.end.report())
        return head.reports[0]


async def test_packets_are_given_on_with_the_monotonic_time_of_their_arrival() -> None:
    line = Line()
    await line.receive(7, b"a")
    line.clock.advance(0.02)
    await line.receive(8, b"b")
    assert line.came == [(7, 6_720, b"a", 1_000.0), (8, 7_680, b"b", 1_000.02)]
    assert (line.end.received, line.end.lost) == (2, 0)


async def test_losses_are_reported_for_the_last_interval_and_in_all() -> None:
    line = Line()
    for seq in (10, 11, 13, 14):
        await line.receive(seq)
    first = line.reported()
    assert (first.fraction_lost, first.packets_lost) == (256 // 5, 1)
    assert line.end.loss == pytest.approx(0.2, abs=0.01)
    await line.receive(15)
    assert line.reported().fraction_lost == 0
    assert line.reported().packets_lost == 1


async def test_sequence_numbers_may_wrap() -> None:
    line = Line()
    for seq in (65_534, 65_535, 0, 1):
        await line.receive(seq)
    assert (line.end.received, line.end.lost) == (4, 0)
    assert line.reported().highest_sequence == 65_537


async def test_what_is_no_voice_is_refused() -> None:
    line = Line()
    await line.receive(1, type=63)
    await line.receive(2, bytes(MAX_PAYLOAD + 1))
    await line.receive(3, b"")  # padding that probes the line: no fault, no sound
    await line.receive(4)
    assert [seq for seq, *_ in line.came] == [4]
    assert line.end.refused == 2


async def test_a_flood_is_cut_to_the_rate_of_a_voice() -> None:
    line = Line()
    for seq in range(1_000):
        await line.receive(seq)
    assert len(line.came) == BURST
    line.clock.advance(1.0)
    for seq in range(1_000, 2_000):
        await line.receive(seq)
    assert len(line.came) == BURST + 60
    assert line.end.refused == 2_000 - BURST - 60


async def test_a_new_source_takes_the_place_of_the_old_one() -> None:
    line = Line()
    for n in range(100):
        await line.receive(n, ssrc=5_000 + n)
    assert list(line.table) == [5_099]
    assert line.table[5_099] is line.end
    assert line.end.received == 1


async def test_a_fault_of_ours_does_not_end_the_line() -> None:
    line = Line()

    def broken(*_: object) -> None:
        raise KeyError("ours")

    line.end._on_packet = broken
    await line.receive(1)
    assert line.end.received == 1


def test_frames_go_out_in_rtp_and_skipped_ticks_are_no_loss() -> None:
    line = Line(sequence=65_535)
    packets = [RtpPacket.parse(line.end.next_packet(b"x" * 20))]
    line.end.skip()
    packets.append(RtpPacket.parse(line.end.next_packet(b"y")))
    assert [p.sequence_number for p in packets] == [65_535, 0]
    assert (packets[1].timestamp - packets[0].timestamp) & 0xFFFFFFFF == 2 * 960
    assert [(p.marker, p.ssrc, p.payload_type) for p in packets] == [
        (1, OURS, TYPE),
        (0, OURS, TYPE),
    ]


def test_a_sender_reports_what_it_sent_and_when() -> None:
    line = Line()
    assert isinstance(RtcpPacket.parse(line.end.report())[0], RtcpRrPacket)
    line.end.next_packet(b"12345")
    [report, _] = RtcpPacket.parse(line.end.report())
    assert isinstance(report, RtcpSrPacket)
    facts = report.sender_info
    assert (facts.packet_count, facts.octet_count) == (1, 5)
    assert facts.ntp_timestamp >> 32 == 1_800_000_000 + 2_208_988_800


async def test_their_sender_report_is_echoed_so_that_they_can_measure_the_way() -> None:
    line, other = Line(), Line()
    other.end.next_packet(b"x")
    [theirs, _] = RtcpPacket.parse(other.end.report())
    await line.receive(1, ssrc=OURS)
    await line.end._handle_rtcp_packet(theirs)
    line.clock.advance(0.5)
    block = line.reported()
    assert block.lsr == theirs.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF
    assert block.dlsr == 32_768  # half a second in 1/65536


async def test_what_they_lost_of_ours_is_kept() -> None:
    line = Line()
    block = RtcpReceiverInfo(OURS, 64, 3, 5, 0, 0, 0)
    other = RtcpReceiverInfo(9, 255, 3, 5, 0, 0, 0)
    await line.end._handle_rtcp_packet(RtcpRrPacket(ssrc=THEIRS, reports=[block, other]))
    assert line.end.loss_there == 0.25
