"""What all tests share. Tiers: unit (pure, virtual time), contract, integration (loopback), e2e (browsers)."""

import asyncio


def pytest_configure() -> None:
    """No event loop to begin with: else pytest-asyncio makes one to restore, and never closes it."""
    asyncio.set_event_loop(None)
