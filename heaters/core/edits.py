"""How each action of a reviewer changes rows: the clips and cuts it touches, before and after.

It does not know when an action is allowed (`review` does), except for what the partition itself forbids.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from heaters.core.cuts import Span, move_cut, split_span
from heaters.core.snapshot import ClipRow, CutRow, Snapshot
from heaters.core.states import ClipState, CutKind, ReviewAction
from heaters.errors import RuleError

DECISIONS: Mapping[ReviewAction, ClipState] = {
    ReviewAction.APPROVE: ClipState.REVIEW_APPROVED,
    ReviewAction.SKIP: ClipState.REVIEW_SKIPPED,
    ReviewAction.ARCHIVE: ClipState.REVIEW_ARCHIVED,
}

BeforeAfter = tuple[Snapshot, Snapshot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How short the clips that an edit makes may be, in frames."""

    min_clip_frames: int = 1
    min_cut_distance: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who edits and when, and what new rows are made with: ids, and the PTS of a frame."""

    reviewer: str
    at: datetime
    new_id: Callable[[], int]
    pts: Callable[[int], int]
    limits: Limits

    def decided(self, clip: ClipRow, state: ClipState) -> ClipRow:
        version = clip.version + 1
        return replace(clip, state=state, reviewed_by=self.reviewer, reviewed_at=self.at, version=version)

    def retired(self, clip: ClipRow) -> ClipRow:
        return replace(clip, state=ClipState.RETIRED, retired_at=self.at, version=clip.version + 1)

    def created(self, span: Span, *parents: ClipRow) -> ClipRow:
        return ClipRow(
            id=self.new_id(),
            start_frame=span.start_frame,
            end_frame=span.end_frame,
            start_pts=self.pts(span.start_frame),
            end_pts=self.pts(span.end_frame),
            parents=tuple(parent.id for parent in parents),
        )

    def manual_cut(self, frame: int) -> CutRow:
        pts = self.pts(frame)
        return CutRow(frame=frame, pts=pts, kind=CutKind.MANUAL, confidence=None, created_by=self.reviewer)


def decide(by: Author, clip: ClipRow, state: ClipState) -> BeforeAfter:
    """State, who and when."""
    return Snapshot.of([clip]), Snapshot.of([by.decided(clip, state)])


def split(by: Author, clip: ClipRow, frame: int) -> BeforeAfter:
    """Retire the clip; create both halves and the cut between them. Raises RuleError for a half too short."""
    halves = split_span(clip.span, frame, by.limits.min_clip_frames)
    after = [by.retired(clip), *(by.created(half, clip) for half in halves)]
    return Snapshot.of([clip]), Snapshot.of(after, [by.manual_cut(frame)])


def merge(by: Author, rows: Snapshot, previous: ClipRow, clip: ClipRow) -> BeforeAfter:
    """Retire both clips and the cut between them; create one clip over both."""
    cut = _cut_between(rows, clip)
    whole = replace(previous.span, end_frame=clip.end_frame)
    after = [by.retired(previous), by.retired(clip), by.created(whole, previous, clip)]
    return Snapshot.of([previous, clip], [cut]), Snapshot.of(after)


def move(by: Author, rows: Snapshot, previous: ClipRow, clip: ClipRow, frame: int) -> BeforeAfter:
    """Retire both clips and the cut between them; create two that meet at `frame`.

    Raises RuleError for a place too near to, or beyond, another cut.
    """
    cut = _cut_between(rows, clip)
    left, right = move_cut(previous.span, clip.span, frame, by.limits.min_cut_distance)
    after = [by.retired(previous), by.retired(clip), by.created(left, previous), by.created(right, clip)]
    return Snapshot.of([previous, clip], [cut]), Snapshot.of(after, [by.manual_cut(frame)])


def group(by: Author, rows: Snapshot, previous: ClipRow, clip: ClipRow) -> BeforeAfter:
    """Approve what is pending, and link both under the id of the group's first clip.

    Where both are in groups, these become one: all members of the right one change. Raises RuleError where
    they are in one group already.
    """
    if clip.group_id is not None and clip.group_id == previous.group_id:
        raise RuleError(f"clips {previous.id} and {clip.id} are in one group already")
    group_id = next((g for g in (previous.group_id, clip.group_id) if g is not None), previous.id)
    before = [previous, clip]
    if clip.group_id not in (None, group_id):
        others = (c for c in rows.clips if c.is_active and c.id != clip.id)
        before += [c for c in others if c.group_id == clip.group_id]
    return Snapshot.of(before), Snapshot.of(_linked(by, row, group_id) for row in before)


def _linked(by: Author, clip: ClipRow, group_id: int) -> ClipRow:
    if clip.state is ClipState.PENDING_REVIEW:
        clip = replace(by.decided(clip, ClipState.REVIEW_APPROVED), version=clip.version)
    return replace(clip, group_id=group_id, version=clip.version + 1)


def _cut_between(rows: Snapshot, clip: ClipRow) -> CutRow:
    cut = rows.cut(clip.start_frame)
    if cut is None:
        raise RuleError(f"clip {clip.id} must start at a cut; there is none at frame {clip.start_frame}")
    return cut
