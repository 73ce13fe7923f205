"""The whole database as a file that either kind of database takes back: SQLite or PostgreSQL.

Keeps true: all rows are of one moment (one read transaction; PostgreSQL's is REPEATABLE READ), and
who writes meanwhile does not wait; the tables are those that the database has, at its own schema's
revision, which is told, and a newer program upgrades what it has read. Called by `backup`.

The file: frames of a length (4 bytes, big-endian) and a msgpack value: a table's name and columns,
then lists of its rows, and so on for each table, parents before their children.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import msgspec
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select, text

from hustings.base.errors import OperatorError, PeerError
from hustings.store.database import engine_for, our_errors
from hustings.store.migrate import expect_known, migrate
from hustings.store.restored import end_sendings

_ROWS: Final = 500  # in a frame
_MOST: Final = 1 << 26  # bytes of a frame that is read: 500 rows are far below
_REVISION: Final = "alembic_version"


class Source(Protocol):
    """Where a dump is read from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


class Start(msgspec.Struct, frozen=True, tag="table"):
    """Rows of this table follow."""

    name: str
    columns: list[str]


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """Some of them, each a list in the order of the columns."""

    rows: list[list[Any]]


async def dump(url: str, folder: Path, out: BinaryIO) -> str | None:
    """Write all rows to `out`; returns the schema's revision, None if there is no database yet.

    url, folder: as `open_database` takes them. Raises OperatorError `database_url`,
    `database_driver`, `schema_newer`, TryLater `database_gone`, OSError.
    """
    if not url and not (folder / "hustings.sqlite").exists():
        return None
    engine = engine_for(url, folder)
    try:
        async with our_errors(), engine.connect() as connection:
            if engine.dialect.name != "sqlite":
                await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                return await connection.run_sync(_write_all, out)
    finally:
        await engine.dispose()


async def load(url: str, folder: Path, revision: str, source: Source, *, now_ms: int) -> None:
    """Make the database of a dump, and upgrade it to this program's schema; all or nothing.

    revision: the dump's. now_ms: wall; what was on its way ends then (`store.restored`). Raises OperatorError `restore_database` if there are rows already,
    `schema_newer`, and as `dump` does; PeerError `restore_damaged`.
    """
    engine = engine_for(url, folder)
    try:
        async with our_errors(), engine.begin() as connection:
            await connection.run_sync(_read_all, revision, source, now_ms)
    finally:
        await engine.dispose()


def _write_all(connection: Connection, out: BinaryIO) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        return None
    expect_known(revision)
    for table in _tables(connection):
        names = [str(column.name) for column in table.columns]
        _put(out, Start(str(table.name), names))
        found = connection.execution_options(yield_per=_ROWS).execute(select(table))
        for rows in found.partitions(_ROWS):
            _put(out, Rows([list(row) for row in rows]))
    return revision


def _read_all(connection: Connection, revision: str, source: Source, now_ms: int) -> None:
    expect_known(revision)
    _make_way(connection)
    migrate(connection, revision)
    tables = {table.name: table for table in _tables(connection)}
    table, columns = None, [""]
    for frame in _frames(source):
        if isinstance(frame, Start):
            table, columns = tables.get(frame.name), frame.columns
            if table is None or any(name not in table.columns for name in columns):
                raise PeerError("restore_damaged", f"Schema {revision} has no such {frame.name}.")
        elif table is None or any(len(row) != len(columns) for row in frame.rows):
            raise PeerError("restore_damaged", "These rows are of no table.")
        else:
            rows = [dict(zip(columns, row, strict=True)) for row in frame.rows]
            connection.execute(insert(table), rows)
    if connection.dialect.name == "postgresql":
        for each in tables.values():
            _go_on_counting(connection, each)
    migrate(connection)
    end_sendings(connection, now_ms)


def _tables(connection: Connection) -> list[Table]:
    """As they stand in this database, parents first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _REVISION]


def _make_way(connection: Connection) -> None:
    """Drop what a first start has made, if it is empty."""
    if not inspect(connection).get_table_names():
        return
    for table in _tables(connection):
        if connection.execute(select(func.count()).select_from(table)).scalar_one():
            raise OperatorError(
                "restore_database",
                f"The database has rows already (in {table.name}). Name an empty one by "
                "`web.database`, or empty this one yourself.",
            )
    found = MetaData()
    found.reflect(connection)
    found.drop_all(connection)


def _go_on_counting(connection: Connection, table: Table) -> None:
    """PostgreSQL counts ids in a sequence, which rows with given ids do not move."""
    for column in table.primary_key.columns:
        named = {"table": table.name, "column": column.name}
        query = text("SELECT pg_get_serial_sequence(:table, :column)")
        sequence = connection.execute(query, named).scalar()
        most = connection.execute(select(func.max(column))).scalar() if sequence else None
        if most is not None:
            connection.execute(select(func.setval(sequence, most)))


def _put(out: BinaryIO, frame: Start | Rows) -> None:
    data = msgspec.msgpack.encode(frame)
    out.write(len(data).to_bytes(4, "big") + data)


def _frames(source: Source) -> Iterator[Start | Rows]:
    while head := source.read(4):
        size = int.from_bytes(head, "big")
        data = source.read(size) if len(head) == 4 and size <= _MOST else b""
        if not data or len(data) < size:
            raise PeerError("restore_damaged", "The database in this backup is cut short.")
        try:
            yield msgspec.msgpack.decode(data, type=Start | Rows)
        except msgspec.MsgspecError as error:
            raise PeerError("restore_damaged", f"No rows of a database: {error}") from None
