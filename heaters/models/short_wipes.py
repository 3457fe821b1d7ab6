"""Short wipes, also close to other transitions: each frame is one picture here and the other one there.

`wipes.py` needs five steady frames on both sides of every change. Here the two pictures are the frames just outside a
short window, and each cell must be the one and then the other, changing when the wipe's edge passes.
"""

import numpy as np
from numpy.typing import NDArray

from heaters.models.windows import Source, stretch
from heaters.models.wipes import BASES, BLOCK_FRAMES, cells_of

Floats = NDArray[np.float32]

LENGTHS = (5, 7, 9, 12, 16)  # frames of a window; a wipe lies within one
STRIDE_SHARE = 5  # of the length
CHANGE = 14.0  # of 255 for each colour: a cell that changes less between the two pictures cannot tell
CHANGING_SHARE = 0.6  # of the cells; less is a thing that moves through the picture
EARLY, PURE, FOREIGN = (0.3, 0.5, 0.7), 0.3, 0.6  # a first look at three frames: cells that are nearly one of the two
JUMP_FRAMES = (1.2, 0.06)  # how far a cell may be from a clean change, constant and for each frame of the window
TOLERANCE_FRAMES, ROUNDS = 1.5, 6
LEAST_SPAN_FRAMES = 3.7  # what passes faster is a swing of the camera, or the network sees it
LEAST_SHARE = 0.8  # of the changing cells that agree


def short_wipe_evidence(frames: Source) -> Floats:
    """For each frame how sure it is part of a short wipe: uint8 [n, 27, 48, 3] → float32 [n], mostly 0."""
    evidence = np.zeros(len(frames), np.float32)
    margin = LENGTHS[-1] + 2
    for start in range(0, len(frames), BLOCK_FRAMES):
        first, stop = start - margin, start + BLOCK_FRAMES + margin
        cells = cells_of(next(stretch(frames, first, stop, stop - first)))
        for length in LENGTHS:
            for begin in _candidates(cells, length):
                share, low, high = _fit(cells, begin, length)
                if share >= LEAST_SHARE:
                    span = slice(max(first + round(low), 0), max(first + round(high), 0))
                    evidence[span] = np.maximum(evidence[span], np.float32(share))
    return evidence


def _candidates(cells: Floats, length: int) -> NDArray[np.int64]:
    """First frames of the windows that are worth a look."""
    begin = np.arange(1, len(cells) - length, max(1, length // STRIDE_SHARE))
    before, way = cells[begin - 1], cells[begin + length] - cells[begin - 1]
    squared = (way * way).sum(2)
    telling = squared > 3 * CHANGE**2
    good = telling.sum(1) >= CHANGING_SHARE * cells.shape[1]
    begin, before, way, squared, telling = (values[good] for values in (begin, before, way, squared, telling))
    for place in EARLY:
        off = cells[begin + int(place * length)] - before
        mixed = (off * way).sum(2) / np.maximum(squared, 1)
        rest = (off * off).sum(2) / np.maximum(squared, 1) - mixed * mixed
        pure = (np.minimum(abs(mixed), abs(1 - mixed)) < PURE) & (rest < PURE) & telling
        good = pure.sum(1) >= FOREIGN * telling.sum(1)
        begin, before, way, squared, telling = (values[good] for values in (begin, before, way, squared, telling))
    return np.asarray(begin, np.int64)


def _fit(cells: Floats, begin: int, length: int) -> tuple[float, float, float]:
    """(share of the changing cells that agree, first frame, stop) of the wipe that fits a window best."""
    before, way = cells[begin - 1], cells[begin + length] - cells[begin - 1]
    squared = (way * way).sum(1)
    telling = squared > 3 * CHANGE**2
    mixed = (((cells[begin : begin + length] - before) * way).sum(2) / np.maximum(squared, 1)).clip(0, 1)
    times = (1 - mixed).sum(0).astype(np.float64)  # frames until the cell changes
    jump = np.abs(mixed - (np.arange(length)[:, None] + 0.5 > times)).sum(0)
    clean = telling & (jump <= JUMP_FRAMES[0] + JUMP_FRAMES[1] * length)
    best = (0.0, 0.0, 0.0)
    for basis in BASES:
        keep = clean
        weights = np.zeros(basis.shape[1])
        for turn in range(ROUNDS):
            if keep.sum() < LEAST_SHARE * telling.sum() / 2:
                break
            weights = np.linalg.lstsq(basis[keep], times[keep], rcond=None)[0]
            off = np.abs(basis @ weights - times)
            wide = max(TOLERANCE_FRAMES, 1.5 * float(np.median(off[clean]))) if turn < ROUNDS // 2 else TOLERANCE_FRAMES
            keep = clean & (off <= wide)
        passing = basis @ weights
        low, high = float(passing.min()), float(passing.max())
        inside = low >= -TOLERANCE_FRAMES and high <= length + TOLERANCE_FRAMES
        if inside and high - low >= LEAST_SPAN_FRAMES:
            best = max(best, (float(keep.sum() / telling.sum()), begin + low, begin + high))
    return best
