"""Recut on PostgreSQL: the untouched stretches of a video laid anew, in one transaction with its row locked.

The rules are in `core/recut.py`. No frame is decoded: cuts come from stored evidence.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from heaters.core.edits import Author, Limits
from heaters.core.history import Change
from heaters.core.layout import Evidence, Layout, Rules
from heaters.core.recut import is_untouched, recut
from heaters.core.snapshot import Snapshot
from heaters.core.timebase import TimeBase
from heaters.errors import UsageError
from heaters.store.db import Cursor, Database
from heaters.store.evidence import pts_table, unpack
from heaters.store.objects import ObjectStore
from heaters.store.queries import query
from heaters.store.review import in_hand, snapshot, write_change


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Evidence of one video, and what `created_by` says of the cuts it leads to."""

    evidence: Evidence
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recut:
    """What a recut of one video did, or would do. `event` is None where nothing changed, or nothing was written."""

    video_id: int
    title: str
    created_by: str
    event: int | None
    cuts_before: int
    cuts: int
    cuts_added: int
    cuts_removed: int
    cuts_changed: int  # at the same frame, but of another kind, confidence or detector
    clips_before: int
    clips: int
    clips_new: int
    clips_kept: int  # that a reviewer decided or edited, or that are in use: they stay whatever the rules
    milliseconds: float  # from the first byte read to the commit


class Recuts:
    """Lays videos anew. `store` is where probabilities and PTS lie."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    def videos(self, ids: Sequence[int] | None) -> list[dict[str, Any]]:
        """The videos of these ids, or all that have been cut. Raises UsageError for one that has no cuts yet."""
        with self._database.transaction() as tx:
            rows = tx.execute(query("recut_videos"), {"ids": None if ids is None else list(ids)}).fetchall()
        if ids is None:
            return [row for row in rows if row["probabilities_key"]]
        for row in rows:
            if not row["probabilities_key"]:
                raise UsageError(f"video {row['id']} has no cuts yet, it is {row['state']}; `heaters run` finds them")
        return rows

    def stored(self, video: dict[str, Any]) -> Seen:
        """The evidence that detection left. Raises IntegrityError where it is not of this video's frames."""
        seen = unpack(self._store.read(video["probabilities_key"]), video["frame_count"])
        return Seen(evidence=seen, created_by=f"{video['method']} {video['model']}".strip() or "detector")

    def recut(
        self,
        video: dict[str, Any],
        rules: Rules,
        look: Callable[[dict[str, Any]], Seen],
        *,
        reviewer: str,
        dry_run: bool = False,
    ) -> Recut:
        """Lay one video anew under `rules`, by what `look` says of it: `stored`, or another detector's evidence.

        Raises RuleError for rules that cannot be, StoreError and IntegrityError for objects that cannot be read.
        """
        begun = time.perf_counter()
        seen = look(video)
        base = TimeBase(num=video["time_base_num"], den=video["time_base_den"])
        table = pts_table(self._store.read(video["pts_key"]), base)
        layout = Layout(seen.evidence, table, rules)
        with self._database.transaction() as tx:
            # The reviewer's own log has one writer at a time: undo must not overtake this event.
            tx.execute(query("serialise_reviewer"), {"reviewer": reviewer})
            # Nobody else's edit of this video can come between reading its rows and writing them.
            tx.execute(query("lock_video"), {"id": video["id"]})
            rows = snapshot(tx, video["id"])
            kept = in_hand(tx, video["id"]).keys()
            change = recut(
                rows,
                layout.of,
                by=Author(
                    reviewer=reviewer,
                    at=datetime.now(UTC),
                    new_id=_placeholders(rows),
                    pts=table.pts,
                    limits=Limits(),
                ),
                created_by=seen.created_by,
                kept=kept,
            )
            event = None
            if change is not None and not dry_run:
                change = _numbered(tx, rows, change)
                event = write_change(tx, video["id"], change, f"recut {uuid.uuid4().hex}")
        fixed = sum(clip.is_active and not is_untouched(clip, kept) for clip in rows.clips)
        return _described(video, seen, rows, change, event, fixed, (time.perf_counter() - begun) * 1000)


def _placeholders(rows: Snapshot) -> Callable[[], int]:
    """Ids for clips that may never be: above all that are there."""
    return iter(range(max((clip.id for clip in rows.clips), default=0) + 1, 2**62)).__next__


def _numbered(tx: Cursor, rows: Snapshot, change: Change) -> Change:
    """The change with ids of the database for its new clips: in one statement, as many as it needs."""
    new = [clip for clip in change.after.clips if rows.clip(clip.id) is None]
    ids = [row["id"] for row in tx.execute(query("new_clip_ids"), {"count": len(new)}).fetchall()]
    made = [replace(clip, id=number) for clip, number in zip(new, ids, strict=True)]
    old = [clip for clip in change.after.clips if rows.clip(clip.id) is not None]
    return replace(change, after=Snapshot.of([*old, *made], change.after.cuts))


def _described(
    video: dict[str, Any],
    seen: Seen,
    rows: Snapshot,
    change: Change | None,
    event: int | None,
    fixed: int,
    milliseconds: float,
) -> Recut:
    removed = {cut.frame for cut in change.removed_cuts} if change else set()
    added = {cut.frame for cut in change.added_cuts} if change else set()
    gone = len(change.before.clips) if change else 0
    made = len(change.after.clips) - gone if change else 0
    active = sum(clip.is_active for clip in rows.clips)
    return Recut(
        video_id=video["id"],
        title=video["title"] or str(video["source"]),
        created_by=seen.created_by,
        event=event,
        cuts_before=len(rows.cuts),
        cuts=len(rows.cuts) - len(removed) + len(added),
        cuts_added=len(added - removed),
        cuts_removed=len(removed - added),
        cuts_changed=len(added & removed),
        clips_before=active,
        clips=active - gone + made,
        clips_new=made,
        clips_kept=fixed,
        milliseconds=milliseconds,
    )
