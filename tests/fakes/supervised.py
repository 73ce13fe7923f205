"""A supervisor of two fake services. Arguments: a folder for pids, then `broken` for a broken one."""

import asyncio
import os
import sys
from pathlib import Path

from hustings.base.clock import SystemClock
from hustings.base.errors import OperatorError
from hustings.cli.serve import say
from hustings.serve.plan import Child
from hustings.serve.supervisor import supervise

folder = Path(sys.argv[1])


def child(name):
    return Child(
        name=name,
        service="edge",
        url=f"http://{name}",
        command=(sys.executable, "-m", "tests.fakes.service", str(folder / name), *sys.argv[2:]),
        environment={},
        frozen_after_s=1.5,
        ready_within_s=30.0,
        ends_within_s=5.0,
        niceness=0,
    )


async def all_ready():
    print("all ready", flush=True)
    return []


try:
    asyncio.run(
        supervise(
            [child("one"), child("two")],
            clock=SystemClock(),
            environ=os.environ,
            say=say,
            when_ready=all_ready,
        )
    )
except OperatorError as error:
    sys.exit(f"{error.code}: {error.title}")
