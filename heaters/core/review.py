"""What a reviewer can do to a clip: one table of rules, and one pure function from an act to a `Change`.

It does not know the database, leases or the queue. Undo and redo are in `history`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from heaters.core.edits import DECISIONS, Author, Limits, decide, group, merge, move, split
from heaters.core.history import Change
from heaters.core.snapshot import ClipRow, Snapshot
from heaters.core.states import ClipState, ReviewAction
from heaters.errors import RuleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an action is allowed: the states of every clip it touches, and what else it takes."""

    states: frozenset[ClipState]
    takes_previous: bool = False  # the clip before it in the video
    takes_frame: bool = False
    changes_frames: bool = False  # never once export has begun


_PENDING = frozenset({ClipState.PENDING_REVIEW})
_DECIDED = frozenset({ClipState.REVIEW_APPROVED, ClipState.REVIEW_SKIPPED, ClipState.REVIEW_ARCHIVED})

# A decision is made once, by one reviewer; to change it, undo it. An edit of the cuts may take clips that are
# decided already, and gives pending ones: other frames are another clip, to be decided anew. A group only
# links: the previous clip may be exported, and often is when the reviewer sees that both belong together.
RULES: Mapping[ReviewAction, Rule] = {
    ReviewAction.APPROVE: Rule(states=_PENDING),
    ReviewAction.SKIP: Rule(states=_PENDING),
    ReviewAction.ARCHIVE: Rule(states=_PENDING),
    ReviewAction.SPLIT: Rule(states=_PENDING | _DECIDED, takes_frame=True, changes_frames=True),
    ReviewAction.MERGE: Rule(states=_PENDING | _DECIDED, takes_previous=True, changes_frames=True),
    ReviewAction.MOVE: Rule(states=_PENDING | _DECIDED, takes_previous=True, takes_frame=True, changes_frames=True),
    ReviewAction.GROUP: Rule(states=_PENDING | {ClipState.REVIEW_APPROVED}, takes_previous=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One reviewer's wish. `version` is that of the clip as the reviewer saw it; None: not checked.

    `frame` counts frames of the video: for split the first frame of the right half, for move the new place of
    the cut at the clip's start. `at` carries its time zone.
    """

    action: ReviewAction
    clip_id: int
    reviewer: str
    at: datetime
    version: int | None = None
    frame: int | None = None

    def __post_init__(self) -> None:
        rule = RULES.get(self.action)
        if rule is None:
            raise RuleError(
                f"{self.action} is no action on a clip: it takes a whole video or the reviewer's last event"
            )
        if rule.takes_frame != (self.frame is not None):
            raise RuleError(f"split and move, and they alone, take a frame; got {self.action}, {self.frame}")
        if not self.reviewer.strip():
            raise RuleError("an action needs a reviewer's name; got none")
        if self.at.tzinfo is None:
            raise RuleError(f"the time of an action carries its time zone; got {self.at}")


def perform(
    act: Act,
    rows: Snapshot,
    *,
    new_id: Callable[[], int],
    pts: Callable[[int], int],
    limits: Limits | None = None,
    held: Mapping[int, str] | None = None,
) -> Change:
    """The change that carries `act` out.

    `rows` holds at least the clip, the one before it, the cut between them and the members of their groups;
    all of the video's rows do as well. `new_id` gives the ids of created clips, `pts` the PTS of a frame
    (`PtsTable.pts`), `held` the clips whose export has begun, with the stage's name.

    Raises RuleError with the reason where the action is not allowed; `rows` are never changed.
    """
    rule = RULES[act.action]
    clip = rows.clip(act.clip_id)
    if clip is None:
        raise RuleError(f"there is no clip {act.clip_id} in this video")
    _check_state(act.action, rule, clip, held or {})
    previous = None
    if rule.takes_previous:
        previous = _previous(act, rows, clip)
        _check_state(act.action, rule, previous, held or {})
    if act.version is not None and act.version != clip.version:
        raise RuleError(
            f"clip {clip.id} has changed since it was shown: version {act.version} then, {clip.version} now "
            f"({clip.state}{_by(clip)})"
        )
    by = Author(reviewer=act.reviewer, at=act.at, new_id=new_id, pts=pts, limits=limits or Limits())
    before, after = _carry_out(act, by, rows, clip, previous)
    return Change(action=act.action, reviewer=act.reviewer, before=before, after=after)


def _carry_out(
    act: Act, by: Author, rows: Snapshot, clip: ClipRow, previous: ClipRow | None
) -> tuple[Snapshot, Snapshot]:
    """The rows that the act touches, before and after."""
    match act.action, previous, act.frame:
        case ReviewAction.SPLIT, None, int(frame):
            return split(by, clip, frame)
        case ReviewAction.MERGE, ClipRow(), None:
            return merge(by, rows, previous, clip)
        case ReviewAction.MOVE, ClipRow(), int(frame):
            return move(by, rows, previous, clip, frame)
        case ReviewAction.GROUP, ClipRow(), None:
            return group(by, rows, previous, clip)
        case _:
            return decide(by, clip, DECISIONS[act.action])


def _previous(act: Act, rows: Snapshot, clip: ClipRow) -> ClipRow:
    if clip.start_frame == 0:
        raise RuleError(f"{act.action} needs a clip before it; clip {clip.id} is the first of its video")
    previous = rows.clip_before(clip)
    if previous is None:
        raise RuleError(f"{act.action} needs the clip that ends at frame {clip.start_frame}; there is none")
    return previous


def _check_state(action: ReviewAction, rule: Rule, clip: ClipRow, held: Mapping[int, str]) -> None:
    if not clip.is_active:
        raise RuleError(f"clip {clip.id} is gone: {clip.span} was split, merged or moved")
    if rule.changes_frames and clip.id in held:
        raise RuleError(f"{action} is refused: {held[clip.id]} of clip {clip.id} has begun")
    if clip.state not in rule.states:
        raise RuleError(f"{action} is refused: clip {clip.id} is already {clip.state}{_by(clip)}")


def _by(clip: ClipRow) -> str:
    return f" by {clip.reviewed_by}" if clip.state in _DECIDED else ""
