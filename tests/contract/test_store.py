"""The store, the same on SQLite and PostgreSQL."""

from importlib.resources import files
from pathlib import Path
from traceback import format_exception

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from hustings.base.errors import OperatorError, TryLater
from hustings.store import Database, open_database
from hustings.store.schema import host_codes, metadata, sessions

ADDRESS = "ada@example.org"
CODE = {"made_ms": 1, "expires_ms": 2, "used_ms": 0}


async def count(database: Database) -> int:
    async with database.read() as connection:
        query = select(func.count()).select_from(host_codes)
        return (await connection.execute(query)).scalar_one()


async def add(database: Database, *names: str, error: Exception | None = None) -> None:
    """Insert rows in one write, which ends in `error`."""
    async with database.write() as connection:
        for name in names:
            await connection.execute(insert(host_codes).values(code_hash=name, **CODE))
        if error is not None:
            raise error


async def test_migrations_make_the_tables_that_the_code_knows(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_write_is_kept_and_a_failed_one_leaves_nothing(database: Database) -> None:
    await add(database, "a")
    with pytest.raises(RuntimeError):
        await add(database, "b", error=RuntimeError())
    with pytest.raises(IntegrityError):
        await add(database, "c", "a")
    assert await count(database) == 1


async def test_an_error_does_not_say_what_people_wrote(database: Database) -> None:
    query = text("SELECT 1 FROM nowhere WHERE address = :address")
    with pytest.raises(TryLater) as refused:
        async with database.read() as connection:
            await connection.execute(query, {"address": ADDRESS})
    told = "".join(format_exception(refused.value))
    assert "nowhere" in told
    assert ADDRESS not in told
    with pytest.raises(IntegrityError) as twice:
        await add(database, ADDRESS, ADDRESS)
    told = "".join(format_exception(twice.value))
    assert "host_codes" in told
    assert ADDRESS not in told  # PostgreSQL's own words name the row


async def test_opening_again_changes_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await add(database, "a")
    again = await open_database(database_url, folder=tmp_path)
    assert await count(again) == 1
    await again.close()


async def test_sessions_of_before_accounts_go_on_as_staff(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    def to(connection: Connection, revision: str) -> None:
        config = Config()
        config.set_main_option("script_location", str(files("hustings.store") / "migrations"))
        config.attributes["connection"] = connection
        command.downgrade(config, revision)

    async with database.write() as connection:
        await connection.run_sync(to, "0003")
        await connection.execute(text("INSERT INTO sessions VALUES ('old', 1, 2)"))
    again = await open_database(database_url, folder=tmp_path)
    async with again.read() as connection:
        (row,) = await connection.execute(select(sessions))
    assert (row.session_hash, row.account, row.role, row.seen_ms) == ("old", None, "staff", 0)
    await again.close()


async def test_a_newer_schema_is_refused(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with database.write() as connection:
        before = (
            await connection.execute(text("SELECT version_num FROM alembic_version"))
        ).scalar()
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(OperatorError, match="9999") as caught:
            await open_database(database_url, folder=tmp_path)
        assert caught.value.code == "schema_newer"
    finally:
        async with database.write() as connection:
            query = text("UPDATE alembic_version SET version_num = :before")
            await connection.execute(query, {"before": before})
