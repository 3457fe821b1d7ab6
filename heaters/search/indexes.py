"""The approximate index of each space: made when the space is, rebuilt, cleaned up and checked; nobody waits for it.

A build runs outside of any transaction on a connection of its own, while others read and write. One at a time in a
database: two builds on one table would each wait for the other. A build that was killed leaves an index that PostgreSQL
marks as invalid; whoever comes next takes it away and starts again.
"""

import hashlib
import os
import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from heaters.errors import StoreError
from heaters.machine import memory_bytes
from heaters.store.db import Connection, Database, connect
from heaters.store.queries import query
from heaters.store.vectors import statement

# Links of a vector, and the candidates looked at for them. With pgvector's 16 and 64, searches get caught in clusters
# that lie apart, whatever the breadth of the search; links cost a tenth of the index's size each eight.
LINKS, BUILD_BREADTH = 16, 512
PREFIX = "embeddings_near_"
# A build whose graph does not fit in memory takes many times as long; a million vectors of 512 need 2 GB.
BUILD_MEMORY_SHARE = 0.25
MOST_BUILD_MEMORY_MIB = 8192
MOST_WORKERS = 7
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The index of one space. `size_bytes` is on disk."""

    model: str
    strategy: str
    name: str
    valid: bool
    size_bytes: int


def index_name(model: str, strategy: str) -> str:
    """The name of a space's index; model names are longer and freer than PostgreSQL's."""
    return PREFIX + hashlib.sha256(f"{model}|{strategy}".encode()).hexdigest()[:16]


def indexes(database: Database) -> list[Index]:
    """The index of every space that has vectors, also where it is missing (not valid, of no size)."""
    with database.transaction() as tx:
        there = {row["name"]: row for row in tx.execute(query("space_indexes")).fetchall()}
        registered = tx.execute(query("registered_spaces")).fetchall()
    found = []
    for row in registered:
        name = index_name(row["model"], row["strategy"])
        state = there.get(name, {"valid": False, "size_bytes": 0})
        found.append(
            Index(
                model=row["model"],
                strategy=row["strategy"],
                name=name,
                valid=state["valid"],
                size_bytes=state["size_bytes"],
            )
        )
    return found


def ensure_indexes(database: Database, *, rebuild: bool = False, wait: bool = True) -> list[str]:
    """Make the indexes that are missing (or all of them anew) and take away what killed builds left. Returns the
    names of those built.

    `wait=False` does nothing while somebody else is at it. Raises StoreError when the database fails.
    """
    built = []
    try:
        with connect(database.url, application_name="heaters index") as connection:
            if not _lock(connection, wait=wait):
                return []
            _prepare(connection)
            wanted = {index_name(row["model"], row["strategy"]): row for row in _registered(connection)}
            there = _there(connection)
            for name in [name for name, valid in there.items() if not valid]:
                connection.execute(statement("drop_index", index=sql.Identifier(name)))
            for name, row in wanted.items():
                if not there.get(name):
                    _create(connection, name, row)
                elif rebuild:
                    connection.execute(statement("rebuild_index", index=sql.Identifier(name)))
                else:
                    continue
                built.append(name)
            connection.execute(query("index_unlock"))
    except psycopg.Error as error:
        raise StoreError(f"an index over vectors could not be built: {' '.join(str(error).split())}") from error
    return built


def _prepare(connection: Connection) -> None:
    memory_mib = min(int(memory_bytes() * BUILD_MEMORY_SHARE) // 2**20, MOST_BUILD_MEMORY_MIB)
    workers = min(max((os.cpu_count() or 1) - 1, 0), MOST_WORKERS)
    connection.execute(query("prepare_build"), {"memory": f"{memory_mib}MB"})
    connection.execute(query("set_workers"), {"workers": str(workers)})


def _create(connection: Connection, name: str, space: dict[str, Any]) -> None:
    asked = statement(
        "create_index",
        index=sql.Identifier(name),
        dimension=space["dimension"],
        links=LINKS,
        breadth=BUILD_BREADTH,
        model=space["model"],
        strategy=space["strategy"],
    )
    try:
        connection.execute(asked)
    except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory):
        # Several processes share the graph through /dev/shm, which containers keep small: then one builds alone.
        connection.execute(statement("drop_index", index=sql.Identifier(name)))
        connection.execute(query("set_workers"), {"workers": "0"})
        connection.execute(asked)


def _lock(connection: Connection, *, wait: bool) -> bool:
    """Be the only builder. Asking again and again, since a session that waits inside PostgreSQL would hold up the very
    build it waits for.
    """
    while True:
        row = connection.execute(query("try_index_lock")).fetchone()
        if row is not None and row["held"]:
            return True
        if not wait:
            return False
        time.sleep(_PAUSE_SECONDS)


def _there(connection: Connection) -> dict[str, bool]:
    return {row["name"]: row["valid"] for row in connection.execute(query("space_indexes")).fetchall()}


def _registered(connection: Connection) -> list[dict[str, Any]]:
    return list(connection.execute(query("registered_spaces")).fetchall())
