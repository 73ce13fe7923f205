"""`/api/v1` against its own description: calls that nobody thought of, good and bad ones.

No answer is a mistake of ours (500), and each is one that the OpenAPI document foretells: status,
headers, body, and the code of a refusal. The house is real, on loopback; only its stage is a fake.
"""

import asyncio
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.fakes.api_client import person, program
from tests.fakes.web_house import House, open_house

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
EXAMPLES = 12  # of a call, good and bad ones each
LEFT_OUT = [positive_data_acceptance]  # a title may be all blanks, a room be over: rules say no
KNOWN = {"room": "hall", "person": "bo"}  # what every other good call is about
HALL = {"title": "Hall", "address": "hall", "speakers": ["Bo"]}


class Running:
    """A house in a thread of its own, and a key that may do everything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._up, self._down = threading.Event(), threading.Event()
        self.house: House
        self.key = self.url = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        async with open_house(self._folder) as self.house:
            ada = await program(self.house, await person(self.house))
            await person(self.house, "bo", "host")
            assert (await ada.call("POST", "/rooms", json=HALL)).status_code == 201
            self.key, self.url = ada.key, str(self.house.browser.base_url)
            self._up.set()
            while not self._down.is_set():
                await asyncio.sleep(0.05)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._down.set()
        self._thread.join(30)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("house")) as house:
        yield house


def test_every_call_answers_as_it_is_described(running: Running) -> None:
    document = running.url + "/api/openapi.json"
    schema = schemathesis.openapi.from_url(document)
    tried, wrong = 0, []
    for found in schema.get_all_operations():
        call = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            sent, error = attempt(running, call, mode)
            tried += sent
            if error:
                wrong.append(f"{call.label}, {mode.value} data: {error}")
    assert not wrong, "\n\n".join(wrong)
    assert tried > 200


def attempt(running: Running, call: Any, mode: GenerationMode) -> tuple[int, str]:
    """Some examples of one call; how many were sent, and what was wrong, if anything."""
    sent = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=call.as_strategy(generation_mode=mode), known=st.booleans())
    def examples(case: Any, known: bool) -> None:
        nonlocal sent
        sent += 1
        running.house.clock.advance(1)  # so that nobody meets the pace
        if known and mode is GenerationMode.POSITIVE:
            there = {name: KNOWN[name] for name in case.path_parameters or {} if name in KNOWN}
            case.path_parameters |= there
        case.call_and_validate(
            headers={"Authorization": f"Bearer {running.key}"},
            excluded_checks=LEFT_OUT,
            timeout=20,
        )

    try:
        examples()
    except Unsatisfiable:  # nothing can be wrong about this call
        pass
    except (AssertionError, BaseExceptionGroup) as error:
        return sent, "".join(traceback.format_exception_only(error))
    return sent, ""
