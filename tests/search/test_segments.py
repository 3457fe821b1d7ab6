"""Which segments searches use: everything that arrived is looked at once, whatever is there."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.search.segments import ENDLESS, Range, Segment, cover, names_of, segment_of


def segment(low: int, high: int, method: str = "ivfflat") -> Segment:
    return Segment(variant=3, low=low, high=high, method=method, vectors=high - low)  # type: ignore[arg-type]


def test_a_space_without_segments_is_one_range() -> None:
    assert cover([]).ranges == (Range(low=0, high=ENDLESS),)


def test_a_merged_segment_takes_the_place_of_its_sources() -> None:
    parts = [segment(0, 10), segment(10, 20), segment(20, 30)]
    assert cover(parts).segments == tuple(parts)
    merged = segment(0, 20, "hnsw")
    found = cover([*parts, merged])
    assert found.segments == (merged, parts[2])
    assert found.ranges == (Range(low=30, high=ENDLESS),)


def test_a_graph_takes_the_place_of_its_one_source() -> None:
    for found in ([segment(0, 10), segment(0, 10, "hnsw")], [segment(0, 10, "hnsw"), segment(0, 10)]):
        assert cover(found).segments == (segment(0, 10, "hnsw"),)


def test_what_is_missing_is_a_range() -> None:
    assert cover([segment(5, 10), segment(20, 30)]).ranges == (
        Range(low=0, high=5),
        Range(low=10, high=20),
        Range(low=30, high=ENDLESS),
    )


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20))))
def test_segments_and_ranges_tile_all_arrivals(places: list[tuple[int, int]]) -> None:
    """Also where segments overlap, which builders never do."""
    found = cover(segment(low, low + length) for low, length in places)
    parts = sorted([(part.low, part.high) for part in (*found.segments, *found.ranges)])
    assert parts[0][0] == 0
    assert parts[-1][1] == ENDLESS
    assert all(before[1] == after[0] for before, after in pairwise(parts))


def test_names_tell_space_and_place() -> None:
    for one in (segment(7, 4096), segment(7, 4096, "hnsw")):
        assert segment_of(one.name, vectors=4089) == one
    for other in ("near_3_7", "near_3_7_4096_ivfflat_vector_idx", "embeddings", "near_x_7_4096_hnsw"):
        assert segment_of(other) is None


@pytest.mark.parametrize(("variant", "other"), [(3, 33), (33, 3), (1, 12)])
def test_bounds_on_names_are_of_one_space(variant: int, other: int) -> None:
    bounds = names_of(variant)
    assert bounds["prefix"] <= f"near_{variant}_0_9" < bounds["beyond"]
    assert not bounds["prefix"] <= f"near_{other}_0_9" < bounds["beyond"]
    everything = names_of()
    assert everything["prefix"] <= f"near_{other}_0_9" < everything["beyond"]
    assert not everything["prefix"] <= "neat" < everything["beyond"]
