"""Several models side by side: which is searched, how it is swapped, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from rows import one
from spaces import Axes, add_embedded_clips, add_vectors, decide, space

from heaters.errors import ModelError, UsageError
from heaters.search import Query, Search, Term
from heaters.search import engine as module
from heaters.search.spaces import spaces, use, use_settings
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.variants import variant_number
from heaters.store.vectors import SpaceRow, space_number


@pytest.fixture
def clips(db: Database) -> list[int]:
    """20 clips with vectors of `old@1`, 15 of them also of `new@1`."""
    made = add_embedded_clips(db, 20)
    vectors = np.random.default_rng(1).normal(size=(20, 16))
    add_vectors(db, made, vectors, model="old@1")
    add_vectors(db, made[:15], -vectors[:15], model="new@1")
    return made


@pytest.fixture
def search(db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Search:
    """Loads `NAME@1` for the name NAME, as load_embedder would."""
    monkeypatch.setattr(module, "load_embedder", lambda name, **_: Axes(f"{name}@1"))
    return Search(db, replace(settings, model="old"))


QUERY = Query(terms=(Term.text("abc"),), k=50)


def test_spaces_say_what_they_hold_and_lack(db: Database, clips: list[int]) -> None:
    assert [(s.model, s.name, s.strategy, s.clips, s.missing, s.active) for s in spaces(db)] == [
        ("old@1", "old", "multi_average", 20, 0, False),
        ("new@1", "new", "multi_average", 15, 5, False),
    ]


def test_counts_are_kept(db: Database, clips: list[int]) -> None:
    """Decisions, edits and deletions move them; archived clips are found, but want no vector."""
    decide(db, clips[:2], "review_archived")
    decide(db, clips[15:17], "review_archived")
    decide(db, clips[2:4], "review_approved")
    assert [(s.name, s.clips, s.missing) for s in spaces(db)] == [("old", 20, 0), ("new", 15, 3)]
    with db.transaction() as tx:
        tx.execute("delete from embeddings where clip_id = %s", (clips[5],))
    assert [(s.name, s.clips, s.missing) for s in spaces(db)] == [("old", 19, 1), ("new", 14, 4)]
    found = one(db, "select count(*) from embeddings")
    assert found == sum(s.clips for s in spaces(db))


def test_a_space_without_vectors_yet_is_listed(db: Database, clips: list[int]) -> None:
    space(db, "third@1")
    assert [(s.name, s.clips, s.missing) for s in spaces(db)][-1] == ("third", 0, 20)


def test_a_search_follows_the_settings_until_a_space_is_chosen(db: Database, clips: list[int], search: Search) -> None:
    assert search.run(QUERY).model == "old@1"
    first = search.run(replace(QUERY, k=5))
    with pytest.raises(UsageError, match=r"5 clips have no vector of new@1.*`heaters embed --model new` makes them"):
        use(db, "new", "multi_average")
    assert search.run(QUERY).model == "old@1"
    add_vectors(db, clips[15:], np.random.default_rng(2).normal(size=(5, 16)), model="new@1")
    assert use(db, "new", "multi_average").clips == 20
    assert search.run(QUERY).model == "new@1"  # the same process, the next query
    assert search.run(replace(QUERY, k=5, cursor=first.next)).model == "old@1"  # a walk that has begun stays
    assert [space.active for space in spaces(db)] == [False, True]
    assert search.run(replace(QUERY, model="old")).model == "old@1"
    assert search.run(replace(QUERY, model="old@1")).model == "old@1"
    use_settings(db)
    assert search.run(QUERY).model == "old@1"


def test_an_incomplete_space_may_be_chosen_knowingly(db: Database, clips: list[int], search: Search) -> None:
    use(db, "new@1", "multi_average", even_incomplete=True)
    assert len(search.run(QUERY).hits) == 15


def test_a_space_that_is_not_there_cannot_be_chosen(db: Database, clips: list[int]) -> None:
    for model, strategy in (("nothing", "multi_average"), ("old", "single")):
        with pytest.raises(UsageError, match=f"no clip has a vector of {model}, strategy {strategy}"):
            use(db, model, strategy)


def test_a_warm_model_is_asked_in_its_own_space(db: Database, settings: Settings, clips: list[int]) -> None:
    use(db, "old", "multi_average")
    assert Search(db, settings, embedder=Axes("new@1")).run(QUERY).model == "new@1"


def test_weights_that_changed_under_a_name_are_noticed(
    db: Database, clips: list[int], search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load_embedder", lambda name, **_: Axes(f"{name}@2"))
    with pytest.raises(UsageError, match=r"the clips' are of old@1, the query's would be of old@2; `heaters embed`"):
        search.run(QUERY)


def test_a_model_whose_folder_was_moved_keeps_its_space(db: Database, clips: list[int]) -> None:
    with db.transaction() as tx:
        asked = variant_number(tx, "embed", "moved|multi_average")
        row = SpaceRow(asked=asked, model="old@1", name="moved", strategy="multi_average", dimension=16)
        number = space_number(tx, row)
        assert space_number(tx, row) == number
    assert [(s.model, s.name, s.clips) for s in spaces(db)] == [("old@1", "moved", 20), ("new@1", "new", 15)]
    assert one(db, "select max(variant) from spaces where asked = %(asked)s", {"asked": asked}) == number


def test_older_weights_than_the_newest_are_refused(db: Database, clips: list[int]) -> None:
    """A new revision makes all clips due again; after that no node may have the old one."""
    asked = one(db, "select asked from spaces where model = 'old@1'")
    with db.transaction() as tx:
        tx.execute("update watermarks set at = 77 where variant = %s", (asked,))
    older = SpaceRow(asked=asked, model="old@1", name="old", strategy="multi_average", dimension=16)
    with db.transaction() as tx:
        space_number(tx, older)
    assert one(db, "select at from watermarks where variant = %(asked)s", {"asked": asked}) == 77
    with db.transaction() as tx:
        space_number(tx, replace(older, model="old@2"))
    assert one(db, "select at from watermarks where variant = %(asked)s", {"asked": asked}) == 0
    refused = pytest.raises(ModelError, match=r"a worker's are old@1, the newest vectors are of another revision")
    with refused, db.transaction() as tx:
        space_number(tx, older)


def test_an_unusual_strategy_is_found_by_the_settings_and_by_its_name(
    db: Database, settings: Settings, clips: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load_embedder", lambda name, **_: Axes(f"{name}@1"))
    add_vectors(db, clips[:3], np.ones((3, 16)), model="old@1", strategy="multi_average/multi:5")
    search = Search(db, replace(settings, model="old", keyframes="multi:5"))
    page = search.run(replace(QUERY, k=2))
    assert (page.strategy, len(page.hits)) == ("multi_average/multi:5", 2)
    assert len(search.run(replace(QUERY, k=2, cursor=page.next)).hits) == 1
    usual = Search(db, replace(settings, model="old"))
    assert len(usual.run(replace(QUERY, strategy="multi_average/multi:5")).hits) == 3
    assert len(usual.run(QUERY).hits) == 20
    assert usual.run(replace(QUERY, strategy="single")).hits == ()


def test_a_strategy_must_be_one(search: Search) -> None:
    with pytest.raises(UsageError, match="multi_average, single; got 'median'"):
        search.run(replace(QUERY, strategy="median"))
