"""A clip picked by chance, among a hundred or a hundred million."""

import random
from typing import Any

from heaters.search.plan import EXACT_FILTERED_ROWS
from heaters.search.query import Filters
from heaters.search.spaces import Chosen
from heaters.store.db import Cursor
from heaters.store.queries import query
from heaters.store.vectors import matching, statement

# Ids that are tried at once: where the filters let many clips through, one of them passes.
_TRIES = 200


def pick(tx: Cursor, space: Chosen, filters: Filters, chance: random.Random) -> int | None:
    """The id of a clip of the space that passes the filters; None when there is none."""
    row = tx.execute(query("clip_id_range")).fetchone()
    low, high = (row["low"], row["high"]) if row else (0, 0)
    if not high:
        return None
    given = {"variant": space.variant, **filters.parameters()}
    found = _ask(tx, "one_of", filters, given | {"ids": [chance.randint(low, high) for _ in range(_TRIES)]})
    if found is not None:
        return found
    # The filters are narrow, or ids have wide gaps.
    row = _row(tx, "estimate_matching", filters, given)
    if filters.narrow and row is not None and row["QUERY PLAN"][0]["Plan"]["Plan Rows"] <= EXACT_FILTERED_ROWS:
        return _ask(tx, "nth_clip", filters, given | {"place": chance.randrange(2**31)})
    start = chance.randint(low, high)
    found = _ask(tx, "next_clip", filters, given | {"start": start})
    return found if found is not None else _ask(tx, "next_clip", filters, given | {"start": low})


def _ask(tx: Cursor, name: str, filters: Filters, given: dict[str, Any]) -> int | None:
    row = _row(tx, name, filters, given)
    return int(row["clip_id"]) if row else None


def _row(tx: Cursor, name: str, filters: Filters, given: dict[str, Any]) -> dict[str, Any] | None:
    # prepare=False: a plan is made for these very filters, not for any.
    asked = statement(name, matches=matching(filters.parameters(), filters.facts))
    return tx.execute(asked, given, prepare=False).fetchone()
