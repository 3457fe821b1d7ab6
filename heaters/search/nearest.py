"""The nearest clips to a direction in one space, page by page. It does not know where the direction comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from heaters.search.collapse import fold
from heaters.search.cursor import Cursor
from heaters.search.indexes import index_name
from heaters.search.plan import DEEPEST, EXACT, EXACT_FILTERED_ROWS, EXACT_ROWS, Plan, plan
from heaters.search.query import Query
from heaters.search.results import Hit, How
from heaters.search.spaces import Chosen
from heaters.store.db import Cursor as Rows
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.vectors import full, half, statement

# A hit and its cosine distance as PostgreSQL gave it, which the cursor compares with.
Found: TypeAlias = tuple[Hit, float]

# Collapsing looks at so many clips at first, and at no more than so many: each brings its vector along.
_COLLAPSE_ROWS = 100
MOST_COLLAPSED_ROWS = 4_000


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
        self._index = index_name(space.model, space.strategy)
        self._parameters = {
            "model": space.model,
            "strategy": space.strategy,
            "vector": half(direction),
            "exclude": query.excluded or None,
            **query.filters.parameters(),
        }

    def page(self, cursor: Cursor | None) -> Answer:
        """The hits after the cursor, the query's `k` of them if there are so many."""
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
        chosen, note = self._plan(tx, shown + limit)
        if chosen.how == "hnsw":
            found = self._indexed(tx, chosen, position)
            if len(found) >= limit:
                return found, "hnsw", note
        # prepare=False here and below: a plan is made for these very filters, not for any.
        rows = tx.execute(statement("nearest_exact"), self._parameters | position, prepare=False).fetchall()
        return [_found(row) for row in rows], "exact", note

    def _indexed(self, tx: Rows, chosen: Plan, position: dict[str, Any]) -> list[Found]:
        tx.execute(query("use_index"), {"breadth": chosen.breadth, "scan": chosen.scan})
        asked = statement(
            "nearest_indexed",
            dimension=self._space.dimension,
            model=self._space.model,
            strategy=self._space.strategy,
        )
        parameters = self._parameters | position | {"window": chosen.window}
        rows = tx.execute(asked, parameters, prepare=False).fetchall()
        tx.execute(query("use_scans"))
        return [_found(row) for row in rows]

    def _plan(self, tx: Rows, depth: int) -> tuple[Plan, str]:
        if self._query.exact or depth > DEEPEST:
            return EXACT, ""
        row = tx.execute(query("has_index"), {"name": self._index}).fetchone()
        narrow = self._query.filters.narrow
        if row is None or not row["valid"]:
            size = self._count(tx, EXACT_FILTERED_ROWS)
            return EXACT, f"no index for {size:,} and more vectors: `heaters db reindex`" * (size > EXACT_FILTERED_ROWS)
        matching = self._estimate(tx) if narrow else self._count(tx, EXACT_ROWS)
        return plan(has_index=True, matching=matching, narrow=narrow, depth=depth), ""

    def _count(self, tx: Rows, limit: int) -> int:
        row = tx.execute(query("count_vectors"), self._parameters | {"limit": limit + 1}, prepare=False).fetchone()
        return int(row["n"]) if row else 0

    def _estimate(self, tx: Rows) -> int:
        row = tx.execute(statement("estimate_matching"), self._parameters, prepare=False).fetchone()
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
    row.pop("found", None)
    return Hit(**row), distance
