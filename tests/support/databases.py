"""Databases on the tests' server."""

import os
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

# Migrated; the tests' databases are copies of it. Each process of pytest-xdist has its own on a server that was given.
TEMPLATE = f"heaters_test_template{os.environ.get('PYTEST_XDIST_WORKER', '')}"


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def administer(url: str, statement: LiteralString, *names: str) -> None:
    """Run a statement about databases; each `{n}` in it is the n-th name."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
