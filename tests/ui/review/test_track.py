"""What a player is told of frames: exact, and small at a constant rate."""

import base64
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ui.review.track import CONTEXT_FRAMES, MOST_VALUES, Window, curve, times


def back(told: dict[str, Any]) -> list[int]:
    ticks = [told["first_tick"]]
    for step, count in told["runs"]:
        ticks += [ticks[-1] + step * n for n in range(1, count + 1)]
    return ticks


@pytest.mark.parametrize(
    ("ticks", "runs"),
    [
        (range(0, 1001 * 31, 1001), 1),
        ([round(Fraction(1001 * n, 30)) for n in range(31)], 31),
        (np.cumsum(np.random.default_rng(1).integers(1, 90, 31)).tolist(), 31),
    ],
)
def test_times_come_back_exactly(ticks: Any, runs: int) -> None:
    table = np.array(list(ticks), np.int64)
    for start, end in ((0, 30), (7, 8), (12, 30)):
        told = times(table, Window(start_frame=start, end_frame=end))
        assert back(told) == table[start : end + 1].tolist()
        assert len(told["runs"]) <= runs


def test_a_window_reaches_into_the_neighbours_but_not_far() -> None:
    clip = {"start_frame": 1000, "end_frame": 1100, "previous_start_frame": 0, "next_end_frame": 1150}
    assert Window.around(clip) == Window(start_frame=1000 - CONTEXT_FRAMES, end_frame=1150)
    alone = {**clip, "previous_start_frame": None, "next_end_frame": None}
    assert Window.around(alone) == Window(start_frame=1000, end_frame=1100)


@pytest.mark.parametrize("frames", [1, 100, MOST_VALUES, MOST_VALUES + 1, 200_000])
def test_a_curve_is_bounded_and_keeps_its_peaks(frames: int) -> None:
    values = np.zeros(frames + 10, np.float32)
    values[5 + frames // 2] = 0.8
    told = curve(values, Window(start_frame=5, end_frame=5 + frames))
    drawn = base64.b64decode(told["values"])
    assert len(drawn) == -(-frames // told["bin_frames"]) <= MOST_VALUES
    assert max(drawn) == 204
    assert drawn.index(204) == (frames // 2) // told["bin_frames"]
