"""What the Query tab asks, from the words of its address; and the answer: a page of cards. It knows no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heaters.errors import UsageError
from heaters.search import Filters, Page, Query, Term
from heaters.store.db import Cursor
from heaters.store.queries import query
from ui.context import Context
from ui.media import mark
from ui.query.browse import SORTS, browse
from ui.query.pictures import Pictures
from ui.query.place import Place

PAGE_SIZE = 24
DEEPEST_PAGE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search as the address tells it. `terms` empty: browse in the order of `sort`, `count` clips for this answer."""

    terms: tuple[Term, ...]
    filters: Filters
    sort: str
    seed: int
    page: int
    cursor: str
    count: int = PAGE_SIZE

    def __post_init__(self) -> None:
        if self.sort not in SORTS:
            raise UsageError(f"clips are sorted by one of {', '.join(SORTS)}; got {self.sort!r}")
        if not 1 <= self.page <= DEEPEST_PAGE:
            raise UsageError(f"pages are numbered 1 to {DEEPEST_PAGE}; got {self.page}")
        if not -(2**63) <= self.seed < 2**63:
            raise UsageError("a seed is a 64-bit number")
        if not 1 <= self.count <= PAGE_SIZE:
            raise UsageError(f"an answer has 1 to {PAGE_SIZE} clips; got {self.count}")


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
    with context.database.transaction() as tx:
        made = cards(tx, [hit.clip_id for hit in found.hits])
    scores = {hit.clip_id: hit.score for hit in found.hits}
    return {
        "clips": [card | {"score": scores[card["id"]]} for card in made],
        "next": found.next,
        "is_full": True,
        "page": asked.page,
        "total": None,
        "is_more": found.next is not None,
        "note": found.note or context.search.note,
        "space": found.model,
        "how": found.how,
    }


def _browse(context: Context, asked: Asked) -> dict[str, Any]:
    place = Place.decode(asked.cursor) if asked.cursor else Place(skip=(asked.page - 1) * PAGE_SIZE)
    with context.database.transaction() as tx:
        found = browse(tx, asked.filters, sort=asked.sort, seed=asked.seed, place=place, limit=asked.count)
        made = cards(tx, found.ids)
    return {
        "clips": [card | {"score": None} for card in made],
        "next": found.next.encode() if found.next else None,
        "is_full": found.next is None or len(found.ids) == asked.count,
        "page": asked.page,
        "total": found.total,
        "is_more": found.is_more,
        "note": "",
        "space": "",
        "how": "",
    }


def cards(tx: Cursor, ids: Sequence[int]) -> list[dict[str, Any]]:
    """What a list shows of some clips, in this order; of those that are still there."""
    if not ids:
        return []
    return [
        {
            "id": row["id"],
            "video": row["video_id"],
            "title": row["title"] or str(row["source"]),
            "state": row["state"],
            "file_profile": row["file_profile"],
            "start_seconds": row["start_seconds"],
            "end_seconds": row["end_seconds"],
            "v": mark(row["picture_key"])[:8] if row["picture_key"] else "",
        }
        for row in tx.execute(query("clip_cards"), {"ids": list(ids)}).fetchall()
    ]
