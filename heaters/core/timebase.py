"""When each frame is shown: the table of presentation timestamps (PTS). It does not know how they were read.

Time always comes from a frame's own PTS, never from `index / rate`. Seconds are exact `Fraction`s; callers
make floats.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from math import isfinite
from operator import lt, sub
from typing import Self

from heaters.core.cuts import Span
from heaters.errors import RuleError

# Players report the time of a frame in floats rounded to microseconds: a float this much too early still
# means the frame. No real frame is this short.
FLOAT_TOLERANCE_SECONDS = Fraction(1, 1_000_000)

# Copies between containers round twice, most often through Matroska's milliseconds. Jitter of that size is
# rounding as long as it is small against a frame.
JITTER_SECONDS = Fraction(1, 1000)
JITTER_SHARE_OF_FRAME = Fraction(1, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBase:
    """The length of one tick: num / den seconds."""

    num: int
    den: int

    def __post_init__(self) -> None:
        if self.num < 1 or self.den < 1:
            raise RuleError(f"a time base is a positive fraction; got {self}")

    @property
    def tick_seconds(self) -> Fraction:
        return Fraction(self.num, self.den)

    def seconds(self, ticks: int) -> Fraction:
        """The exact time of `ticks`."""
        return Fraction(ticks * self.num, self.den)

    def __str__(self) -> str:
        return f"{self.num}/{self.den}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PtsTable:
    """The PTS of every frame, in presentation order, and where the last frame ends; in ticks of `time_base`.

    Frame n is shown in [pts(n), pts(n + 1)). Build with `of`. `ticks` is never written to.
    Raises RuleError for an empty table, and for PTS that repeat or go back: repairing them is the decoder's
    task.
    """

    ticks: "array[int]" = field(repr=False)
    time_base: TimeBase
    end_pts: int

    def __post_init__(self) -> None:
        if not self.ticks:
            raise RuleError("a video has at least one frame; got no PTS")
        if not all(map(lt, self.ticks, islice(self.ticks, 1, None))):
            frame = next(i for i, (a, b) in enumerate(pairwise(self.ticks)) if a >= b)
            raise RuleError(
                f"PTS must be strictly increasing; frame {frame} has {self.ticks[frame]}, "
                f"frame {frame + 1} has {self.ticks[frame + 1]}"
            )
        if self.end_pts <= self.ticks[-1]:
            raise RuleError(f"the last frame must end after its PTS {self.ticks[-1]}; got {self.end_pts = }")

    @classmethod
    def of(cls, pts: Iterable[int], time_base: TimeBase, end_pts: int) -> Self:
        """A table of any integers: a list, array('q') or one-dimensional numpy array. Copies it.

        Raises RuleError for what is not 64-bit integers.
        """
        try:
            ticks = array("q", pts)
        except (TypeError, OverflowError) as error:
            raise RuleError(f"PTS must be 64-bit integers; {error}") from error
        return cls(ticks=ticks, time_base=time_base, end_pts=int(end_pts))

    @property
    def frame_count(self) -> int:
        return len(self.ticks)

    def pts(self, frame: int) -> int:
        """The PTS of `frame`, in ticks; for `frame_count`, where the last frame ends."""
        if not 0 <= frame <= len(self.ticks):
            raise RuleError(f"a frame of this video lies in [0, {len(self.ticks)}]; got {frame}")
        return self.ticks[frame] if frame < len(self.ticks) else self.end_pts

    def seconds(self, frame: int) -> Fraction:
        """When `frame` begins to be shown; for `frame_count`, when the last frame ends."""
        return self.time_base.seconds(self.pts(frame))

    def middle_seconds(self, frame: int) -> Fraction:
        """The middle of the time that `frame` is shown: where to seek, so that rounding cannot miss it."""
        return self.time_base.seconds(self.pts(frame) + self.pts(frame + 1)) / 2

    def frame_at(self, seconds: Fraction | float) -> int:
        """The frame shown at `seconds`; before the first frame the first, after the last the last.

        A Fraction is taken exactly; a float may lie up to FLOAT_TOLERANCE_SECONDS before the frame it means.
        """
        if not isfinite(seconds):
            raise RuleError(f"a time is a finite number of seconds; got {seconds}")
        exact = Fraction(seconds) + (FLOAT_TOLERANCE_SECONDS if isinstance(seconds, float) else 0)
        after = bisect_right(self.ticks, exact // self.time_base.tick_seconds)
        return max(0, after - 1)

    @property
    def duration_seconds(self) -> Fraction:
        """From the beginning of the first frame to the end of the last."""
        return self.span_seconds(Span(start_frame=0, end_frame=len(self.ticks)))

    @property
    def average_frame_rate(self) -> Fraction:
        """Frames per second over the whole duration. For facts and figures; never for computing a time."""
        return len(self.ticks) / self.duration_seconds

    @property
    def is_vfr(self) -> bool:
        """Whether the frame rate varies by more than rounding explains. O(n).

        Constant means: every interval and every PTS agrees with one constant rate up to a tolerance. That is
        one tick (29.97 per second in milliseconds: 33, 33, 34, …), or a millisecond and a tick where a
        millisecond is at most an eighth of a frame. A tick of more than half a frame is no rounding: there
        the intervals must be equal, or a dropped frame in a time base of 1/rate would pass.
        """
        gaps = len(self.ticks) - 1
        if gaps < 2:
            return False
        first, length = self.ticks[0], self.ticks[-1] - self.ticks[0]
        tolerance = _tolerance_ticks(Fraction(length, gaps), self.time_base.tick_seconds)
        intervals = array("q", map(sub, islice(self.ticks, 1, None), self.ticks))
        if max(intervals) - min(intervals) > tolerance:
            return True
        # In whole numbers: gaps * (distance of a PTS from the straight line through the first and the last).
        most = gaps * tolerance
        return any(abs(gaps * (pts - first) - n * length) > most for n, pts in enumerate(self.ticks))

    def span_seconds(self, span: Span) -> Fraction:
        """How long the frames of `span` are shown."""
        return self.time_base.seconds(self.pts(span.end_frame) - self.pts(span.start_frame))

    def seconds_within(self, span: Span, frame: int) -> Fraction:
        """Clip-relative time: when `frame` begins, counted from the beginning of `span`; its end frame is allowed."""
        if not (frame in span or frame == span.end_frame):
            raise RuleError(f"a frame of this clip lies in {span}; got {frame}")
        return self.time_base.seconds(self.pts(frame) - self.pts(span.start_frame))

    def frame_within(self, span: Span, seconds: Fraction | float) -> int:
        """The frame of `span` that is shown at clip-relative `seconds`; clamped to the span's first and last."""
        offset = self.seconds(span.start_frame)
        if isinstance(seconds, float):
            if not isfinite(seconds):
                raise RuleError(f"a time is a finite number of seconds; got {seconds}")
            seconds = Fraction(seconds) + FLOAT_TOLERANCE_SECONDS
        return min(max(self.frame_at(offset + seconds), span.start_frame), span.end_frame - 1)


def _tolerance_ticks(interval_ticks: Fraction, tick_seconds: Fraction) -> int:
    """How many ticks an interval may be off and still be of constant rate."""
    if interval_ticks < 2:
        return 0
    copied = JITTER_SHARE_OF_FRAME * interval_ticks * tick_seconds >= JITTER_SECONDS
    return 1 + (int(JITTER_SECONDS / tick_seconds) if copied else 0)
