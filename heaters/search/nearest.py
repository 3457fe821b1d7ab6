"""The nearest clips to a direction in one space, page by page. It does not know where the direction comes from.

Segments are asked by their indexes, what no segment covers is looked at vector by vector, and the nearest of all parts
are one answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from psycopg.errors import UndefinedTable

from heaters.search.collapse import fold
from heaters.search.cursor import Cursor
from heaters.search.plan import EXACT, FURTHER_PROBES, UNINDEXED_ROWS, Plan, plan
from heaters.search.query import Query
from heaters.search.results import Hit, How
from heaters.search.segments import Cover, cover, names_of, segment_of
from heaters.search.spaces import Chosen
from heaters.store.db import Cursor as Rows
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.vectors import full, half, matching, statement

# A hit and its cosine distance as PostgreSQL gave it, which the cursor compares with.
Found: TypeAlias = tuple[Hit, float]

# Collapsing looks at so many clips at first, and at no more than so many: each brings its vector along.
_COLLAPSE_ROWS = 100
MOST_COLLAPSED_ROWS = 4_000
# A segment that was merged is dropped, perhaps between the look at what there is and the search in it.
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hits of one page, whether there are more, and how they were found."""

    hits: Sequence[Found]
    more: bool
    how: How
    note: str = ""


class Nearest:
    """One query's hits in one space. `direction` is float16 [dimension]."""

    def __init__(self, database: Database, space: Chosen, direction: NDArray[np.float16], query: Query) -> None:
        self._database = database
        self._space = space
        self._query = query
        given = query.parameters()
        self._parameters = {"variant": space.variant, "vector": half(direction), **given}
        self._matches = matching(given, query.filters.facts)
        self._all_that_match = matching(given, query.filters.facts, listed=True)

    def page(self, cursor: Cursor | None) -> Answer:
        """The hits after the cursor, the query's `k` of them if there are so many."""
        for _ in range(_TRIES - 1):
            try:
                return self._page(cursor)
            except UndefinedTable:
                continue
        return self._page(cursor)

    def _page(self, cursor: Cursor | None) -> Answer:
        with self._database.transaction() as tx:
            if self._query.collapse is not None:
                return self._collapsed(tx, cursor, self._query.collapse)
            found, how, note = self._after(tx, cursor, self._query.k + 1, shown=cursor.shown if cursor else 0)
        return Answer(hits=found[: self._query.k], more=len(found) > self._query.k, how=how, note=note)

    def _after(self, tx: Rows, cursor: Cursor | None, limit: int, *, shown: int) -> tuple[list[Found], How, str]:
        """At most `limit` hits after the cursor, of which `shown` have been before. Never fewer than there are."""
        position = {
            "after": cursor.distance if cursor else None,
            "tied": list(cursor.tied) if cursor else [],
            "limit": limit,
        }
        there = Cover(segments=(), ranges=()) if self._query.exact else self._cover(tx)
        chosen = self._plan(tx, there, shown + limit)
        if chosen.how == "hnsw":
            found = self._indexed(tx, there, chosen, position)
            if len(found) >= limit:
                return found, "hnsw", ""
            tx.execute(query("use_scans"))
        found = self._ask(tx, statement("near_exactly", matches=self._all_that_match), position)
        return found, "exact", self._missing(tx, there)

    def _indexed(self, tx: Rows, there: Cover, chosen: Plan, position: dict[str, Any]) -> list[Found]:
        limits = {
            "breadth": chosen.breadth,
            "scan": chosen.scan,
            "probes": chosen.probes,
            "most_probes": FURTHER_PROBES * chosen.probes,
            "plans": "auto" if self._query.filters.narrow else "force_generic_plan",
        }
        tx.execute(query("use_indexes"), limits)
        # Without filters one plan serves all queries, and planning takes as long as a small segment.
        keep = not self._query.filters.narrow
        return self._ask(tx, self.by_parts(there), position | {"window": chosen.window}, keep_plan=keep)

    def by_parts(self, there: Cover) -> sql.Composed:
        """The statement's part that gives the nearest of all segments and of what none of them covers."""
        given: dict[str, Any] = {"variant": self._space.variant, "matches": self._matches}
        given["dimension"] = self._space.dimension
        parts = [
            statement("near_in_segment", segment=sql.Identifier(segment.name), **given) for segment in there.segments
        ]
        parts += [
            statement("near_in_range", low=uncovered.low, high=uncovered.high, **given) for uncovered in there.ranges
        ]
        return statement("near_by_parts", parts=sql.SQL(" union all ").join(parts))

    def _ask(self, tx: Rows, near: sql.Composable, position: dict[str, Any], *, keep_plan: bool = False) -> list[Found]:
        """The hits of the position; unless `keep_plan`, by a plan for these very filters, not for any."""
        asked = statement("nearest", near=near)
        return [_found(row) for row in tx.execute(asked, self._parameters | position, prepare=keep_plan).fetchall()]

    def _cover(self, tx: Rows) -> Cover:
        """How the space is searched now: without sizes, which cost time."""
        rows = tx.execute(query("segments_of_space"), names_of(self._space.variant)).fetchall()
        named = (segment_of(row["name"]) for row in rows)
        return cover(segment for segment in named if segment is not None)

    def _plan(self, tx: Rows, there: Cover, depth: int) -> Plan:
        if not there.segments:
            return EXACT
        graphs = sum(segment.method == "hnsw" for segment in there.segments)
        matching = self._estimate(tx) if self._query.filters.narrow else None
        return plan(graphs=graphs, lists=len(there.segments) - graphs, matching=matching, depth=depth)

    def _missing(self, tx: Rows, there: Cover) -> str:
        """What people should know when every vector was looked at."""
        if there.segments or self._query.exact:
            return ""
        row = tx.execute(query("count_vectors"), self._parameters | {"limit": UNINDEXED_ROWS + 1}).fetchone()
        size = row["n"] if row else 0
        return f"no index for {size:,} and more vectors: `heaters db reindex`" * (size > UNINDEXED_ROWS)

    def _estimate(self, tx: Rows) -> int:
        asked = statement("estimate_matching", matches=self._matches)
        row = tx.execute(asked, self._parameters, prepare=False).fetchone()
        return int(row["QUERY PLAN"][0]["Plan"]["Plan Rows"]) if row else 0

    # -------------------------------------------------------------------------------------------- near-duplicates

    def _collapsed(self, tx: Rows, cursor: Cursor | None, threshold: float) -> Answer:
        """As a page, but always from the first hit on, so that a clip is folded into the same one on every page."""
        k = self._query.k
        limit = max(_COLLAPSE_ROWS, 2 * ((cursor.shown if cursor else 0) + k))
        while True:
            limit = min(limit, MOST_COLLAPSED_ROWS)
            found, how, note = self._after(tx, None, limit, shown=0)
            ids = [hit.clip_id for hit, _ in found]
            rows = tx.execute(query("vectors_of"), self._parameters | {"ids": ids}).fetchall()
            vectors = {row["clip_id"]: full(row["vector"]) for row in rows}
            kept = fold(found, vectors, threshold)
            after = [one for one in kept if cursor is None or _is_after(one, cursor)]
            if len(after) > k or len(found) < limit or limit == MOST_COLLAPSED_ROWS:
                break
            limit *= 4
        if len(after) <= k and len(found) == MOST_COLLAPSED_ROWS:
            note = f"collapsed among the {MOST_COLLAPSED_ROWS:,} nearest clips only: this is the last page"
        return Answer(hits=after[:k], more=len(after) > k, how=how, note=note)


def _is_after(found: Found, cursor: Cursor) -> bool:
    hit, distance = found
    return distance > cursor.distance or (distance == cursor.distance and hit.clip_id not in cursor.tied)


def _found(row: dict[str, Any]) -> Found:
    distance = row.pop("distance")
    return Hit(**row), distance
