"""Segments: ranges in the order of arrival of a space's vectors, each with an approximate index of its own. Pure.

Every vector has a number, `seq`, in the order of arrival; one that is replaced gets a new number. A segment covers
[low, high) of them. What no segment covers is searched exactly, so a vector is found from its commit on. Segments that
were merged stay for a moment beside the one that took their place: `cover` tells which of them searches use.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

# Vectors in lists (built in seconds, for what has just arrived), or in a graph (quicker to search, slow to build).
Method: TypeAlias = Literal["ivfflat", "hnsw"]

PREFIX = "near_"
ENDLESS = 2**63 - 1
_NAME = re.compile(PREFIX + r"(\d+)_(\d+)_(\d+)_(ivfflat|hnsw)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The vectors of a space that arrived in [low, high), as many as `vectors`, and their index."""

    variant: int
    low: int
    high: int
    method: Method
    vectors: int = 0
    size_bytes: int = 0

    @property
    def name(self) -> str:
        """The name of its table."""
        return f"{PREFIX}{self.variant}_{self.low}_{self.high}_{self.method}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Arrivals in [low, high) that no segment covers."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """How a space is searched: segments by their indexes, ranges vector by vector; both in order of arrival."""

    segments: tuple[Segment, ...]
    ranges: tuple[Range, ...]


def segment_of(name: str, *, vectors: int = 0, size_bytes: int = 0) -> Segment | None:
    """The segment whose table has this name; None for the name of anything else."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    variant, low, high = (int(match[group]) for group in (1, 2, 3))
    method: Method = "hnsw" if match[4] == "hnsw" else "ivfflat"
    return Segment(variant=variant, low=low, high=high, method=method, vectors=vectors, size_bytes=size_bytes)


def names_of(variant: int | None = None) -> dict[str, str]:
    """The bounds, as parameters of queries, of the names that segments (of a space) have."""
    start = PREFIX if variant is None else f"{PREFIX}{variant}_"
    return {"prefix": start, "beyond": start[:-1] + chr(ord(start[-1]) + 1)}


def cover(segments: Iterable[Segment]) -> Cover:
    """The widest segments that do not overlap, graphs before lists, and the ranges between and after them."""
    chosen: list[Segment] = []
    for segment in sorted(segments, key=lambda s: (s.low - s.high, s.method != "hnsw", s.low)):
        if all(segment.high <= other.low or other.high <= segment.low for other in chosen):
            chosen.append(segment)
    chosen.sort(key=lambda s: s.low)
    ends = [0, *(segment.high for segment in chosen)]
    begins = [*(segment.low for segment in chosen), ENDLESS]
    ranges = [Range(low=end, high=begin) for end, begin in zip(ends, begins, strict=True) if end < begin]
    return Cover(segments=tuple(chosen), ranges=tuple(ranges))
