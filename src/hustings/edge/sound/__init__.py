"""From the journal's entries and the time to the bytes that listeners get, each made once and shared."""
