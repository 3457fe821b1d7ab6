"""Segments made for tests: of few vectors, and as the test wants them."""

import pytest

from heaters.search import plan, upkeep
from heaters.search.builder import Builder
from heaters.search.segments import Segment, cover
from heaters.search.spaces import Chosen
from heaters.search.standing import read_segments
from heaters.store.db import Database


def use_small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything at a hundredth of its size, so that a test's library has what a large one has."""
    for name, value in (("CLOSE_VECTORS", 40), ("FULL_VECTORS", 640), ("GRAPH_VECTORS", 2_560)):
        monkeypatch.setattr(upkeep, name, value)
    monkeypatch.setattr(upkeep, "QUIET_GRAPH_VECTORS", 640)
    monkeypatch.setattr(plan, "EXACT_FILTERED_ROWS", 200)


def close(db: Database, space: Chosen) -> str | None:
    """Close what has arrived up to now into a segment with lists."""
    with Builder(db, is_quiet=True, waits=True) as builder:
        return builder.close(space, least=1)


def one_graph(db: Database, space: Chosen) -> list[str]:
    """All that has arrived up to now in one segment with a graph."""
    with Builder(db, is_quiet=True, waits=True) as builder:
        return builder.rebuild(space)


def segments(db: Database, space: Chosen) -> list[Segment]:
    """Those that searches use."""
    with db.transaction() as tx:
        return list(cover(read_segments(tx, space.variant)).segments)


def methods(db: Database, space: Chosen) -> list[str]:
    """How the segments that searches use are indexed, in order of arrival."""
    return [segment.method for segment in segments(db, space)]
