"""Review on PostgreSQL: each act is one transaction with the video's row locked, and one row in the log.

The rules are in `core/review.py` and `core/history.py`; this only reads rows, asks them, and writes the change.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Jsonb

from heaters.core.decided import Decided, images
from heaters.core.edits import Limits
from heaters.core.history import Change, Entry, Event, redo_target, reverse, undo_target
from heaters.core.pipeline import Change as Happened
from heaters.core.review import Act, perform
from heaters.core.snapshot import ClipRow, CutRow, Snapshot
from heaters.core.states import ClipState, CutKind, ReviewAction
from heaters.core.stretches import stretch_of
from heaters.errors import RuleError, UsageError
from heaters.store.db import Cursor, Database
from heaters.store.leases import other_hand
from heaters.store.queries import query
from heaters.store.tracks import Tracks

_NEWEST = 2**63 - 1
LOG_PAGE = 50  # entries of the log read at once: nearly always the first page holds what is to be undone


class Reviews:
    """Carries out acts of review. `tracks` holds the PTS tables: a new cut needs the PTS of its frame.

    With `lease_seconds` the pending clips that an act leaves stay in the reviewer's hands for that long.
    """

    def __init__(
        self, database: Database, tracks: Tracks, *, limits: Limits | None = None, lease_seconds: float = 0.0
    ) -> None:
        self._database = database
        self._tracks = tracks
        self._limits = limits or Limits()
        self._lease_seconds = lease_seconds

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

        Raises RuleError with the reason where it is not allowed (also: a clip in another reviewer's hands),
        UsageError for a clip that is not there.
        """
        with self._database.transaction() as tx:
            known = _known(tx, reviewer, request_key)
            if known is not None:
                return known
            row = tx.execute(query("video_of_clip"), {"id": clip_id}).fetchone()
            if row is None:
                raise UsageError(f"there is no clip {clip_id}")
            video = self._lock(tx, row["video_id"])
            wish = Act(
                action=action, clip_id=clip_id, reviewer=reviewer, at=datetime.now(UTC), version=version, frame=frame
            )
            rows = _rows(tx, video["id"], [clip_id])
            change = perform(
                wish,
                rows,
                new_id=new_ids(tx, count=2),
                pts=lambda frame: int(self._tracks.pts(video["pts_key"])[frame]),
                limits=self._limits,
                held=held_clips(tx, rows),
            )
            return self._write(tx, video["id"], change, request_key)

    def undo(self, *, reviewer: str, request_key: str) -> Event:
        """Take back the reviewer's last act. Raises RuleError with the reason where that is not possible."""
        return self._reverse(ReviewAction.UNDO, undo_target, reviewer, request_key)

    def redo(self, *, reviewer: str, request_key: str) -> Event:
        """Do again what the reviewer took back last. Raises RuleError with the reason where that is not possible."""
        return self._reverse(ReviewAction.REDO, redo_target, reviewer, request_key)

    def _reverse(
        self, word: ReviewAction, target: Callable[[Iterable[Entry]], int | None], reviewer: str, request_key: str
    ) -> Event:
        with self._database.transaction() as tx:
            known = _known(tx, reviewer, request_key)
            if known is not None:
                return known
            wanted = target(_newest_first(tx, reviewer))
            if wanted is None:
                raise RuleError(f"{reviewer} has nothing to {word}")
            found = tx.execute(query("event"), {"id": wanted}).fetchone()
            if found is None:
                raise RuleError(f"event {wanted} is not in the log")
            event = _event(tx, found)
            self._lock(tx, event.video_id)
            ids = sorted(event.change.clip_ids)
            since = {"video_id": event.video_id, "id": event.id, "clip_ids": ids}
            later = tx.execute(query("later_events"), since).fetchall()
            cuts = (*event.change.before.cuts, *event.change.after.cuts)
            rows = _rows(tx, event.video_id, ids, [cut.frame for cut in cuts])
            change = reverse(
                event,
                rows,
                reviewer=reviewer,
                at=datetime.now(UTC),
                later=[_event(tx, row) for row in later],
                held=held_clips(tx, rows),
            )
            return self._write(tx, event.video_id, change, request_key)

    def _lock(self, tx: Cursor, video_id: int) -> dict[str, Any]:
        video = tx.execute(query("lock_video"), {"id": video_id}).fetchone()
        if video is None:
            raise UsageError(f"there is no video {video_id}")
        return video

    def _write(self, tx: Cursor, video_id: int, change: Change, request_key: str) -> Event:
        """Write a change and its event."""
        other = other_hand(tx, [clip.id for clip in change.before.clips], change.reviewer)
        if other is not None:
            raise RuleError(f"{change.action} is refused: clip {other[0]} is in {other[1]}'s hands")
        ids = [clip.id for clip in change.after.clips]
        event = write_change(tx, video_id, change, request_key)
        if self._lease_seconds > 0:
            held = {"ids": ids, "reviewer": change.reviewer, "lease_seconds": self._lease_seconds}
            tx.execute(query("keep_leases"), held | {"video_id": video_id})
        return Event(id=event, video_id=video_id, change=change)


def _known(tx: Cursor, reviewer: str, request_key: str) -> Event | None:
    """The event that a request led to before. From here on, no other act of this reviewer runs until the end."""
    tx.execute(query("serialise_reviewer"), {"reviewer": reviewer})
    row = tx.execute(query("event_of_request"), {"request_key": request_key}).fetchone()
    return None if row is None else _event(tx, row)


def _newest_first(tx: Cursor, reviewer: str) -> Iterator[Entry]:
    """A reviewer's log, a page at a time: read no further back than somebody asks."""
    before = _NEWEST
    while True:
        page = tx.execute(query("reviewer_log"), {"reviewer": reviewer, "before": before, "limit": LOG_PAGE}).fetchall()
        yield from map(_entry, page)
        if len(page) < LOG_PAGE:
            return
        before = page[-1]["id"]


def new_ids(tx: Cursor, *, count: int) -> Callable[[], int]:
    """Gives ids of clips about to be made, fetched so many at a time. Those that are not used are lost."""

    def fresh() -> Iterator[int]:
        while True:
            yield from (row["id"] for row in tx.execute(query("new_clip_ids"), {"count": count}).fetchall())

    return fresh().__next__


def _rows(tx: Cursor, video_id: int, ids: Sequence[int], cut_frames: Sequence[int] = ()) -> Snapshot:
    """These clips, their neighbours and groups as they are now, with the cuts they start at and those named."""
    clips = tx.execute(query("review_rows"), {"video_id": video_id, "ids": list(ids)}).fetchall()
    frames = sorted({row["start_frame"] for row in clips}.union(cut_frames))
    cuts = tx.execute(query("review_cuts"), {"video_id": video_id, "frames": frames}).fetchall()
    return _snapshot(clips, cuts)


def snapshot(tx: Cursor, video_id: int) -> Snapshot:
    """All active clips of a video, held until the transaction ends, and all its cuts."""
    clips = tx.execute(query("recut_rows"), {"video_id": video_id}).fetchall()
    return _snapshot(clips, tx.execute(query("recut_cuts"), {"video_id": video_id}).fetchall())


def _snapshot(clips: Iterable[dict[str, Any]], cuts: Iterable[dict[str, Any]]) -> Snapshot:
    return Snapshot.of(_clips(clips), [CutRow(**{**row, "kind": CutKind(row["kind"])}) for row in cuts])


def _clips(rows: Iterable[dict[str, Any]]) -> list[ClipRow]:
    return [ClipRow(**{**row, "state": ClipState(row["state"]), "parents": tuple(row["parents"])}) for row in rows]


def held_clips(tx: Cursor, rows: Snapshot) -> dict[int, str]:
    """The clips of a snapshot whose export has begun: they have a file, or are being written."""
    ids = [clip.id for clip in rows.clips if clip.state is ClipState.REVIEW_APPROVED]
    found = tx.execute(query("held_clips"), {"ids": ids}).fetchall() if ids else []
    return {row["id"]: row["stage"] for row in found}


def in_hand(tx: Cursor, video_id: int) -> dict[int, str]:
    """The clips of a video that a reviewer holds now, and who."""
    rows = tx.execute(query("clips_in_hand"), {"video_id": video_id}).fetchall()
    return {row["id"]: row["reviewer"] for row in rows}


def write_change(tx: Cursor, video_id: int, change: Change, request_key: str) -> int:
    """Write the rows of a change, its event, and what happened to which stretches; returns the event's id. Cuts go
    before clips, and tiling is checked at commit.
    """
    removed, added = change.removed_cuts, change.added_cuts
    if removed:
        tx.execute(query("delete_cuts"), {"video_id": video_id, "frames": [cut.frame for cut in removed]})
    if added:
        tx.execute(query("write_cuts"), {"video_id": video_id, "cuts": Jsonb(Snapshot.of((), added).to_json()["cuts"])})
    if change.after.clips:
        clips = change.after.to_json()["clips"]
        tx.execute(query("write_clips"), {"video_id": video_id, "clips": Jsonb(clips)})
        tx.execute(query("end_leases"), {"ids": [clip.id for clip in change.after.clips]})
    if removed or added:
        frames = sorted({cut.frame for cut in (*removed, *added)})
        tx.execute(query("refresh_confidence"), {"video_id": video_id, "frames": frames})
    event = _write_event(tx, video_id, change, request_key)
    for kind, stretches in _announcements(change).items():
        tx.execute(
            query("announce"),
            {"kind": str(kind), "video_ids": [video_id] * len(stretches), "stretches": sorted(stretches)},
        )
    return event


def _announcements(change: Change) -> dict[Happened, set[int]]:
    """What a change means for the stages: clips that have to be described, decisions that make files due."""
    found: dict[Happened, set[int]] = {}
    for clip in change.after.clips:
        was = change.before.clip(clip.id)
        is_described = was is not None and was.is_active and was.state is not ClipState.REVIEW_ARCHIVED
        if clip.is_active and clip.state is not ClipState.REVIEW_ARCHIVED and not is_described:
            found.setdefault(Happened.CLIPS, set()).add(stretch_of(clip.start_frame))
        if clip.state in (ClipState.REVIEW_APPROVED, ClipState.REVIEW_ARCHIVED):
            found.setdefault(Happened.DECISION, set()).add(stretch_of(clip.start_frame))
    return found


def _write_event(tx: Cursor, video_id: int, change: Change, request_key: str) -> int:
    before, after = images(change.before, change.after)
    row = tx.execute(
        query("write_event"),
        {
            "video_id": video_id,
            "reviewer": change.reviewer,
            "action": str(change.action),
            "request_key": request_key,
            "undoes": change.undoes,
            "clip_ids": sorted(change.clip_ids),
            "before": before,
            "after": after,
        },
    ).fetchone()
    return int(row["id"]) if row else 0


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(id=row["id"], reviewer=row["reviewer"], action=ReviewAction(row["action"]), undoes=row["undoes"])


def _event(tx: Cursor, row: dict[str, Any]) -> Event:
    """An event of the log; the short form of a decision on many clips is filled in from their rows."""
    before, after = Decided.from_json(row["before"]), Decided.from_json(row["after"])
    if before is not None and after is not None:
        now = _clips(tx.execute(query("clips_by_id"), {"ids": row["clip_ids"]}).fetchall())
        pair = before.image(now), after.image(now)
    else:
        pair = Snapshot.from_json(row["before"]), Snapshot.from_json(row["after"])
    change = Change(
        action=ReviewAction(row["action"]),
        reviewer=row["reviewer"],
        before=pair[0],
        after=pair[1],
        undoes=row["undoes"],
    )
    return Event(id=row["id"], video_id=row["video_id"], change=change)
