"""Migrations: they sum to the schema, run once, and refuse a history that is not theirs."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import catalog
import psycopg
import pytest
from waiting import wait_until

from heaters.errors import ConfigError
from heaters.store import migrate as module
from heaters.store.db import Connection, connect
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


INDEX = Migration(
    version=3, name="0003_index", sql="-- alone: x\ncreate index concurrently if not exists one_x on one (x);\n"
)


def test_an_index_is_built_while_others_write(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection, connect(empty_database_url) as writer:
        migrate(connection, [ONE, TWO])
        with ThreadPoolExecutor(1) as pool:
            with writer.transaction():
                writer.execute("insert into one values (1)")  # holds the table until it commits
                built = pool.submit(migrate, connection, [ONE, TWO, INDEX])
                with connect(empty_database_url) as other:
                    waits = "select count(*) as n from pg_locks where relation = 'one'::regclass and not granted"
                    wait_until(lambda: built.done() or is_building(other), "the index to be begun")
                    assert not built.done()
                    other.execute("set lock_timeout = '5s'")
                    other.execute("insert into one values (2)")  # with a plain index it would wait for the index
                    assert other.execute(waits).fetchone() == {"n": 0}
            assert built.result(60) == ["0003_index"]
        assert migrate(connection, [ONE, TWO, INDEX]) == []
        assert connection.execute(INDEXES).fetchall() == [{"valid": True}]


INDEXES = "select indisvalid as valid from pg_index where indexrelid = 'one_x'::regclass"


def is_building(connection: Connection) -> bool:
    found = connection.execute(
        "select from pg_stat_activity where query like 'create index%' or query like '-- alone%'"
    )
    return found.fetchone() is not None


def test_an_index_that_was_left_half_built_is_built_again(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        migrate(connection, [ONE, TWO])
        connection.execute("insert into one values (1), (1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently one_x on one (x)")
        assert connection.execute(INDEXES).fetchall() == [{"valid": False}]
        assert migrate(connection, [ONE, TWO, INDEX]) == ["0003_index"]
        assert connection.execute(INDEXES).fetchall() == [{"valid": True}]


def test_migrations_to_come_lock_no_table_for_long() -> None:
    """A new index of a table that is there is built concurrently, and no column's type is changed: it is rewritten."""
    for migration in available()[18:]:
        made = set(re.findall(r"create table (\w+)", migration.sql))
        for concurrently, table in re.findall(
            r"create (?:unique )?index (concurrently )?[^;]*? on (\w+)", migration.sql
        ):
            assert concurrently or table in made, f"{migration.name}: an index on {table}"
        assert not re.search(r"alter column \w+ (set data )?type", migration.sql), migration.name
        assert migration.is_alone == ("concurrently" in migration.sql), migration.name


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
