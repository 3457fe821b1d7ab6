"""Lay the cuts of a video anew where no person has decided anything, and leave the rest exactly as it is.

What stays: every clip that is decided, that came out of a person's split, merge or move, that is in a group or in a
reviewer's hands; and every manual cut. Between them lie stretches of pending
clips that nobody touched: only these get the cuts that detection would give them now. It knows no database.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import TypeVar

from heaters.core.cuts import Span
from heaters.core.edits import Author
from heaters.core.history import Change
from heaters.core.layout import LaidCut
from heaters.core.snapshot import ClipRow, CutRow, Snapshot
from heaters.core.states import ClipState, CutKind, ReviewAction

# Confidence is kept in 32 bits, and older rows rounded it to six digits: a difference of that size is none.
SAME_CONFIDENCE = 1e-5

Row = TypeVar("Row")


def is_untouched(clip: ClipRow, kept: Collection[int] = ()) -> bool:
    """Whether a recut may replace the clip; `kept` are ids in a reviewer's hands.

    Clips with parents came out of a person's edit: detection and recuts make clips without.
    """
    return (
        clip.is_active
        and clip.state is ClipState.PENDING_REVIEW
        and not clip.parents
        and clip.group_id is None
        and clip.id not in kept
    )


def free_stretches(rows: Snapshot, kept: Collection[int] = ()) -> list[Span]:
    """The longest runs of frames that a recut may lay anew, in order: untouched clips without a manual cut between."""
    manual = {cut.frame for cut in rows.cuts if cut.kind is CutKind.MANUAL}
    stretches: list[Span] = []
    for clip in rows.clips:
        if not is_untouched(clip, kept):
            continue
        start = clip.start_frame
        if stretches and stretches[-1].end_frame == start and start not in manual:
            start = stretches.pop().start_frame
        stretches.append(Span(start_frame=start, end_frame=clip.end_frame))
    return stretches


def recut(
    rows: Snapshot,
    lay: Callable[[Span], Sequence[LaidCut]],
    *,
    by: Author,
    created_by: str,
    kept: Collection[int] = (),
) -> Change | None:
    """The change that lays the free stretches anew, or None where that changes nothing.

    `rows` holds all active clips and all cuts of the video; `lay` gives the cuts inside a stretch (`Layout.of`);
    `created_by` names the detector and its revision. Clips and cuts that come out the same keep their rows, so a
    second recut with the same rules changes nothing. Undo restores the exact rows, as of any other event.
    """
    active = [clip for clip in rows.clips if clip.is_active]
    clips_before: list[ClipRow] = []
    clips_after: list[ClipRow] = []
    cuts_before: list[CutRow] = []
    cuts_after: list[CutRow] = []
    for stretch in free_stretches(rows, kept):
        laid = lay(stretch)
        bounds = [stretch.start_frame, *(cut.frame for cut in laid), stretch.end_frame]
        wanted = {Span(start_frame=start, end_frame=end) for start, end in pairwise(bounds)}
        old = _between(active, stretch.start_frame, stretch.end_frame, key=lambda clip: clip.start_frame)
        gone = [clip for clip in old if clip.span not in wanted]
        clips_before += gone
        clips_after += map(by.retired, gone)
        clips_after += map(by.created, sorted(wanted - {clip.span for clip in old}))
        going = _between(rows.cuts, stretch.start_frame + 1, stretch.end_frame, key=lambda cut: cut.frame)
        removed, added = _exchanged(going, [_row(cut, by, created_by) for cut in laid])
        cuts_before += removed
        cuts_after += added
    if not clips_after and not cuts_before and not cuts_after:
        return None
    return Change(
        action=ReviewAction.RECUT,
        reviewer=by.reviewer,
        before=Snapshot.of(clips_before, cuts_before),
        after=Snapshot.of(clips_after, cuts_after),
    )


def _between(rows: Sequence[Row], start: int, stop: int, *, key: Callable[[Row], int]) -> Sequence[Row]:
    """The rows, in order of `key`, whose key is in [start, stop)."""
    return rows[bisect_left(rows, start, key=key) : bisect_left(rows, stop, key=key)]


def _row(cut: LaidCut, by: Author, created_by: str) -> CutRow:
    return CutRow(
        frame=cut.frame,
        pts=by.pts(cut.frame),
        kind=cut.kind,
        confidence=cut.confidence,
        created_by=created_by,
        metadata=cut.metadata,
    )


def _exchanged(old: Sequence[CutRow], new: Sequence[CutRow]) -> tuple[list[CutRow], list[CutRow]]:
    """The cuts that go, and those that come; one that comes out the same is in neither."""
    going = {cut.frame: cut for cut in old}
    coming = []
    for cut in new:
        if cut.frame in going and _same(going[cut.frame], cut):
            del going[cut.frame]
        else:
            coming.append(cut)
    return list(going.values()), coming


def _same(old: CutRow, new: CutRow) -> bool:
    """Whether a cut would only be laid again. The threshold it was found under stays that of the first time."""
    if old.confidence is None or new.confidence is None:
        return False
    return abs(old.confidence - new.confidence) < SAME_CONFIDENCE and _content(old) == _content(new)


def _content(cut: CutRow) -> tuple[object, ...]:
    metadata = {name: value for name, value in cut.metadata.items() if name != "threshold"}
    return cut.pts, cut.kind, cut.created_by, metadata
