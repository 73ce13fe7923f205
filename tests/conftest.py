"""What all tests share. Tiers: unit (pure, virtual time), contract, integration (loopback), e2e (browsers)."""

import asyncio

import hypothesis


def pytest_configure() -> None:
    """Settle the tools that every tier uses."""
    # No event loop to begin with: else pytest-asyncio makes one to restore, and never closes it.
    asyncio.set_event_loop(None)
    hypothesis.settings.register_profile("house", deadline=None)  # speed is no matter of tests
    hypothesis.settings.load_profile("house")
