"""The stage: few speakers in real time, the mix, and the journal that only it writes."""
