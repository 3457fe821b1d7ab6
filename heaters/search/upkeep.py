"""Which segment to make next, so that searches stay quick while vectors arrive and afterwards. Pure.

New vectors are closed into small segments with lists. The newest of these are merged by fours until they are full, and
full ones go into a graph. A graph takes in the graphs before it that are no larger, so each vector is written a few
times in all, and a settled library has few segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import isqrt

from heaters.search.segments import ENDLESS, Cover, Range, Segment

# So many vectors are looked at one by one in 2 to 3 ms; lists of them are made in 0.2 s.
CLOSE_VECTORS = 4_096
# So many segments of about one size are merged into one.
FAN = 4
# Lists of so many are full: of more they take many seconds to make, and longer to search than a graph.
FULL_VECTORS = 65_536
# So many go into a graph: while vectors arrive, which leaves little time for it, and when none do.
GRAPH_VECTORS, QUIET_GRAPH_VECTORS = 262_144, 65_536
MOST_LISTS = 32_768


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Make one segment of neighbours: with lists, or with a graph."""

    sources: tuple[Segment, ...]
    is_graph: bool


def lists_for(vectors: int) -> int:
    """How many lists an index has. Their number grows slower than the vectors, so that looking at 24 lists looks at a
    fifth of 4,096 vectors, and at a twentieth of 65,536.
    """
    return min(max(2 * isqrt(vectors), 1), MOST_LISTS)


def next_range(cover: Cover, fresh: Sequence[int], *, least: int) -> Range | None:
    """The first range to close, if one has `least` vectors. `fresh`: how many each of the cover's ranges has."""
    return next((r for r, vectors in zip(cover.ranges, fresh, strict=True) if vectors >= least), None)


def next_lists(cover: Cover, *, is_quiet: bool) -> Merge | None:
    """The newest neighbours with lists that should be one: four of about one size or smaller; when it is quiet, all."""
    for run in reversed(_runs(cover)):
        for size in (FULL_VECTORS // FAN, FULL_VECTORS):
            newest = tuple(takewhile(lambda s: s.vectors < size, reversed(run)))[::-1]  # noqa: B023
            if len(newest) >= (2 if is_quiet else FAN):
                return Merge(sources=newest, is_graph=False)
    return None


def next_graph(cover: Cover, *, is_quiet: bool, most: int = ENDLESS) -> Merge | None:
    """The neighbours that should be one graph, of at most `most` vectors: what the memory for a build holds. While
    vectors arrive only full lists, which nobody else merges.
    """
    for run in reversed(_runs(cover)):
        lists = run if is_quiet else tuple(takewhile(lambda s: s.vectors >= FULL_VECTORS, run))
        while len(lists) > 1 and _total(lists) > most:
            lists = lists[:-1]
        if _total(lists) >= (QUIET_GRAPH_VECTORS if is_quiet else GRAPH_VECTORS):
            return Merge(sources=_with_older(cover, lists, most), is_graph=True)
    return None


def graphs_of_all(cover: Cover, *, most: int) -> list[Merge]:
    """All segments as graphs of at most `most` vectors."""
    parts: list[tuple[Segment, ...]] = []
    for segment in cover.segments:
        touches = bool(parts) and parts[-1][-1].high == segment.low
        if touches and _total(parts[-1]) + segment.vectors <= most:
            parts[-1] += (segment,)
        else:
            parts.append((segment,))
    return [Merge(sources=part, is_graph=True) for part in parts if len(part) > 1 or part[0].method != "hnsw"]


def _with_older(cover: Cover, sources: tuple[Segment, ...], most: int) -> tuple[Segment, ...]:
    """The sources and the graphs right before them, as long as these are no larger than all after them."""
    for older in reversed(cover.segments[: cover.segments.index(sources[0])]):
        total = _total(sources)
        if older.high != sources[0].low or older.method != "hnsw" or older.vectors > min(total, most - total):
            break
        sources = (older, *sources)
    return sources


def _runs(cover: Cover) -> list[tuple[Segment, ...]]:
    """Segments with lists that touch, in order of arrival."""
    runs: list[tuple[Segment, ...]] = []
    for segment in cover.segments:
        if segment.method == "ivfflat":
            if runs and runs[-1][-1].high == segment.low:
                runs[-1] += (segment,)
            else:
                runs.append((segment,))
    return runs


def _total(segments: Sequence[Segment]) -> int:
    return sum(segment.vectors for segment in segments)
