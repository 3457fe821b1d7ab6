"""Connections against a real server whose backends are really killed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import numpy as np
import psycopg
import pytest

from heaters.errors import ConfigError, StoreError
from heaters.store.db import Connection, Cursor, Database, connect, where


def kill_others(database_url: str) -> int:
    """End every other connection to the database, as a restart of the server would. Returns how many."""
    with connect(database_url) as connection:
        rows = connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        ).fetchall()
    return len(rows)


def setting(connection: Connection, name: str) -> object:
    row = connection.execute("select current_setting(%(name)s) as value", {"name": name}).fetchone()
    return row and row["value"]


def test_connect_knows_our_types(database_url: str) -> None:
    with connect(database_url, application_name="a test") as connection:
        row = connection.execute(
            "select %(facts)s as facts, %(vector)s::vector::halfvec as vector",
            {"facts": {"codec": "h264"}, "vector": np.array([1, 2], np.float32)},
        ).fetchone()
        assert row is not None
        assert row["facts"] == {"codec": "h264"}
        assert row["vector"].to_list() == [1, 2]
        assert setting(connection, "application_name") == "a test"
        assert setting(connection, "statement_timeout") == "1min"
        assert setting(connection, "idle_in_transaction_session_timeout") == "2min"
        assert connection.autocommit


def test_what_the_url_says_goes_before_our_defaults(database_url: str) -> None:
    options = quote("-c statement_timeout=7s -c work_mem=5MB")
    with connect(
        f"{database_url}&options={options}" if "?" in database_url else f"{database_url}?options={options}"
    ) as c:
        assert setting(c, "statement_timeout") == "7s"
        assert setting(c, "work_mem") == "5MB"
        assert setting(c, "idle_in_transaction_session_timeout") == "2min"


def test_connect_works_before_the_extension_is_there(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        assert connection.execute("select 1 as x").fetchone() == {"x": 1}


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("postgresql://me:secret@localhost:1/none", StoreError, "database none at localhost, port 1 does not accept"),
        ("postgresql://me:secret@[", ConfigError, "must be a postgresql:// URL"),
        ("postgresql://me:secret@localhost/x?nonsense=1", ConfigError, "must be a postgresql:// URL"),
    ],
)
def test_connect_fails(url: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as raised:
        connect(url)
    assert said in str(raised.value)
    assert "secret" not in str(raised.value)


def test_connect_fails_for_a_database_that_is_not_there(database_url: str) -> None:
    with pytest.raises(ConfigError, match=r"database nonsense at .* refused us \(HEATERS_DATABASE_URL\)"):
        connect(database_url.replace(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"], "nonsense"))


def test_where_hides_the_password() -> None:
    assert where("postgresql://me:secret@db.example:6543/clips") == "database clips at db.example, port 6543"
    assert "secret" not in where("postgresql://me:secret@[")


def test_transaction_commits_or_rolls_back(db: Database) -> None:
    with db.transaction() as cursor:
        cursor.execute("create table notes (x int unique)")
        cursor.execute("insert into notes values (1)")
    with pytest.raises(psycopg.errors.DivisionByZero), db.transaction() as cursor:
        cursor.execute("insert into notes values (2); select 1 / 0")
    with pytest.raises(psycopg.errors.UniqueViolation), db.transaction() as cursor:
        cursor.execute("insert into notes values (1)")
    with db.transaction() as cursor:
        assert cursor.execute("select array_agg(x) as x from notes").fetchone() == {"x": [1]}


def test_a_slow_statement_is_a_store_error(db: Database) -> None:
    with db.transaction() as cursor:
        cursor.execute("set statement_timeout = '20ms'")
    with pytest.raises(StoreError, match="statement timeout"), db.transaction() as cursor:
        cursor.execute("select pg_sleep(5)")
    with db.transaction() as cursor:
        assert cursor.execute("select 1 as x").fetchone() == {"x": 1}


def test_connections_that_died_idle_are_replaced(db: Database) -> None:
    with db.transaction() as first, db.transaction() as second:
        assert first.connection.info.backend_pid != second.connection.info.backend_pid
    assert kill_others(db.url) == 2
    with db.transaction() as cursor:
        assert cursor.execute("select 1 as x").fetchone() == {"x": 1}


def test_a_connection_lost_in_the_middle_is_never_repeated(db: Database) -> None:
    with db.transaction() as cursor:
        cursor.execute("create table notes (x int)")
    begun = 0

    def write() -> None:
        nonlocal begun
        with db.transaction() as cursor:
            begun += 1
            cursor.execute("insert into notes values (1)")
            kill_others(db.url)
            cursor.execute("insert into notes values (2)")

    with pytest.raises(StoreError, match="failed: terminating connection"):
        write()
    assert begun == 1
    with db.transaction() as cursor:
        assert cursor.execute("select count(*) as n from notes").fetchone() == {"n": 0}


def test_run_repeats_work_that_lost_its_connection(db: Database) -> None:
    begun = 0

    def work(cursor: Cursor) -> object:
        nonlocal begun
        begun += 1
        if begun < 3:
            kill_others(db.url)
        return cursor.execute("select 7 as x").fetchone()

    assert db.run(work) == {"x": 7}
    assert begun == 3


def test_run_gives_up(database_url: str) -> None:
    database = Database(database_url, patience_seconds=0.3)
    with pytest.raises(StoreError, match="canceling statement"):
        database.run(lambda cursor: cursor.execute("set local statement_timeout = 1; select pg_sleep(1)"))
    database.close()


def test_transaction_waits_for_a_database_that_comes_back(database_url: str) -> None:
    answers = iter(["postgresql://localhost:1/none"] * 3)
    database = Database(lambda: next(answers, database_url), patience_seconds=10)
    with database.transaction() as cursor:
        assert cursor.execute("select 1 as x").fetchone() == {"x": 1}
    assert next(answers, None) is None
    database.close()


def test_transaction_gives_up_on_a_database_that_stays_away() -> None:
    begun = time.monotonic()
    with (
        pytest.raises(StoreError, match=r"gave up after 0\.5 s: database none at localhost, port 1"),
        Database("postgresql://localhost:1/none", patience_seconds=0.5).transaction(),
    ):
        pass
    assert time.monotonic() - begun < 5


def test_no_more_connections_than_allowed(database_url: str) -> None:
    database = Database(database_url, max_size=1, patience_seconds=0.1)
    with (
        database.transaction(),
        pytest.raises(StoreError, match=r"no database connection became free within 0\.1 s"),
        database.transaction(),
    ):
        pass
    with database.transaction() as cursor:
        assert cursor.execute("select 1 as x").fetchone() == {"x": 1}
    database.close()


def test_threads_share_a_database(database_url: str) -> None:
    database = Database(database_url, max_size=3)
    with database.transaction() as cursor:
        cursor.execute("create table counter as select 0 as n")
    pids: set[int] = set()
    guard = threading.Lock()

    def add(_: int) -> None:
        with database.transaction() as cursor:
            cursor.execute("update counter set n = n + 1")
            with guard:
                pids.add(cursor.connection.info.backend_pid)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(add, range(200)))
    with database.transaction() as cursor:
        assert cursor.execute("select n from counter").fetchone() == {"n": 200}
    assert len(pids) <= 3
    database.close()
