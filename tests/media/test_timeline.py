"""Times of frames: read from the log, checked, described."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.errors import MediaError
from heaters.media.timeline import NO_PTS, Timeline, read_pts_log

MILLISECOND = Fraction(1, 1000)


def timeline(pts: list[int], time_base: Fraction = MILLISECOND) -> Timeline:
    return Timeline(pts=np.array(pts, np.int64), time_base=time_base, repaired_pts=0)


def test_the_log_gives_times_and_counts_repairs(tmp_path: Path) -> None:
    path = tmp_path / "pts.txt"
    path.write_text(f"0 {NO_PTS} 1/25\n1 1 1/25\n2 1 1/25\n")
    read = read_pts_log(path)
    assert read.pts.tolist() == [0, 1, 2]
    assert (read.time_base, read.repaired_pts) == (Fraction(1, 25), 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "no frame"), ("0 0 1/25\n1 1 1/50\n", "time base changes"), ("5 5 1/25\n5 5 1/25\n", "rise")],
)
def test_a_bad_log_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "pts.txt").write_text(text)
    with pytest.raises(MediaError, match=reason):
        read_pts_log(tmp_path / "pts.txt")


def test_negative_times_are_refused() -> None:
    with pytest.raises(MediaError, match="rise"):
        timeline([-1, 0])


@given(
    st.integers(2, 400),
    st.fractions(Fraction(5), Fraction(240)),
    st.sampled_from([MILLISECOND, Fraction(1, 90000), Fraction(1, 12800)]),
    st.integers(0, 10**6),
)
def test_a_constant_rate_rounded_to_ticks_is_constant(count: int, rate: Fraction, base: Fraction, start: int) -> None:
    assert not timeline([start + round(n / rate / base) for n in range(count)], base).is_vfr


@given(st.integers(10, 200), st.data())
def test_a_missing_frame_makes_the_rate_variable(count: int, data: st.DataObject) -> None:
    lost = data.draw(st.integers(2, count - 3))
    assert timeline([n * 40 for n in range(count) if n != lost]).is_vfr


def test_the_end_is_the_last_frames_own_then_the_usual_then_the_nominal() -> None:
    rate = Fraction(25)
    assert timeline([0, 40, 80]).end_pts(100, rate) == 180
    assert timeline([0, 40, 80, 200]).end_pts(0, rate) == 240
    assert timeline([7]).end_pts(0, rate) == 47
