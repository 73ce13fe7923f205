"""Captions, claims, notes and clips: pure algorithms."""
