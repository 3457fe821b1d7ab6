"""Review on PostgreSQL: each act is one transaction with the video's row locked, and one row in the log.

The rules are in `core/review.py` and `core/history.py`; this only reads rows, asks them, and writes the change.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from heaters.core.edits import Limits
from heaters.core.history import Change, Entry, Event, redo_target, reverse, undo_target
from heaters.core.review import Act, perform
from heaters.core.snapshot import ClipRow, CutRow, Snapshot
from heaters.core.states import ClipState, CutKind, ReviewAction
from heaters.errors import RuleError, UsageError
from heaters.store.db import Cursor, Database
from heaters.store.objects import ObjectStore
from heaters.store.queries import query


def approve_pending(database: Database, scope: Sequence[int] | None, *, reviewer: str) -> int:
    """Approve every pending clip (of the videos in `scope`); returns how many."""
    with database.transaction() as tx:
        parameters = {"scope": None if scope is None else list(scope), "reviewer": reviewer}
        return len(tx.execute(query("approve_pending"), parameters).fetchall())


class Reviews:
    """Carries out acts of review. `store` is where PTS tables lie: a new cut needs the PTS of its frame."""

    def __init__(self, database: Database, store: ObjectStore, *, limits: Limits | None = None) -> None:
        self._database = database
        self._store = store
        self._limits = limits or Limits()

    def act(
        self,
        action: ReviewAction,
        clip_id: int,
        *,
        reviewer: str,
        request_key: str,
        version: int | None = None,
        frame: int | None = None,
    ) -> Event:
        """Do one act, or give the event it led to when `request_key` was used before.

        Raises RuleError with the reason where it is not allowed, UsageError for a clip that is not there.
        """
        with self._database.transaction() as tx:
            known = tx.execute(query("event_of_request"), {"request_key": request_key}).fetchone()
            if known is not None:
                return _event(known)
            row = tx.execute(query("video_of_clip"), {"id": clip_id}).fetchone()
            if row is None:
                raise UsageError(f"there is no clip {clip_id}")
            video = self._lock(tx, row["video_id"])
            wish = Act(
                action=action, clip_id=clip_id, reviewer=reviewer, at=datetime.now(UTC), version=version, frame=frame
            )
            change = perform(
                wish,
                snapshot(tx, video["id"], [clip_id]),
                new_id=lambda: _new_id(tx),
                pts=self._pts(video),
                limits=self._limits,
                held=held_clips(tx, video["id"]),
            )
            return _write(tx, video["id"], change, request_key)

    def undo(self, *, reviewer: str, request_key: str) -> Event:
        """Take back the reviewer's last act. Raises RuleError with the reason where that is not possible."""
        return self._reverse(ReviewAction.UNDO, undo_target, reviewer, request_key)

    def redo(self, *, reviewer: str, request_key: str) -> Event:
        """Do again what the reviewer took back last. Raises RuleError with the reason where that is not possible."""
        return self._reverse(ReviewAction.REDO, redo_target, reviewer, request_key)

    def _reverse(
        self,
        word: ReviewAction,
        target: Callable[[Iterable[Entry], str], int | None],
        reviewer: str,
        request_key: str,
    ) -> Event:
        with self._database.transaction() as tx:
            known = tx.execute(query("event_of_request"), {"request_key": request_key}).fetchone()
            if known is not None:
                return _event(known)
            log = [_entry(row) for row in tx.execute(query("reviewer_log"), {"reviewer": reviewer}).fetchall()]
            wanted = target(log, reviewer)
            if wanted is None:
                raise RuleError(f"{reviewer} has nothing to {word}")
            found = tx.execute(query("event"), {"id": wanted}).fetchone()
            if found is None:
                raise RuleError(f"event {wanted} is not in the log")
            event = _event(found)
            self._lock(tx, event.video_id)
            later = tx.execute(query("later_events"), {"video_id": event.video_id, "id": event.id}).fetchall()
            change = reverse(
                event,
                snapshot(tx, event.video_id, sorted(event.change.clip_ids)),
                reviewer=reviewer,
                at=datetime.now(UTC),
                later=[_event(row) for row in later],
                held=held_clips(tx, event.video_id) | _held_by_others(tx, event, reviewer),
            )
            return _write(tx, event.video_id, change, request_key)

    def _lock(self, tx: Cursor, video_id: int) -> dict[str, Any]:
        video = tx.execute(query("lock_video"), {"id": video_id}).fetchone()
        if video is None:
            raise UsageError(f"there is no video {video_id}")
        return video

    def _pts(self, video: dict[str, Any]) -> Callable[[int], int]:
        """The PTS of a frame, read from the video's table when first asked: most acts make no cut."""
        table: list[Any] = []

        def pts(frame: int) -> int:
            if not table:
                table.append(np.load(io.BytesIO(self._store.read(video["pts_key"]))))
            return int(table[0][frame])

        return pts


def _new_id(tx: Cursor) -> int:
    row = tx.execute(query("new_clip_id")).fetchone()
    return int(row["id"]) if row else 0


def snapshot(tx: Cursor, video_id: int, ids: Sequence[int]) -> Snapshot:
    """A video's active clips, those named besides, and its cuts; the clips are held until the transaction ends."""
    clips = tx.execute(query("review_rows"), {"video_id": video_id, "ids": list(ids)}).fetchall()
    cuts = tx.execute(query("review_cuts"), {"video_id": video_id}).fetchall()
    return Snapshot.of(
        [ClipRow(**{**row, "state": ClipState(row["state"]), "parents": tuple(row["parents"])}) for row in clips],
        [CutRow(**{**row, "kind": CutKind(row["kind"])}) for row in cuts],
    )


def held_clips(tx: Cursor, video_id: int) -> dict[int, str]:
    """The clips of a video that a running stage holds, and which."""
    rows = tx.execute(query("held_clips"), {"video_id": video_id}).fetchall()
    return {row["id"]: row["stage"] for row in rows}


def in_hand(tx: Cursor, video_id: int) -> dict[int, str]:
    """The clips of a video that a reviewer holds now, and who."""
    rows = tx.execute(query("clips_in_hand"), {"video_id": video_id}).fetchall()
    return {row["id"]: row["reviewer"] for row in rows}


def _held_by_others(tx: Cursor, event: Event, reviewer: str) -> dict[int, str]:
    """What taking back a recut must not take away: it may touch any clip of the video, also those in others' hands."""
    root = event
    while root.change.undoes is not None:
        row = tx.execute(query("event"), {"id": root.change.undoes}).fetchone()
        assert row is not None  # a foreign key
        root = _event(row)
    if root.change.action is not ReviewAction.RECUT:
        return {}
    return {clip: f"review by {who}" for clip, who in in_hand(tx, event.video_id).items() if who != reviewer}


def _write(tx: Cursor, video_id: int, change: Change, request_key: str) -> Event:
    """Write the rows of a change and its event. Cuts go before clips and tiling is checked at commit."""
    for cut in change.removed_cuts:
        tx.execute(query("delete_cut"), {"video_id": video_id, "frame": cut.frame})
    for cut in change.added_cuts:
        tx.execute(query("write_cut"), {"video_id": video_id, **_columns(cut)})
    for clip in change.after.clips:
        tx.execute(query("write_clip"), {"video_id": video_id, **_columns(clip)})
    return Event(id=write_event(tx, video_id, change, request_key), video_id=video_id, change=change)


def write_event(tx: Cursor, video_id: int, change: Change, request_key: str) -> int:
    """Append a change to the log; the event's id."""
    row = tx.execute(
        query("write_event"),
        {
            "video_id": video_id,
            "reviewer": change.reviewer,
            "action": str(change.action),
            "request_key": request_key,
            "undoes": change.undoes,
            "before": change.before.to_json(),
            "after": change.after.to_json(),
        },
    ).fetchone()
    return int(row["id"]) if row else 0


def _columns(row: ClipRow | CutRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__dataclass_fields__}
    return {k: list(v) if isinstance(v, tuple) else dict(v) if k == "metadata" else v for k, v in values.items()}


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(id=row["id"], reviewer=row["reviewer"], action=ReviewAction(row["action"]), undoes=row["undoes"])


def _event(row: dict[str, Any]) -> Event:
    change = Change(
        action=ReviewAction(row["action"]),
        reviewer=row["reviewer"],
        before=Snapshot.from_json(row["before"]),
        after=Snapshot.from_json(row["after"]),
        undoes=row["undoes"],
    )
    return Event(id=row["id"], video_id=row["video_id"], change=change)
