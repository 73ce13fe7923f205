"""The edges of this stage, each as it last reported. Pure; time is given.

Keeps true: who is silent for a minute is gone; at most `EDGES` are kept, and who was silent for
longest makes room. `stage.studio` owns it, the operator's board asks.
"""

from typing import Any, Final

import msgspec

from hustings.wire.report import Report

GONE_S: Final = 60.0
EDGES: Final = 1_000
CALM: Final = "parts"  # the lowest rung


class Fleet:
    """All edges that reported lately."""

    def __init__(self) -> None:
        self._edges: dict[str, tuple[Report, str, float]] = {}  # by when they last spoke
        self._skews: dict[str, float] = {}

    def hear(
        self, edge: str, report: Report, *, credential: str, now_s: float, wall_ms: int = 0
    ) -> bool:
        """An edge reports; credential: the name that its credential was made for; wall_ms: ours.

        Returns whether it stands on another rung of the ladder than before, or begins on one.
        """
        before = self._edges.pop(edge, None)
        if len(self._edges) >= EDGES:
            self._forget(next(iter(self._edges)))
        self._edges[edge] = (report, credential, now_s)
        self._skews[edge] = (report.wall_ms - wall_ms) / 1_000 if report.wall_ms and wall_ms else 0
        stood = before[0].rung.name if before else CALM
        return report.rung.name not in {stood, ""}

    def view(self, now_s: float) -> list[dict[str, Any]]:
        """Each edge's last report, with how long ago it came; by name."""
        for edge, (_, _, at_s) in list(self._edges.items()):
            if now_s - at_s > GONE_S:
                self._forget(edge)
        rows = [
            {
                **msgspec.to_builtins(report),
                "edge": edge,
                "rung": msgspec.to_builtins(report.rung),
                "credential": credential,
                "silent_s": round(now_s - at_s, 1),
                "skew_s": round(self._skews[edge], 1),
            }
            for edge, (report, credential, at_s) in self._edges.items()
        ]
        return sorted(rows, key=lambda row: (row["credential"], row.get("name", ""), row["edge"]))

    def _forget(self, edge: str) -> None:
        del self._edges[edge], self._skews[edge]
