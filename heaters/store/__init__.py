"""Adapters for state and bytes: PostgreSQL and the object store."""
