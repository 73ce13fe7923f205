"""SQL: SQLite embedded, PostgreSQL at scale."""
