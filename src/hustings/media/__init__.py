"""PCM, Opus, encoders and CMAF: pure or C-bound, no network."""
