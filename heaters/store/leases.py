"""Who has which clips in hand: the queue of review, and short leases on it, so that two reviewers never meet.

A lease is a row of a table of its own; one that has run out is none. It does not know what is decided about a clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from heaters.core.states import ClipState
from heaters.store.db import Cursor, Database
from heaters.store.queries import query

# Long enough for a walk to the coffee machine: a page that is gone stops renewing, and its clips return after this.
LEASE_SECONDS = 300.0
RENEW_SECONDS = 60.0
MOST_AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The queue in figures, within the videos asked for."""

    pending: int
    decided: int
    held_by_others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """The clips that a reviewer was given, next first, and the queue they came from."""

    ids: tuple[int, ...]
    counts: Counts


class Leases:
    """Gives clips to reviewers and takes them back."""

    def __init__(self, database: Database, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self.lease_seconds = lease_seconds

    def take(
        self,
        reviewer: str,
        n: int,
        *,
        have: Sequence[int] = (),
        videos: Sequence[int] | None = None,
        uncertain_first: bool = False,
    ) -> Hand:
        """Lease up to `n` pending clips besides those in `have`; n may be 0, for the counts alone.

        In play order, video after video; or those beside the least confident cuts first.
        """
        within = None if videos is None else list(videos)
        parameters = {
            "reviewer": reviewer,
            "n": max(0, min(n, MOST_AT_ONCE)),
            "have": list(have),
            "videos": within,
            "lease_seconds": self.lease_seconds,
        }
        order = "order_of_doubt" if uncertain_first else "order_of_play"
        statement = sql.SQL(query("lease_clips")).format(order=sql.SQL(query(order)))
        with self._database.transaction() as tx:
            rows = []
            if n > 0:
                tx.execute(query("lock_leases"))
                rows = tx.execute(statement, parameters).fetchall()
            return Hand(ids=tuple(row["id"] for row in rows), counts=self._counts(tx, reviewer, within))

    def _counts(self, tx: Cursor, reviewer: str, videos: list[int] | None) -> Counts:
        """Of some videos their clips are counted; of all there are kept counts."""
        given = {"reviewer": reviewer, "videos": videos}
        held = _only(tx.execute(query("held_by_others"), given).fetchall())["n"]
        if videos is not None:
            return Counts(**_only(tx.execute(query("queue_counts"), given).fetchall()), held_by_others=held)
        kept = clip_counts(tx)
        pending = kept.get(ClipState.PENDING_REVIEW, 0)
        return Counts(pending=pending, decided=sum(kept.values()) - pending, held_by_others=held)

    def take_one(self, reviewer: str, clip_id: int) -> bool:
        """Lease the clip that was asked for; False where it does not wait or somebody else holds it."""
        parameters = {"reviewer": reviewer, "id": clip_id, "lease_seconds": self.lease_seconds}
        with self._database.transaction() as tx:
            return tx.execute(query("lease_clip"), parameters).fetchone() is not None

    def renew(self, reviewer: str, ids: Sequence[int]) -> frozenset[int]:
        """Renew the leases of `ids` and their neighbours; returns those of `ids` that are the reviewer's still."""
        parameters = {"reviewer": reviewer, "ids": list(ids), "lease_seconds": self.lease_seconds}
        with self._database.transaction() as tx:
            rows = tx.execute(query("renew_leases"), parameters).fetchall()
        return frozenset(row["id"] for row in rows) & frozenset(ids)

    def release(self, reviewer: str, ids: Sequence[int] | None = None, *, later: bool = False) -> int:
        """Give clips (None: all that the reviewer holds) back to the queue; `later`: behind all others."""
        parameters = {"reviewer": reviewer, "ids": None if ids is None else list(ids)}
        with self._database.transaction() as tx:
            released = [row["id"] for row in tx.execute(query("release_leases"), parameters).fetchall()]
            if later:
                tx.execute(query("defer_clips"), {"ids": released})
        return len(released)


def clip_counts(tx: Cursor) -> dict[ClipState, int]:
    """How many active clips there are in each state, by the kept counts."""
    rows = tx.execute(query("tallies"), {"prefix": "clips "}).fetchall()
    return {ClipState(row["name"].removeprefix("clips ")): row["n"] for row in rows}


def _only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = rows
    return row


def other_hand(tx: Cursor, ids: Sequence[int], reviewer: str) -> tuple[int, str] | None:
    """The first of these clips that somebody else holds, and who."""
    row = tx.execute(query("other_hands"), {"ids": list(ids), "reviewer": reviewer}).fetchone()
    return None if row is None else (int(row["id"]), str(row["reviewer"]))
