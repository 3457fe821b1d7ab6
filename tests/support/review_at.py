"""Acts of review on rows that tests made, whose PTS are their frames."""

import uuid

import numpy as np

from heaters.core.states import ReviewAction
from heaters.store.db import Database
from heaters.store.review import Reviews


class FrameTracks:
    """PTS tables of videos at one frame a tick."""

    def pts(self, key: str) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        del key
        return np.arange(2_000_000, dtype=np.int64)


def act(db: Database, action: ReviewAction, clip: int, frame: int | None = None, *, by: str = "anna") -> int:
    """Carry an act out; the event's id."""
    reviews = Reviews(db, FrameTracks())  # type: ignore[arg-type]
    return reviews.act(action, clip, reviewer=by, request_key=uuid.uuid4().hex, frame=frame).id


def split_at(db: Database, clip: int, frame: int) -> int:
    """Cut a clip in two."""
    return act(db, ReviewAction.SPLIT, clip, frame)
