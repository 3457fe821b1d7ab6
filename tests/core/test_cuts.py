"""The partition algebra: tiling, the three edits and their refusals."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaters.core.cuts import Cuts, Diff, Span, diff
from heaters.errors import RuleError

quick = settings(max_examples=150, deadline=None, derandomize=True)


@st.composite
def partitions(draw: st.DrawFn, most_frames: int = 200) -> Cuts:
    frame_count = draw(st.integers(1, most_frames))
    return Cuts.of(frame_count, draw(inner_cuts(frame_count)))


def inner_cuts(frame_count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(1, frame_count - 1), max_size=30) if frame_count > 1 else st.just([])


def span(start: int, end: int) -> Span:
    return Span(start_frame=start, end_frame=end)


def assert_tiles(cuts: Cuts) -> None:
    frames = [frame for clip in cuts.clips() for frame in range(clip.start_frame, clip.end_frame)]
    assert frames == list(range(cuts.frame_count))
    assert tuple(clip.start_frame for clip in cuts.clips()[1:]) == cuts.frames


def test_no_cuts_is_one_clip() -> None:
    assert Cuts(frame_count=1).clips() == (span(0, 1),)


@pytest.mark.parametrize(
    ("frame_count", "frames", "reason"),
    [
        (0, (), "at least one frame; got 0"),
        (10, (0,), "strictly inside [0, 10); got 0"),
        (10, (3, 10), "strictly inside [0, 10); got 10"),
        (10, (3, 3), "strictly increasing; got 3 before 3"),
        (10, (5, 3), "strictly increasing; got 5 before 3"),
    ],
)
def test_a_bad_partition_cannot_exist(frame_count: int, frames: tuple[int, ...], reason: str) -> None:
    with pytest.raises(RuleError, match=re.escape(reason)):
        Cuts(frame_count=frame_count, frames=frames)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 3), (4, 3)])
def test_a_bad_span_cannot_exist(start: int, end: int) -> None:
    with pytest.raises(RuleError, match="0 ≤ start < end"):
        span(start, end)


@quick
@given(partitions())
def test_clips_tile_and_come_back_from_their_spans(cuts: Cuts) -> None:
    assert_tiles(cuts)
    assert Cuts.from_spans(cuts.frame_count, reversed(cuts.clips())) == cuts
    for clip in cuts.clips():
        assert cuts.clip_at(clip.start_frame) == cuts.clip_at(clip.end_frame - 1) == clip


@pytest.mark.parametrize(
    ("spans", "reason"),
    [
        ([span(0, 3), span(4, 10)], "[3, 4) is missing"),
        ([span(0, 5), span(4, 10)], "[4, 10) overlaps"),
        ([span(0, 5)], "end at 5"),
        ([span(0, 11)], "end at 11"),
        ([], "end at 0"),
    ],
)
def test_from_spans_fails_on_what_does_not_tile(spans: list[Span], reason: str) -> None:
    with pytest.raises(RuleError, match=re.escape(reason)):
        Cuts.from_spans(10, spans)


@pytest.mark.parametrize("frame", [-1, 10])
def test_clip_at_fails_outside_the_video(frame: int) -> None:
    with pytest.raises(RuleError, match=r"lies in \[0, 10\)"):
        Cuts(frame_count=10).clip_at(frame)


def test_split_merge_and_move() -> None:
    cuts, split = Cuts.of(100, [30, 60]).split(40, 10)
    assert cuts.frames == (30, 40, 60)
    assert split == Diff(retired=(span(30, 60),), created=(span(30, 40), span(40, 60)))
    cuts, merge = cuts.merge(30)
    assert cuts.frames == (40, 60)
    assert merge == Diff(retired=(span(0, 30), span(30, 40)), created=(span(0, 40),))
    cuts, move = cuts.move(60, 99)
    assert cuts.frames == (40, 99)
    assert move == Diff(retired=(span(40, 60), span(60, 100)), created=(span(40, 99), span(99, 100)))


def test_split_fails() -> None:
    cuts = Cuts.of(100, [30, 60])
    with pytest.raises(RuleError, match=re.escape("at least 12 frames; frame 40 of [30, 60) leaves 10 and 20")):
        cuts.split(40, 12)
    with pytest.raises(RuleError, match=re.escape("strictly inside its clip; frame 30 is not inside [30, 60)")):
        cuts.split(30)
    with pytest.raises(RuleError, match=r"lies in \[0, 100\); got 100"):
        cuts.split(100)
    with pytest.raises(RuleError, match=re.escape("frame 0 is not inside [0, 30)")):
        cuts.split(0)


@pytest.mark.parametrize("frame", [0, 29, 31, 100])
def test_merge_and_move_fail_where_there_is_no_inner_cut(frame: int) -> None:
    cuts = Cuts.of(100, [30, 60])
    with pytest.raises(RuleError, match=f"no inner cut at frame {frame}"):
        cuts.merge(frame)
    with pytest.raises(RuleError, match=f"no inner cut at frame {frame}"):
        cuts.move(frame, 40)


@pytest.mark.parametrize(
    ("new", "distance", "reason"),
    [
        (30, 1, "must change the cut; it is at frame 30 already"),
        (60, 1, "frame 60 is not between 0 and 60"),
        (0, 1, "frame 0 is not between 0 and 60"),
        (80, 1, "frame 80 is not between 0 and 60"),
        (56, 5, "at least 5 frames from the others; frame 56 is 56 from 0 and 4 from 60"),
        (4, 5, "at least 5 frames from the others; frame 4 is 4 from 0 and 56 from 60"),
    ],
)
def test_move_fails(new: int, distance: int, reason: str) -> None:
    with pytest.raises(RuleError, match=re.escape(reason)):
        Cuts.of(100, [30, 60]).move(30, new, distance)


@settings(quick, max_examples=60)
@given(partitions(), st.data())
def test_random_edits_keep_the_tiling_and_can_be_taken_back(cuts: Cuts, data: st.DataObject) -> None:
    frames = st.integers(-2, cuts.frame_count + 2)
    for _ in range(20):
        kind = data.draw(st.sampled_from(["split", "merge", "move"]))
        # Merges and moves of frames that are no cut are refused; most draws should be cuts.
        old = data.draw(st.one_of(frames, st.sampled_from(cuts.frames)) if cuts.frames else frames)
        new = data.draw(frames)
        least = data.draw(st.integers(1, 4))
        try:
            if kind == "split":
                after, change = cuts.split(new, least)
            elif kind == "merge":
                after, change = cuts.merge(old)
            else:
                after, change = cuts.move(old, new, least)
        except RuleError:
            continue
        assert_tiles(after)
        if kind != "merge":
            assert min(created.frame_count for created in change.created) >= least
        assert diff(cuts, after) == change
        assert diff(after, cuts) == change.inverse()
        assert cuts.apply(change) == after
        assert after.apply(change.inverse()) == cuts
        if kind == "split":
            assert after.merge(new)[0] == cuts
        cuts = after


@quick
@given(partitions(60), st.data())
def test_diff_leads_from_any_partition_to_any_other(a: Cuts, data: st.DataObject) -> None:
    b = Cuts.of(a.frame_count, data.draw(inner_cuts(a.frame_count)))
    change = diff(a, b)
    assert a.apply(change) == b
    assert b.apply(change.inverse()) == a
    assert set(change.retired).isdisjoint(change.created)


def test_diff_and_apply_fail() -> None:
    with pytest.raises(RuleError, match="got 5 and 6 frames"):
        diff(Cuts(frame_count=5), Cuts(frame_count=6))
    with pytest.raises(RuleError, match=re.escape("[0, 4) is not")):
        Cuts(frame_count=5).apply(Diff(retired=(span(0, 4),), created=(span(0, 4),)))
    with pytest.raises(RuleError, match=re.escape("[4, 5) is missing")):
        Cuts.of(9, [5]).apply(Diff(retired=(span(0, 5),), created=(span(0, 4),)))
