"""Every state a row can be in. The same lists stand in `store/schema.sql`; a test compares them."""

from enum import StrEnum


class VideoState(StrEnum):
    """The last milestone a video has reached."""

    NEW = "new"  # submitted                          → downloaded
    DOWNLOADED = "downloaded"  # the source is in the object store  → prepared
    PREPARED = "prepared"  # proxy, analysis frames, every PTS   → cut
    CUT = "cut"  # cuts and clips exist; its clips go on


class ClipState(StrEnum):
    """What was decided about a clip. What was made from it (stills, facts, vectors, a file) is no part of its state."""

    PENDING_REVIEW = "pending_review"  # undecided → review_approved | review_skipped | review_archived | retired
    REVIEW_APPROVED = "review_approved"  # wanted: its file is exported; undo → pending_review until export has begun
    REVIEW_SKIPPED = "review_skipped"  # not wanted, kept; undo → pending_review
    REVIEW_ARCHIVED = "review_archived"  # not wanted, its objects may be deleted; undo → pending_review
    RETIRED = "retired"  # replaced by a split, merge, move or recut; the row stays for lineage and undo


class RunStatus(StrEnum):
    """How one attempt at one stage of a video, or of a stretch of it, ended. What runs now is a row of `tasks`."""

    DONE = "done"  # also where some of its clips failed: `failed_items` counts them
    FAILED = "failed"  # nothing of it was done
    LOST = "lost"  # its driver, worker or node was lost: not the item's failure
    RELEASED = "released"  # given back on a graceful stop; only in the history from before stretches


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
