"""Browsing: the next clips in an order that pass filters, without looking at all clips. It knows no HTTP.

Two ways. Where one of the filters lets few clips through, these are gathered and sorted: exact, and counted. Otherwise
clips are read in their order through an index until the page is full, a bounded number of them (LOOK) for one answer;
an answer that is not full says where to go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import sql

from heaters.search import Filters
from heaters.store.db import Cursor
from heaters.store.leases import clip_counts
from heaters.store.queries import query
from ui.query.filters import Filter, Sieve, every, narrow, part, sieve
from ui.query.place import Place
from ui.query.shuffle import Shuffle

# So many are read in their order and dropped in about 60 ms: by id they lie together, by length or shuffled not.
LOOK_BY_ID = 10_000
LOOK = 5_000
# Of a shuffle: ids that are tried at once, the first time and at most.
FIRST_PICK, MOST_PICK = 128, 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What clips are sorted by: the name of its fragment in `sql/browse.sql`, its type there, and whether the highest
    come first.
    """

    key: str
    kind: str
    is_down: bool


ORDERS: dict[str, Order] = {
    "newest": Order(key="by_id", kind="int8", is_down=True),
    "oldest": Order(key="by_id", kind="int8", is_down=False),
    "longest": Order(key="by_length", kind="float4", is_down=True),
    "shortest": Order(key="by_length", kind="float4", is_down=False),
    "uncertain": Order(key="by_doubt", kind="float4", is_down=False),
}
SHUFFLED = "shuffled"
SORTS = (*ORDERS, SHUFFLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Clips of a page in order. `next`: where to go on; None at the end. `total`: how many pass the filters; with
    `is_more` at least so many; None where nobody counted.
    """

    ids: tuple[int, ...]
    next: Place | None = None
    total: int | None = None
    is_more: bool = False


def browse(tx: Cursor, filters: Filters, *, sort: str, seed: int, place: Place, limit: int) -> Listed:
    """Up to `limit` clips from a place on."""
    asked = sieve(filters)
    if not asked.states:
        return Listed(ids=(), total=0)
    tx.execute(query("plan_by_index"))
    is_shuffled = sort == SHUFFLED
    counts = clip_counts(tx)
    in_states = sum(counts.get(state, 0) for state in asked.states)
    driver = narrow(tx, asked, in_states)
    if driver is not None:
        if is_shuffled:
            return _pick_gathered(tx, asked, driver, seed, place, limit)
        return _gathered(tx, asked, driver, ORDERS[sort], place, limit)
    listed = _pick(tx, asked, seed, place, limit) if is_shuffled else _walk(tx, asked, ORDERS[sort], place, limit)
    total, is_more = _total(asked, in_states)
    return replace(listed, total=total, is_more=is_more)


def _total(asked: Sieve, in_states: int) -> tuple[int | None, bool]:
    """How many pass filters of which each lets many through."""
    if not asked.but("states"):
        return in_states, False
    return (asked.filters[0].few, True) if len(asked.filters) == 1 else (None, True)


# ---------------------------------------------------------------------------------------------------- in an order


def _gathered(tx: Cursor, asked: Sieve, driver: Filter, order: Order, place: Place, limit: int) -> Listed:
    """A page of the few clips that pass, and how many there are."""
    statement = part(
        "gathered_page", driver=driver.driver, filters=every(asked.but(driver.name)), **_order(order, place)
    )
    given = _after(place) | {"most": driver.few, "limit": limit + 1, "skip": place.skip}
    found = tx.execute(statement, asked.parameters | given).fetchall()
    rows = [row for row in found if row["id"] is not None]
    page = rows[:limit]
    following = _behind(page[-1]) if len(rows) > limit else None
    return Listed(ids=_ids(page), next=following, total=found[0]["total"])


def _walk(tx: Cursor, asked: Sieve, order: Order, place: Place, limit: int) -> Listed:
    """A page of clips read in their order."""
    inner = {"by_id": "states", "by_length": "length"}.get(order.key, "")
    rest = asked.but(inner)
    parts = _order(order, place)
    parts |= {"source": _source(asked, order, parts)}
    wanted = place.skip + limit + 1
    # With filters what is left out is counted here: it may be more than one look finds.
    look, skip, most = (_look(order), 0, wanted) if rest else (wanted, place.skip, limit + 1)
    given = asked.parameters | _after(place) | {"look": look, "skip": skip, "limit": most}
    rows = tx.execute(part("walk", filters=every(rest), **parts), given).fetchall()
    page = rows[place.skip - skip :][:limit]
    if len(rows) == most:
        return Listed(ids=_ids(page), next=_behind(page[-1]))
    end = tx.execute(part("walk_end", **parts), given).fetchone() if rest else None
    left = max(place.skip - len(rows), 0)
    return Listed(ids=_ids(page), next=_behind(end, skip=left) if end else None)


def _look(order: Order) -> int:
    return LOOK_BY_ID if order.key == "by_id" else LOOK


def _source(asked: Sieve, order: Order, parts: dict[str, sql.Composable]) -> sql.Composable:
    """Where an order is read from."""
    ordered = {"beyond": parts["beyond"], "sorted": parts["sorted"]}
    if order.key != "by_id":
        lengths = asked.only("length") if order.key == "by_length" else []
        return part("active_clips", within=every(lengths), **ordered)
    each = (part("clips_in_state", state=sql.Literal(str(state)), **ordered) for state in asked.states)
    return sql.SQL(" union all ").join(each)


def _order(order: Order, place: Place) -> dict[str, sql.Composable]:
    key = part(order.key)
    way = "downwards" if order.is_down else "upwards"
    beyond: sql.Composable = sql.SQL("true")
    if place.after_id is not None:
        beyond = part(f"beyond_{way}", key=key, kind=sql.Identifier(order.kind))
    return {"key": key, "sorted": part(way, key=key), "beyond": beyond}


def _after(place: Place) -> dict[str, Any]:
    return {"after_key": place.after_key, "after_id": place.after_id}


def _behind(row: dict[str, Any], *, skip: int = 0) -> Place:
    return Place(after_key=row["key"], after_id=row["id"], skip=skip)


def _ids(rows: Sequence[dict[str, Any]]) -> tuple[int, ...]:
    return tuple(row["id"] for row in rows)


# ---------------------------------------------------------------------------------------------------- shuffled


def _pick_gathered(tx: Cursor, asked: Sieve, driver: Filter, seed: int, place: Place, limit: int) -> Listed:
    """A page of the few clips that pass, sorted by their places in the shuffle."""
    statement = part("gathered_ids", driver=driver.driver, filters=every(asked.but(driver.name)))
    row = tx.execute(statement, asked.parameters | {"most": driver.few}).fetchone()
    ids: list[int] = row["ids"] if row else []
    shuffle, at = _shuffle(tx, seed, place)
    placed = sorted((shuffle.place_of(i), i) for i in ids if i < shuffle.size)
    beyond = [pair for pair in placed if pair[0] >= at][place.skip :]
    page = beyond[:limit]
    following = Place(bits=shuffle.bits, at=page[-1][0] + 1) if len(beyond) > limit else None
    return Listed(ids=tuple(i for _, i in page), next=following, total=len(ids))


def _pick(tx: Cursor, asked: Sieve, seed: int, place: Place, limit: int) -> Listed:
    """A page of clips found by trying the ids of the shuffle one after the other."""
    shuffle, at = _shuffle(tx, seed, place)
    statement = part("pick", filters=every(asked.but()))
    end = min(at + LOOK, shuffle.size)
    skip, count, found = place.skip, FIRST_PICK, list[int]()
    while at < end and len(found) < limit:
        ids = [shuffle.id_at(n) for n in range(at, min(at + count, end))]
        wanted = skip + limit - len(found)
        rows = tx.execute(statement, asked.parameters | {"ids": ids, "limit": wanted}).fetchall()
        found += [row["id"] for row in rows[skip:]]
        at += rows[-1]["place"] + 1 if len(rows) == wanted else len(ids)
        skip = max(skip - len(rows), 0)
        count = min(4 * count, MOST_PICK)
    following = Place(bits=shuffle.bits, at=at, skip=skip) if at < shuffle.size else None
    return Listed(ids=tuple(found), next=following)


def _shuffle(tx: Cursor, seed: int, place: Place) -> tuple[Shuffle, int]:
    """The shuffle, and where it goes on. A place names its size: clips that came since do not change what is listed."""
    if place.bits is not None:
        return Shuffle(seed=seed, bits=place.bits), place.at or 0
    row = tx.execute(query("highest_clip")).fetchone()
    return Shuffle(seed=seed, bits=max((row["id"] if row else 0).bit_length(), 1)), 0
