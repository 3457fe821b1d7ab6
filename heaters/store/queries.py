"""Loads the named queries. It does not know what they mean or who runs them.

A file of queries is a list of `-- name: claim_videos`, one or more comment lines that say in a sentence what
the query does, and the SQL. Parameters are `%(name)s`; a literal per cent sign is `%%`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import LiteralString

from heaters.errors import RuleError

_NAME = re.compile(r"^-- name:(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One named query: what it does, in a sentence, and its SQL."""

    name: str
    does: str
    sql: LiteralString

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise RuleError(f"a query's name is lower-case letters, digits and '_'; got {self.name!r}")
        if not self.does:
            raise RuleError(f"a query has a sentence that says what it does; {self.name} has none")
        if not self.sql:
            raise RuleError(f"a query has SQL; {self.name} has none")


def parse(text: str) -> dict[str, Query]:
    """The queries of `text` by name, in order. Raises RuleError as `Query` does and for a name used twice."""
    queries: dict[str, Query] = {}
    _, *parts = _NAME.split(text)
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        sentences, sql = _split(body)
        found = Query(name=name.strip(), does=sentences, sql=sql)
        if found.name in queries:
            raise RuleError(f"a query's name is used once; {found.name} stands twice")
        queries[found.name] = found
    return queries


def _split(body: str) -> tuple[str, str]:
    """The leading comment on one line, and the SQL without its semicolon and the next section's heading."""
    lines = body.strip().splitlines()
    while lines and (lines[-1].startswith("-- ---") or not lines[-1].strip()):
        lines.pop()
    count = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    sentences = " ".join(line.removeprefix("--").strip() for line in lines[:count]).strip()
    return sentences, "\n".join(lines[count:]).strip().removesuffix(";").rstrip()


@cache
def load() -> Mapping[str, Query]:
    """The queries of all files in `sql/`, read once. Raises RuleError as `parse` does."""
    folder = resources.files("heaters.store") / "sql"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return parse("\n".join(file.read_text(encoding="utf-8") for file in files))


def query(name: str) -> LiteralString:
    """The SQL of a query: a file of ours, so as good as a literal. Raises RuleError for a name that is not there."""
    try:
        return load()[name].sql
    except KeyError:
        raise RuleError(f"no query named {name!r} in heaters/store/sql") from None
