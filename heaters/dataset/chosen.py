"""Which clips go into a dataset: chosen in PostgreSQL, in tables of one session, and read a page at a time.

So memory stays the same whether ten thousand clips are chosen or ten million.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from psycopg import sql

from heaters.dataset.recipe import Candidate, Choice, Recipe
from heaters.errors import UsageError
from heaters.search.groups import standing
from heaters.store.db import Connection, Database
from heaters.store.queries import query

PAGE_CLIPS = 5000


class Chosen:
    """The clips that a choice means, and the samples that are in an output, on a connection of its own."""

    def __init__(self, connection: Connection) -> None:
        """Bounds on facts are on those that the connection's options name."""
        self._connection = connection
        connection.execute(query("begin_choice"))

    def enter(self, samples: Iterable[str]) -> None:
        """These samples are in the output."""
        with self._connection.cursor() as cursor, cursor.copy(_statement("copy_there")) as copy:
            for sample in samples:
                copy.write_row((sample,))

    def choose(self, recipe: Recipe, choice: Choice, profile: str) -> int:
        """Choose; returns how many clips are chosen but lack something of the recipe as yet."""
        given = {**choice.parameters(), **recipe.asked(), "profile": profile}
        statement = _statement("choose_clips", rule=choice.rule(), file=sql.SQL(query("file_of_clip")))
        with self._connection.transaction():
            self._connection.execute(query("take_time"))
            self._connection.execute(_statement("index_there"))
            self._connection.execute(statement, given)
            self._connection.execute(_statement("mark_chosen"))
        row = self._of("count_waiting", {}).fetchone()
        return int(row["n"])

    def new(self) -> Iterator[Candidate]:
        """The clips that can be written and are not in the output, in the order of source and place."""
        after = 0
        while rows := self._of("next_chosen", {"after": after, "limit": PAGE_CLIPS}).fetchall():
            after = rows[-1]["place"]
            for row in rows:
                yield Candidate(**{name: row[name] for name in Candidate.__slots__})

    def distinct(self, database: Database, recipe: Recipe, threshold: float) -> frozenset[int]:
        """Those of the new clips that look like no other that goes before. Holds the vectors of all in memory.

        Raises UsageError where the recipe has no vectors.
        """
        if not recipe.model:
            raise UsageError("near-duplicates are told by vectors: to leave them out, the recipe needs some")
        old, new = self._ids(is_in=True), self._ids(is_in=False)
        first = standing(database, recipe.model, recipe.strategy, threshold, [*old, *new])
        return frozenset(clip for clip in new if first[clip] == clip)

    def strangers(self, names: Sequence[str]) -> set[str]:
        """Which of these samples are not in the output."""
        return {row["name"] for row in self._of("not_there", {"names": list(names)}).fetchall()}

    def _ids(self, *, is_in: bool) -> list[int]:
        return [row["id"] for row in self._of("ids_in", {"is_in": is_in}).fetchall()]

    def _of(self, name: str, given: dict[str, Any]) -> Any:
        return self._connection.execute(_statement(name), given)


def _statement(name: str, **more: sql.Composable) -> sql.Composed:
    """A query on the session's tables."""
    tables = {"chosen": sql.Identifier("pg_temp", "chosen"), "there": sql.Identifier("pg_temp", "there")}
    return sql.SQL(query(name)).format(**tables, **more)
