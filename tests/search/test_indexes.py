"""The indexes of a library: which there are, which there should be, and making these."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from arrangements import COUNT, DIMENSION, TABLES, arranged, chosen, clips, clustered, small
from rows import one, rows
from segments import methods, one_graph, segments
from spaces import STRATEGY, add_vectors, space

from heaters.search import builder
from heaters.search.builder import Builder
from heaters.search.indexes import ensure_indexes, indexes
from heaters.search.spaces import Chosen
from heaters.store.db import Database

__all__ = ["arranged", "chosen", "clips", "small"]  # fixtures


def test_each_space_gets_segments_of_its_own_dimension(db: Database, clips: list[int], chosen: Chosen) -> None:
    add_vectors(db, clips, clustered(COUNT))
    small = add_vectors(db, clips[:50], np.random.default_rng(1).normal(size=(50, 8)), model="small@1")
    single = add_vectors(db, clips[:20], clustered(20), strategy="single")
    assert [(index.name, index.vectors) for index in indexes(db)] == [("", COUNT), ("", 50), ("", 20)]
    built = ensure_indexes(db)
    assert [index.method for index in indexes(db)] == ["hnsw", "ivfflat", None]
    assert [index.vectors for index in indexes(db)] == [COUNT, 50, 20]
    assert {index.name for index in indexes(db)} - {""} <= set(built)
    assert all(index.size_bytes for index in indexes(db) if index.name)
    assert ensure_indexes(db) == []
    kind = "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = %(t)s::regclass and attnum = 3"
    assert one(db, kind, {"t": segments(db, small)[0].name}) == "halfvec(8)"
    assert methods(db, single) == []
    assert sorted(row["relname"] for row in rows(db, TABLES)) == sorted(i.name for i in indexes(db) if i.name)


def test_segments_close_by_size_and_merge(db: Database, clips: list[int], chosen: Chosen) -> None:
    vectors = clustered(COUNT)
    with Builder(db, is_quiet=False) as building:
        for start in range(0, 600, 30):
            add_vectors(db, clips[start : start + 30], vectors[start : start + 30])
            while building.close(chosen) or building.merge_lists(chosen):
                pass
        assert len(segments(db, chosen)) <= 6
        assert sum(segment.vectors for segment in segments(db, chosen)) > 600 - 40
        add_vectors(db, clips[600:], vectors[600:])  # at once: full segments are split off
        while building.close(chosen):
            pass
        assert max(segment.vectors for segment in segments(db, chosen)) == 640
        assert building.merge_graph(chosen) is None  # not while vectors arrive
    ensure_indexes(db)
    assert methods(db, chosen) == ["hnsw"]
    assert segments(db, chosen)[0].vectors == COUNT


def test_a_rebuild_drops_what_nobody_finds(db: Database, arranged: list[int], chosen: Chosen) -> None:
    with db.transaction() as tx:
        tx.execute("delete from embeddings where clip_id %% 2 = 0", ())
    first = one_graph(db, chosen)
    assert [segment.vectors for segment in segments(db, chosen)] == [COUNT // 2]
    second = one_graph(db, chosen)  # again, with nothing new
    assert first != second
    assert [segment.name for segment in segments(db, chosen)] == second
    assert [row["relname"] for row in rows(db, TABLES)] == second


def test_memory_bounds_a_graph(db: Database, arranged: list[int], chosen: Chosen, monkeypatch) -> None:
    monkeypatch.setattr(builder, "GRAPH_BYTES_PER_NUMBER", 2000 * 2**20 // (1200 * DIMENSION))
    monkeypatch.setattr(builder, "MOST_BUILD_MEMORY_MIB", 2000)
    one_graph(db, chosen)
    assert methods(db, chosen) == ["hnsw", "hnsw"]
    assert [segment.vectors for segment in segments(db, chosen)] == [1800, 1200]


def test_two_builds_at_once_make_each_index_once(db: Database, clips: list[int], database_url: str) -> None:
    add_vectors(db, clips, clustered(COUNT))
    add_vectors(db, clips, clustered(COUNT), strategy="single")
    with ThreadPoolExecutor(3) as pool:
        built = [
            name for names in pool.map(lambda _: ensure_indexes(Database(database_url)), range(3)) for name in names
        ]
    assert len(built) == len(set(built))
    assert {index.name for index in indexes(db)} <= set(built)
    assert [(index.method, index.vectors) for index in indexes(db)] == [("hnsw", COUNT)] * 2


def test_building_needs_no_index_of_anything_else(db: Database) -> None:
    assert indexes(db) == []
    assert ensure_indexes(db) == []
    assert space(db, strategy=STRATEGY).variant
    assert ensure_indexes(db, rebuild=True) == []
