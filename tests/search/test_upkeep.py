"""What is made of vectors that arrive: few segments at any time, each vector written a few times, and few at rest."""

from itertools import pairwise

import pytest

from heaters.search import upkeep
from heaters.search.segments import Cover, Segment, cover
from heaters.search.upkeep import (
    CLOSE_VECTORS,
    FULL_VECTORS,
    graphs_of_all,
    lists_for,
    next_graph,
    next_lists,
    next_range,
)


class Library:
    """Segments of vectors that arrive, made as the rules say and at once."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.covered = 0
        self.written = {"ivfflat": 0, "hnsw": 0}

    @property
    def cover(self) -> Cover:
        return cover(self.segments)

    def arrive(self, until: int) -> None:
        """Vectors are numbered up to `until`."""
        while next_range(self.cover, (until - self.covered,), least=CLOSE_VECTORS):
            high = min(until, self.covered + FULL_VECTORS)
            self._put(self.covered, high, "ivfflat")
            self.covered = high
        self.tend(is_quiet=False)

    def tend(self, *, is_quiet: bool) -> None:
        while merge := next_lists(self.cover, is_quiet=is_quiet) or next_graph(self.cover, is_quiet=is_quiet):
            sources = merge.sources
            assert all(one.high == other.low for one, other in pairwise(sources))
            self._put(sources[0].low, sources[-1].high, "hnsw" if merge.is_graph else "ivfflat")

    def _put(self, low: int, high: int, method: str) -> None:
        self.segments.append(
            Segment(variant=1, low=low, high=high, method=method, vectors=high - low)  # type: ignore[arg-type]
        )
        self.written[method] += high - low


@pytest.mark.parametrize("batch", [500, 4_000, 50_000])
def test_a_million_in_few_segments(batch: int) -> None:
    library, total, most = Library(), 1_000_000, 0
    for until in range(batch, total + 1, batch):
        library.arrive(until)
        most = max(most, len(library.cover.segments))
        assert until - library.cover.segments[-1].high < CLOSE_VECTORS if library.cover.segments else True
    assert most <= 10
    assert library.written["ivfflat"] <= 4.5 * total
    assert library.written["hnsw"] <= 2 * total
    library.tend(is_quiet=True)
    assert len(library.cover.segments) <= 4
    sizes = [segment.vectors for segment in library.cover.segments]
    assert sizes == sorted(sizes, reverse=True)


def test_a_small_library_at_rest_is_one_segment() -> None:
    library = Library()
    for until in range(300, 30_000, 300):
        library.arrive(until)
    library.tend(is_quiet=True)
    assert [segment.method for segment in library.cover.segments] == ["ivfflat"]
    for until in range(30_000, 90_000, 300):
        library.arrive(until)
    library.tend(is_quiet=True)
    assert [segment.method for segment in library.cover.segments] == ["hnsw"]


def test_few_vectors_are_left_alone() -> None:
    assert next_range(cover([]), (CLOSE_VECTORS - 1,), least=CLOSE_VECTORS) is None
    assert next_lists(cover([]), is_quiet=True) is next_graph(cover([]), is_quiet=True) is None


def segment(low: int, high: int, method: str = "ivfflat") -> Segment:
    return Segment(variant=1, low=low, high=high, method=method, vectors=high - low)  # type: ignore[arg-type]


def test_a_graph_takes_in_older_ones_that_are_no_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "QUIET_GRAPH_VECTORS", 100)
    found = [segment(0, 900, "hnsw"), segment(900, 1100, "hnsw"), segment(1100, 1200, "hnsw"), segment(1200, 1300)]
    merge = next_graph(cover(found), is_quiet=True)
    assert merge is not None
    assert merge.sources == tuple(found[1:])
    assert next_graph(cover(found), is_quiet=True, most=250).sources == tuple(found[2:])  # type: ignore[union-attr]
    assert next_graph(cover([*found[:2], found[3]]), is_quiet=True).sources == (found[3],)  # type: ignore[union-attr]


def test_while_vectors_arrive_a_graph_takes_what_nobody_else_merges() -> None:
    full = [segment(n * FULL_VECTORS, (n + 1) * FULL_VECTORS) for n in range(4)]
    small = segment(4 * FULL_VECTORS, 4 * FULL_VECTORS + 10)
    assert next_graph(cover([*full[:3], small]), is_quiet=False) is None
    merge = next_graph(cover([*full, small]), is_quiet=False)
    assert merge is not None
    assert merge.sources == tuple(full)
    assert next_lists(cover([*full, small]), is_quiet=True) is None


def test_everything_as_graphs() -> None:
    found = [segment(0, 100, "hnsw"), segment(100, 200), segment(200, 300), segment(400, 500)]
    assert [merge.sources for merge in graphs_of_all(cover(found), most=250)] == [
        tuple(found[:2]),
        (found[2],),
        (found[3],),
    ]
    assert graphs_of_all(cover(found[:1]), most=250) == []


def test_lists_are_many_enough_and_not_too_many() -> None:
    assert [lists_for(n) for n in (0, 1, 4_096, 65_536, 10**12)] == [1, 2, 128, 512, 32_768]
