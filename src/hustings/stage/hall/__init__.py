"""One open room: `record` (its journal, the one way in), `seats`, `gallery`, `telling`; `hall` moves them together."""
