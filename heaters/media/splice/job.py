"""What the child that cuts clips is asked, and what it answers: a job and a result for each clip."""

from dataclasses import dataclass
from fractions import Fraction

from heaters.media.analysis import TO_ANALYSIS
from heaters.media.ffmpeg import timescale
from heaters.media.splice.rules import NotCopied, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One clip of one master. Times are in ticks of `time_base`, from the start of the container."""

    source: str
    out: str  # the finished file
    container: str
    stream_index: int
    used_indices: tuple[int, ...]  # the streams that `prepare` used
    start_pts: int
    end_pts: int
    time_base: str
    frames: int
    pixel_format: str
    frame_rate: str
    rotation: int
    sound: str  # a file with the clip's sound; empty: it has none
    threads: int
    to_analysis: str = TO_ANALYSIS  # the filters that make 48×27 pictures

    @property
    def ticks(self) -> int:
        """A second of the finished file's track. Raises NotCopied where no MP4 track holds the clip's times exactly."""
        base = Fraction(self.time_base)
        scale = timescale(base)
        if (base * scale).denominator != 1 or scale >= 2**31:
            raise NotCopied(Rule.TIME_BASE, f"times in {base} s")
        return scale

    @property
    def looks(self) -> str:
        """The file of the 48×27 pictures of all frames of the finished file."""
        return f"{self.out}.rgb"

    @property
    def answer(self) -> str:
        """The file of the child's answer."""
        return f"{self.out}.json"

    def piece(self, name: str) -> str:
        """A file of encoded frames, for the time of the work."""
        return f"{self.out}.{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spliced:
    """A finished file. `pts` are the times of the copied frames, in decode order; those before the first of them (all
    frames, where there is none) and those after the last were encoded.
    """

    head: tuple[int, ...]
    pts: tuple[int, ...]
    tail: tuple[int, ...]
    rule: str  # why none was copied; else empty
