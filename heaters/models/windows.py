"""Windows over videos: which frames the network sees together, and which of its outputs count.

Lazy: only the windows of one batch are ever in memory, so frames may lie in files of any length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from heaters.errors import RuleError
from heaters.models.raw_frames import RawFrames

Frames = NDArray[np.uint8]
Source = Frames | RawFrames  # frames in memory, or read from a file as they are needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowing:
    """`length` frames are seen together; the middle `step` of them are answered for, the rest is context."""

    length: int = 100
    step: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.step <= self.length or (self.length - self.step) % 2:
            raise RuleError(f"a window is a middle part with equal context on both sides; got {self}")

    @property
    def context(self) -> int:
        """Frames on each side that are seen but not answered for."""
        return (self.length - self.step) // 2


REFERENCE = Windowing()  # the published network's own
LONG = Windowing(length=250, step=200)  # the same context for a quarter of overlap instead of all twice


@dataclass(frozen=True, slots=True)
class Window:
    """One window: answers for frames `[start, stop)` of video number `video`."""

    video: int
    start: int
    stop: int


def windows(frame_counts: Sequence[int], windowing: Windowing = REFERENCE) -> Iterator[Window]:
    """All windows of all videos, in order. Raises RuleError for a video without frames."""
    for video, count in enumerate(frame_counts):
        if count < 1:
            raise RuleError(f"a video has at least one frame; got {count} for number {video}")
        for start in range(0, count, windowing.step):
            yield Window(video, start, min(start + windowing.step, count))


def batches(items: Iterator[Window], size: int) -> Iterator[list[Window]]:
    """Consecutive windows, `size` at a time, whatever video they belong to; the last batch may be smaller."""
    while batch := list(islice(items, size)):
        yield batch


def stretch(frames: Source, start: int, stop: int, size: int) -> Iterator[Frames]:
    """Copies of frames `[start, stop)`, at most `size` at a time; beyond the ends the outer frame is repeated."""
    last = len(frames) - 1
    for first in range(start, stop, size):
        end = min(first + size, stop)
        if first < 0 or end > len(frames):
            wanted = np.arange(first, end).clip(0, last)
            yield frames[int(wanted[0]) : int(wanted[-1]) + 1][wanted - wanted[0]]
        else:
            yield np.array(frames[first:end])


def gather(frames: Source, window: Window, windowing: Windowing) -> Frames:
    """All that is seen in one window: [length, 27, 48, 3]."""
    first = window.start - windowing.context
    return next(stretch(frames, first, first + windowing.length, windowing.length))
