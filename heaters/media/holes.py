"""Holes in a file's time: a stretch without picture and without sound, where a camera waited or a clock jumped.

Time in the record is what the file holds, so holes are closed wherever the file is read: what comes after follows what
was before by an ordinary frame. Which holes a file has, `hole_search.py` finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """`middle_seconds` lies within it, on the timeline that starts at 0 where the container starts; `removed_seconds`
    are taken out of all times after it, in whole ticks of the picture.
    """

    middle_seconds: Fraction
    removed_seconds: Fraction


def in_file(holes: Sequence[Hole], seconds: float) -> float:
    """Where a time of the closed timeline lies in the file."""
    for hole in holes:
        if seconds + float(hole.removed_seconds) < hole.middle_seconds:
            break
        seconds += float(hole.removed_seconds)
    return seconds


def removed_before(holes: Sequence[Hole], seconds: float) -> float:
    """How much of the file's time before `seconds` is taken out."""
    return float(sum(hole.removed_seconds for hole in holes if hole.middle_seconds <= seconds))


def close(holes: Sequence[Hole]) -> list[str]:
    """ffmpeg's input options that close the holes in all pictures and sounds of a file."""
    if not holes:
        return []
    parts = "".join(f"-round({hole.removed_seconds}/TB)*gte(TS*TB,{float(hole.middle_seconds):.6f})" for hole in holes)
    return [option for kind in "va" for option in (f"-bsf:{kind}", f"setts=ts='TS{parts}'")]
