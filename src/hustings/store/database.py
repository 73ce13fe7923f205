"""One engine for one database, and the only place where the drivers' errors become ours.

`web` calls `open_database` once at start; its services then use `read()` and `write()`.
SQLite runs in WAL mode: readers never wait, writers take turns (a lock here keeps those of this
process in line, BEGIN IMMEDIATE those of others). PostgreSQL needs the `postgres` extra.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
)
from sqlalchemy.exc import (
    TimeoutError as PoolTimeout,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hustings.base.errors import OperatorError, TryLater
from hustings.store.migrate import migrate

log = logging.getLogger(__name__)

BUSY_S: Final = 5.0  # wait for another writer's lock, then say so
_BUSY: Final = "The database is busy. Try again in a moment."
_POOL: Final = 5
_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_WRITES: Final = "hustings_writes"


class Database:
    """An open, migrated database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = asyncio.Lock()
        self.embedded = engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a read transaction: one consistent view."""
        async with our_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a write transaction; commits on leaving, rolls back on an error.

        Raises TryLater("database_busy") if another process holds the lock for 5 s.
        """
        async with (
            our_errors(),
            _turn(self._writer, needed=self.embedded),
            self._engine.connect() as connection,
        ):
            await connection.execution_options(**{_WRITES: True})
            async with connection.begin():
                yield connection

    async def check(self) -> None:
        """Raise TryLater if a trivial query does not answer."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1 FROM rooms WHERE room = ''"))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


async def open_database(url: str, *, folder: Path) -> Database:
    """Open and migrate the database.

    url: a SQLAlchemy URL with or without driver (`postgresql://...`); empty: SQLite in `folder`.
    Raises OperatorError: database_url, database_gone, schema_newer.
    """
    engine = engine_for(url, folder)
    database = Database(engine)
    try:
        async with database.write() as connection:
            await connection.run_sync(migrate)
    except TryLater as error:
        await database.close()
        raise OperatorError(
            "database_gone",
            f"The database does not answer ({_reason(error.__cause__ or error)}). "
            "Check `web.database`, or that nothing else holds the file.",
        ) from error
    except BaseException:
        await database.close()
        raise
    return database


def engine_for(url: str, folder: Path) -> AsyncEngine:
    """An engine for the database, as `open_database` names it; nothing is migrated.

    Raises OperatorError: database_url, database_driver.
    """
    return _engine(_parse(url, folder))


def _parse(url: str, folder: Path) -> URL:
    if not url:
        folder.mkdir(parents=True, exist_ok=True)
    try:
        parsed = make_url(url or f"sqlite:///{(folder / 'hustings.sqlite').resolve()}")
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in _DRIVERS:
        raise OperatorError(
            "database_url",
            "`web.database` is not a database URL we know. Use "
            "postgresql://user:password@host/name, or leave it empty for SQLite.",
        )
    return parsed.set(drivername=_DRIVERS[parsed.get_backend_name()])


def _engine(url: URL) -> AsyncEngine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_async_engine(
                url,
                pool_size=_POOL,
                pool_pre_ping=True,
                pool_timeout=BUSY_S,
                hide_parameters=True,  # an error's text goes to the log; what people wrote does not
            )
        engine = create_async_engine(
            url,
            pool_size=_POOL,
            pool_timeout=BUSY_S,
            hide_parameters=True,
            connect_args={"timeout": BUSY_S},
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise OperatorError(
            "database_driver", "PostgreSQL needs its driver: pip install 'hustings[postgres]'."
        ) from error
    event.listen(engine.sync_engine, "do_connect", _try_to_open)
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _try_to_open(_dialect: Any, _record: Any, places: Any, options: Any) -> None:
    """Fail here and not in the driver, whose thread may outlive the loop it would answer to."""
    sqlite3.connect(*places, **options).close()


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """Take transactions into our own hands and set what holds for each connection."""
    connection.isolation_level = None  # the driver emits no BEGIN of its own
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last commits only
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten, not only unlinked
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    """Writers take the lock at once: a read that turns into a write would fail, not wait."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@asynccontextmanager
async def _turn(lock: asyncio.Lock, *, needed: bool) -> AsyncIterator[None]:
    if not needed:
        yield
        return
    try:
        async with asyncio.timeout(BUSY_S):  # behind one who waits for another process
            await lock.acquire()
    except TimeoutError:
        raise TryLater("database_busy", _BUSY) from None
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def our_errors() -> AsyncIterator[None]:
    """Turn a database that is locked, full, or gone into TryLater; a breach of a constraint stays one.

    Of a breach the first line is left: PostgreSQL goes on with the row itself, and errors are logged.
    """
    try:
        yield
    except IntegrityError as error:
        raise IntegrityError(error.statement, None, Exception(_reason(error))) from None
    except PoolTimeout as error:
        raise TryLater("database_busy", _BUSY) from error
    except (DBAPIError, sqlite3.Error, OSError) as error:
        raise _gone_or_busy(error) from error


def _reason(error: BaseException) -> str:
    """The driver's own first line, for the log and the operator; never shown to visitors."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0][:200]


def _gone_or_busy(error: BaseException) -> TryLater:
    reason = _reason(error)
    log.warning("database: %s", reason)
    if "locked" in reason or "busy" in reason:
        return TryLater("database_busy", _BUSY)
    if "is full" in reason or "No space left" in reason:
        return TryLater(
            "database_full",
            "The database's disk is full: nothing can be saved. Whoever runs this server has to "
            "make room.",
            delay_s=60,
        )
    return TryLater(
        "database_gone",
        "The database does not answer. Whoever runs this server has to look at it.",
        delay_s=10,
    )
