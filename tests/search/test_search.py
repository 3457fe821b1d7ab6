"""Search gives the order that numpy gives over all vectors, adds terms up, filters, and never mixes spaces."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from spaces import Axes, add_embedded_clips, add_vectors, decide, retire, truth, units

from heaters.core.facts import Bound, parsed
from heaters.errors import UsageError
from heaters.search import Filters, Query, Search, Term
from heaters.settings import Settings
from heaters.store.db import Database


@pytest.fixture
def clips(db: Database) -> list[int]:
    """200 clips of two videos, 16 numbers each; a second model has the opposite of every vector."""
    made = add_embedded_clips(db, 100, "a") + add_embedded_clips(db, 100, "b")
    vectors = np.random.default_rng(7).normal(size=(200, 16))
    add_vectors(db, made, vectors)
    add_vectors(db, made, -vectors, model="other@1")
    return made


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """As `open_database` has it: facts are those of the default settings."""
    database = Database(database_url, patience_seconds=5, options="-c heaters.facts=1")
    yield database
    database.close()


@pytest.fixture
def search(db: Database, settings: Settings, clips: list[int]) -> Search:
    return Search(db, settings, embedder=Axes())


def ids(search: Search, *terms: Term, k: int = 50, **options) -> list[int]:
    return [hit.clip_id for hit in search.run(Query(terms=terms, k=k, **options)).hits]


def vector(text: str) -> np.ndarray:
    return Axes().embed_texts([text])[0]


def test_order_is_that_of_brute_force(db: Database, search: Search) -> None:
    stored = truth(db)
    for text in ("a", "ab", "abc", "abcd"):
        page = search.run(Query(terms=(Term.text(text),), k=50))
        assert [hit.clip_id for hit in page.hits] == stored.order(vector(text))[:50]
        scores = [hit.score for hit in page.hits]
        assert scores == sorted(scores, reverse=True)
        best = stored.vectors[list(stored.ids).index(page.hits[0].clip_id)]
        assert scores[0] == pytest.approx(float(best @ vector(text)), abs=2e-3)
        assert (page.model, page.strategy, page.how) == ("axes@1", "multi_average", "exact")


def test_a_hit_says_where_it_is(search: Search, clips: list[int]) -> None:
    hit = search.run(Query(terms=(Term.text("a"),), k=1)).hits[0]
    place = clips.index(hit.clip_id) % 100
    assert (hit.start_frame, hit.end_frame) == (4 * place, 4 * place + 4)
    assert (hit.start_seconds, hit.end_seconds) == (4 * place / 25, (4 * place + 4) / 25)
    assert (hit.state, hit.video_id) == ("pending_review", 1 + clips.index(hit.clip_id) // 100)


def test_images_and_clips_are_asked_like_texts(db: Database, search: Search, clips: list[int], tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 8), (3, 4, 5))
    picture.save(tmp_path / "x.png")
    expected = truth(db).order(Axes().embed_images([picture])[0])[:50]
    assert ids(search, Term.image(picture)) == ids(search, Term.image(tmp_path / "x.png")) == expected
    stored = truth(db)
    own = stored.vectors[list(stored.ids).index(clips[5])]
    assert ids(search, Term.clip(clips[5])) == [clip for clip in stored.order(own) if clip != clips[5]][:50]


def test_terms_add_up_by_weight(db: Database, search: Search, clips: list[int]) -> None:
    stored = truth(db)
    own = units(stored.vectors[list(stored.ids).index(clips[9])])
    total = vector("a") + 0.5 * vector("b") - 2.0 * own
    terms = (Term.text("a"), Term.text("b", weight=0.5), Term.clip(clips[9], weight=-2.0))
    assert ids(search, *terms) == [clip for clip in stored.order(units(total)) if clip != clips[9]][:50]


def test_what_has_no_direction_is_refused(search: Search, clips: list[int]) -> None:
    with pytest.raises(UsageError, match="something to look for"):
        Query(terms=(Term.text("a", weight=-1), Term.clip(clips[0], weight=-1)))
    with pytest.raises(UsageError, match="cancel out"):
        search.run(Query(terms=(Term.text("a"), Term.text("a", weight=-1))))
    with pytest.raises(UsageError, match="weight is a number other than 0"):
        Term.text("a", weight=0)
    with pytest.raises(UsageError, match="1 to 16 terms"):
        Query(terms=())


def test_spaces_are_never_mixed(db: Database, settings: Settings, clips: list[int]) -> None:
    add_vectors(db, clips[:3], np.ones((3, 16)), strategy="single")
    with pytest.raises(UsageError, match=r"axes@1, the query's would be of newer@2"):
        Search(db, settings, embedder=Axes("newer@2")).run(Query(terms=(Term.text("a"),), model="axes@1"))
    search = Search(db, settings, embedder=Axes())
    with pytest.raises(UsageError, match=rf"clip {clips[9]} has no vector of axes@1, strategy single; .*other@1"):
        search.run(Query(terms=(Term.clip(clips[9]),), strategy="single"))
    with pytest.raises(UsageError, match="clip 4711 has no vector of axes@1"):
        search.run(Query(terms=(Term.clip(4711),)))
    with pytest.raises(UsageError, match="no clip has a vector of nothing"):
        search.run(Query(terms=(Term.text("a"),), model="nothing"))
    assert len(search.run(Query(terms=(Term.clip(clips[0]),), strategy="single")).hits) == 2
    opposite = Search(db, settings, embedder=Axes("other@1")).run(Query(terms=(Term.text("a"),), k=200))
    assert [h.clip_id for h in opposite.hits][::-1] == [
        h.clip_id for h in search.run(Query(terms=(Term.text("a"),), k=200)).hits
    ]


def test_clips_are_found_whatever_was_decided_until_they_are_retired(
    db: Database, search: Search, clips: list[int]
) -> None:
    first = ids(search, Term.text("a"), k=6)
    decide(db, first[:1], "review_approved")
    decide(db, first[1:2], "review_skipped")
    decide(db, first[2:3], "review_archived")
    assert ids(search, Term.text("a"), k=6) == first
    assert ids(search, Term.text("a"), filters=Filters(states=("review_approved", "review_archived"))) == [
        first[0],
        first[2],
    ]
    assert ids(search, Term.text("a"), filters=Filters(states=("pending_review",)), k=3) == first[3:]
    retire(db, first[3:5])
    with db.transaction() as tx:
        tx.execute("alter table clips disable trigger user")
        tx.execute("delete from clips where id = %s", (first[5],))
    assert ids(search, Term.text("a"), k=3) == first[:3]
    assert len(ids(search, Term.text("a"), k=1000)) == 197


FACTS = """
    insert into facts (clip_id, variant, motion, brightness)
    select id, variant_of('facts', %(variant)s), (id %% 10)::real / 10, case when id %% 4 <> 0 then 0.1 end from clips
"""


@pytest.mark.parametrize(
    "how", ["videos", "states", "seconds", "created", "reviewed", "facts", "fact", "one row", "empty", "excluded"]
)
def test_filters_never_return_too_few(db: Database, search: Search, clips: list[int], how: str) -> None:
    now = datetime.now(UTC)
    with db.transaction() as tx:
        tx.execute(
            "update clips set state = 'review_approved', created_at = now() - interval '9 days' where id %% 5 = 0", ()
        )
        tx.execute("update clips set seconds = 4 where id %% 7 = 0", ())
        tx.execute(FACTS, {"variant": "1"})
        tx.execute(FACTS, {"variant": "1-16,1,-50"})
        tx.execute("update clips set reviewed_at = now() - interval '9 days' where id %% 3 = 0", ())
    week = now - timedelta(days=7)
    filters, allowed = {
        "videos": (Filters(videos=(2,)), clips[100:]),
        "states": (Filters(states=("review_approved",)), [c for c in clips if c % 5 == 0]),
        "seconds": (Filters(min_seconds=1, max_seconds=5), [c for c in clips if c % 7 == 0]),
        "created": (Filters(created_until=week), [c for c in clips if c % 5 == 0]),
        "reviewed": (Filters(reviewed_since=now - timedelta(days=10), reviewed_until=week),
                     [c for c in clips if c % 3 == 0]),
        "facts": (Filters(facts=parsed(["motion>=0.1", "motion<=0.3", "brightness>=0.1"])),
                  [c for c in clips if 1 <= c % 10 <= 3 and c % 4]),
        "fact": (Filters(facts=(Bound(name="brightness"),)), [c for c in clips if c % 4]),
        "one row": (Filters(videos=(1,), min_seconds=3, states=("review_approved",)),
                    [c for c in clips[:100] if c % 35 == 0]),
        "empty": (Filters(videos=(4711,)), []),
        "excluded": (Filters(), clips[20:]),
    }[how]  # fmt: skip
    excluded = tuple(clips[:20]) if how == "excluded" else ()
    found = ids(search, Term.text("abc"), k=1000, filters=filters, exclude=excluded)
    assert found == truth(db).order(vector("abc"), allowed)


def test_near_duplicates_are_folded_into_the_best(db: Database, settings: Settings) -> None:
    clips = add_embedded_clips(db, 60)
    random = np.random.default_rng(3)
    scenes = units(random.normal(size=(12, 16)))
    noisy = np.repeat(scenes, 5, axis=0) + 0.02 * random.normal(size=(60, 16))
    add_vectors(db, clips, noisy)
    search = Search(db, settings, embedder=Axes())
    query = Query(terms=(Term.text("abc"),), k=5, collapse=0.95)
    first = search.run(query)
    rest = search.page(query, 2).hits + search.page(query, 3).hits
    hits = first.hits + rest
    scene = {clip: n // 5 for n, clip in enumerate(clips)}
    assert len(hits) == 12
    assert len({scene[hit.clip_id] for hit in hits}) == 12
    assert all(len(hit.duplicates) == 4 for hit in first.hits)
    assert all(scene[other] == scene[hit.clip_id] for hit in hits for other in hit.duplicates)
    order = truth(db).order(vector("abc"))
    best = [clip for n, clip in enumerate(order) if scene[clip] not in
            {scene[before] for before in order[:n]}]  # fmt: skip
    assert [hit.clip_id for hit in hits] == best
    assert search.page(query, 4).hits == ()


def test_a_random_clip_is_one_that_may_be_found(db: Database, search: Search, clips: list[int]) -> None:
    picked = {search.random_clip(seed=n).clip_id for n in range(40)}
    assert len(picked) > 25
    assert picked <= set(clips)
    assert search.random_clip(seed=3) == search.random_clip(seed=3)
    assert search.random_clip(Filters(videos=(4711,))) is None
    decide(db, [clips[77]], "review_approved")
    assert {search.random_clip(Filters(states=("review_approved",)), seed=n).clip_id for n in range(5)} == {clips[77]}


def test_a_database_without_vectors_says_what_to_do(db: Database, settings: Settings) -> None:
    page = Search(db, settings).run(Query(terms=(Term.text("a"),)))
    assert page.hits == ()
    assert "no clip has a vector of starter yet; `heaters run` makes them" in page.note
    assert Search(db, settings).random_clip() is None
    with pytest.raises(UsageError, match="clip 1 has no vector of starter"):
        Search(db, settings).run(Query(terms=(Term.clip(1),)))
