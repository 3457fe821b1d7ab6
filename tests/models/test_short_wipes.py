"""Short wipes: between other cuts, where `wipes.py` finds no steady frames."""

import numpy as np
import pytest
from scenes import Frames, dissolve, shot

from heaters.core.transitions import WIPE
from heaters.models.short_wipes import short_wipe_evidence

HERE, WIDE = np.mgrid[:27, :48] / np.array([27, 48])[:, None, None]


def wiped(order: np.ndarray, start: int, length: int) -> Frames:
    share = ((np.arange(60) - start + 1) / (length + 1)).clip(0, 1)[:, None, None, None]
    return np.where(order[None, :, :, None] < share, shot(2, 60), shot(1, 60))


@pytest.mark.parametrize("length", [5, 8, 12])
@pytest.mark.parametrize("order", [WIDE, 1 - HERE, np.hypot(WIDE - 0.5, HERE - 0.5) / 0.72], ids=["side", "up", "iris"])
def test_a_short_wipe_is_found_close_to_cuts(order: np.ndarray, length: int) -> None:
    frames = wiped(order, 30, length)
    frames[:24], frames[length + 36 :] = shot(3, 24), shot(4, 60 - length - 36)
    found = np.flatnonzero(short_wipe_evidence(frames) > WIPE)
    assert abs(found.mean() + 0.5 - (30 + length / 2)) <= 2


@pytest.mark.parametrize(
    "frames",
    [
        np.concatenate([shot(1, 30), shot(2, 30)]),
        dissolve(shot(1, 60), shot(2, 60), 25, 10),
        shot(1, 60),
        shot(1, 60, (1.0,)),
        shot(1, 60, (4.0,)),
        shot(1, 1),
        np.zeros((60, 27, 48, 3), np.uint8),
    ],
    ids=["hard cut", "dissolve", "still", "pan", "swing", "one frame", "black"],
)
def test_nothing_else_is_a_short_wipe(frames: Frames) -> None:
    evidence = short_wipe_evidence(frames)
    assert (evidence.shape, evidence.dtype) == ((len(frames),), np.float32)
    assert evidence.max() <= WIPE
