"""A reviewer's desk as the page sees it: acts and their answers, what is in hand, what was done last."""

from collections.abc import Sequence
from typing import Any

from heaters.core.history import Event
from heaters.core.states import ClipState, ReviewAction
from heaters.errors import UsageError
from heaters.store.db import Database
from heaters.store.leases import Leases
from heaters.store.queries import query
from heaters.store.review import Reviews
from ui.review.cards import Cards
from ui.review.wording import conflict

RECENT = 5
PACE_SECONDS = 300
REVERSALS = (ReviewAction.UNDO, ReviewAction.REDO)


class Desk:
    """Joins the store's parts for the routes. Threads may share it."""

    def __init__(self, database: Database, reviews: Reviews, leases: Leases, cards: Cards) -> None:
        self._database = database
        self._reviews = reviews
        self._leases = leases
        self._cards = cards

    def cards(self, ids: Sequence[int], reviewer: str) -> list[dict[str, Any]]:
        """The cards of clips, in this order."""
        return self._cards.of(ids, reviewer)

    def one(self, reviewer: str, clip_id: int) -> dict[str, Any] | None:
        """The card of one clip, taken in hand where that is possible. Of one that is gone: what became of it."""
        ids = [clip_id]
        with self._database.transaction() as tx:
            ids = [row["id"] for row in tx.execute(query("clips_over"), {"id": clip_id}).fetchall()] or ids
        wanted = clip_id if clip_id in ids else ids[0]
        self._leases.take_one(reviewer, wanted)
        return next(iter(self._cards.of([wanted], reviewer)), None)

    def act(
        self, reviewer: str, key: str, action: ReviewAction, clip_id: int, version: int, frame: int | None
    ) -> dict[str, Any]:
        """Carry an act out; `frame` counts from the clip's start. Raises RuleError and UsageError as `Reviews.act`."""
        if frame is not None:
            frame += self._start(clip_id)
        event = self._reviews.act(
            action, clip_id, reviewer=reviewer, request_key=_own(reviewer, key), version=version, frame=frame
        )
        return self._answer(event, reviewer)

    def reverse(self, reviewer: str, key: str, word: ReviewAction) -> dict[str, Any]:
        """Undo or redo. Raises RuleError with the reason where that is not possible."""
        turn = self._reviews.undo if word is ReviewAction.UNDO else self._reviews.redo
        event = turn(reviewer=reviewer, request_key=_own(reviewer, key))
        return self._answer(event, reviewer) | {"of": self._origin(event)}

    def conflict(self, reviewer: str, clip_id: int, reason: str) -> dict[str, Any]:
        """Why an act was refused, and how the clip stands now, with what took its place."""
        card = next(iter(self._cards.of([clip_id], reviewer)), None)
        with self._database.transaction() as tx:
            row = tx.execute(query("clip_event"), {"id": clip_id}).fetchone()
        last = (row["reviewer"], row["action"]) if row else None
        message = conflict(card, last, reviewer, reason) if card else reason
        return {"error": {"type": "conflict", "message": message}, "clip": card}

    def renew(self, reviewer: str, ids: Sequence[int]) -> dict[str, Any]:
        """Renew leases; for each that is lost, a sentence."""
        mine = self._leases.renew(reviewer, ids)
        lost = self._cards.of([i for i in ids if i not in mine], reviewer)
        reason = "is already decided"
        return {
            "mine": sorted(mine),
            "lost": [{"id": card["id"], "message": conflict(card, None, reviewer, reason)} for card in lost],
        }

    def past(self, reviewer: str) -> dict[str, Any]:
        """The reviewer's last acts that still stand, newest first, and how long ago those of the last minutes were."""
        with self._database.transaction() as tx:
            recent = tx.execute(query("own_events"), {"reviewer": reviewer, "limit": RECENT}).fetchall()
            ages = tx.execute(query("own_ages"), {"reviewer": reviewer, "seconds": PACE_SECONDS}).fetchall()
        return {"recent": recent, "ages": [row["age_seconds"] for row in ages]}

    def videos(self, ids: Sequence[int] | None) -> list[dict[str, Any]]:
        """Videos with their state and how many of their clips wait: these, or all in which some do."""
        with self._database.transaction() as tx:
            rows = tx.execute(query("review_videos"), {"ids": None if ids is None else list(ids)}).fetchall()
        for row in rows:
            source = row.pop("source")
            row["title"] = row["title"] or str(source)
        return rows

    def _start(self, clip_id: int) -> int:
        with self._database.transaction() as tx:
            row = tx.execute(query("clip_start"), {"id": clip_id}).fetchone()
        if row is None:
            raise UsageError(f"there is no clip {clip_id}")
        return int(row["start_frame"])

    def _answer(self, event: Event, reviewer: str) -> dict[str, Any]:
        """What an event changed, and the cards of what waits now because of it, in play order."""
        after = event.change.after.clips
        waiting = [c.id for c in after if c.is_active and c.state is ClipState.PENDING_REVIEW]
        return {
            "event": event.id,
            "counts": _difference(event),
            "action": str(event.change.action),
            "changed": [
                {
                    "id": c.id,
                    "version": c.version,
                    "state": str(c.state),
                    "start_frame": c.start_frame,
                    "end_frame": c.end_frame,
                    "video_id": event.video_id,
                    "group_id": c.group_id,
                    "is_gone": not c.is_active,
                }
                for c in after
            ],
            "clips": self._cards.of(waiting, reviewer),
        }

    def _origin(self, event: Event) -> str:
        """The action that an undo or a redo is about in the end."""
        action, reversed_id = event.change.action, event.change.undoes
        with self._database.transaction() as tx:
            while action in REVERSALS and reversed_id is not None:
                row = tx.execute(query("event"), {"id": reversed_id}).fetchone()
                if row is None:
                    break
                action, reversed_id = ReviewAction(row["action"]), row["undoes"]
        return str(action)


def _difference(event: Event) -> dict[str, int]:
    """How many clips more (or fewer) wait, and are decided, because of an event."""
    change = event.change
    waiting = [
        sum(c.is_active and c.state is ClipState.PENDING_REVIEW for c in rows.clips)
        for rows in (change.before, change.after)
    ]
    active = [sum(c.is_active for c in rows.clips) for rows in (change.before, change.after)]
    pending = waiting[1] - waiting[0]
    return {"pending": pending, "decided": active[1] - active[0] - pending}


def _own(reviewer: str, key: str) -> str:
    """Keys are a reviewer's own: nobody learns what another's led to by guessing them."""
    return f"{reviewer} {key}"
