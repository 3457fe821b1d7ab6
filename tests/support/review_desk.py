"""A video under review, in memory: what the store does with changes, without a database. For property tests."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from heaters.core.cuts import Cuts
from heaters.core.edits import Author, Limits
from heaters.core.history import Change, Entry, Event, redo_target, reverse, undo_target
from heaters.core.layout import LaidCut
from heaters.core.recut import recut
from heaters.core.review import RULES, Act, perform
from heaters.core.snapshot import ClipRow, CutRow, Snapshot
from heaters.core.states import CutKind, ReviewAction
from heaters.errors import RuleError

TICKS_PER_FRAME = 40
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def pts(frame: int) -> int:
    """The PTS of a frame of a desk's video."""
    return frame * TICKS_PER_FRAME


def laid_out(cuts: Cuts) -> Snapshot:
    """The rows that detection leaves: a pending clip for every span, a hard cut between any two."""
    clips = (
        ClipRow(
            id=i,
            start_frame=span.start_frame,
            end_frame=span.end_frame,
            start_pts=pts(span.start_frame),
            end_pts=pts(span.end_frame),
        )
        for i, span in enumerate(cuts.clips(), 1)
    )
    return Snapshot.of(
        clips,
        (
            CutRow(
                frame=frame,
                pts=pts(frame),
                kind=CutKind.HARD,
                confidence=0.5 + 0.4 / (1 + frame),
                created_by="test",
                metadata={"span": [frame, frame]},
            )
            for frame in cuts.frames
        ),
    )


def laid_cut(frame: int) -> LaidCut:
    """The cut that any detection finds at a frame of a desk's video."""
    return LaidCut(
        frame=frame,
        kind=CutKind.HARD,
        confidence=0.5 + 0.4 / (1 + frame),
        metadata={"span": [frame, frame], "threshold": 0.5},
    )


def updated(rows: Snapshot, before: Snapshot, after: Snapshot) -> Snapshot:
    """These rows once a change from `before` to `after` is written: what a store does."""
    clips = {clip.id: clip for clip in (*rows.clips, *after.clips)}
    cuts = {cut.frame: cut for cut in rows.cuts}
    for cut in before.cuts:
        cuts.pop(cut.frame, None)
    cuts |= {cut.frame: cut for cut in after.cuts}
    return Snapshot.of(clips.values(), cuts.values())


class Desk:
    """One video, its rows and its log. Methods change them, or raise RuleError and change nothing.

    `held` are the clips whose export has begun, with the stage's name.
    """

    def __init__(self, cuts: Cuts, limits: Limits | None = None) -> None:
        self.frame_count = cuts.frame_count
        self.limits = limits or Limits()
        self.rows = laid_out(cuts)
        self.log: list[Event] = []
        self.held: dict[int, str] = {}
        self._ids = count(len(self.rows.clips) + 1)

    @property
    def active(self) -> tuple[ClipRow, ...]:
        return tuple(clip for clip in self.rows.clips if clip.is_active)

    def clip(self, clip_id: int) -> ClipRow:
        found = self.rows.clip(clip_id)
        assert found is not None
        return found

    def cuts(self) -> Cuts:
        """The partition that the active clips make. Raises RuleError where they do not tile."""
        return Cuts.from_spans(self.frame_count, (clip.span for clip in self.active))

    def content(self) -> tuple[tuple[ClipRow, ...], tuple[CutRow, ...]]:
        """Everything that a reader of active rows can see, except versions."""
        return tuple(replace(clip, version=0) for clip in self.active), self.rows.cuts

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=len(self.log))

    def act(
        self,
        action: str,
        clip_id: int,
        frame: int | None = None,
        *,
        by: str = "ada",
        version: int | None = None,
    ) -> Change:
        wish = Act(
            action=ReviewAction(action),
            clip_id=clip_id,
            reviewer=by,
            at=self.now(),
            version=version,
            frame=frame,
        )
        change = perform(wish, self.rows, new_id=lambda: next(self._ids), pts=pts, limits=self.limits, held=self.held)
        return self._write(change)

    def recut(self, frames: Iterable[int], *, by: str = "ada", kept: Collection[int] = ()) -> Change:
        """Lay the untouched stretches anew, with cuts at those of `frames` that lie inside them."""
        wanted = sorted(frames)
        change = recut(
            self.rows,
            lambda stretch: [laid_cut(f) for f in wanted if stretch.start_frame < f < stretch.end_frame],
            by=Author(reviewer=by, at=self.now(), new_id=lambda: next(self._ids), pts=pts, limits=self.limits),
            created_by="test",
            kept=kept,
        )
        if change is None:
            raise RuleError("nothing changes")
        return self._write(change)

    def undo(self, by: str = "ada") -> Change:
        return self._reverse(undo_target(self._entries(by)), by)

    def redo(self, by: str = "ada") -> Change:
        return self._reverse(redo_target(self._entries(by)), by)

    def _entries(self, by: str) -> list[Entry]:
        return [event.entry for event in reversed(self.log) if event.change.reviewer == by]

    def _reverse(self, event_id: int | None, by: str) -> Change:
        if event_id is None:
            raise RuleError("nothing to take back")
        event = self.log[event_id - 1]
        later = self.log[event_id:]
        return self._write(reverse(event, self.rows, reviewer=by, at=self.now(), later=later, held=self.held))

    def _write(self, change: Change) -> Change:
        self.rows = updated(self.rows, change.before, change.after)
        self.log.append(Event(id=len(self.log) + 1, video_id=1, change=change))
        return change


def step(desk: Desk, word: str, a: int, b: int, by: str) -> bool:
    """Do one step on a clip and a frame picked by `a` and `b`; False where it was refused."""
    try:
        if word in ("undo", "redo"):
            (desk.undo if word == "undo" else desk.redo)(by)
        elif word == "recut":
            desk.recut(range(1 + a % 50, desk.frame_count, 5 + b % 50), by=by)
        else:
            # Mostly clips that are there; sometimes any id, retired or unknown.
            clip_id = desk.active[a % len(desk.active)].id if a % 8 else a % (len(desk.rows.clips) + 2)
            rule = RULES[ReviewAction(word)]
            clip = desk.rows.clip(clip_id)
            low = clip.start_frame - (30 if rule.takes_previous else 2) if clip else 0
            high = clip.end_frame + 2 if clip else desk.frame_count
            desk.act(word, clip_id, low + b % (high - low) if rule.takes_frame else None, by=by)
    except RuleError:
        return False
    return True
