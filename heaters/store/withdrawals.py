"""Withdraws videos: their rows go at once and leave tombstones, then their objects, verified. It does not know caches.

Rows first: from then on nobody finds the video, nothing new begins on it, and what works on it is fenced off when it
records. A tombstone is finished when its objects are gone and nobody is left who might put more. Killed anywhere, the
same again goes on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from heaters.core.address import Address, whole
from heaters.core.keys import folders
from heaters.errors import RuleError
from heaters.store.db import Cursor, Database
from heaters.store.objects import Deleted, ObjectStore
from heaters.store.queries import query

# Of one transaction. A film of ten hours has thousands of clips, so a thousand films at once would take minutes.
VIDEOS_AT_ONCE = 100
# Tombstones that are looked after together, and how many of them ask the store at a time: S3 answers after 20 ms or so.
LOOKED_AFTER_AT_ONCE = 200
THREADS = 16
LONGEST_REASON = 1000
MOST_ID = 2**63 - 1
WITHDRAWN = "HT002"  # the SQLSTATE with which the database refuses what was withdrawn

T = TypeVar("T")

# Whatever refers to a video, in an order in which nothing refers to what is deleted.
_DELETES = (
    *("take_out_stills", "take_out_facts", "take_out_exports", "take_out_embeddings", "take_out_review_leases"),
    *("take_out_review_events", "take_out_failures", "take_out_tasks", "take_out_changes", "take_out_history"),
    *("take_out_clips", "take_out_cuts", "take_out_videos"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """The tombstone of one source. `round` grows whenever more objects may have been put; `finished_at`: none is left.

    `content_hash` is None where its bytes were never there. `is_at_work`: a driver works on it still.
    """

    source: str | Address = field(compare=False)
    video_id: int
    content_hash: str | None
    title: str
    clips: int
    reason: str
    withdrawn_by: str
    withdrawn_at: datetime
    round: int
    finished_at: datetime | None
    is_at_work: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What names stand for: videos that are there, tombstones (by source), and names that are neither."""

    videos: tuple[int, ...]
    sources: tuple[str, ...]
    unknown: tuple[str, ...]


class Withdrawals:
    """Withdraws from one database and store."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    def named(self, names: Sequence[str]) -> Named:
        """What is meant by numbers, sources as they are stored, and hashes of what was withdrawn."""
        given = {"names": list(names), "ids": [_number(name) for name in names]}
        with self._database.transaction() as tx:
            videos = tx.execute(query("known_videos"), given).fetchall()
            withdrawn = tx.execute(query("known_withdrawals"), given).fetchall()
        known = {row["name"] for row in [*videos, *withdrawn]}
        return Named(
            videos=tuple(sorted({row["id"] for row in videos})),
            sources=tuple(sorted({whole(row["source"]) for row in withdrawn})),
            unknown=tuple(name for name in names if name not in known),
        )

    def withdraw(self, videos: Sequence[int], *, by: str, reason: str = "") -> Iterator[list[str]]:
        """Take out the rows of videos and of all that have the same bytes, group by group; the sources of each group.

        Raises RuleError for a reason that is too long. A video that is not there (any more) is passed over.
        """
        if len(reason) > LONGEST_REASON:
            raise RuleError(f"a reason has at most {LONGEST_REASON} characters; got {len(reason)}")
        for some in _groups(sorted(set(videos)), VIDEOS_AT_ONCE):
            # Again after a deadlock with somebody who records work on them.
            yield self._database.run(partial(_withdraw, videos=some, by=by, reason=reason))

    def tombstones(self, sources: Sequence[str] | None = None, *, unfinished: bool = False) -> Iterator[Withdrawn]:
        """Tombstones, of these sources or of all, in the order of the numbers that the videos had."""
        after = 0
        while found := self._page(sources, unfinished=unfinished, after=after):
            yield from found
            after = found[-1].video_id

    def _page(
        self, sources: Sequence[str] | None, *, unfinished: bool, after: int = 0, most: int = LOOKED_AFTER_AT_ONCE
    ) -> list[Withdrawn]:
        given = {
            "sources": None if sources is None else list(sources),
            "unfinished": unfinished,
            "after": after,
            "limit": most,
        }
        with self._database.transaction() as tx:
            return [Withdrawn(**row) for row in tx.execute(query("withdrawals"), given).fetchall()]

    def clear(self, sources: Sequence[str] | None = None) -> Iterator[Deleted]:
        """Delete the objects of unfinished withdrawals (of these sources, or of all), group by group.

        What is gone from the store, and what nobody works on any more, is finished. Raises StoreError.
        """
        for some in _groups(self.tombstones(sources, unfinished=True), LOOKED_AFTER_AT_ONCE):
            yield self._clear(some)

    def clear_some(self, most: int) -> Deleted:
        """The same for a few that nobody works on."""
        with self._database.transaction() as tx:
            rows = tx.execute(query("idle_withdrawals"), {"limit": most}).fetchall()
        some = self._page([whole(row["source"]) for row in rows], unfinished=True) if rows else []
        return self._clear(some) if some else Deleted()

    def _clear(self, some: Sequence[Withdrawn]) -> Deleted:
        contents = sorted({one.content_hash for one in some if one.content_hash is not None})
        with self._database.transaction() as tx:
            rows = tx.execute(query("contents_in_use"), {"contents": contents}).fetchall()
        in_use = {row["content_hash"] for row in rows}
        with ThreadPoolExecutor(THREADS) as pool:
            deleted = sum(pool.map(self._delete, (one for one in contents if one not in in_use)), Deleted())
        # `some` says who was at work before the objects were looked for: what is put later is another round's.
        done = [one for one in some if not one.is_at_work and one.content_hash not in in_use]
        given = {"sources": [whole(one.source) for one in done], "rounds": [one.round for one in done]}
        with self._database.transaction() as tx:
            tx.execute(query("finish_withdrawals"), given)
        return deleted

    def _delete(self, content_hash: str) -> Deleted:
        return sum((self._store.delete_under(folder) for folder in folders(content_hash)), Deleted())

    def at_work(self, videos: Sequence[int]) -> list[dict[str, Any]]:
        """Who still works on withdrawn videos: video_id, stage, driver."""
        with self._database.transaction() as tx:
            return tx.execute(query("workers_on_withdrawn"), {"ids": list(videos)}).fetchall()

    def allow_again(self, sources: Sequence[str]) -> list[str]:
        """Forget withdrawals that are finished. Returns their sources."""
        with self._database.transaction() as tx:
            rows = tx.execute(query("allow_again"), {"sources": list(sources)}).fetchall()
        return [whole(row["source"]) for row in rows]


def _withdraw(tx: Cursor, *, videos: list[int], by: str, reason: str) -> list[str]:
    """The sources that were taken out."""
    tx.execute(query("take_time"))
    # What claims, or writes work down, refers to videos, and would fail where these go meanwhile.
    tx.execute(query("let_nobody_claim"))
    held = [row["id"] for row in tx.execute(query("lock_for_withdrawal"), {"ids": videos}).fetchall()]
    same = [row["id"] for row in tx.execute(query("lock_duplicates"), {"ids": held}).fetchall()]
    ids = {"ids": sorted({*held, *same})}
    tx.execute(query("write_withdrawals"), {**ids, "by": by, "reason": reason})
    tx.execute(query("take_work_away"), ids)
    for name in _DELETES:
        tx.execute(query(name), ids)
    found = tx.execute(query("sources_of_withdrawn"), ids).fetchall()
    return [whole(row["source"]) for row in found]


def work_came_late(tx: Cursor, brought: Mapping[int, str | None]) -> list[int]:
    """Some work ended that is not its driver's any more: for those of the videos that are withdrawn, more objects may
    lie in the store. `brought` says of each video which bytes came with it. Returns the withdrawn ones.
    """
    tx.execute(query("hold_off_contents"))
    given = {"video_ids": list(brought), "contents": list(brought.values())}
    return [row["video_id"] for row in tx.execute(query("late_work"), given).fetchall()]


def barred(tx: Cursor, sources: Sequence[str], contents: Sequence[str | None]) -> Mapping[int, str]:
    """Which of some sources, with their bytes where these are known, were withdrawn: place → who, when and why."""
    given = {"source": list(sources), "content_hash": list(contents)}
    return {row["number"]: _told(row) for row in tx.execute(query("is_withdrawn"), given).fetchall()}


def _told(row: Mapping[str, Any]) -> str:
    why = f": {row['reason']}" if row["reason"] else ""
    at = row["withdrawn_at"].astimezone(UTC)
    return (
        f"video {row['video_id']} was withdrawn on {at:%Y-%m-%d} by {row['withdrawn_by']}, and may not come back{why}"
    )


def _number(name: str) -> int | None:
    return int(name) if name.isdecimal() and int(name) <= MOST_ID else None


def _groups(values: Iterable[T], most: int) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(islice(rest, most)):
        yield some
