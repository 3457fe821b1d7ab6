"""Dissolves that the network only suspects: one picture turns into another, all over the picture at the same time.

Within a dissolve every frame is (1 - α)·A + α·B with α rising evenly from 0 to 1, where A and B are the frames just
outside. A moving camera or thing makes other frames than that, or ends in a picture that is the first one moved.
Only windows whose middle the many-hot head suspects are tried, so it costs little elsewhere.
"""

import numpy as np
from numpy.typing import NDArray

from heaters.models.fades import fade_evidence
from heaters.models.steps import likeness
from heaters.models.windows import Frames, Source

Floats = NDArray[np.float32]

SUSPECT = 0.1  # of the many-hot head in the middle; the dissolves it hardly saw had 0.15 to 0.38
CELL = 2  # pixels on a side are averaged, so that slow motion within the shots matters less
# Frames of a window, each a fifth longer than the one before. Shorter dissolves the network sees, and a swing of the
# camera is no different within five frames.
LENGTHS = (6, 7, 8, 10, 12, 14, 17, 20, 24, 29, 35, 42)
# Of the true dissolves all but five have less: mean squared distance to the nearest mix of A and B, relative to A and
# B's; largest distance of α from an even rise; least mean squared difference of A and B (of 255²).
REST, UNEVEN, DIFFERENCE = 0.13, 0.16, 1100.0
# The sum of the first two; more for windows longer than SHORT_FRAMES, where the shots' own motion has more time.
SHORT_FRAMES, SHORT_LOSS, LOSS = 12, 0.16, 0.24
LEAST_CONTRAST = 10.0  # standard deviation of A and B in levels of 255
DARK = 0.2  # of the light around: where it grows that dark is a fade, which is looked for by itself
# As much change in as many frames before or after is the shot's own motion.
MOTION = 0.85
MOVED_LIKENESS = 0.8  # and from here on B is A moved


def dissolve_evidence(frames: Source, many: Floats) -> Floats:
    """For each frame how sure it is part of a dissolve or a fade: uint8 [n, 27, 48, 3] → float32 [n], mostly 0."""
    evidence = fade_evidence(frames)
    suspected = many > SUSPECT
    found: list[tuple[float, int, int]] = []
    for start, stop in _runs(suspected):
        found += _windows(frames, suspected, start, stop)
    taken = np.zeros(len(frames), np.bool_)
    for loss, start, stop in sorted(found):
        if taken[start:stop].any():
            continue
        a, b = (frames[index].astype(np.float64) for index in (start - 1, stop))
        if likeness(a, b)[0] <= MOVED_LIKENESS:
            taken[start:stop] = True
            evidence[start:stop] = np.maximum(evidence[start:stop], np.float32(1 - loss))
    return evidence


def _runs(suspected: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], suspected.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _windows(frames: Source, suspected: NDArray[np.bool_], start: int, stop: int) -> list[tuple[float, int, int]]:
    """(loss, first, stop) of the windows around one suspected run that look like a dissolve."""
    low = max(start - 2 * LENGTHS[-1], 0)
    high = min(stop + 2 * LENGTHS[-1], len(frames))
    cells = _cells(frames[low:high])
    found = []
    for length in LENGTHS:
        for first in range(max(start - length // 2, 1), min(stop - length // 2, len(frames) - length)):
            if suspected[first + length // 2]:
                loss = _loss(cells, first - low, first - low + length)
                if loss is not None:
                    found.append((loss, first, first + length))
    return found


def _cells(frames: Frames) -> Floats:
    """Means of squares of pixels, [n, cells · 3]. The odd last row is left out."""
    count, rows, columns = len(frames), frames.shape[1] // CELL, frames.shape[2] // CELL
    tiled = frames[:, : rows * CELL].reshape(count, rows, CELL, columns, CELL, 3)
    means: Floats = tiled.mean((2, 4), dtype=np.float32).reshape(count, -1)
    return means


def _loss(cells: Floats, start: int, stop: int) -> float | None:
    """How far frames `[start, stop)` are from a dissolve, 0 to LOSS; None for what is none."""
    if start < 1 or stop >= len(cells):
        return None
    a, b = cells[start - 1], cells[stop]
    way = b - a
    squared = float(way @ way)
    difference = squared / len(way)
    if difference < DIFFERENCE:
        return None
    off = cells[start:stop] - a
    alpha = off @ way / squared
    length = stop - start
    uneven = float(np.abs(alpha - np.arange(1, length + 1) / (length + 1)).max())
    rest = float(((off * off).sum(1) / squared - alpha * alpha).mean())
    if uneven > UNEVEN or rest > REST:
        return None
    loss = rest + uneven
    if loss > (SHORT_LOSS if length <= SHORT_FRAMES else LOSS) or min(a.std(), b.std()) < LEAST_CONTRAST:
        return None
    span = length + 1
    light = cells[max(start - 1 - span, 0) : stop + span + 1].mean(1)
    if light.min() < DARK * light.max():
        return None
    for one, two in ((start - 1 - span, start - 1), (stop, stop + span)):
        if one >= 0 and two < len(cells) and float(((cells[two] - cells[one]) ** 2).mean()) > MOTION * difference:
            return None
    return loss
