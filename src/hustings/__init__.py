"""Hustings: a self-hosted public square for live conversation, with a signed record."""

from typing import Final

VERSION: Final = "0.1.0"
