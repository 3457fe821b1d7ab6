"""The keeper: segments while vectors arrive, a library at rest afterwards, and nothing said while all is well."""

import time

import numpy as np
import psycopg
import pytest
from segments import methods, segments, use_small_segments
from spaces import add_embedded_clips, add_vectors, space

from heaters.search import builder
from heaters.search import keeper as module
from heaters.search.keeper import Keeper
from heaters.search.spaces import Chosen
from heaters.store.db import Database


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_segments(monkeypatch)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "GRAPH_SECONDS", 0.05)


@pytest.fixture
def chosen(db: Database) -> Chosen:
    return space(db)


def arrive(db: Database, count: int, name: str) -> None:
    add_vectors(db, add_embedded_clips(db, count, name), np.random.default_rng(count).normal(size=(count, 16)))


def until(keeper: Keeper, wanted) -> None:
    deadline = time.monotonic() + 30
    while not wanted():
        assert time.monotonic() < deadline
        keeper.look()
        time.sleep(0.02)


def test_it_closes_and_merges_while_vectors_arrive_and_settles(db: Database, chosen: Chosen) -> None:
    said: list[str] = []
    keeper = Keeper(db, said.append)
    keeper.look()
    for n in range(12):
        arrive(db, 50, f"v{n}")
        until(keeper, lambda count=n: sum(s.vectors for s in segments(db, chosen)) == 50 * (count + 1))
    until(keeper, lambda: len(segments(db, chosen)) <= 4)
    arrive(db, 200, "more")
    keeper.settle()
    assert methods(db, chosen) == ["hnsw"]
    assert segments(db, chosen)[0].vectors == 800
    keeper.settle()
    assert said == []


def test_graphs_are_made_while_vectors_arrive(db: Database, chosen: Chosen) -> None:
    keeper = Keeper(db, lambda _: None)
    arrive(db, 2_700, "many")
    until(keeper, lambda: "hnsw" in methods(db, chosen))
    keeper.settle()


def test_it_settles_by_itself_when_nothing_arrives(
    db: Database, chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that runs for ever does not settle."""
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.3)
    keeper = Keeper(db, lambda _: None)
    arrive(db, 700, "a")
    until(keeper, lambda: methods(db, chosen) == ["hnsw"])
    keeper.settle()


def test_two_keepers_share_the_work(db: Database, chosen: Chosen, database_url: str) -> None:
    said: list[str] = []
    keepers = [Keeper(Database(database_url), said.append) for _ in range(2)]
    for n in range(6):
        arrive(db, 130, f"v{n}")
        for keeper in keepers:
            keeper.look()
    for keeper in keepers:
        keeper.settle()
    assert methods(db, chosen) == ["hnsw"]
    assert segments(db, chosen)[0].vectors == 780
    assert said == []


def test_a_few_vectors_need_nothing(db: Database, chosen: Chosen) -> None:
    keeper = Keeper(db, lambda _: None)
    arrive(db, 39, "few")
    keeper.look()
    keeper.settle()
    assert segments(db, chosen) == []
    assert keeper.is_done()


def test_trouble_is_said_and_tried_again(
    db: Database, chosen: Chosen, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "WRITERS_SECONDS", 0.1)
    said: list[str] = []
    keeper = Keeper(db, said.append)
    arrive(db, 50, "a")
    with psycopg.connect(database_url) as frozen:
        frozen.execute("lock table embeddings in row exclusive mode")
        keeper.settle()
        assert said == ["index not built yet: a transaction has been writing vectors for 0.1 s"]
    keeper.settle()
    assert methods(db, chosen) == ["ivfflat"]
