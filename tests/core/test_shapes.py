"""Shapes of a film's picture: runs of frames, and which one a clip has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.core.shapes import Shapes
from heaters.errors import RuleError

WIDE, SMALL, TALL = (640, 360), (320, 180), (360, 640)
CALL = Shapes(runs=((0, *WIDE), (40, *SMALL), (90, *TALL)))


@pytest.mark.parametrize(
    ("clip", "size", "are_mixed"),
    [
        ((0, 40), WIDE, False),
        ((39, 41), WIDE, True),  # of two that are as frequent, the first
        ((38, 80), SMALL, True),
        ((40, 90), SMALL, False),
        ((89, 92), TALL, True),
        ((90, 500), TALL, False),
        ((0, 130), SMALL, True),
    ],
)
def test_a_clip_has_the_shape_of_most_frames(clip: tuple[int, int], size: tuple[int, int], are_mixed: bool) -> None:
    assert CALL.size(*clip) == size
    assert CALL.are_mixed(*clip) == are_mixed


@given(st.lists(st.sampled_from([WIDE, SMALL, TALL]), min_size=1, max_size=40), st.data())
def test_runs_say_the_size_of_every_frame(sizes: list[tuple[int, int]], data: st.DataObject) -> None:
    shapes = Shapes.of_frames(sizes)
    assert [shapes.size(n, n + 1) for n in range(len(sizes))] == sizes
    start = data.draw(st.integers(0, len(sizes) - 1))
    end = data.draw(st.integers(start + 1, len(sizes)))
    clip = sizes[start:end]
    assert dict(shapes.lengths(start, end)) == {size: clip.count(size) for size in clip}
    assert shapes.size(start, end) == max(dict.fromkeys(clip), key=clip.count)
    assert shapes.within(start, end) == Shapes.of_frames(clip)


def test_one_shape_is_not_stored() -> None:
    assert Shapes.of_frames([WIDE] * 5).changes == ()
    assert Shapes.stored([]) is None
    assert Shapes.stored([list(run) for run in CALL.changes]) == CALL


@pytest.mark.parametrize("runs", [(), ((1, 2, 3),), ((0, 2, 3), (0, 2, 3)), ((0, 0, 3),)])
def test_runs_that_cannot_be(runs: tuple[tuple[int, int, int], ...]) -> None:
    with pytest.raises(RuleError, match="shapes are runs of frames from 0 on"):
        Shapes(runs=runs)


def test_a_clip_without_frames_has_no_shape() -> None:
    with pytest.raises(RuleError, match=r"got \[3, 3\)"):
        CALL.size(3, 3)
