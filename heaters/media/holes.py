"""Holes in a file's time: a stretch without picture and without sound, where a camera waited or a clock jumped.

Time in the record is what the file holds, so holes are closed wherever the file is read: what comes after follows what
was before by an ordinary frame. Which holes a file has, `hole_search.py` finds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from heaters.core.timebase import PtsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """`middle_seconds` lies within it, on the timeline that starts at 0 where the container starts; `removed_seconds`
    are taken out of all times after it, in whole ticks of the picture.
    """

    middle_seconds: Fraction
    removed_seconds: Fraction


def hole_of(told: Mapping[str, str]) -> Hole:
    """A hole from JSON, whose fractions are text."""
    return Hole(**{name: Fraction(value) for name, value in told.items()})


def in_file(holes: Sequence[Hole], seconds: Fraction) -> Fraction:
    """Where a time of the closed timeline lies in the file."""
    for hole in holes:
        if seconds < hole.middle_seconds - hole.removed_seconds / 2:
            break
        seconds += hole.removed_seconds
    return seconds


def removed_before(holes: Sequence[Hole], seconds: float) -> float:
    """How much of the file's time before `seconds` is taken out."""
    return float(sum(hole.removed_seconds for hole in holes if hole.middle_seconds <= seconds))


def close(holes: Sequence[Hole]) -> list[str]:
    """ffmpeg's input options that close the holes in all pictures and sounds of a file."""
    if not holes:
        return []

    def expression(time: str) -> str:
        return time + "".join(
            f"-round({hole.removed_seconds}/TB)*gte({time}*TB,{float(hole.middle_seconds):.6f})" for hole in holes
        )

    # Not its option `ts`: it takes the same time for both.
    filters = f"setts=pts='{expression('PTS')}':dts='{expression('DTS')}'"
    return [option for kind in "va" for option in (f"-bsf:{kind}", filters)]


def opened(holes: Sequence[Hole], table: PtsTable) -> PtsTable:
    """The table with the file's own times, as other programs see them."""
    if not holes:
        return table
    tick = table.time_base.tick_seconds
    ends = [int(in_file(holes, pts * tick) / tick) for pts in (*table.ticks, table.end_pts - 1)]
    return PtsTable.of(ends[:-1], table.time_base, ends[-1] + 1)
