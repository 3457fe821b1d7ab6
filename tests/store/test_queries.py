"""Every named query parses against the real schema; the file of queries keeps its form."""

import re
from pathlib import Path

import psycopg
import pytest

from heaters.errors import RuleError
from heaters.store.db import Database, connect
from heaters.store.queries import load, parse, query

PLANNED = re.compile(r"(?is)\s*(select|insert|update|delete|merge|values|with)\b")


def numbered(sql: str) -> str:
    """psycopg's `%(name)s` as PostgreSQL's `$n`."""
    names: dict[str, int] = {}
    text = re.sub(r"%\((\w+)\)[sb]", lambda match: f"${names.setdefault(match[1], len(names) + 1)}", sql)
    return text.replace("%%", "%")


# Not templates, whose braces are filled in where they are used: tests of these places run them.
STATEMENTS = [name for name in load() if "{" not in query(name) and "Not a statement" not in load()[name].does]


@pytest.mark.parametrize("name", STATEMENTS)
def test_query_fits_the_schema(template_url: str, name: str) -> None:
    sql = query(name)
    with connect(template_url) as connection, connection.transaction(force_rollback=True):
        statement = f"prepare checked as {numbered(sql)}" if PLANNED.match(sql) else sql
        connection.execute(statement.encode())


@pytest.mark.parametrize("name", load())
def test_query_says_what_it_does(name: str) -> None:
    assert load()[name].does.endswith("."), f"{name}: {load()[name].does!r} is no sentence"


def test_every_query_that_is_asked_for_is_there() -> None:
    here = Path(__file__).resolve().parents[2]
    files = [
        file for part in ("heaters", "ui", "deployments", "jobs", "benchmarks") for file in (here / part).rglob("*.py")
    ]
    asked = {name for file in files for name in re.findall(r'\bquery\("(\w+)"', file.read_text())}
    assert len(asked) > 100
    assert asked <= set(load())


def test_prepare_finds_a_broken_query(db: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedColumn), db.transaction() as cursor:
        cursor.execute(f"prepare broken as {numbered('select nothing from videos where id = %(id)s')}".encode())


def test_parse() -> None:
    found = parse(
        "-- About this file.\n\n-- ---- videos\n\n-- name: one\n-- First.\n-- Second.\nselect 1\nfrom t; \n\n"
        "-- ------- the queue\n\n-- name: two\n-- Third.\nselect 2 -- why\n"
    )
    assert list(found) == ["one", "two"]
    assert found["one"].does == "First. Second."
    assert found["one"].sql == "select 1\nfrom t"
    assert found["two"].sql == "select 2 -- why"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("-- name: one\nselect 1;", "one has none"),
        ("-- name: one\n-- Says.\n", "one has none"),
        ("-- name: One\n-- Says.\nselect 1;", "'One'"),
        ("-- name: one\n-- A.\nselect 1;\n-- name: one\n-- B.\nselect 2;", "twice"),
    ],
)
def test_parse_fails(text: str, rule: str) -> None:
    with pytest.raises(RuleError, match=rule):
        parse(text)


def test_query_fails() -> None:
    with pytest.raises(RuleError, match="no query named 'nonsense'"):
        query("nonsense")
