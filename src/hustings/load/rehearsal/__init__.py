"""A whole rehearsal: who comes when, the processes, the judgement, the page."""
