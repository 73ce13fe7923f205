"""One module for each step, oldest first; a released step is never edited."""
