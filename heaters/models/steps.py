"""Whether a hard cut that the network suspects is one: the pixels on both sides compared, whatever the camera does.

Three things look alike to the network and differ in the 48×27 pixels: a *swing* of the camera (each frame is the one
before, moved a little further the same way), a *flash* (light is added, then the same picture is back), and a *cut*
(the picture stands, another stands after it, and no shift makes them equal). Only frames that the network suspects are
looked at, so it costs nothing elsewhere.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from heaters.models.windows import Source

Floats = NDArray[np.float64]

SUSPECT, CERTAIN = 0.2, 0.97  # of the single head; below and above, no correction here would reach a sensible threshold
# Log-odds that are added to the single head. A peak of 0.95 is taken back; from 0.2 on a clear step makes a cut.
AGAINST, IN_FAVOUR = -3.0, 1.4
REACH_ROWS, REACH_COLUMNS, LEAST_OVERLAP = 11, 22, 0.45  # shifts that are tried, and what must still overlap
# Swings had 0.93 and more, true cuts at most 0.88 (a letterboxed pair).
SWING_LIKENESS, SWING_PIXELS, SWING_BEFORE_PIXELS = 0.92, 3, 2
FLASH_FRAMES, FLASH_LIKENESS, FLASH_LIGHT, FLASH_REST = 6, 0.8, 8.0, 0.35
# No step at the cut, and the same picture long before and long after: whatever it was, the shot goes on.
ALIKE, LONG_FRAMES, LONG_LIKENESS = 0.93, 8, 0.75
# A clear step: across it the pictures are at most this alike, and what changes within the shots beside it, from frame
# to frame and in three, is at most this part of what changes across (true ones: 0.48 and less but for two; others: 1).
STAND_FRAMES, STEP_LIKENESS, UNREST = 3, 0.9, 0.42
BLACK = 28  # of 255; what never exceeds it is a letterbox bar


def step_evidence(frames: Source, single: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-odds to add to the single head: uint8 [n, 27, 48, 3] and float32 [n] → float32 [n], mostly 0."""
    evidence = np.zeros(len(frames), np.float32)
    for start, stop in _suspects(single):
        last = start + int(np.argmax(single[start:stop]))  # of the left-hand shot
        if last + 1 < len(frames) and single[last] <= CERTAIN:
            evidence[start:stop] = _judge(frames, last)
    return evidence


def _suspects(single: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (single > SUSPECT).astype(np.int8), [0]])))
    for start, stop in edges.reshape(-1, 2):
        yield int(start), int(stop)


def _judge(frames: Source, last: int) -> float:
    """The verdict on a cut after frame `last`."""

    def at(index: int) -> Floats:
        return np.asarray(frames[min(max(index, 0), len(frames) - 1)], np.float64)

    here = likeness(at(last), at(last + 1))
    if here[0] >= SWING_LIKENESS and _is_swing(
        here, likeness(at(last - 1), at(last)), likeness(at(last + 1), at(last + 2))
    ):
        return AGAINST
    if _is_flash([at(index) for index in range(last - FLASH_FRAMES, last + FLASH_FRAMES + 2)]):
        return AGAINST
    if here[0] >= ALIKE and likeness(at(last - LONG_FRAMES), at(last + LONG_FRAMES))[0] >= LONG_LIKENESS:
        return AGAINST
    pairs = [(last - STAND_FRAMES, last), (last - 1, last), (last + 1, last + 2), (last + 1, last + 1 + STAND_FRAMES)]
    stands = min(likeness(at(one), at(two))[0] for one, two in pairs)
    across = max(here[0], likeness(at(last - STAND_FRAMES), at(last + 1 + STAND_FRAMES))[0])
    return IN_FAVOUR if across <= STEP_LIKENESS and 1 - stands <= UNREST * (1 - across) else 0.0


def _is_swing(here: tuple[float, int, int], *beside: tuple[float, int, int]) -> bool:
    """Whether the picture moves, and already or still moves the same way in a neighbouring pair of frames."""
    _, x, y = here
    far = float(np.hypot(x, y))
    if far < SWING_PIXELS:
        return False
    return any(
        score >= SWING_LIKENESS and (x * other_x + y * other_y) / far >= SWING_BEFORE_PIXELS
        for score, other_x, other_y in beside
    )


def _is_flash(stretch: list[Floats]) -> bool:
    """Whether the middle of a stretch is its ends' picture with light added."""
    before, after = stretch[0], stretch[-1]
    seen = np.max([frame.max(2) for frame in stretch], 0) > BLACK
    light = [float(frame[seen].mean()) if seen.any() else 0.0 for frame in stretch]
    if max(light[1:-1]) < max(light[0], light[-1]) + FLASH_LIGHT:
        return False
    if likeness(before, after, rows=2, columns=2)[0] < FLASH_LIKENESS:
        return False
    middle = len(stretch) // 2
    return all(
        _rest(frame[seen], (before + after)[seen] / 2) <= FLASH_REST for frame in stretch[middle - 1 : middle + 1]
    )


def _rest(frame: Floats, picture: Floats) -> float:
    """What of `frame` is not `picture` mixed with white, relative to the picture's own contrast."""
    dark, white = picture - 255, frame - 255
    share = float((dark * white).sum() / max((dark * dark).sum(), 1.0))
    return float(((white - share * dark) ** 2).sum() / max(((picture - picture.mean(0)) ** 2).sum(), 1.0))


def likeness(one: Floats, two: Floats, rows: int = REACH_ROWS, columns: int = REACH_COLUMNS) -> tuple[float, int, int]:
    """How alike two pictures are at best when one is moved, in [-1, 1], and that move in pixels (x, y).

    Normalised correlation over what overlaps, for all shifts at once by Fourier transforms
    (Lewis, "Fast normalized cross-correlation", 1995).
    """
    height, width = one.shape[:2]
    size = (2 * height, 2 * width)
    a, b = one - 128, two - 128
    # Along the first axis: values, their squares, and (once) ones.
    left = np.fft.rfft2(np.concatenate([a, a * a, np.ones((height, width, 1))], 2), size, axes=(0, 1))
    right = np.conj(np.fft.rfft2(np.concatenate([b, b * b, np.ones((height, width, 1))], 2), size, axes=(0, 1)))
    every = np.concatenate(
        [left * right[..., 6:], left[..., 6:] * right[..., :6], (left[..., :3] * right[..., :3]).sum(2, keepdims=True)],
        2,
    )
    sums = np.fft.irfft2(every, size, axes=(0, 1))
    count = np.maximum(sums[..., 6], 1)
    sum_a, square_a, sum_b, square_b = sums[..., 0:3], sums[..., 3:6], sums[..., 7:10], sums[..., 10:13]
    product = sums[..., 13] - (sum_a * sum_b).sum(2) / count
    spread_a = np.maximum((square_a - sum_a**2 / count[..., None]).sum(2), 1)
    spread_b = np.maximum((square_b - sum_b**2 / count[..., None]).sum(2), 1)
    # The last term keeps two almost uniform pictures from being alike by their noise.
    score = product / np.sqrt(spread_a * spread_b + (0.1 * count) ** 2)
    y = np.fft.fftfreq(size[0], 1 / size[0]).round().astype(int)[:, None]
    x = np.fft.fftfreq(size[1], 1 / size[1]).round().astype(int)[None]
    allowed = (abs(y) <= rows) & (abs(x) <= columns)
    allowed &= (height - abs(y)) * (width - abs(x)) >= LEAST_OVERLAP * height * width
    score = np.where(allowed, score, -1)
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    return float(score[row, column]), int(x[0, column]), int(y[row, 0])
