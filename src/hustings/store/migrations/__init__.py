"""Alembic's steps from one schema to the next; run at start by `store.migrate`."""
