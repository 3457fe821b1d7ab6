"""Indexes: made once for each space, used, rebuilt beside readers, healed after a kill; recall against exact search."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psycopg
import pytest
from rows import one, rows
from spaces import STRATEGY, Axes, add_embedded_clips, add_vectors, truth, units

from heaters.errors import StoreError
from heaters.search import Filters, Query, Search, Term, nearest, plan
from heaters.search import indexes as module
from heaters.search.indexes import ensure_indexes, index_name, indexes
from heaters.search.keeper import Keeper
from heaters.search.nearest import Nearest
from heaters.search.recall import measure_recall
from heaters.search.spaces import Chosen
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.vectors import statement

COUNT, DIMENSION = 3000, 24
SPACE = Chosen(model="axes@1", name="axes", dimension=DIMENSION, strategy=STRATEGY)


def clustered(count: int, seed: int = 5) -> np.ndarray:
    """Vectors around 60 centres: near ones are many and near each other."""
    random = np.random.default_rng(seed)
    return units(
        random.normal(size=(60, DIMENSION))[np.arange(count) % 60] + 0.3 * random.normal(size=(count, DIMENSION))
    )


@pytest.fixture
def clips(db: Database) -> list[int]:
    made = [clip for name in "abc" for clip in add_embedded_clips(db, COUNT // 3, name)]
    add_vectors(db, made, clustered(COUNT))
    return made


@pytest.fixture
def indexed(clips: list[int], db: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The same with their index, which is asked for more than 100 vectors."""
    ensure_indexes(db)
    with db.transaction() as tx:
        tx.execute("analyze")
    for name, value in (("EXACT_ROWS", 100), ("EXACT_FILTERED_ROWS", 200)):
        monkeypatch.setattr(plan, name, value)
        monkeypatch.setattr(nearest, name, value)
    return clips


@pytest.fixture
def search(db: Database, settings: Settings) -> Search:
    return Search(db, settings, embedder=Axes(dimension=DIMENSION))


def ask(text: str = "abc", **options) -> Query:
    return Query(terms=(Term.text(text),), **options)


def test_each_space_gets_an_index_of_its_own_dimension(db: Database, clips: list[int]) -> None:
    add_vectors(db, clips[:50], np.random.default_rng(1).normal(size=(50, 8)), model="small@1")
    add_vectors(db, clips[:50], clustered(50), strategy="single")
    assert [index.valid for index in indexes(db)] == [False] * 3
    built = ensure_indexes(db)
    assert sorted(built) == sorted(index_name(*of) for of in [("axes@1", STRATEGY), ("axes@1", "single"),
                                                              ("small@1", STRATEGY)])  # fmt: skip
    assert all(index.valid and index.size_bytes for index in indexes(db))
    assert ensure_indexes(db) == []
    made = one(
        db, "select indexdef from pg_indexes where indexname = %(name)s", {"name": index_name("small@1", STRATEGY)}
    )
    assert "hnsw" in made
    assert "halfvec(8)" in made


def test_the_index_finds_what_exact_search_finds(db: Database, indexed: list[int], search: Search) -> None:
    for text in ("a", "ab", "abc", "abcd"):
        page = search.run(ask(text, k=20))
        assert page.how == "hnsw"
        assert page.hits == search.run(ask(text, k=20, exact=True)).hits
        assert [hit.clip_id for hit in page.hits] == truth(db).order(search._given.embed_texts([text])[0])[:20]  # type: ignore[union-attr]
    found = measure_recall(db, SPACE, queries=20)
    assert (found.queries, found.indexed) == (20, 20)
    assert found.mean >= 0.98


def test_the_check_sees_a_bad_index(db: Database, clips: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """An index over half of the vectors stands for one that lost them."""
    monkeypatch.setattr(plan, "EXACT_ROWS", 100)
    monkeypatch.setattr(nearest, "EXACT_ROWS", 100)
    with db.transaction() as tx:
        tx.execute("create table half as select * from embeddings where clip_id %% 2 = 0", ())
        tx.execute("delete from embeddings where clip_id %% 2 = 0", ())
    ensure_indexes(db)
    with db.transaction() as tx:
        name = index_name("axes@1", STRATEGY)
        tx.execute(f"update pg_index set indisready = false where indexrelid = '{name}'::regclass")
    with db.transaction() as tx:
        tx.execute("insert into embeddings select * from half")
        tx.execute(f"update pg_index set indisready = true where indexrelid = '{name}'::regclass")
    assert measure_recall(db, SPACE, queries=20).mean < 0.8


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02, 1 / COUNT, 0])
def test_filters_never_return_too_few(db: Database, indexed: list[int], search: Search, share: float) -> None:
    allowed = sorted(np.random.default_rng(2).choice(indexed, round(COUNT * share), replace=False).tolist())
    with db.transaction() as tx:
        tx.execute("update clips set state = 'exported' where id = any (%s)", (allowed,))
        tx.execute("analyze clips")
    for k in (10, 400):
        page = search.run(ask(k=k, filters=Filters(states=("exported",))))
        expected = truth(db).order(search._given.embed_texts(["abc"])[0], allowed)[:k]  # type: ignore[union-attr]
        found = [hit.clip_id for hit in page.hits]
        assert len(found) == len(expected) == len(set(found))
        assert len(set(found) & set(expected)) >= 0.98 * len(expected)
        if len(allowed) <= 200:
            assert (page.how, found) == ("exact", expected)


def test_a_filter_that_postgres_misjudges_still_finds_everything(
    db: Database, indexed: list[int], search: Search
) -> None:
    with db.transaction() as tx:
        tx.execute("update clips set state = 'exported'")
        tx.execute("analyze clips")
        tx.execute("update clips set state = 'embedded' where id <> %s", (indexed[7],))
    page = search.run(ask(filters=Filters(states=("exported",))))
    assert [hit.clip_id for hit in page.hits] == [indexed[7]]


def test_retired_clips_in_the_index_do_not_take_the_place_of_others(
    db: Database, indexed: list[int], search: Search
) -> None:
    with db.transaction() as tx:
        tx.execute("alter table clips disable trigger user")
        tx.execute("update clips set state = 'archived', retired_at = now() where id %% 10 <> 0", ())
    hits = search.run(ask(k=300)).hits
    assert len(hits) == 300
    assert all(hit.clip_id % 10 == 0 for hit in hits)


def test_two_builds_at_once_make_each_index_once(db: Database, clips: list[int], database_url: str) -> None:
    add_vectors(db, clips, clustered(COUNT), strategy="single")
    with ThreadPoolExecutor(3) as pool:
        built = list(pool.map(lambda _: ensure_indexes(Database(database_url)), range(3)))
    assert sorted(name for names in built for name in names) == sorted(index.name for index in indexes(db))
    assert all(index.valid for index in indexes(db))


def test_a_killed_build_is_cleared_away_and_made_again(db: Database, clips: list[int], database_url: str) -> None:
    """The build waits for an open transaction and is ended there, as if its server process had been killed."""
    with psycopg.connect(database_url) as reader:
        reader.execute("select count(*) from embeddings")
        reader.execute("lock table embeddings in row exclusive mode")
        thread = threading.Thread(target=_broken, args=(database_url,))
        thread.start()
        victim = None
        deadline = time.monotonic() + 20
        while victim is None and time.monotonic() < deadline:
            with db.transaction() as tx:
                victim = tx.execute(
                    "select pid from pg_stat_progress_create_index where phase like 'waiting%%'", ()
                ).fetchone()
            time.sleep(0.02)
        assert victim is not None
        with db.transaction() as tx:
            tx.execute("select pg_terminate_backend(%s)", (victim["pid"],))
        thread.join(20)
    with db.transaction() as tx:
        left = tx.execute(query("space_indexes")).fetchall()
    assert [row["valid"] for row in left] == [False]
    assert not indexes(db)[0].valid
    assert ensure_indexes(db) == [index_name("axes@1", STRATEGY)]
    assert [index.valid for index in indexes(db)] == [True]


def _broken(url: str) -> None:
    with pytest.raises(Exception, match="could not be built"):
        ensure_indexes(Database(url))


def test_a_rebuild_lets_others_read_and_write(
    db: Database, indexed: list[int], search: Search, database_url: str
) -> None:
    """Another session's lock holds the rebuild up half-way; meanwhile vectors are written and found."""
    before = one(db, "select relfilenode from pg_class where relname = %(n)s", {"n": index_name("axes@1", STRATEGY)})
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as reader:
        reader.execute("select count(*) from embeddings")
        running = pool.submit(ensure_indexes, Database(database_url), rebuild=True)
        _wait_for(db, "select count(*) as n from pg_stat_progress_create_index")
        add_vectors(db, indexed[:10], clustered(10, seed=9))
        assert search.run(ask()).how == "hnsw"
        assert not running.done()
        reader.rollback()
        assert running.result(30) == [index_name("axes@1", STRATEGY)]
    assert (
        one(db, "select relfilenode from pg_class where relname = %(n)s", {"n": index_name("axes@1", STRATEGY)})
        != before
    )
    assert len(rows(db, "select indexrelid from pg_index where indrelid = 'embeddings'::regclass")) == 3


def _wait_for(db: Database, statement: str) -> None:
    deadline = time.monotonic() + 20
    while not one(db, statement):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_without_shared_memory_one_process_builds(db: Database, clips: list[int], monkeypatch) -> None:
    """A stand-in for the build fails as one does where /dev/shm is small, as long as others are to help."""
    failing = (
        "do $$ begin if current_setting('max_parallel_maintenance_workers') > '0' then raise disk_full; end if; end $$"
    )
    real = module.statement
    monkeypatch.setattr(module.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(module, "statement", lambda name, **of: failing if name == "create_index" else real(name, **of))
    assert ensure_indexes(db) == [index_name("axes@1", STRATEGY)]
    monkeypatch.setattr(module, "statement", lambda name, **of: "do $$ begin raise disk_full; end $$")
    with pytest.raises(StoreError, match="could not be built"):
        ensure_indexes(db)


def test_the_keeper_builds_what_is_missing_and_no_more(db: Database, clips: list[int]) -> None:
    said: list[str] = []
    keeper = Keeper(db, said.append)
    keeper.look()
    keeper.settle()
    assert indexes(db)[0].valid
    add_vectors(db, clips[:9], clustered(9), strategy="single")
    keeper.settle()
    assert [index.valid for index in indexes(db)] == [True, True]
    assert said == []


def test_building_needs_no_index_of_anything_else(db: Database) -> None:
    assert indexes(db) == []
    assert ensure_indexes(db) == []


def test_an_index_scan_is_what_postgres_does(db: Database, indexed: list[int]) -> None:
    """The plan itself: through the index, without a sort of everything, with and without filters."""
    for filters in (Filters(), Filters(states=("embedded",), min_seconds=0.01)):
        asked = Nearest(db, SPACE, np.ones(DIMENSION, np.float16), ask(filters=filters))
        with db.transaction() as tx:
            tx.execute(query("use_index"), {"breadth": 200, "scan": 20_000})
            body = statement("nearest_indexed", dimension=DIMENSION, model="axes@1", strategy=STRATEGY)
            parameters = asked._parameters | {"after": None, "tied": [], "limit": 11, "window": 50}
            explained = tx.execute("explain " + body.as_string(tx), parameters, prepare=False).fetchall()
        text = "\n".join(row["QUERY PLAN"] for row in explained)
        assert f"Index Scan using {index_name('axes@1', STRATEGY)}" in text
