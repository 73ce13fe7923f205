"""From what a listener costs here to machines for an evening."""
