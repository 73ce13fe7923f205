"""The stage's numbers for Prometheus, taken on the studio's thread."""

from hustings.stage.studio import Studio


def metrics_text(studio: Studio) -> str:
    """Text format 0.0.4."""
    halls = studio.halls.values()
    lines = [
        "# TYPE hustings_stage_ticks_total counter",
        f"hustings_stage_ticks_total {studio.ticks}",
        "# TYPE hustings_stage_late_ticks_total counter",
        f"hustings_stage_late_ticks_total {studio.late_ticks}",
        "# TYPE hustings_stage_skipped_ticks_total counter",
        f"hustings_stage_skipped_ticks_total {studio.skipped_ticks}",
        "# TYPE hustings_stage_broken_ticks_total counter",
        f"hustings_stage_broken_ticks_total {studio.broken_ticks}",
        "# TYPE hustings_stage_rooms gauge",
        *(
            f'hustings_stage_rooms{{state="{state}"}} '
            f"{sum(hall.model.facts.state == state for hall in halls)}"
            for state in ("scheduled", "lobby", "live", "ended")
        ),
        "# TYPE hustings_stage_lines gauge",
        f"hustings_stage_lines {sum(len(hall.sound.people) for hall in halls)}",
        "# TYPE hustings_journal_entries_total counter",
        f"hustings_journal_entries_total {sum(hall.journal.size for hall in halls)}",
    ]
    voices = [voice for hall in halls for voice in hall.sound.statistics().values()]
    for name in ("received", "lost", "fec", "plc", "late"):
        lines += [
            f"# TYPE hustings_stage_packets_{name} gauge",
            f"hustings_stage_packets_{name} {sum(voice[name] for voice in voices)}",
        ]
    return "\n".join(lines) + "\n"
