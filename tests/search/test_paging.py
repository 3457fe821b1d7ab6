"""Pages join: the same order, nothing twice, nothing lost; with ties, and while clips come and go."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from segments import close, one_graph, use_small_segments
from spaces import STRATEGY, Axes, add_embedded_clips, add_vectors, space, units

from heaters.errors import UsageError
from heaters.search import Filters, Page, Query, Search, Term, plan
from heaters.settings import Settings
from heaters.store.db import Database

COUNT = 600


@pytest.fixture(params=["exact", "graph", "parts"])
def search(request: pytest.FixtureRequest, db: Database, settings: Settings, monkeypatch) -> Search:
    """600 clips, each five of which have one and the same vector; without an index, in a graph, or partly in lists."""
    use_small_segments(monkeypatch)
    monkeypatch.setattr(plan, "EXACT_FILTERED_ROWS", 10)
    clips = [clip for name in "ab" for clip in add_embedded_clips(db, COUNT // 2, name)]
    random = np.random.default_rng(4)
    vectors = np.repeat(random.normal(size=(COUNT // 5, 16)), 5, axis=0)
    order = random.permutation(COUNT)
    for count, do in {
        "exact": [(COUNT, None)],
        "graph": [(COUNT, one_graph)],
        "parts": [(300, one_graph), (200, close), (100, None)],
    }[request.param]:
        these, order = order[:count], order[count:]
        space = add_vectors(db, [clips[n] for n in these], vectors[these])
        if do is not None:
            do(db, space)
    return Search(db, settings, embedder=Axes())


def walk(search: Search, query: Query, between=lambda: None) -> list[Page]:
    pages = [search.run(query)]
    while pages[-1].next:
        between()
        pages.append(search.run(replace(query, cursor=pages[-1].next)))
        assert len(pages) < 500
    return pages


def ids(pages: list[Page]) -> list[int]:
    return [hit.clip_id for page in pages for hit in page.hits]


@pytest.mark.parametrize("k", [7, 50, 599, 600])
def test_pages_join_to_the_whole(search: Search, k: int) -> None:
    query = Query(terms=(Term.text("abc"),), k=k)
    whole = search.run(replace(query, k=1000, exact=True))
    pages = walk(search, query)
    assert sorted(ids(pages)) == sorted(ids([whole]))
    scores = [hit.score for page in pages for hit in page.hits]
    assert scores == sorted(scores, reverse=True)
    assert all(len(page.hits) == k for page in pages[:-1])
    assert whole.next is None


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(1, 90), min_size=1, max_size=12), text=st.text("abc", min_size=1, max_size=3))
@example(steps=[247], text="c")  # a near-tie on both sides of 250, where a window of the index ends
@example(steps=[59, 1, 25, 39, 90, 89], text="c")
def test_pages_of_any_length_join(search: Search, steps: list[int], text: str) -> None:
    query = Query(terms=(Term.text(text),), k=steps[0])
    pages = [search.run(query)]
    for k in steps[1:]:
        if pages[-1].next:
            pages.append(search.run(replace(query, k=k, cursor=pages[-1].next)))
    found = ids(pages)
    assert len(found) == len(set(found)) == min(sum(steps), COUNT)
    whole = search.run(replace(query, k=1000, exact=True)).hits[: len(found)]
    assert [hit.score for page in pages for hit in page.hits] == [hit.score for hit in whole]


def test_pages_hold_while_clips_come_and_go(db: Database, search: Search) -> None:
    query = Query(terms=(Term.text("abc"),), k=40)
    before = set(ids([search.run(replace(query, k=1000))]))
    random = np.random.default_rng(8)
    added: list[int] = []

    def change() -> None:
        made = add_embedded_clips(db, 20, f"new {len(added)}")
        near = Axes().embed_texts(["abc"]) + 0.5 * random.normal(size=(20, 16))
        add_vectors(db, made, units(near))
        added.extend(made)

    found = ids(walk(search, query, change))
    assert len(found) == len(set(found))
    assert before <= set(found)


def test_pages_hold_while_segments_close_and_merge(db: Database, search: Search) -> None:
    query = Query(terms=(Term.text("abc"),), k=40)
    whole = ids([search.run(replace(query, k=1000, exact=True))])
    steps = [close, one_graph] * 20
    found = ids(walk(search, query, lambda: steps.pop()(db, space(db))))
    assert len(found) == len(set(found)) == COUNT
    assert len(steps) < 40
    scores = {hit.clip_id: hit.score for hit in search.run(replace(query, k=1000, exact=True)).hits}
    assert [scores[clip] for clip in found] == [scores[clip] for clip in whole]


def test_a_page_asks_no_model_again(db: Database, settings: Settings, search: Search) -> None:
    model = Axes()
    asking = Search(db, settings, embedder=model)
    query = Query(terms=(Term.text("abc"),), k=10)
    first = asking.run(query)
    assert model.calls == 1
    again = asking.run(replace(query, cursor=first.next))
    assert model.calls == 1
    assert again == search.run(replace(query, cursor=first.next))


def test_a_cursor_keeps_to_its_query_and_space(db: Database, search: Search) -> None:
    query = Query(terms=(Term.text("abc"),), k=10)
    cursor = search.run(query).next
    with pytest.raises(UsageError, match="another query"):
        search.run(replace(query, filters=Filters(videos=(1,)), cursor=cursor))
    with pytest.raises(UsageError, match=f"belongs to axes@1, {STRATEGY}"):
        search.run(replace(query, strategy="single", cursor=cursor))
    with db.transaction() as tx:
        tx.execute("delete from embeddings")
        tx.execute("delete from spaces")
    with pytest.raises(UsageError, match="axes@1"):
        search.run(replace(query, cursor=cursor))


def test_page_numbers(search: Search) -> None:
    query = Query(terms=(Term.text("abc"),), k=250)
    assert [len(search.page(query, number).hits) for number in (1, 2, 3, 4, 9)] == [250, 250, 100, 0, 0]


def test_pages_deeper_than_the_index_go(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "DEEPEST", 100)
    pages = walk(search, Query(terms=(Term.text("abc"),), k=60))
    assert len(set(ids(pages))) == COUNT == len(ids(pages))
    assert pages[-1].how == "exact"
