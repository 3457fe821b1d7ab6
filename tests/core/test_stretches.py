"""Stretches are a fixed grid, the same in Python and in the database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from heaters.core.stretches import STRETCH_FRAMES, stretch_of, stretches_of
from heaters.errors import RuleError
from heaters.store.db import Database

EDGES = [0, 1, STRETCH_FRAMES - 1, STRETCH_FRAMES, STRETCH_FRAMES + 1, 10 * STRETCH_FRAMES - 1, 2**31 - 1]


def test_the_database_has_the_same_rule(db: Database) -> None:
    found = rows(db, "select f as frame, stretch_of(f) as stretch from unnest(%(f)s::int[]) f", {"f": EDGES})
    assert {row["frame"]: row["stretch"] for row in found} == {frame: stretch_of(frame) for frame in EDGES}


@given(st.integers(0, 2**31 - 1))
def test_a_clip_starts_inside_its_stretch(frame: int) -> None:
    stretch = stretch_of(frame)
    assert stretch * STRETCH_FRAMES <= frame < (stretch + 1) * STRETCH_FRAMES


@given(st.integers(1, 2**31 - 1))
def test_the_stretches_of_a_video_are_those_that_its_frames_are_in(frame_count: int) -> None:
    found = stretches_of(frame_count)
    assert (found[0], found[-1]) == (stretch_of(0), stretch_of(frame_count - 1))


def test_what_is_no_frame_or_no_video_fails() -> None:
    with pytest.raises(RuleError, match="at least 0; got -1"):
        stretch_of(-1)
    with pytest.raises(RuleError, match="at least 1 frame; got 0"):
        stretches_of(0)
