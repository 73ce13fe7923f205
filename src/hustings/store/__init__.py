"""SQL: SQLite embedded, PostgreSQL at scale; one schema, migrated at start."""

from hustings.store.database import Database, open_database

__all__ = ["Database", "open_database"]
