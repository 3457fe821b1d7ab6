"""Find the holes of a file by its index and, where that makes one likely, by the times of all its packets.

A picture that is held while sound goes on is no hole, nor are pictures that are far apart throughout.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heaters.media.holes import Hole

# From here on ffmpeg closes a jump of a transport stream by itself (dts_delta_threshold); so do we elsewhere.
HOLE_SECONDS = 10.0
STANDS_OUT = 20  # times the usual distance of two pictures
# An index of key frames tells of a hole where two are this much farther apart than usual.
SUSPECT = 3
# Containers that state a time for each packet and whose jumps ffmpeg leaves as they are.
WITH_TIMES = ("mov,", "matroska,", "flv", "asf", "ivf", "rm")
LONGEST_SOUND_SECONDS = 0.25  # of a packet, where most state no length; else twice the usual one
LATE_SECONDS = 1.0  # sound that goes on for longer than this after the last picture is cut off there

Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """When the packets of a file are shown, in seconds: pictures by their starts, sounds by starts and ends."""

    pictures: Times
    sound_starts: Times
    sound_ends: Times

    @property
    def step_seconds(self) -> float:
        """The usual distance of two pictures; 0 for one alone."""
        return float(np.median(np.diff(self.pictures))) if len(self.pictures) > 1 else 0.0

    @property
    def picture_end_seconds(self) -> float:
        """Where the last picture ends, by the usual distance."""
        return float(self.pictures[-1]) + self.step_seconds


def spans_of(container: Any, picture: Any, sounds: Sequence[Any], start: Fraction) -> Spans:
    """Read all packets of an open file; `start` is where its timeline begins."""
    pictures: list[float] = []
    begins: list[float] = []
    lengths: list[float] = []
    for packet in container.demux([picture, *sounds]):
        if packet.pts is None or not packet.size:
            continue
        begin = float(packet.pts * packet.time_base - start)
        if packet.stream_index == picture.index:
            pictures.append(begin)
        else:
            begins.append(begin)
            lengths.append(float((packet.duration or 0) * packet.time_base))
    # MP4 has no holes: the packet before one is said to last that long.
    longest = (2 * float(np.median(lengths)) or LONGEST_SOUND_SECONDS) if lengths else 0.0
    return Spans(
        pictures=np.sort(np.array(pictures)),
        sound_starts=np.array(begins),
        sound_ends=np.array(begins) + np.minimum(lengths, longest),
    )


def is_suspect(container: Any, picture: Any) -> bool:
    """Whether a file may have holes, as far as its index tells; without an index it may."""
    name = container.format.name
    if not name.startswith(WITH_TIMES):
        return False
    times = np.sort(np.array([float(entry.timestamp * picture.time_base) for entry in picture.index_entries]))
    end = float(container.duration or 0) / 1e6 + float(container.start_time or 0) / 1e6
    if len(times) < 2 and not (0 < end < HOLE_SECONDS):
        return True
    distances = np.diff(np.append(times, max(end, times[-1] if len(times) else 0.0)))
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return bool(len(distances) and distances.max() >= max(HOLE_SECONDS, SUSPECT * usual))


def holes_of(spans: Spans, time_base: Fraction) -> tuple[Hole, ...]:
    """The holes, in order; what is removed is in whole ticks of the picture's `time_base`. Pure."""
    if not len(spans.pictures):
        return ()
    starts = np.concatenate([spans.pictures, spans.sound_starts])
    ends = np.concatenate([spans.pictures + spans.step_seconds, spans.sound_ends])
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    gaps = starts[1:] - ends[:-1]
    least = max(HOLE_SECONDS, STANDS_OUT * spans.step_seconds)
    found = []
    for place in np.flatnonzero(gaps >= least):
        begin, end = Fraction(float(ends[place])), Fraction(float(starts[place + 1]))
        ticks = (end - begin) // time_base  # never too many: what comes after the hole lies behind what was before
        found.append(Hole(middle_seconds=(begin + end) / 2, removed_seconds=ticks * time_base))
    return tuple(found)
