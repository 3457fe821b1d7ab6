"""Segments close, merge and heal beside readers and writers; a build that is cut off leaves nothing."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from arrangements import COUNT, DIMENSION, TABLES, arranged, ask, chosen, clips, clustered, near, small, vector
from rows import one, rows
from segments import close, methods, one_graph, segments
from spaces import Axes, add_embedded_clips, add_vectors, truth

from heaters.errors import StoreError
from heaters.search import Search, builder
from heaters.search.builder import Builder
from heaters.search.indexes import ensure_indexes
from heaters.search.spaces import Chosen
from heaters.settings import Settings
from heaters.store.db import Database

__all__ = ["arranged", "chosen", "clips", "small"]  # fixtures


@pytest.fixture
def search(db: Database, settings: Settings) -> Search:
    return Search(db, settings, embedder=Axes(dimension=DIMENSION))


def test_a_killed_build_leaves_nothing_and_is_made_again(
    db: Database, arranged: list[int], chosen: Chosen, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [segment.name for segment in segments(db, chosen)]
    monkeypatch.setattr(builder, "LINKS", 100)  # so that it takes seconds
    monkeypatch.setattr(builder, "BUILD_BREADTH", 1000)
    thread = threading.Thread(target=_broken, args=(database_url,))
    thread.start()
    victim = None
    deadline = time.monotonic() + 20
    while victim is None and time.monotonic() < deadline:
        with db.transaction() as tx:
            victim = tx.execute(
                "select pid from pg_stat_progress_create_index where phase like 'building%%: loading%%'", ()
            ).fetchone()
        time.sleep(0.01)
    assert victim is not None
    with db.transaction() as tx:
        tx.execute("select pg_terminate_backend(%s)", (victim["pid"],))
    thread.join(20)
    assert [segment.name for segment in segments(db, chosen)][: len(before)] == before
    assert "hnsw" not in methods(db, chosen)[1:]
    monkeypatch.undo()
    assert one_graph(db, chosen) == [segment.name for segment in segments(db, chosen)]


def _broken(url: str) -> None:
    with pytest.raises(StoreError, match="could not be built"):
        ensure_indexes(Database(url), rebuild=True)


def test_a_segment_takes_what_was_being_written_when_it_was_closed(
    db: Database, arranged: list[int], search: Search, chosen: Chosen, database_url: str
) -> None:
    """A vector's number may be lower than that of others that were committed before it."""
    fresh = add_embedded_clips(db, 60, "d")
    with psycopg.connect(database_url) as slow, ThreadPoolExecutor(1) as pool:
        insert = "insert into embeddings (clip_id, variant, images, vector) values (%s, %s, 1, %s::real[]::halfvec)"
        slow.execute(insert, (fresh[0], chosen.variant, near("abc", 1)[0].tolist()))
        add_vectors(db, fresh[1:], clustered(59, seed=8))
        closing = pool.submit(close, db, chosen)
        time.sleep(0.3)
        assert not closing.done()
        assert search.run(ask(k=1)).hits[0].clip_id != fresh[0]
        slow.commit()
        assert closing.result(20) == segments(db, chosen)[-1].name
    assert search.run(ask(k=1)).hits[0].clip_id == fresh[0]
    place = one(db, "select seq from embeddings where clip_id = %(c)s", {"c": fresh[0]})
    assert segments(db, chosen)[-1].low <= place < segments(db, chosen)[-1].high


def test_a_writer_that_never_ends_holds_up_closing_alone(
    db: Database, arranged: list[int], chosen: Chosen, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "WRITERS_SECONDS", 0.2)
    with psycopg.connect(database_url) as frozen:
        frozen.execute("lock table embeddings in row exclusive mode")
        with pytest.raises(StoreError, match=r"has been writing vectors for 0\.2 s"):
            close(db, chosen)
        with Builder(db, is_quiet=True) as building:
            assert building.merge_lists(chosen) is None  # 1,100 do not fit into one
            assert building.merge_graph(chosen) == segments(db, chosen)[-1].name


def test_searches_and_writers_go_on_while_segments_merge(
    db: Database, arranged: list[int], search: Search, chosen: Chosen, database_url: str
) -> None:
    """Whatever was committed is found, at every moment, by everybody."""
    fresh = add_embedded_clips(db, 200, "d")
    vectors = near("abc", 200)
    stop = threading.Event()

    def build() -> int:
        made = 0
        while not stop.is_set():
            made += close(db, chosen) is not None
            made += len(one_graph(db, chosen))
        return made

    def look() -> int:
        looks = 0
        mine = Search(Database(database_url), search._settings, embedder=Axes(dimension=DIMENSION))
        while not stop.is_set():
            committed = done[0]
            found = {hit.clip_id for hit in mine.run(ask(k=200)).hits}
            assert set(fresh[:committed]) <= found
            looks += 1
        return looks

    done = [0]
    with ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(build), pool.submit(look), pool.submit(look)]
        try:
            for start in range(0, 200, 4):
                add_vectors(db, fresh[start : start + 4], vectors[start : start + 4])
                done[0] = start + 4
                time.sleep(0.05)
        finally:
            stop.set()
        results = [task.result(60) for task in tasks]
    assert all(results)
    assert [hit.clip_id for hit in search.run(ask(k=50)).hits] == truth(db).order(vector("abc"))[:50]


def test_a_merge_that_somebody_else_is_at_is_left_to_them(
    db: Database, arranged: list[int], chosen: Chosen, database_url: str
) -> None:
    with psycopg.connect(database_url) as other, Builder(db, is_quiet=True) as building:
        other.execute(f"lock table {segments(db, chosen)[1].name} in share update exclusive mode")
        assert building.merge_graph(chosen) is None
        other.rollback()
        assert building.merge_graph(chosen) is not None


def test_a_reader_does_not_hold_up_a_merge(
    db: Database, arranged: list[int], search: Search, chosen: Chosen, database_url: str
) -> None:
    """Such as pg_dump: what was merged is dropped later."""
    with psycopg.connect(database_url) as reader:
        old = segments(db, chosen)[1].name
        reader.execute(f"select count(*) from {old}")
        with Builder(db, is_quiet=True) as building:
            made = building.merge_graph(chosen)
        assert made == segments(db, chosen)[-1].name
        assert old in {row["relname"] for row in rows(db, TABLES)}
        assert search.run(ask(k=20)).hits == search.run(ask(k=20, exact=True)).hits
    close(db, chosen)
    assert old not in {row["relname"] for row in rows(db, TABLES)}


@pytest.mark.parametrize("how", ["drop table {}", "drop index {}_vector_idx"])
def test_a_segment_that_is_gone_or_broken_is_searched_exactly_until_it_is_made_again(
    db: Database, arranged: list[int], search: Search, chosen: Chosen, how: str
) -> None:
    expected = search.run(ask(k=20, exact=True)).hits
    lost = segments(db, chosen)[1].name
    with db.transaction() as tx:
        tx.execute(how.format(lost))
    assert lost not in {segment.name for segment in segments(db, chosen)}
    assert search.run(ask(k=20)).hits == expected
    close(db, chosen)
    assert lost in {segment.name for segment in segments(db, chosen)}
    assert search.run(ask(k=20)).hits == expected


def test_without_shared_memory_one_process_builds(
    db: Database, clips: list[int], chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the build fails as one does where /dev/shm is small, as long as others are to help."""
    failing = (
        "do $$ begin if current_setting('max_parallel_maintenance_workers') > '0' then raise disk_full; end if; end $$"
    )
    add_vectors(db, clips, clustered(COUNT))
    close(db, chosen)
    real = builder.statement
    monkeypatch.setattr(builder.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(
        builder, "statement", lambda name, **of: failing if name == "index_by_graph" else real(name, **of)
    )
    assert len(one_graph(db, chosen)) == 1
    failing = "do $$ begin raise disk_full; end $$"
    with pytest.raises(StoreError, match="could not be built"):
        one_graph(db, chosen)
