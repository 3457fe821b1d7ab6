"""Wipes on generated frames: found where they are, and nothing else taken for one."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from heaters.core.transitions import WIPE
from heaters.models.wipes import BLOCK_FRAMES, wipe_evidence

Frames = NDArray[np.uint8]
HERE, WIDE = np.mgrid[:27, :48] / np.array([27, 48])[:, None, None]


def scene(seed: int, count: int, speed: float = 0.0) -> Frames:
    """A picture of soft blobs with a little noise, that moves `speed` pixels to the left a frame."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (8, 400, 3))
    fine = np.kron(coarse, np.ones((4, 6, 1)))[:27]
    moved = np.stack([fine[:, int(i * speed) : int(i * speed) + 48] for i in range(count)])
    return (moved + random.normal(0, 2, moved.shape)).clip(0, 255).astype(np.uint8)


def joined(left: Frames, right: Frames, order: NDArray[np.float64], start: int, length: int) -> Frames:
    """`right` comes in from frame `start` on, each pixel when `order` in [0, 1) says."""
    share = ((np.arange(len(left)) - start + 1) / (length + 1)).clip(0, 1)
    return np.where(order[None, :, :, None] < share[:, None, None, None], right, left)


@pytest.mark.parametrize("length", [6, 12, 24, 40])
@pytest.mark.parametrize(
    "order", [WIDE, 1 - WIDE, HERE, (WIDE + HERE) / 2, np.hypot(WIDE - 0.5, HERE - 0.5) / 0.72], ids=str
)
def test_a_wipe_is_found_where_it_is(order: NDArray[np.float64], length: int) -> None:
    evidence = wipe_evidence(joined(scene(1, 120), scene(2, 120), order, 50, length))
    found = np.flatnonzero(evidence > WIPE)
    assert abs(found[0] - 50) <= 3
    assert abs(found[-1] + 1 - (50 + length)) <= 3
    assert np.array_equal(found, np.arange(found[0], found[-1] + 1))


def test_it_is_found_across_blocks() -> None:
    count, at = BLOCK_FRAMES + 100, BLOCK_FRAMES - 10
    evidence = wipe_evidence(joined(scene(1, count), scene(2, count), WIDE, at, 20))
    found = np.flatnonzero(evidence > WIPE)
    assert abs(found[0] - at) <= 3
    assert abs(found[-1] + 1 - (at + 20)) <= 3


def hard_cut() -> Frames:
    return np.concatenate([scene(1, 60), scene(2, 60)])


def dissolve() -> Frames:
    share = ((np.arange(120) - 50) / 20).clip(0, 1)[:, None, None, None]
    return ((1 - share) * scene(1, 120) + share * scene(2, 120)).astype(np.uint8)


def flash() -> Frames:
    frames = scene(1, 120)
    frames[50:53] = 255
    return frames


@pytest.mark.parametrize(
    "make",
    [
        hard_cut,
        dissolve,
        flash,
        lambda: scene(1, 120),
        lambda: scene(1, 120, speed=0.5),
        lambda: scene(1, 120, speed=3),
        lambda: scene(1, 1),
        lambda: scene(1, 9),
        lambda: np.zeros((120, 27, 48, 3), np.uint8),
    ],
    ids=["hard cut", "dissolve", "flash", "still", "slow pan", "fast pan", "one frame", "nine frames", "black"],
)
def test_nothing_else_is_a_wipe(make: Callable[[], Frames]) -> None:
    frames = make()
    evidence = wipe_evidence(frames)
    assert evidence.shape == (len(frames),)
    assert evidence.dtype == np.float32
    assert evidence.max() <= WIPE
