"""From packets to parts: jitter buffer, voices, levelling, the mix, the program. No network."""
