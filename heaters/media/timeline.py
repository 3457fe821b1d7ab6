"""The times of all frames of a video: read from ffmpeg's log, checked, described. Pure arithmetic on integers."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heaters.errors import MediaError

# Constant rate: every frame within this of an even grid. One millisecond is what Matroska and FLV round to.
GRID_TOLERANCE = Fraction(1, 1000)

NO_PTS = str(-(2**63))  # the packet had none; the decoder counted on from the frame before


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """`pts` is int64 [frames], strictly rising, in ticks of `time_base` seconds from where the container starts."""

    pts: NDArray[np.int64]
    time_base: Fraction
    repaired_pts: int  # frames whose own time stamp did not rise

    def __post_init__(self) -> None:
        if len(self.pts) == 0:
            raise MediaError("no frame could be decoded")
        if self.pts[0] < 0 or np.any(np.diff(self.pts) < 1):
            raise MediaError("the time stamps of the frames do not rise")

    @property
    def is_vfr(self) -> bool:
        """Whether some frame lies off the even grid between the first and the last by a tick and a millisecond."""
        count = len(self.pts)
        if count < 3:
            return False
        grid = np.linspace(float(self.pts[0]), float(self.pts[-1]), count)
        return bool(np.abs(self.pts - grid).max() > max(1.0, float(GRID_TOLERANCE / self.time_base)))

    def end_pts(self, last_duration: int, frame_rate: Fraction) -> int:
        """Where the last frame ends: by its own duration, else by the median step, else by the nominal rate."""
        if last_duration < 1 and len(self.pts) > 1:
            last_duration = int(np.median(np.diff(self.pts)))
        if last_duration < 1:
            last_duration = round(1 / (frame_rate * self.time_base))
        return int(self.pts[-1]) + max(last_duration, 1)


def read_pts_log(path: Path) -> Timeline:
    """Read the lines `pts demuxed_pts time_base` that ffmpeg wrote for each frame.

    Raises MediaError where there is none, or where the time base changed on the way.
    """
    pts: list[int] = []
    bases: set[str] = set()
    repaired = 0
    with path.open() as lines:
        for line in lines:
            own, demuxed, base = line.split()
            pts.append(int(own))
            bases.add(base)
            repaired += demuxed not in (own, NO_PTS)
    if len(bases) > 1:
        raise MediaError(f"the time base changes within the stream: {sorted(bases)}")
    base = bases.pop() if bases else "1/1"
    return Timeline(pts=np.array(pts, np.int64), time_base=Fraction(base), repaired_pts=repaired)


def read_last_duration(path: Path, time_base: Fraction) -> int:
    """How long the last frame lasts, in ticks, by a log of ffmpeg's muxer `framecrc`; 0 where that is not known.

    Raises MediaError where the log counts in another time base.
    """
    last_pts, duration = -1, 0
    with path.open() as lines:
        for line in lines:
            if line.startswith("#tb 0: ") and Fraction(line.removeprefix("#tb 0: ")) != time_base:
                raise MediaError(f"packets count in {line.strip()}, frames in {time_base}")
            if not line.startswith("#"):
                _, _, pts, ticks, *_ = line.split(",")
                if int(pts) > last_pts:
                    last_pts, duration = int(pts), int(ticks)
    return duration
