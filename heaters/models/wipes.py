"""Wipes, which TransNetV2 does not see: an edge that sweeps over the picture and leaves another shot behind.

Where the edge passes, the picture changes at that moment, and else hardly: a matched filter asks, for every way an edge
can go and every duration, what share of all change in a window happens where and when that edge would pass. It needs no
still shots, unlike a comparison of each frame with the two pictures. What it suspects is then looked at closely, since
a camera that swings past an edge and a cut in the middle of a window change the picture in the same places.
Found on the analysis frames, in flat memory; it knows no network.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heaters.models.steps import likeness
from heaters.models.windows import Frames, Source, stretch

Floats = NDArray[np.float32]

CELL = 2  # pixels on a side are averaged: noise goes, an edge still passes within a frame or two
# Mixed frames of a wipe, each a fifth longer than the one before. Shorter ones the network sees.
DURATIONS = (6, 7, 8, 10, 12, 15, 19, 23, 28, 34, 41)
LONG_FRAMES = 15  # from here on the edge may be two frames early or late, else one
STRIPES = 24  # of the picture, by when the edge passes
MOST_CHANGE = 3 * 40.0**2  # squared levels of a cell; more counts as much, or one bright thing would decide
LEAST_CHANGE = 30.0  # a cell and window: below is the grain of a still picture
SUSPECT = 0.25  # share of the change at the edge, from 0 (evenly spread) to 1; all but one of 116 true wipes had more
# A close look. The most of a window's change between two frames: wipes had at most 0.25, cuts and flashes 0.4 and more.
MOST_AT_ONCE = 0.27
DIFFERENT = 14.0  # levels for each colour that a cell must differ before and after, to tell anything
TELLING, AGREEING = 0.5, 0.58  # of all cells; of those that tell, how many change mostly at the edge
ONE_SHOT = 0.81  # likeness of the pictures before and after, shifted; two shots had at most 0.80
# Where most changes, neighbouring frames are one picture moved so far: the camera swings (swings had 0.94, 3 and more).
SWING_LIKENESS, SWING_PIXELS, LOOKS = 0.92, 2.4, 4
BLOCK_FRAMES = 600
MARGIN_FRAMES = DURATIONS[-1] + 8


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A wipe whose first mixed frame is `start`, `duration` of them, over the picture in the order `way`."""

    share: float
    start: int
    duration: int
    way: int


def wipe_evidence(frames: Source) -> Floats:
    """For each frame how sure it is part of a wipe: uint8 [n, 27, 48, 3] → float32 [n] in [0, 1], mostly 0.

    The value is (1 + share) / 2 of the cells that change mostly when the edge of the wipe passes them.
    """
    evidence = np.zeros(len(frames), np.float32)
    for first in range(0, len(frames), BLOCK_FRAMES):
        begin, end = first - MARGIN_FRAMES, first + BLOCK_FRAMES + MARGIN_FRAMES
        block = next(stretch(frames, begin, end, end - begin))
        for agreeing, start, stop in _wipes(block):
            span = slice(max(begin + start, 0), max(begin + stop, 0))
            evidence[span] = np.maximum(evidence[span], np.float32((1 + agreeing) / 2))
    return evidence


def _wipes(block: Frames) -> Iterator[tuple[float, int, int]]:
    """(share of agreeing cells, first mixed frame, stop) of every wipe of a block."""
    cells = _cells(block)
    change = np.minimum(((cells[1:] - cells[:-1]) ** 2).sum(2), MOST_CHANGE)  # between frame t and t + 1
    taken = np.zeros(len(block), np.bool_)
    for suspect in _suspects(change):
        if taken[suspect.start : suspect.start + suspect.duration].any():
            continue
        found = _look(block, cells, change, suspect)
        if found is not None:
            taken[suspect.start : suspect.start + suspect.duration] = True
            yield found


def _cells(block: Frames) -> Floats:
    """Means of squares of pixels: [n, 27, 48, 3] → [n, cells, 3]. The odd last row is left out."""
    rows, columns = block.shape[1] // CELL, block.shape[2] // CELL
    tiled = block[:, : rows * CELL].reshape(len(block), rows, CELL, columns, CELL, 3)
    means: Floats = tiled.mean((2, 4), dtype=np.float32)
    return means.reshape(len(block), rows * columns, 3)


def _ways() -> NDArray[np.float64]:
    """When the edge reaches each cell, in [0, 1]: [ways, cells]; from sides, corners, middle, and to it."""
    rows, columns = 27 // CELL, 48 // CELL
    y, x = np.mgrid[:rows, :columns].reshape(2, -1)
    x, y = (x + 0.5) / columns, (y + 0.5) / rows
    across = [x, y, (x + y) / 2, (1 - x + y) / 2, np.hypot(x - 0.5, y - 0.5) * np.sqrt(2)]
    return np.stack([way for one in across for way in (one, 1 - one)])


WAYS = _ways()
_STRIPE_OF = np.minimum((WAYS * STRIPES).astype(np.int64), STRIPES - 1)


def _early_or_late(duration: int) -> int:
    """Frames by which the edge may be off."""
    return 1 if duration <= LONG_FRAMES else 2


def _passing(duration: int, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """The change that is the edge's at a place in [0, 1], counted from that before the first mixed frame."""
    return place * (duration + 1) - 0.5


def _suspects(change: Floats) -> list[_Suspect]:
    """Windows with much of their change at an edge, the clearest first; the best for each first frame."""
    count = len(change)
    best = np.full(count, SUSPECT)
    which = np.full((count, 2), -1)
    middles = (np.arange(STRIPES) + 0.5) / STRIPES
    for way, stripe_of in enumerate(_STRIPE_OF):
        stripes = np.stack([change[:, stripe_of == stripe].sum(1, dtype=np.float64) for stripe in range(STRIPES)], 1)
        summed = np.concatenate([np.zeros((1, STRIPES)), stripes.cumsum(0)])
        whole = summed.sum(1)
        for duration in DURATIONS:
            starts = np.arange(3, count - duration - 3)
            off = _early_or_late(duration)
            at_edge = np.zeros(len(starts))
            for stripe, passing in enumerate(_passing(duration, middles).round().astype(int)):
                first = starts - 1 + passing - off
                at_edge += summed[first + 2 * off + 1, stripe] - summed[first, stripe]
            everything = whole[starts + duration + 2] - whole[starts - 3]
            even = (2 * off + 1) / (duration + 5)
            share = (at_edge / np.maximum(everything, LEAST_CHANGE * change.shape[1]) - even) / (1 - even)
            better = share > best[starts]
            best[starts[better]] = share[better]
            which[starts[better]] = way, duration
    order = sorted(np.flatnonzero(which[:, 0] >= 0), key=lambda start: -best[start])
    return [_Suspect(float(best[s]), int(s), int(which[s, 1]), int(which[s, 0])) for s in order]


def _look(block: Frames, cells: Floats, change: Floats, suspect: _Suspect) -> tuple[float, int, int] | None:
    """As `_wipes`, or None for what is no wipe after all."""
    start, stop = suspect.start, suspect.start + suspect.duration
    first = start - 3
    around = change[first : stop + 2]
    at_once = around.sum(1)
    if at_once.max() > MOST_AT_ONCE * at_once.sum():
        return None
    before, after = start - 2, min(stop + 1, len(cells) - 1)
    tells = ((cells[after] - cells[before]) ** 2).sum(1) > 3 * DIFFERENT**2
    if tells.mean() < TELLING:
        return None
    passing = start - 1 + _passing(suspect.duration, WAYS[suspect.way])
    when = np.arange(first, stop + 2)[:, None]
    near = np.abs(when - passing) <= _early_or_late(suspect.duration) + 0.5
    agrees = (around * near).sum(0) > (around.sum(0) + 2 * LEAST_CHANGE) / 2
    agreeing = float(agrees[tells].mean())
    if agreeing < AGREEING or _is_one_shot(block, start, stop, at_once[3 : 2 + suspect.duration]):
        return None
    # The edge's own time, from the cells that agree: a line through when each changes most.
    sure = agrees & tells
    slope, begin = np.polyfit(WAYS[suspect.way][sure], first + around[:, sure].argmax(0), 1)
    low, high = round(begin + 1.5), round(begin + 0.5 + slope)
    return (agreeing, low, high) if 0 <= low < high <= len(block) else (agreeing, start, stop)


def _is_one_shot(block: Frames, start: int, stop: int, at_once: Floats) -> bool:
    """Whether both ends show one shot, or the camera swings from one to the other. `at_once`: change in the wipe."""

    def alike(one: int, two: int) -> tuple[float, float]:
        pair = block[one].astype(np.float64), block[min(two, len(block) - 1)].astype(np.float64)
        score, x, y = likeness(*pair)
        return score, float(np.hypot(x, y))

    if alike(start - 1, stop)[0] > ONE_SHOT:
        return True
    looks = [alike(start + int(most), start + int(most) + 1) for most in at_once.argsort()[-LOOKS:]]
    score, pixels = np.median(looks, axis=0)
    return bool(score > SWING_LIKENESS and pixels > SWING_PIXELS)
