"""What arrives is found at once and ever after, in segments of every kind; filters never return too few."""

import numpy as np
import pytest
from arrangements import (
    COUNT,
    DIMENSION,
    arranged,
    ask,
    chosen,
    clips,
    clustered,
    every_arrangement,
    near,
    small,
    vector,
)
from rows import rows
from segments import close, methods, one_graph, segments
from spaces import Axes, add_embedded_clips, add_vectors, decide, retire, truth

from heaters.core.facts import Bound
from heaters.search import Filters, Search
from heaters.search.indexes import ensure_indexes
from heaters.search.nearest import Nearest
from heaters.search.recall import measure_recall
from heaters.search.segments import Cover
from heaters.search.spaces import Chosen
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.vectors import statement

__all__ = ["arranged", "chosen", "clips", "small"]  # fixtures


@pytest.fixture
def search(db: Database, settings: Settings) -> Search:
    return Search(db, settings, embedder=Axes(dimension=DIMENSION))


@every_arrangement
def test_indexes_find_what_exact_search_finds(
    db: Database, arranged: list[int], search: Search, chosen: Chosen
) -> None:
    how = "hnsw" if methods(db, chosen) else "exact"
    for text in ("a", "ab", "abc", "abcd"):
        page = search.run(ask(text, k=20))
        assert page.how == how
        exact = search.run(ask(text, k=20, exact=True)).hits
        order = truth(db).order(vector(text))
        assert [hit.clip_id for hit in exact] == order[:20]
        found = [hit.clip_id for hit in page.hits]
        assert found == sorted(found, key=order.index)
        assert len(set(found) & set(order[:20])) >= (19 if how == "hnsw" else 20)  # layers of a graph are drawn by lot
    recall = measure_recall(db, chosen, queries=20)
    assert (recall.queries, recall.indexed) == (20, 20 if how == "hnsw" else 0)
    assert recall.mean >= 0.98


@every_arrangement
def test_a_vector_is_found_as_soon_as_it_is_committed(
    db: Database, arranged: list[int], search: Search, chosen: Chosen
) -> None:
    """New ones, and those that take the place of others; and they stay found when they are closed and merged."""
    fresh = add_embedded_clips(db, 5, "d")
    replaced = arranged[10:15]
    add_vectors(db, fresh + replaced, near("abc", 10))
    for do in (lambda: None, lambda: close(db, chosen), lambda: one_graph(db, chosen), lambda: one_graph(db, chosen)):
        do()
        hits = search.run(ask(k=10)).hits
        assert {hit.clip_id for hit in hits} == set(fresh + replaced)
        assert all(hit.score > 0.99 for hit in hits)
    add_vectors(db, replaced, -near("abc", 5))  # away again: the old ones in the graph are nobody's
    assert {hit.clip_id for hit in search.run(ask(k=5)).hits} == set(fresh)
    assert not set(replaced) & {hit.clip_id for hit in search.run(ask(k=500)).hits}


@every_arrangement
@pytest.mark.parametrize("share", [0.5, 0.1, 0.02, 1 / COUNT, 0])
def test_filters_never_return_too_few(db: Database, arranged: list[int], search: Search, share: float) -> None:
    allowed = sorted(np.random.default_rng(3).choice(arranged, round(COUNT * share), replace=False).tolist())
    decide(db, allowed, "review_approved")
    with db.transaction() as tx:
        tx.execute("analyze clips")
    for k in (10, 400):
        page = search.run(ask(k=k, filters=Filters(states=("review_approved",))))
        expected = truth(db).order(vector("abc"), allowed)[:k]
        found = [hit.clip_id for hit in page.hits]
        assert len(found) == len(expected) == len(set(found))
        assert len(set(found) & set(expected)) >= 0.98 * len(expected)
        if len(allowed) <= 200:
            assert (page.how, found) == ("exact", expected)


def test_filters_on_one_segment_alone(db: Database, arranged: list[int], search: Search, chosen: Chosen) -> None:
    """What passes lies in the graph only, in lists only, among the fresh only."""
    places = [(segment.low, segment.high) for segment in segments(db, chosen)]
    for low, high in [*places, (places[-1][1], 2**62)]:
        within = "select clip_id from embeddings where seq >= %(low)s and seq < %(high)s order by seq limit 300"
        allowed = [row["clip_id"] for row in rows(db, within, {"low": low, "high": high})]
        decide(db, arranged, "pending_review")
        decide(db, allowed, "review_skipped")
        with db.transaction() as tx:
            tx.execute("analyze clips")
        page = search.run(ask(k=50, filters=Filters(states=("review_skipped",))))
        expected = truth(db).order(vector("abc"), allowed)[:50]
        assert len(page.hits) == 50
        assert len({hit.clip_id for hit in page.hits} & set(expected)) >= 48


def test_a_filter_that_postgres_misjudges_still_finds_everything(
    db: Database, arranged: list[int], search: Search
) -> None:
    decide(db, arranged, "review_approved")
    with db.transaction() as tx:
        tx.execute("analyze clips")
    decide(db, [clip for clip in arranged if clip != arranged[7]], "pending_review")
    page = search.run(ask(filters=Filters(states=("review_approved",))))
    assert [hit.clip_id for hit in page.hits] == [arranged[7]]


@every_arrangement
def test_retired_clips_do_not_take_the_place_of_others(db: Database, arranged: list[int], search: Search) -> None:
    retire(db, [clip for clip in arranged if clip % 10])
    hits = search.run(ask(k=300)).hits
    assert len(hits) == 300
    assert all(hit.clip_id % 10 == 0 for hit in hits)


def test_the_check_sees_a_bad_index(db: Database, clips: list[int], chosen: Chosen) -> None:
    """A segment that lost half of its vectors."""
    add_vectors(db, clips, clustered(COUNT))
    one_graph(db, chosen)
    with db.transaction() as tx:
        tx.execute(f"delete from {segments(db, chosen)[0].name} where clip_id %% 2 = 0", ())
    assert measure_recall(db, chosen, queries=20).mean < 0.8


def test_an_index_scan_is_what_postgres_does(db: Database, arranged: list[int], chosen: Chosen) -> None:
    """The plan itself: each segment by its index, the fresh by their order of arrival, no sort of everything."""
    narrow = (Filters(states=("pending_review",), min_seconds=0.01), Filters(facts=(Bound(name="motion", low=0.1),)))
    for filters in (Filters(), *narrow):
        asked = Nearest(db, chosen, np.ones(DIMENSION, np.float16), ask(filters=filters))
        with db.transaction() as tx:
            there = asked._cover(tx)
            limits = {"breadth": 200, "scan": 20_000, "probes": 24, "most_probes": 48, "plans": "auto"}
            tx.execute(query("use_indexes"), limits)
            body = statement("nearest", near=asked.by_parts(there))
            parameters = asked._parameters | {"after": None, "tied": [], "limit": 11, "window": 50}
            explained = tx.execute("explain " + body.as_string(tx), parameters, prepare=False).fetchall()
        text = "\n".join(row["QUERY PLAN"] for row in explained)
        assert len(there.segments) == 3
        for segment in there.segments:
            assert f"Index Scan using {segment.name}_vector_idx" in text
        assert "Seq Scan" not in text
        assert text.count("Index Scan using embeddings_arrival on embeddings") >= 1


def test_writing_a_vector_inserts_into_no_approximate_index(db: Database, arranged: list[int]) -> None:
    kinds = rows(
        db,
        "select a.amname from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam "
        "where i.indrelid = 'embeddings'::regclass",
    )
    assert {row["amname"] for row in kinds} == {"btree"}


def test_a_segment_that_is_dropped_under_a_search_is_done_without(
    db: Database, arranged: list[int], search: Search, chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = search.run(ask(k=20)).hits
    real = Nearest._cover
    with db.transaction() as tx:
        stale = [real(Nearest(db, chosen, np.ones(DIMENSION, np.float16), ask()), tx)]
    one_graph(db, chosen)
    looked: list[Cover] = []

    def looks(self: Nearest, tx: object) -> Cover:
        looked.append(stale.pop() if stale else real(self, tx))  # type: ignore[arg-type]
        return looked[-1]

    monkeypatch.setattr(Nearest, "_cover", looks)
    assert search.run(ask(k=20)).hits == expected
    assert len(looked) == 2


def test_many_vectors_without_an_index_are_told(
    db: Database, clips: list[int], search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heaters.search.nearest.UNINDEXED_ROWS", 2000)
    add_vectors(db, clips, clustered(COUNT))
    assert search.run(ask()).note == "no index for 2,001 and more vectors: `heaters db reindex`"
    assert search.run(ask(exact=True)).note == ""
    ensure_indexes(db)
    assert search.run(ask()).note == ""
