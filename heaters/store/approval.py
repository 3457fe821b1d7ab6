"""Approval by a rule, in batches: undecided clips whose facts lie within bounds. It knows no stage and no Ray.

First the clips that are undecided when it begins, in play order; then those of stretches that change afterwards. Every
batch is one statement, so it costs as much in a library of a hundred clips as in one of a hundred million.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from heaters.core.facts import Bound, as_text
from heaters.core.pipeline import Change
from heaters.core.ranges import multirange
from heaters.store.db import Cursor, Database
from heaters.store.facts import facts_within
from heaters.store.queries import query

CLIPS_AT_ONCE = 2000
STRETCHES_AT_ONCE = 64
REST_SECONDS = 0.5  # after a look that found nothing


@dataclass(slots=True, kw_only=True)
class Approved:
    """What was approved so far."""

    clips: int = 0
    looked_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What one transaction did, and where the next one begins: see the fields of `Approver`."""

    after: tuple[int, int] | None
    at: int
    looked_at: int = 0
    clips: int = 0


class Approver:
    """Approves in the name of `reviewer` what passes all `bounds` (everything where there are none), among the videos
    in `scope`. Clips in a reviewer's hands are left to that person. A driver calls `look` between its calls.
    """

    def __init__(
        self, database: Database, scope: Sequence[int] | None, *, bounds: Sequence[Bound] = (), reviewer: str
    ) -> None:
        self.total = Approved()
        self._database = database
        # Without bounds clips are approved as soon as they are laid; with bounds when they have been measured.
        self._kind = Change.FACTS if bounds else Change.CLIPS
        rule = facts_within(bounds, sql.SQL("c.id")) if bounds else sql.SQL("true")
        self._in_order, self._in_stretches = (
            sql.SQL(query("approve")).format(looked=sql.SQL(query(looked)), rule=rule)
            for looked in ("looked_in_order", "looked_in_stretches")
        )
        self._parameters = {
            "reviewer": reviewer,
            "rule_text": as_text(bounds),
            "scope": None if scope is None else multirange(scope),
        }
        self._after: tuple[int, int] | None = (0, -1)  # of the first pass: the place of the last clip; None: it is done
        self._at: int | None = None  # the place in the log up to which changes were looked at
        self._rests_until = 0.0

    def look(self) -> Change | None:
        """Approve the next batch, if there is one."""
        if time.monotonic() < self._rests_until:
            return None
        with self._database.transaction() as tx:
            tx.execute(query("hold_off_cleaner"))
            at = self._at if self._at is not None else tx.execute(query("last_change")).fetchone()["at"]  # type: ignore[index]
            step = self._next_in_order(tx, at) if self._after is not None else self._next_changed(tx, at)
        # Only now: a transaction that is not committed is done again, from the same place.
        self._after, self._at = step.after, step.at
        self.total.looked_at += step.looked_at
        self.total.clips += step.clips
        if step == _Step(after=None, at=at):
            self._rests_until = time.monotonic() + REST_SECONDS
        return Change.DECISION if step.clips else None

    def is_done(self) -> bool:
        """Whether all clips that there are have been looked at."""
        self._rests_until = 0.0
        while self._after is not None:
            self.look()
        with self._database.transaction() as tx:
            return not self._changes(tx, self._at)

    def _next_in_order(self, tx: Cursor, at: int) -> _Step:
        assert self._after is not None
        video, frame = self._after
        given = {"after_video": video, "after_frame": frame, "limit": CLIPS_AT_ONCE}
        rows = self._approve(tx, self._in_order, given)
        is_last = rows[0]["looked"] < CLIPS_AT_ONCE
        after = None if is_last else (rows[0]["last_video"], rows[0]["last_frame"])
        return _Step(after=after, at=at, looked_at=rows[0]["looked"], clips=self._announce(tx, rows))

    def _next_changed(self, tx: Cursor, at: int) -> _Step:
        changes = self._changes(tx, at)
        if not changes:
            return _Step(after=None, at=at)
        given = {
            "video_ids": [row["video_id"] for row in changes],
            "stretches": [row["stretch"] for row in changes],
        }
        rows = self._approve(tx, self._in_stretches, given)
        return _Step(after=None, at=changes[-1]["at"], looked_at=rows[0]["looked"], clips=self._announce(tx, rows))

    def _changes(self, tx: Cursor, at: int | None) -> list[dict[str, Any]]:
        given = {"kind": str(self._kind), "after": at, "scope": self._parameters["scope"]}
        return tx.execute(query("next_changes"), given | {"limit": STRETCHES_AT_ONCE}).fetchall()

    def _approve(self, tx: Cursor, statement: sql.Composed, given: dict[str, Any]) -> list[dict[str, Any]]:
        return tx.execute(statement, self._parameters | given | {"request_key": uuid.uuid4().hex}).fetchall()

    def _announce(self, tx: Cursor, rows: Sequence[dict[str, Any]]) -> int:
        """Tell the stages; returns how many clips were approved."""
        places = [row for row in rows if row["video_id"] is not None]
        if not places:
            return 0
        given = {
            "kind": str(Change.DECISION),
            "video_ids": [row["video_id"] for row in places],
            "stretches": [row["stretch"] for row in places],
        }
        tx.execute(query("announce"), given)
        return sum(row["clips"] for row in places)


def approve_pending(
    database: Database, scope: Sequence[int] | None, *, reviewer: str, bounds: Sequence[Bound] = ()
) -> int:
    """Approve every undecided clip that there is now (of the videos in `scope`); returns how many."""
    approver = Approver(database, scope, bounds=bounds, reviewer=reviewer)
    while not approver.is_done():
        approver.look()
    return approver.total.clips
