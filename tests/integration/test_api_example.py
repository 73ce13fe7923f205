"""docs/api.md, run as it stands against a real house."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from hustings.base.clock import SystemClock
from hustings.store import open_database
from hustings.web.accounts import queries
from hustings.web.accounts.model import Account, Who
from hustings.web.keys.model import SCOPES, KeyWish
from hustings.web.keys.service import Keys
from tests.support.house import ROOT, House

pytestmark = pytest.mark.slow
TEXT = (ROOT / "docs" / "api.md").read_text()


async def new_key(data: Path) -> str:
    """A person of this house and their key, as the account page makes them."""
    database = await open_database("", folder=data)
    try:
        async with database.write() as connection:
            await queries.add_account(connection, Account("ada", "Ada", "host", 1))
        wish = KeyWish("season", SCOPES[:3], 30)
        return await Keys(database, SystemClock()).make(Who("", "ada", "Ada", "host"), wish)
    finally:
        await database.close()


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL))


def test_the_season_of_the_guide_is_planned_and_planned_again(tmp_path: Path) -> None:
    with House(tmp_path / "house") as house:
        key = asyncio.run(new_key(house.data))
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        environment |= {"HUSTINGS_URL": house.web, "HUSTINGS_KEY": key}
        program = [sys.executable, "-W", "error", "-c", blocks("python")]
        done = subprocess.run(
            program, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("plans as Ada\n")
        assert len(re.findall(r"/s/autumn-\d#i=", done.stdout)) == 9
        again = subprocess.run(
            program, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert (again.returncode, again.stdout) == (0, "plans as Ada\n"), again.stderr
        rooms = httpx.get(f"{house.web}/api/v1/rooms", timeout=10).json()["rooms"]
        assert [each["room"] for each in rooms] == ["autumn-3", "autumn-2", "autumn-1"]
        if shutil.which("curl"):
            said = subprocess.run(
                ["sh", "-c", blocks("bash")], env=environment, capture_output=True, check=True
            )
            assert b'"person":"ada"' in said.stdout
