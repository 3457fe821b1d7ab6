"""What the Query tab asks, from the words of its address; and the answer: a page of cards. It knows no HTTP."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from heaters.errors import UsageError
from heaters.search import Filters, Page, Query, Term
from heaters.store.queries import query
from ui.context import Context
from ui.media import mark
from ui.query.pictures import Pictures
from ui.status.board import shown

PAGE_SIZE = 24
DEEPEST_PAGE = 2000
MOST_COUNTED = 10_000
SORTS = ("newest", "oldest", "longest", "shortest", "uncertain", "shuffled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search as the address tells it. `terms` empty: browse in the order of `sort`."""

    terms: tuple[Term, ...]
    filters: Filters
    sort: str
    seed: int
    page: int
    cursor: str

    def __post_init__(self) -> None:
        if self.sort not in SORTS:
            raise UsageError(f"clips are sorted by one of {', '.join(SORTS)}; got {self.sort!r}")
        if not 1 <= self.page <= DEEPEST_PAGE:
            raise UsageError(f"pages are numbered 1 to {DEEPEST_PAGE}; got {self.page}")
        if not -(2**63) <= self.seed < 2**63:
            raise UsageError("a seed is a 64-bit number")


def terms_of(pictures: Pictures, q: str, away: str, clips: Sequence[str], images: Sequence[str]) -> tuple[Term, ...]:
    """The terms of an address: words for and against; clips and pictures, with a '-' before those to look away from."""
    found = [Term.text(q)] if q.strip() else []
    found += [Term.text(away, weight=-0.7)] if away.strip() else []
    for word in clips:
        number = word.removeprefix("-")
        if not number.isdecimal() or len(number) > 18:
            raise UsageError(f"a clip is named by its number; got {word[:40]!r}")
        found.append(Term.clip(int(number), weight=-0.7 if word.startswith("-") else 1.0))
    for word in images:
        found.append(Term.image(pictures.open(word.removeprefix("-")), weight=-0.7 if word.startswith("-") else 1.0))
    return tuple(found)


def answer(context: Context, asked: Asked) -> dict[str, Any]:
    """A page of cards, and how to get the next."""
    return _search(context, asked) if asked.terms else _browse(context, asked)


def _search(context: Context, asked: Asked) -> dict[str, Any]:
    wanted = Query(terms=asked.terms, filters=asked.filters, k=PAGE_SIZE, cursor=asked.cursor or None)
    found: Page = context.search.run(wanted) if asked.cursor else context.search.page(wanted, asked.page)
    names = _names(context, [hit.video_id for hit in found.hits])
    cards = [
        {
            "id": hit.clip_id,
            "video": hit.video_id,
            "title": hit.title or shown(names[hit.video_id]["source"]),
            "state": hit.state,
            "start_seconds": hit.start_seconds,
            "end_seconds": hit.end_seconds,
            "score": hit.score,
            "v": _version(names[hit.video_id]["proxy_key"]),
        }
        for hit in found.hits
    ]
    return {
        "clips": cards,
        "next": found.next,
        "page": asked.page,
        "total": None,
        "note": found.note or context.search.note,
        "space": found.model,
        "how": found.how,
    }


def _browse(context: Context, asked: Asked) -> dict[str, Any]:
    key = sql.SQL(query(f"key_{asked.sort}"))  # a file of ours
    after = _after(asked.cursor)
    filters = {**asked.filters.parameters(), "seed": asked.seed, "most": MOST_COUNTED + 1}
    page = {"limit": PAGE_SIZE + 1, "offset": 0 if after[0] is not None else (asked.page - 1) * PAGE_SIZE}
    with context.database.transaction() as tx:
        statement = sql.SQL(query("browse")).format(key=key)
        rows = tx.execute(statement, {**filters, **page, "after_key": after[0], "after_id": after[1]}).fetchall()
        counted = tx.execute(query("count_clips"), filters).fetchone()
    page_rows = rows[:PAGE_SIZE]
    cards = [
        {
            "id": row["id"],
            "video": row["video_id"],
            "title": row["title"] or shown(row["source"]),
            "state": row["state"],
            "start_seconds": row["start_seconds"],
            "end_seconds": row["end_seconds"],
            "score": None,
            "v": _version(row["proxy_key"]),
        }
        for row in page_rows
    ]
    total = counted["n"] if counted else 0
    return {
        "clips": cards,
        "next": _cursor(page_rows[-1]) if len(rows) > PAGE_SIZE else None,
        "page": asked.page,
        "total": min(total, MOST_COUNTED),
        "is_more": total > MOST_COUNTED,
        "note": "",
        "space": "",
        "how": "",
    }


def _names(context: Context, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    with context.database.transaction() as tx:
        rows = tx.execute(query("names_of_videos"), {"ids": sorted(set(ids))}).fetchall()
    return {row["id"]: row for row in rows}


def _version(proxy_key: str | None) -> str:
    return mark(proxy_key)[:8] if proxy_key else ""


def _cursor(row: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([row["key"], row["id"]]).encode()).decode().rstrip("=")


def _after(cursor: str) -> tuple[float | None, int | None]:
    if not cursor:
        return None, None
    try:
        key, number = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return float(key), int(number)
    except (ValueError, TypeError) as error:
        raise UsageError("a cursor is the `next` of a page, unchanged") from error
