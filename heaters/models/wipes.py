"""Wipes, which TransNetV2 does not see: an edge that sweeps over the picture and leaves another shot behind.

In a wipe each pixel changes once, from one steady value to another, and *when* it does so is a plain function of where
it is: linear for a wipe from a side or a corner, of the distance from the middle for an iris. A moving camera or thing
changes pixels more than once or in no such order. Found on the analysis frames, in flat memory; it knows no network.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from heaters.models.windows import Frames, Source, stretch

Floats = NDArray[np.float32]

CELL = 2  # pixels on a side are averaged: noise goes, an edge still passes within a frame or two
STEADY_FRAMES, GAP_FRAMES = 5, 2  # a cell's value before and after its change, and what lies between
STEP_HEIGHT, STEP_TO_NOISE = 14.0, 2.5  # of 255 for each colour; how far a step stands out from the noise around it
ACTIVE_RANGE = 24.0  # a cell that never varies by this, like a letterbox bar, cannot tell
HARD_SHARE = 0.5  # more of the picture than this changing within three frames is a cut, which the network sees
WINDOW_FRAMES, STRIDE_FRAMES = 50, 6
SPAN_FRAMES = (3, 46)  # shortest and longest wipe
TOLERANCE_FRAMES = 2.5  # between when a cell changes and when the wipe's edge passes it
ROUNDS = 6  # of fitting, each without the cells that disagree
LEAST_SHARE = 0.6  # weaker evidence is not worth keeping; see WIPE in `core/transitions.py` for what decides
BLOCK_FRAMES = 600
MARGIN_FRAMES = WINDOW_FRAMES + STEADY_FRAMES + GAP_FRAMES


def wipe_evidence(frames: Source) -> Floats:
    """For each frame how sure it is part of a wipe: uint8 [n, 27, 48, 3] → float32 [n] in [0, 1], mostly 0.

    The value is the share of the cells that changed as the wipe that fits best says, on the frames of that wipe.
    """
    evidence = np.zeros(len(frames), np.float32)
    for start in range(0, len(frames), BLOCK_FRAMES):
        first, stop = start - MARGIN_FRAMES, start + BLOCK_FRAMES + MARGIN_FRAMES
        block = next(stretch(frames, first, stop, stop - first))
        for share, low, high in _wipes(block):
            # The edge passes the outermost cells' middles at `low` and `high`.
            span = slice(max(first + round(low), 0), max(first + round(high) + 1, 0))
            evidence[span] = np.maximum(evidence[span], np.float32(share))
    return evidence


def _wipes(block: Frames) -> Iterator[tuple[float, float, float]]:
    """(share, first frame, last frame) of every window of a block that looks like a wipe."""
    cells = cells_of(block)
    active = (cells.max(0) - cells.min(0)).max(1) > ACTIVE_RANGE
    count = int(active.sum())
    if not count:
        return
    steps = _steps(cells) & active
    together = np.convolve(steps.sum(1), np.ones(3), "same")
    steps &= (together < HARD_SHARE * count)[:, None]
    times, places = np.nonzero(steps)
    for start in range(0, len(block) - WINDOW_FRAMES, STRIDE_FRAMES):
        window = slice(*np.searchsorted(times, [start, start + WINDOW_FRAMES]))
        if len(np.unique(places[window])) < LEAST_SHARE * count:
            continue
        for basis in BASES:
            agreeing, low, high = _fit(basis, places[window], times[window].astype(np.float64))
            if agreeing >= LEAST_SHARE * count and SPAN_FRAMES[0] <= high - low <= SPAN_FRAMES[1]:
                yield agreeing / count, low, high


def cells_of(block: Frames) -> Floats:
    """Means of squares of pixels: [n, 27, 48, 3] → [n, cells, 3]. The odd last row is left out."""
    rows, columns = block.shape[1] // CELL, block.shape[2] // CELL
    tiled = block[:, : rows * CELL].reshape(len(block), rows, CELL, columns, CELL, 3)
    means: Floats = tiled.mean((2, 4), dtype=np.float32)
    return means.reshape(len(block), rows * columns, 3)


def _steps(cells: Floats) -> NDArray[np.bool_]:
    """Where and when a cell goes from one steady value to another: bool [n, cells]."""
    count, pad = len(cells), STEADY_FRAMES + GAP_FRAMES
    padded = np.concatenate([cells[:1].repeat(pad, 0), cells, cells[-1:].repeat(pad, 0)])
    mean = _running_mean(padded)
    variance = np.maximum(_running_mean((padded * padded).sum(2)) - (mean * mean).sum(2), 0)
    later = STEADY_FRAMES + 2 * GAP_FRAMES
    height = ((mean[later : later + count] - mean[:count]) ** 2).sum(2)
    noise = variance[later : later + count] + variance[:count]
    clear = (height > 3 * STEP_HEIGHT**2) & (height > STEP_TO_NOISE**2 * noise)
    score = np.where(clear, height / (noise + 30), 0)
    best = score.copy()
    for shift in range(1, GAP_FRAMES + 3):  # one step is clear for a few frames: the clearest counts
        np.maximum(best[shift:], score[:-shift], out=best[shift:])
        np.maximum(best[:-shift], score[shift:], out=best[:-shift])
    found: NDArray[np.bool_] = clear & (score >= best)
    return found


def _running_mean(values: Floats) -> Floats:
    """Means of STEADY_FRAMES consecutive values along the first axis."""
    total = values[: 1 - STEADY_FRAMES].copy()
    for shift in range(1, STEADY_FRAMES):
        total += values[shift : len(values) + 1 + shift - STEADY_FRAMES]
    return total / np.float32(STEADY_FRAMES)


def _bases() -> tuple[NDArray[np.float64], ...]:
    """What the time of change may be a linear function of, for each cell: the place, or the distance to the middle."""
    rows, columns = 27 // CELL, 48 // CELL
    y, x = np.mgrid[:rows, :columns].reshape(2, -1)
    x, y = (x + 0.5) / columns - 0.5, (y + 0.5) / rows - 0.5
    one = np.ones_like(x)
    return np.stack([one, x, y], 1), np.stack([one, np.hypot(x, y)], 1)


BASES = _bases()


def _fit(basis: NDArray[np.float64], places: NDArray[np.int64], times: NDArray[np.float64]) -> tuple[int, float, float]:
    """How many cells change when the best wipe says, and that wipe's first and last frame."""
    here = basis[places]
    keep = np.ones(len(places), np.bool_)
    weights: NDArray[np.floating] = np.zeros(basis.shape[1])
    for turn in range(ROUNDS):
        if keep.sum() <= basis.shape[1]:
            return 0, 0.0, 0.0
        weights = np.linalg.lstsq(here[keep], times[keep], rcond=None)[0]
        off = np.abs(here @ weights - times)
        wide = max(TOLERANCE_FRAMES, 1.5 * float(np.median(off))) if turn < ROUNDS // 2 else TOLERANCE_FRAMES
        keep = off <= wide
    agreeing = len(np.unique(places[np.abs(here @ weights - times) <= TOLERANCE_FRAMES]))
    passing = basis @ weights
    return agreeing, float(passing.min()), float(passing.max())
