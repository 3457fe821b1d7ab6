"""Objects that no row knows: what a worker put and never got to record. It lists them, and deletes those that are told.

An object is kept while anything could still want it: while it is young, while something works on its video, and while a
download runs whose bytes nobody knows yet. Cut evidence of a known video is kept: `heaters cut --detector` leaves it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from heaters.core.keys import content_of
from heaters.core.made import made_keys
from heaters.store.db import Cursor, Database
from heaters.store.objects import Entry, ObjectStore
from heaters.store.queries import query

# So many contents (videos' hashes) are looked up at once: memory holds their keys, not those of the store.
CONTENTS_AT_ONCE = 200

_EVIDENCE = re.compile(r"videos/[0-9a-f]{64}/cuts-[^/]+\.npz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the database says of some contents: their objects' keys, which are there, which are in work."""

    keys: frozenset[str]  # of videos, and of what was made from their clips
    contents: frozenset[str]
    in_work: frozenset[str | None]  # None: of bytes that are not known yet


def orphans(database: Database, store: ObjectStore, *, put_before: float) -> Iterator[Entry]:
    """Objects last written before `put_before` (seconds since 1970) that no row knows, in the order of their keys."""
    group: list[tuple[str, list[Entry]]] = []
    for content, entries in groupby(store.list(), key=_content):
        group.append((content, [entry for entry in entries if entry.modified_at < put_before]))
        if len(group) >= CONTENTS_AT_ONCE:
            yield from _of(database, group)
            group = []
    yield from _of(database, group)


def _of(database: Database, group: list[tuple[str, list[Entry]]]) -> list[Entry]:
    with database.transaction() as tx:
        return list(_unknown(tx, group))


def delete_orphans(database: Database, store: ObjectStore, entries: Sequence[Entry]) -> list[Entry]:
    """Delete those of `entries` that no row knows now, either. Returns them.

    Since they were listed, a retry may have put one again, under its old age, and recorded it. So they are looked up
    anew while nothing can be claimed: whatever works on them by then is seen; who begins later finds them gone.
    Raises StoreError when one cannot be deleted.
    """
    with database.transaction() as tx:
        tx.execute(query("let_nobody_claim"))
        group = [(content, list(found)) for content, found in groupby(sorted(entries, key=_by_key), key=_content)]
        still = list(_unknown(tx, group))
        store.delete([entry.key for entry in still])
    return still


def _by_key(entry: Entry) -> str:
    return entry.key


def _content(entry: Entry) -> str:
    return content_of(entry.key)


def _unknown(tx: Cursor, group: list[tuple[str, list[Entry]]]) -> Iterator[Entry]:
    known = _look_up(tx, [content for content, _ in group if content])
    for content, entries in group:
        there = content in known.contents
        if not content or content in known.in_work or (not there and None in known.in_work):
            continue
        for entry in entries:
            if entry.key not in known.keys and not (there and _EVIDENCE.fullmatch(entry.key)):
                yield entry


def _look_up(tx: Cursor, contents: list[str]) -> Known:
    # Work first: what ends after this is among the rows, so that it is seen once at least.
    work = tx.execute(query("contents_in_work"), {}).fetchall()
    videos = tx.execute(query("contents"), {"contents": contents}).fetchall()
    clips = tx.execute(query("made_of_contents"), {"contents": contents}).fetchall()
    # Of retired clips as well: undo may bring them back.
    made = (key for row in clips for key in made_keys(**row))
    return Known(
        keys=frozenset(key for row in videos for key in row["keys"]).union(made),
        contents=frozenset(row["content_hash"] for row in videos),
        in_work=frozenset(row["content_hash"] for row in work),
    )
