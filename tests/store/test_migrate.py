"""Migrations: they sum to the schema, run once, and refuse a history that is not theirs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import catalog
import psycopg
import pytest

from heaters.errors import ConfigError
from heaters.store import migrate as module
from heaters.store.db import connect
from heaters.store.migrate import Migration, available, check_pgvector, current, migrate, pending

ONE = Migration(version=1, name="0001_one", sql="create table one (x int); create extension vector;")
TWO = Migration(version=2, name="0002_two", sql="create table two (x int);")


def test_migrations_sum_to_the_schema(make_database: Callable[[str], str]) -> None:
    with connect(make_database("template0")) as migrated, connect(make_database("template0")) as direct:
        migrate(migrated)
        direct.execute((resources.files("heaters.store") / "schema.sql").read_bytes())
        assert catalog.lines(migrated) == catalog.lines(direct)
        assert len(catalog.lines(direct)) > 100


def test_the_catalog_sees_a_difference(database_url: str) -> None:
    with connect(database_url) as connection:
        before = catalog.lines(connection)
        connection.execute("alter table clips alter column version set default 2")
        assert catalog.lines(connection) != before


def test_migrate_applies_what_is_missing_once(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        assert current(connection) == 0
        assert migrate(connection, [ONE]) == ["0001_one"]
        assert migrate(connection, [ONE]) == []
        assert pending(connection, [ONE, TWO]) == [TWO]
        assert migrate(connection, [ONE, TWO]) == ["0002_two"]
        assert current(connection) == 2


def test_several_at_once_migrate_once(empty_database_url: str) -> None:
    def one(_: int) -> list[str]:
        with connect(empty_database_url) as connection:
            return migrate(connection)

    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(one, range(4)))
    assert sorted(applied) == [[], [], [], [migration.name for migration in available()]]


def test_a_failed_migration_leaves_nothing(empty_database_url: str) -> None:
    broken = Migration(version=2, name="0002_broken", sql="create table two (x int); select nonsense;")
    with connect(empty_database_url) as connection:
        with pytest.raises(psycopg.errors.UndefinedColumn):
            migrate(connection, [ONE, broken])
        assert current(connection) == 0
        assert migrate(connection, [ONE, TWO]) == ["0001_one", "0002_two"]


def test_migrate_refuses_a_newer_database(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        migrate(connection, [ONE, TWO])
        with pytest.raises(ConfigError, match=r"newer .* 0002_two, .* 0001_one; upgrade Heaters"):
            migrate(connection, [ONE])


def test_migrate_refuses_a_changed_file(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        migrate(connection, [ONE])
        with pytest.raises(ConfigError, match="migration 0001_one was changed after it was applied"):
            migrate(connection, [Migration(version=1, name="0001_one", sql="create table other (x int);"), TWO])


def test_migrate_says_what_a_role_lacks(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection, connection.transaction(force_rollback=True):
        connection.execute("create role heaters_test_nobody")
        connection.execute("set local role heaters_test_nobody")
        with pytest.raises(ConfigError, match="may not migrate the database: permission denied for schema"):
            migrate(connection)


def test_pgvector_floor(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(empty_database_url) as connection:
        assert check_pgvector(connection).startswith("0.")
        monkeypatch.setattr(module, "PGVECTOR_FLOOR", (99, 0, 0))
        with pytest.raises(ConfigError, match=r"pgvector must be 99\.0\.0 or newer; got 0\..*: upgrade it"):
            migrate(connection)
        # A temporary view hides the catalog's own: a server without the extension.
        connection.execute(
            "create temp view pg_available_extensions as select null::name as name, null::text as default_version"
        )
        with pytest.raises(ConfigError, match="has no pgvector extension; install"):
            migrate(connection)


def test_available_fails_for_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [migration.name for migration in available()]
    assert names[0] == "0001_initial"
    assert all(name == name.lower() for name in names)
    monkeypatch.setattr(module.re, "fullmatch", lambda *_: {1: "0002"})
    with pytest.raises(ConfigError, match="without a gap"):
        available()
