"""Brings a database to the schema of this version: numbered SQL files, applied forwards, once each.

Several processes may migrate at once: one does the work, the others wait and find it done.
"""

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby

import psycopg
from psycopg import sql

from heaters.errors import ConfigError
from heaters.store.db import Connection, register_types
from heaters.store.queries import query

# 0.8.2 to 0.8.4 fixed a buffer overflow in parallel HNSW builds and two ways to a corrupt HNSW index.
PGVECTOR_FLOOR = (0, 8, 4)

# A file that begins so holds indexes alone, each built concurrently: writers go on meanwhile, and so do drivers of the
# version before. Its statements run one by one outside a transaction, and again from the first where they were stopped.
ALONE = "-- alone"
_INDEX = re.compile(r"create\s+(?:unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+(\w+)")
LOOK_SECONDS = 0.1

_LOCK_KEY = 0x4865_6174_6572_73  # "Heaters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of `migrations/`."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Of the SQL; tells a changed file from the one that was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def is_alone(self) -> bool:
        """Whether it holds indexes alone that are built concurrently, see ALONE."""
        return self.sql.startswith(ALONE)


def available() -> tuple[Migration, ...]:
    """The migrations of this version, in order. Raises ConfigError when their numbers have a gap."""
    found = []
    for file in (resources.files("heaters.store") / "migrations").iterdir():
        if match := re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", file.name):
            found.append(
                Migration(
                    version=int(match[1]),
                    name=file.name.removesuffix(".sql"),
                    sql=file.read_text(encoding="utf-8"),
                )
            )
    found.sort(key=lambda migration: migration.version)
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ConfigError(f"migrations are numbered from 0001 without a gap; got {[m.name for m in found]}")
    return tuple(found)


def migrate(connection: Connection, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing, in one transaction but for indexes that are built concurrently. Returns the names applied,
    oldest first.

    Raises ConfigError when pgvector is missing or too old, when the database is newer than this version, when
    an applied migration differs from the file of that number, or when the role may not create what is needed.
    """
    files = available() if migrations is None else migrations
    if not pending(connection, files):
        return []
    check_pgvector(connection)
    try:
        with _turn(connection):
            due = pending(connection, files)
            if current(connection) == 0:  # nobody writes there yet
                _together(connection, due)
            else:
                for is_alone, group in groupby(due, key=lambda migration: migration.is_alone):
                    (_one_by_one if is_alone else _together)(connection, list(group))
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigError(
            f"the role in HEATERS_DATABASE_URL may not migrate the database: {error}; "
            "let an administrator run `create extension vector` and give the role CREATE on the schema"
        ) from error
    register_types(connection)
    return [migration.name for migration in due]


@contextmanager
def _turn(connection: Connection) -> Iterator[None]:
    """Wait until nobody else migrates, and let nobody begin meanwhile."""
    key = {"key": _LOCK_KEY}
    while not connection.execute(query("lock_migrations"), key).fetchone()["is_ours"]:  # type: ignore[index]
        time.sleep(LOOK_SECONDS)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(query("unlock_migrations"), key)


def _together(connection: Connection, due: Sequence[Migration]) -> None:
    with connection.transaction():
        connection.execute(query("take_time"))
        connection.execute(query("create_migrations"))
        for migration in due:
            text = migration.sql.replace(" concurrently", "") if migration.is_alone else migration.sql
            connection.execute(text.encode())
            _record(connection, migration)


def _one_by_one(connection: Connection, due: Sequence[Migration]) -> None:
    with connection.transaction():
        connection.execute(query("create_migrations"))
    connection.execute(query("take_time_alone"))
    for migration in due:
        left = connection.execute(query("invalid_indexes"), {"names": _INDEX.findall(migration.sql)}).fetchall()
        for index in left:
            name = sql.Identifier(*index["name"].split("."))
            connection.execute(sql.SQL("drop index concurrently if exists {}").format(name))
        for statement in migration.sql.split(";"):
            if statement.strip():
                connection.execute(statement.encode())
        _record(connection, migration)
    connection.execute(query("usual_time"))


def _record(connection: Connection, migration: Migration) -> None:
    given = {"version": migration.version, "name": migration.name, "sha256": migration.sha256}
    connection.execute(query("record_migration"), given | {"drivers_go_on": migration.is_alone})


@cache
def latest() -> int:
    """The number of the last migration of this version."""
    return available()[-1].version


def current(connection: Connection) -> int:
    """The number of the last migration applied; 0 for a fresh database."""
    rows = _applied(connection)
    return rows[-1][0] if rows else 0


def pending(connection: Connection, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """The migrations still to be applied. Raises ConfigError as `migrate` does for a foreign history."""
    files = available() if migrations is None else migrations
    applied = _applied(connection)
    if len(applied) > len(files):
        raise ConfigError(
            f"the database is newer than this version of Heaters: it has migration {applied[-1][1]}, the "
            f"code ends at {files[-1].name if files else 'none'}; upgrade Heaters on this machine"
        )
    for (version, name, sha256), migration in zip(applied, files, strict=False):
        if (version, sha256) != (migration.version, migration.sha256):
            raise ConfigError(
                f"migration {name} was changed after it was applied to this database; install the version of "
                "Heaters that made it, or start a fresh one (another HEATERS_HOME or HEATERS_DATABASE_URL)"
            )
    return list(files[len(applied) :])


def _applied(connection: Connection) -> list[tuple[int, str, str]]:
    found = connection.execute(query("has_migrations")).fetchone()
    if found is None or not found["found"]:
        return []
    rows = connection.execute(query("applied_migrations")).fetchall()
    return [(row["version"], row["name"], row["sha256"]) for row in rows]


def check_pgvector(connection: Connection) -> str:
    """The version of pgvector in this database, or the one that would be installed.

    Raises ConfigError when the server has none or one below `PGVECTOR_FLOOR`.
    """
    row = connection.execute(query("pgvector")).fetchone() or {}
    installed, offered = row.get("installed"), row.get("available")
    version: str | None = installed or offered
    floor = ".".join(map(str, PGVECTOR_FLOOR))
    if version is None:
        raise ConfigError(f"the PostgreSQL server has no pgvector extension; install pgvector {floor} or newer on it")
    if tuple(int(part) for part in re.findall(r"\d+", version)) < PGVECTOR_FLOOR:
        remedy = (
            "run `alter extension vector update`" if installed and offered != installed else "upgrade it on the server"
        )
        raise ConfigError(f"pgvector must be {floor} or newer; got {version}: {remedy}")
    return version
