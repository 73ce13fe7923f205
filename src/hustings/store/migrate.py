"""Brings a database to this program's schema, or refuses one that is newer.

Called once by `open_database`. Each upgrade runs in one transaction that holds the database's
write lock, so that two services starting together do not both migrate.
"""

from importlib.resources import files
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from hustings.base.errors import OperatorError

_LOCK: Final = 0x48555354  # "HUST": PostgreSQL's advisory lock while migrating


def migrate(connection: Connection, revision: str = "head") -> None:
    """Upgrade to the newest schema, or a given one, inside the caller's transaction.

    Raises OperatorError("schema_newer") if the database was made by a newer Hustings.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK})
    config = _config()
    config.attributes["connection"] = connection
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None:
        expect_known(current)
    command.upgrade(config, revision)


def expect_known(revision: str) -> None:
    """Raise OperatorError("schema_newer") if this program does not know the schema."""
    known = {step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision not in known:
        raise OperatorError(
            "schema_newer",
            f"The database has schema {revision}, made by a newer Hustings. Run that version, "
            "or restore the backup from before its first start.",
            schema=revision,
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("hustings.store") / "migrations"))
    return config
