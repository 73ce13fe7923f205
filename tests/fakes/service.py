"""A service that only lives: says that it is ready and beats. Argument: where to write its pid."""

import asyncio
import os
import sys
from pathlib import Path

from hustings.base import heartbeat


async def main():
    heartbeat.ready("http://nowhere")
    await asyncio.gather(heartbeat.beat(), asyncio.sleep(3600))


if sys.argv[2:] == ["broken"]:
    sys.exit(7)
heartbeat.follow_supervisor()
path = Path(sys.argv[1])
path.with_suffix(".new").write_text(str(os.getpid()))
path.with_suffix(".new").rename(path)
asyncio.run(main())
