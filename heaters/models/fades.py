"""Fades by way of black: a picture grows dark while it stays what it is, and out of the dark comes another.

A cut to a dark shot has no frames in between; a light that goes out and on again leads back to the same picture.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from heaters.models.steps import likeness
from heaters.models.windows import Source

Floats = NDArray[np.float32]

LONGEST_FRAMES = 30  # of one half, from light to dark
DARK, LIT = 0.2, 0.9  # of the light before and after: the bottom of a fade is below, its ends are above
LEAST_LIGHT = 16.0  # of 255; a shot darker than that cannot be told from black
HALF = (0.12, 0.88)  # at least one frame on each side has light between these shares: it fades, it does not jump
# What a fading picture may differ from the full one, darkened: a share of its contrast, for what moves, and squared
# levels of 255 a value, for noise and for letterbox bars, which do not fade.
SAME_PICTURE, SAME_LEVELS = 0.6, 100.0
MOVED_LIKENESS = 0.9  # the pictures before and after are one


def fade_evidence(frames: Source) -> Floats:
    """For each frame 1 where it is part of a fade, else 0: uint8 [n, 27, 48, 3] → float32 [n]."""
    evidence = np.zeros(len(frames), np.float32)
    light = np.concatenate(
        [frames[start : start + 1000].mean((1, 2, 3), dtype=np.float32) for start in range(0, len(frames), 1000)]
    )
    for bottom in _bottoms(light):
        left, right = _edge(light, bottom, -1), _edge(light, bottom, 1)
        if left is None or right is None or not (_fades(frames, left, bottom) and _fades(frames, right, bottom)):
            continue
        before, after = frames[left].astype(np.float64), frames[right].astype(np.float64)
        if likeness(before, after)[0] < MOVED_LIKENESS:
            evidence[left + 1 : right] = 1
    return evidence


def _bottoms(light: Floats) -> Iterator[int]:
    """The darkest frame of every hollow that is deep enough."""
    index = 0
    while index < len(light):
        around = light[max(index - LONGEST_FRAMES, 0) : index + LONGEST_FRAMES + 1]
        if light[index] > DARK * around.max():
            index += 1
            continue
        stop = index
        while stop < len(light) and light[stop] <= DARK * around.max():
            stop += 1
        yield index + int(np.argmin(light[index:stop]))
        index = stop


def _edge(light: Floats, bottom: int, way: int) -> int | None:
    """The nearest frame on one side of a bottom that has its full light again; None where there is none."""
    stretch = light[bottom::way][: LONGEST_FRAMES + 1]
    # The light of the shot is what it reaches where it first stops growing.
    for offset in range(1, len(stretch) - 1):
        if stretch[offset] > LEAST_LIGHT and stretch[offset + 1] <= stretch[offset] * 1.03:
            return bottom + way * offset if light[bottom] <= DARK * stretch[offset] else None
    return None


def _fades(frames: Source, edge: int, bottom: int) -> bool:
    """Whether the frames between are the edge's picture, darker and darker."""
    way = 1 if bottom > edge else -1
    full = frames[edge].astype(np.float64)
    squared, contrast = float((full * full).sum()), float(((full - full.mean((0, 1))) ** 2).sum())
    halves = 0
    for index in range(edge + way, bottom, way):
        frame = frames[index].astype(np.float64)
        share = float((frame * full).sum()) / squared
        if HALF[0] <= share <= HALF[1]:
            halves += 1
            if (
                float(((frame - share * full) ** 2).sum())
                > SAME_PICTURE * share * share * contrast + SAME_LEVELS * full.size
            ):
                return False
    return halves > 0
