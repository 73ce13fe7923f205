"""The stage's numbers for Prometheus, taken on the studio's thread."""

from typing import Final

from hustings.base import exposition
from hustings.base.exposition import Metric, Values
from hustings.stage.studio import Studio

_PACKETS: Final = {
    "received": "Packets of speakers' sound that came, of those who are connected.",
    "lost": "... that never came.",
    "fec": "... whose sound was in the packet after them.",
    "plc": "... that were concealed.",
    "late": "... that came too late.",
}
_NAMES: Final = ("received", "lost", "fec", "plc", "late")
METRICS: Final = (
    Metric("hustings_stage_ticks_total", "counter", "Turns of the mixer, 50 a second."),
    Metric("hustings_stage_late_ticks_total", "counter", "... more than 20 ms late."),
    Metric("hustings_stage_skipped_ticks_total", "counter", "... given up after a standstill."),
    Metric("hustings_stage_broken_ticks_total", "counter", "Faults of our own, in the log."),
    Metric("hustings_stage_rooms", "gauge", "Rooms in memory, by state.", ("state",)),
    Metric("hustings_stage_lines", "gauge", "Sound connections of speakers."),
    Metric("hustings_stage_edges", "gauge", "Edges that reported within the last minute."),
    Metric("hustings_stage_listeners", "gauge", "Who listens now, at all edges.", ("kind",)),
    Metric("hustings_stage_waiting", "gauge", "Who waits for a low-delay seat, at all edges."),
    Metric("hustings_stage_hands", "gauge", "Raised hands at all edges."),
    Metric("hustings_journal_entries_total", "counter", "Entries of the journals in memory."),
    *(Metric(f"hustings_stage_packets_{name}", "gauge", says) for name, says in _PACKETS.items()),
)


def metrics_text(studio: Studio) -> bytes:
    """Text format 0.0.4."""
    halls, now_s = studio.halls.values(), studio.now_s
    voices = [voice for hall in halls for voice in hall.sound.statistics().values()]
    nows = [hall.gallery.audience.now(now_s) for hall in halls]
    values: dict[str, float | Values] = {
        "hustings_stage_ticks_total": studio.ticks,
        "hustings_stage_late_ticks_total": studio.late_ticks,
        "hustings_stage_skipped_ticks_total": studio.skipped_ticks,
        "hustings_stage_broken_ticks_total": studio.broken_ticks,
        "hustings_stage_rooms": {
            (state,): sum(hall.model.facts.state == state for hall in halls)
            for state in ("scheduled", "lobby", "live", "ended")
        },
        "hustings_stage_lines": sum(len(hall.sound.people) for hall in halls),
        "hustings_stage_edges": len(studio.fleet.view(now_s)),
        "hustings_stage_listeners": {
            (kind,): sum(getattr(now, kind) for now in nows) for kind in ("live", "low", "hls")
        },
        "hustings_stage_waiting": sum(hall.gallery.audience.waiting(now_s) for hall in halls),
        "hustings_stage_hands": sum(hall.gallery.audience.hands_up(now_s) for hall in halls),
        "hustings_journal_entries_total": sum(hall.journal.size for hall in halls),
    }
    for name in _NAMES:
        values[f"hustings_stage_packets_{name}"] = sum(voice[name] for voice in voices)
    return exposition.text("stage", METRICS, values)
