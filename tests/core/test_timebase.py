"""Time of frames: exact, by each frame's own PTS; what counts as a variable frame rate."""

import math
import pickle
import random
import re
from array import array
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaters.core.cuts import Span
from heaters.core.timebase import PtsTable, TimeBase
from heaters.errors import RuleError

MS = TimeBase(num=1, den=1000)
MPEG = TimeBase(num=1, den=90_000)
quick = settings(max_examples=100, deadline=None, derandomize=True)


def table(pts: Sequence[int], base: TimeBase = MS, end: int | None = None) -> PtsTable:
    return PtsTable.of(pts, base, pts[-1] + 1 if end is None else end)


def constant(rate: Fraction, frames: int, base: TimeBase, start: Fraction = Fraction(0)) -> PtsTable:
    """A constant rate, rounded to the time base as muxers do."""
    ticks = [round((start + n / rate) / base.tick_seconds) for n in range(frames + 1)]
    return PtsTable.of(ticks[:-1], base, ticks[-1])


@st.composite
def tables(draw: st.DrawFn) -> PtsTable:
    steps = draw(st.lists(st.integers(1, 100), min_size=1, max_size=50))
    at = draw(st.integers(-1000, 100_000))
    pts = [at := at + step for step in steps]
    base = TimeBase(num=draw(st.sampled_from([1, 1001])), den=draw(st.sampled_from([1000, 30_000, 90_000, 12_800])))
    return PtsTable.of(pts, base, pts[-1] + draw(st.integers(1, 100)))


@pytest.mark.parametrize("make", [list, tuple, lambda p: array("q", p), np.array, lambda p: np.array(p, np.int32)])
def test_of_takes_any_sequence_of_integers(make) -> None:  # type: ignore[no-untyped-def]
    made = PtsTable.of(make([0, 33, 67]), MS, 100)
    assert made == table([0, 33, 67], end=100)
    assert type(made.pts(1)) is int
    assert pickle.loads(pickle.dumps(made)) == made


def test_of_copies() -> None:
    given_pts = array("q", [0, 33])
    made = PtsTable.of(given_pts, MS, 66)
    given_pts[1] = -1
    assert made.pts(1) == 33


@pytest.mark.parametrize(
    ("pts", "end", "reason"),
    [
        ([], 1, "at least one frame"),
        ([0, 33, 33], 99, "frame 1 has 33, frame 2 has 33"),
        ([0, 33, 20], 99, "frame 1 has 33, frame 2 has 20"),
        ([0, 33], 33, "must end after its PTS 33; got self.end_pts = 33"),
        ([0.0, 33.3], 99, "64-bit integers"),
        ([0, 2**63], 2**64, "64-bit integers"),
        (np.array([0.0, 1.0]), 9, "64-bit integers"),
        ("ab", 9, "64-bit integers"),
    ],
)
def test_a_bad_table_cannot_exist(pts: Sequence[int], end: int, reason: str) -> None:
    with pytest.raises(RuleError, match=re.escape(reason)):
        PtsTable.of(pts, MS, end)


@pytest.mark.parametrize(("num", "den"), [(0, 1), (1, 0), (-1, 1000)])
def test_a_bad_time_base_cannot_exist(num: int, den: int) -> None:
    with pytest.raises(RuleError, match="positive fraction"):
        TimeBase(num=num, den=den)


def test_times_are_exact_and_come_from_the_pts() -> None:
    made = table([40, 73, 1000], TimeBase(num=1001, den=30_000), end=1010)
    assert made.seconds(0) == Fraction(40 * 1001, 30_000)
    assert made.middle_seconds(1) == Fraction((73 + 1000) * 1001, 60_000)
    assert made.seconds(3) == Fraction(1010 * 1001, 30_000), "frame_count: where the last frame ends"
    assert made.duration_seconds == Fraction(970 * 1001, 30_000)
    assert made.frame_count == 3


@pytest.mark.parametrize("frame", [-1, 3])
def test_times_fail_outside_the_video(frame: int) -> None:
    made = table([0, 40])
    for ask in (made.pts, made.seconds, made.middle_seconds):
        with pytest.raises(RuleError, match=rf"lies in \[0, 2\]; got {frame}"):
            ask(frame)
    with pytest.raises(RuleError, match=r"got 3"):
        made.middle_seconds(2)


@quick
@given(tables())
def test_every_frame_is_found_by_its_times(made: PtsTable) -> None:
    for frame in range(made.frame_count):
        for seconds in (made.seconds(frame), made.middle_seconds(frame)):
            assert made.frame_at(seconds) == frame
            assert made.frame_at(float(seconds)) == frame
            assert made.frame_at(round(float(seconds), 6)) == frame, "players report microseconds"
    tick = made.time_base.tick_seconds
    for frame in range(1, made.frame_count):
        assert made.frame_at(made.seconds(frame) - tick / 2) == frame - 1


def test_frame_at_shows_the_nearest_frame_outside_the_video() -> None:
    made = table([40, 80], end=120)
    assert [made.frame_at(s) for s in (-5, Fraction(39, 1000), 0.0, 0.12, 1e9)] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_frame_at_fails_on_what_is_no_time(seconds: float) -> None:
    made = table([0, 40])
    with pytest.raises(RuleError, match="finite number of seconds"):
        made.frame_at(seconds)
    with pytest.raises(RuleError, match="finite number of seconds"):
        made.frame_within(Span(start_frame=0, end_frame=1), seconds)


@quick
@given(tables(), st.data())
def test_clip_relative_time(made: PtsTable, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, made.frame_count - 1))
    clip = Span(start_frame=start, end_frame=data.draw(st.integers(start + 1, made.frame_count)))
    assert made.seconds_within(clip, start) == 0
    assert made.seconds_within(clip, clip.end_frame) == made.span_seconds(clip) > 0
    for frame in range(clip.start_frame, clip.end_frame):
        within = made.seconds_within(clip, frame)
        assert made.frame_within(clip, within) == made.frame_within(clip, float(within)) == frame
    assert made.frame_within(clip, -1.0) == clip.start_frame
    assert made.frame_within(clip, 1e6) == clip.end_frame - 1


def test_seconds_within_fails_outside_the_clip() -> None:
    with pytest.raises(RuleError, match=re.escape("lies in [1, 2); got 0")):
        table([0, 40, 80]).seconds_within(Span(start_frame=1, end_frame=2), 0)


@pytest.mark.parametrize("base", [MS, MPEG, TimeBase(num=1, den=600), TimeBase(num=1, den=15_360)])
@pytest.mark.parametrize("rate", ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "120"])
@pytest.mark.parametrize("start", ["0", "21/1000", "1/3"])
def test_rounding_to_the_time_base_is_no_variable_rate(base: TimeBase, rate: str, start: str) -> None:
    for frames in (1, 2, 3, 7, 1000):
        made = constant(Fraction(rate), frames, base, Fraction(start))
        assert not made.is_vfr
        assert math.isclose(made.average_frame_rate, Fraction(rate), rel_tol=0.1 if frames < 1000 else 1e-4)


@pytest.mark.parametrize("rate", [24, 25, 30, 60])
def test_milliseconds_copied_to_a_finer_time_base_are_no_variable_rate(rate: int) -> None:
    milliseconds = constant(Fraction(rate), 500, MS).ticks
    assert not table([ms * 90 for ms in milliseconds], MPEG).is_vfr
    assert not table([round(ms * 15.36) for ms in milliseconds], TimeBase(num=1, den=15_360)).is_vfr


@pytest.mark.parametrize("frames", [10, 100, 10_000])
@pytest.mark.parametrize(("rate", "den"), [(30, 30), (30, 60), (25, 1000), (30, 1000), (60, 1000), (30, 90_000)])
def test_a_dropped_frame_is_a_variable_rate(rate: int, den: int, frames: int) -> None:
    pts = list(constant(Fraction(rate), frames, TimeBase(num=1, den=den)).ticks)
    assert not table(pts, TimeBase(num=1, den=den)).is_vfr
    del pts[frames // 2]
    assert table(pts, TimeBase(num=1, den=den)).is_vfr


def test_two_rates_and_random_times_are_a_variable_rate() -> None:
    film = [round(n * 1000 / 24) for n in range(240)]
    assert table(film + [10_000 + 40 * n for n in range(250)]).is_vfr
    chance = random.Random(1)
    assert table(sorted(chance.sample(range(10_000), 300))).is_vfr
    alternating = [at for n in range(100) for at in (n * 6000, n * 6000 + 2000)]
    assert table(alternating, MPEG).is_vfr


def test_average_rate_is_exact() -> None:
    made = PtsTable.of([n * 1001 for n in range(300)], TimeBase(num=1, den=30_000), 300 * 1001)
    assert made.average_frame_rate == Fraction(30_000, 1001)


def test_a_million_frames() -> None:
    """Nine hours of video; the whole table is read in one go at 29.97 frames per second in milliseconds."""
    pts = np.arange(1_000_000, dtype=np.int64) * 1_001_000 // 30_000
    made = PtsTable.of(pts, MS, int(pts[-1]) + 33)
    assert not made.is_vfr
    assert made.frame_at(float(made.middle_seconds(987_654))) == 987_654
