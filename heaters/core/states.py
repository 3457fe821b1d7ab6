"""Every state a row can be in. The same lists stand in `store/schema.sql`; a test compares them."""

from enum import StrEnum


class VideoState(StrEnum):
    """The last milestone a video has reached."""

    NEW = "new"  # submitted                          → downloaded
    DOWNLOADED = "downloaded"  # the source is in the object store  → prepared
    PREPARED = "prepared"  # proxy, analysis frames, every PTS   → cut
    CUT = "cut"  # cuts and clips exist; its clips go on


class ClipState(StrEnum):
    """The last milestone a clip has reached."""

    PENDING_REVIEW = "pending_review"  # → review_approved | review_skipped | review_archived | archived
    REVIEW_APPROVED = "review_approved"  # → exported; undo → pending_review until export has claimed it
    EXPORTED = "exported"  # → keyframed
    KEYFRAMED = "keyframed"  # → embedded
    EMBEDDED = "embedded"
    REVIEW_SKIPPED = "review_skipped"  # a decision: not wanted, kept; undo → pending_review
    REVIEW_ARCHIVED = "review_archived"  # a decision: its objects may be deleted → archived
    ARCHIVED = "archived"  # retired by split or merge, or cleaned up


class RunStatus(StrEnum):
    """How one attempt at one stage of one item stands."""

    RUNNING = "running"  # → done | failed | dead | lost | released
    DONE = "done"
    FAILED = "failed"  # will be tried again at next_attempt_at
    DEAD = "dead"  # never retried by itself; `heaters retry` voids it
    LOST = "lost"  # its lease ran out: the worker died or was cut off
    RELEASED = "released"  # given back on a graceful stop; not an attempt


class CutKind(StrEnum):
    """Where a cut came from."""

    HARD = "hard"  # between two frames
    GRADUAL = "gradual"  # a dissolve, fade or wipe over several frames
    MANUAL = "manual"  # set by a person


class ReviewAction(StrEnum):
    """What a reviewer did; one row of `review_events` each."""

    APPROVE = "approve"
    SKIP = "skip"
    ARCHIVE = "archive"
    SPLIT = "split"
    MERGE = "merge"
    MOVE = "move"
    GROUP = "group"
    RECUT = "recut"  # the untouched stretches of a video laid anew: `heaters cut`
    UNDO = "undo"
    REDO = "redo"
