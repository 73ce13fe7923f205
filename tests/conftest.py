"""What all tests share. Tiers: unit (pure, virtual time), contract, integration (loopback), e2e (browsers)."""

import asyncio
from collections.abc import Iterator

import hypothesis
import pytest

from tests.support import night
from tests.support.night import figures

__all__ = ["figures"]


def pytest_configure() -> None:
    """Settle the tools that every tier uses."""
    # No event loop to begin with: else pytest-asyncio makes one to restore, and never closes it.
    asyncio.set_event_loop(None)
    hypothesis.settings.register_profile("house", deadline=None)  # speed is no matter of tests
    hypothesis.settings.load_profile("house")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """At night each fault test runs three times; the worst counts."""
    if night.NIGHT and night.ROW.match(metafunc.function.__name__):
        metafunc.fixturenames.append("night_run")
        metafunc.parametrize("night_run", range(night.RUNS))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """At night nothing but fault tests."""
    if night.NIGHT:
        others = [item for item in items if not night.ROW.match(item.name)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if night.ROW.match(item.name)]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keep what fault tests measured."""
    yield
    if call.when == "call":
        night.note(item, failed=call.excinfo is not None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of fault tests: printed, and at night written."""
    if night.ROWS:
        terminalreporter.section("faults")
        terminalreporter.write_line(night.table())
        if night.NIGHT:
            terminalreporter.write_line(f"written to {night.write()}")
