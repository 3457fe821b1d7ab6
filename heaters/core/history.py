"""The log of review: who did what, what can be undone, and how. It does not know the rules of a first action.

Undo and redo are events too, and each reverses one event: an undo an action or a redo, a redo an undo. The
log is only appended to, so undo survives a reload and a restart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from heaters.core.snapshot import ClipRow, CutRow, Snapshot
from heaters.core.states import ClipState, ReviewAction
from heaters.errors import RuleError

# The columns that an event may change on a clip that is there; the others never change.
REVERSIBLE = ("state", "group_id", "reviewed_by", "reviewed_at", "retired_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one event writes: the rows it touched, as they were and as they become.

    To write it: upsert every clip of `after`, delete `removed_cuts`, then insert `added_cuts`, and append the
    event. Clips of `after` that `before` lacks are new. `undoes` is the event that an undo or a redo
    reverses.
    """

    action: ReviewAction
    reviewer: str
    before: Snapshot
    after: Snapshot
    undoes: int | None = None

    def __post_init__(self) -> None:
        if (self.undoes is not None) != (self.action in (ReviewAction.UNDO, ReviewAction.REDO)):
            raise RuleError(f"undo and redo, and they alone, name an event; got {self.action}, {self.undoes}")

    @property
    def clip_ids(self) -> frozenset[int]:
        return frozenset(clip.id for clip in (*self.before.clips, *self.after.clips))

    @property
    def removed_cuts(self) -> tuple[CutRow, ...]:
        return tuple(cut for cut in self.before.cuts if self.after.cut(cut.frame) != cut)

    @property
    def added_cuts(self) -> tuple[CutRow, ...]:
        return tuple(cut for cut in self.after.cuts if self.before.cut(cut.frame) != cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log without its images: enough to find what to undo."""

    id: int
    reviewer: str
    action: ReviewAction
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of `review_events`."""

    id: int
    video_id: int
    change: Change

    @property
    def entry(self) -> Entry:
        return Entry(id=self.id, reviewer=self.change.reviewer, action=self.change.action, undoes=self.change.undoes)


def undo_target(newest_first: Iterable[Entry]) -> int | None:
    """The event that a reviewer's next undo reverses: their last action or redo that stands. None: nothing to undo.

    The log holds the reviewer's own entries, newest first, and is read no further back than needed.
    """
    reversed_ids: set[int] = set()
    for entry in newest_first:
        if entry.undoes is not None:
            reversed_ids.add(entry.undoes)
        if entry.action is not ReviewAction.UNDO and entry.id not in reversed_ids:
            return entry.id
    return None


def redo_target(newest_first: Iterable[Entry]) -> int | None:
    """The event that a reviewer's next redo reverses: their last undo that still stands. None: nothing to redo.

    A new action clears what could be redone, so the log (as for `undo_target`) is read back to the last one at most.
    """
    reversed_ids: set[int] = set()
    for entry in newest_first:
        if entry.undoes is None:
            return None
        reversed_ids.add(entry.undoes)
        if entry.action is ReviewAction.UNDO and entry.id not in reversed_ids:
            return entry.id
    return None


def reverse(
    event: Event,
    rows: Snapshot,
    *,
    reviewer: str,
    at: datetime,
    later: Sequence[Event] = (),
    held: Mapping[int, str] | None = None,
) -> Change:
    """The change that takes `event` back: an undo, or, where the event is an undo itself, a redo.

    `rows` holds at least the clips and cuts that the event touched, as they are now; `later` the events of
    its video after it; `held` the clips whose export has begun, with the stage's name. A column is
    restored where the event changed it; what the event left alone stays as it is. Clips that the event
    created are retired, not deleted.

    Raises RuleError with the reason: somebody else's event, someone else's later change, export has begun.
    """
    change = event.change
    word = ReviewAction.REDO if change.action is ReviewAction.UNDO else ReviewAction.UNDO
    if change.reviewer != reviewer:
        raise RuleError(f"{word} takes back one's own actions; this {change.action} was {change.reviewer}'s")
    other = _intruder(event, later)
    if other is not None:
        clips = ", ".join(map(str, sorted(change.clip_ids & other.change.clip_ids)))
        who, what = other.change.reviewer, other.change.action
        raise RuleError(f"{word} is refused: {who} has since changed clip {clips} ({what})")
    before, after = [], []
    for mine in change.after.clips:
        now = rows.clip(mine.id)
        if now is None:
            raise RuleError(f"{word} needs clip {mine.id} as it is now; it is not among the rows")
        was = change.before.clip(mine.id) or replace(mine, state=ClipState.RETIRED, retired_at=at)
        before.append(now)
        after.append(_restored(word, now, mine, was, held or {}))
    for cut in change.added_cuts:
        if rows.cut(cut.frame) != cut:
            raise RuleError(f"{word} is refused: the cut at frame {cut.frame} has changed since")
    for cut in change.removed_cuts:
        if rows.cut(cut.frame) is not None and change.after.cut(cut.frame) is None:
            raise RuleError(f"{word} is refused: there is a cut at frame {cut.frame} again")
    return Change(
        action=word,
        reviewer=reviewer,
        before=Snapshot.of(before, change.after.cuts),
        after=Snapshot.of(after, change.before.cuts),
        undoes=event.id,
    )


def _intruder(event: Event, later: Sequence[Event]) -> Event | None:
    """The first later event of somebody else that touched the same clips and still stands."""
    reversed_by = {other.change.undoes: other.id for other in later}
    known = {other.id for other in later}
    for other in later:
        if other.id <= event.id or other.change.reviewer == event.change.reviewer:
            continue
        if other.change.undoes in known:
            continue  # counted with the event that it reverses
        stands, at = True, other.id
        while at in reversed_by:  # undone, redone, undone again, …
            stands, at = not stands, reversed_by[at]
        if stands and other.change.clip_ids & event.change.clip_ids:
            return other
    return None


def _restored(word: ReviewAction, now: ClipRow, mine: ClipRow, was: ClipRow, held: Mapping[int, str]) -> ClipRow:
    """`now` with every column that went from `was` to `mine` set back to `was`."""
    changed = [name for name in REVERSIBLE if getattr(was, name) != getattr(mine, name)]
    if "state" in changed and now.id in held:
        raise RuleError(f"{word} is refused: {held[now.id]} of clip {now.id} has begun")
    for name in changed:
        is_now, made = getattr(now, name), getattr(mine, name)
        if is_now == made:
            continue
        raise RuleError(f"{word} is refused: {name} of clip {now.id} is {is_now} by now, not {made}")
    return replace(now, version=now.version + 1, **{name: getattr(was, name) for name in changed})
