"""Several models side by side: which is searched, how it is swapped, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from spaces import Axes, add_embedded_clips, add_vectors

from heaters.errors import UsageError
from heaters.search import Query, Search, Term
from heaters.search import engine as module
from heaters.search.spaces import spaces, use, use_settings
from heaters.settings import Settings
from heaters.store.db import Database


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


def test_a_strategy_must_be_one(search: Search) -> None:
    with pytest.raises(UsageError, match="multi_average, single; got 'median'"):
        search.run(replace(QUERY, strategy="median"))
