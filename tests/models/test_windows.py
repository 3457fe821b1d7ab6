"""Windows over videos: the plan, and what each one sees."""

import numpy as np
import pytest

from heaters.errors import RuleError
from heaters.models.windows import REFERENCE, Window, Windowing, batches, gather, stretch, windows


def ramp(count: int) -> np.ndarray:
    """`count` frames, each filled with its own number."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 27, 48, 3))


@pytest.mark.parametrize("count", [1, 24, 25, 26, 49, 50, 51, 99, 100, 101])
def test_windows_answer_for_each_frame_once(count: int) -> None:
    plan = list(windows([count]))
    assert [f for window in plan for f in range(window.start, window.stop)] == list(range(count))


@pytest.mark.parametrize("count", [1, 49, 50, 51, 130])
def test_gather_pads_as_the_reference_does(count: int) -> None:
    # predict_frames: 25 copies of the first frame, and of the last as many as fill the last window.
    frames = ramp(count)
    end = 25 + 50 - (count % 50 or 50)
    padded = np.concatenate([np.repeat(frames[:1], 25, 0), frames, np.repeat(frames[-1:], end, 0)])
    for number, window in enumerate(windows([count])):
        assert np.array_equal(gather(frames, window, REFERENCE), padded[50 * number : 50 * number + 100])


def test_batches_mix_videos_and_the_last_one_is_smaller() -> None:
    plan = list(batches(windows([60, 10, 120]), 4))
    assert [len(batch) for batch in plan] == [4, 2]
    assert {window.video for window in plan[0]} == {0, 1, 2}


def test_stretch_is_lazy_and_bounded() -> None:
    parts = list(stretch(ramp(10), -3, 14, 5))
    assert [len(part) for part in parts] == [5, 5, 5, 2]
    assert [int(frame[0, 0, 0]) for part in parts for frame in part] == [0, 0, 0, *range(10), 9, 9, 9, 9]


def test_a_video_without_frames_is_refused() -> None:
    with pytest.raises(RuleError, match="at least one frame; got 0 for number 1"):
        list(windows([5, 0]))


@pytest.mark.parametrize(("length", "step"), [(100, 0), (50, 100), (100, 51)])
def test_a_window_without_equal_context_is_refused(length: int, step: int) -> None:
    with pytest.raises(RuleError, match="equal context"):
        Windowing(length=length, step=step)


def test_window_is_a_value() -> None:
    assert Window(0, 0, 50) == Window(0, 0, 50)
