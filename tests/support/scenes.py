"""Generated analysis frames, uint8 [n, 27, 48, 3]: pictures of soft blobs, and how they follow each other."""

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Floats = NDArray[np.float64]


def picture(seed: int) -> Floats:
    """A wide picture, [27, 300, 3] in 0…255."""
    random = np.random.default_rng(seed)
    coarse = np.kron(random.integers(0, 256, (8, 100, 3)), np.ones((4, 6, 1)))[:27, :300].astype(float)
    for axis in (0, 1):
        coarse = (np.roll(coarse, 1, axis) + coarse + np.roll(coarse, -1, axis)) / 3
    return coarse


def shot(seed: int, count: int, speeds: tuple[float, ...] = (0.0,)) -> Frames:
    """A camera over one picture: `speeds` in pixels a frame, the last one for all that follow, and a little noise."""
    steps = [speeds[min(i, len(speeds) - 1)] for i in range(count)]
    places = np.concatenate([[0.0], np.cumsum(steps)[:-1]]).round().astype(int)
    wide = picture(seed)
    noise = np.random.default_rng(seed + 1000).normal(0, 2, (count, 27, 48, 3))
    return framed(np.stack([wide[:, place : place + 48] for place in places]) + noise)


def framed(values: Floats) -> Frames:
    """Rounded into bytes."""
    return values.clip(0, 255).astype(np.uint8)


def dissolve(left: Frames, right: Frames, start: int, length: int) -> Frames:
    """`right` shows through `left` more and more in frames `[start, start + length)`."""
    share = ((np.arange(len(left)) - start + 1) / (length + 1)).clip(0, 1)[:, None, None, None]
    return framed((1 - share) * left + share * right)


def fade(left: Frames, right: Frames, start: int, length: int) -> Frames:
    """To black in the middle of frames `[start, start + length)` and out of it."""
    share = ((np.arange(len(left)) - start + 1) / (length + 1)).clip(0, 1)
    light = np.where(share < 0.5, (1 - share / 0.45).clip(0), ((share - 0.55) / 0.45).clip(0))[:, None, None, None]
    return framed(np.where(share[:, None, None, None] < 0.5, left, right) * light)
