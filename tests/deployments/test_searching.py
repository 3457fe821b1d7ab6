"""POST /v1/search gives what the search module gives, page by page, and 4xx for what it cannot mean."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from endpoint import Model, data_url, endpoint
from PIL import Image
from spaces import add_embedded_clips, add_vectors
from starlette.testclient import TestClient

from heaters.search import Query, Search, Term
from heaters.settings import Settings
from heaters.store.db import Database

IMPOSSIBLE: list[tuple[dict[str, object], str]] = [
    ({}, "1 to 16 terms"),
    ({"text": " "}, "at least one letter"),
    ({"text": "\ud800"}, "surrogate"),
    ({"text": "a\0"}, "NUL"),
    ({"text": "a", "k": 0}, "greater than or equal to 1"),
    ({"text": "a", "k": 1001}, "less than or equal to 1000"),
    ({"text": "a", "cursor": "x"}, "cursor is the `next` of a page"),
    ({"text": "a", "model": "nothing"}, "no clip has a vector of nothing"),
    ({"text": "a", "model": "a\0"}, "NUL"),
    ({"text": "a", "filters": {"videos": [0]}}, "greater than or equal to 1"),
    ({"text": "a", "filters": {"videos": [2**63]}}, "less than or equal to"),
    ({"text": "a", "filters": {"states": ["done"]}}, "pending_review"),
    ({"text": "a", "filters": {"min_seconds": 2, "max_seconds": 1}}, "must not be empty"),
    ({"text": "a", "filters": {"facts": ["speed>=1"]}}, "a fact is one of motion"),
    ({"clip": 4711}, "clip 4711 has no vector"),
    ({"terms": [{"text": "a", "clip": 1}]}, "exactly one of text, image and clip"),
    ({"terms": [{"text": "a", "weight": -1}]}, "something to look for"),
    ({"text": "a", "terms": [{"text": "a", "weight": -1}]}, "cancel out"),
    ({"image": "data:image/png;base64,AAAA"}, "not a picture that can be read"),
    ({"text": "a", "limit": 3}, "not permitted"),
]


@pytest.fixture
def clips(db: Database) -> list[int]:
    made = add_embedded_clips(db, 60, "a") + add_embedded_clips(db, 60, "b")
    add_vectors(db, made, np.random.default_rng(7).normal(size=(120, 16)))
    return made


@pytest.fixture
def client(db: Database, settings: Settings) -> Iterator[TestClient]:
    with TestClient(endpoint(db, settings), raise_server_exceptions=False, base_url="http://localhost") as client:
        yield client


def test_what_the_database_cannot_hold_is_the_client_s_fault(db: Database, settings: Settings) -> None:
    app = endpoint(db, settings)

    @app.get("/huge")
    def huge() -> None:
        with db.transaction() as tx:
            tx.execute("select %s::real", ("1e300",))

    with TestClient(app, raise_server_exceptions=False, base_url="http://localhost") as client:
        answer = client.get("/huge")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "a huge number" in answer.json()["error"]["message"]


def search(client: TestClient, **body: object) -> list[int]:
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    return [hit["clip_id"] for hit in answer.json()["hits"]]


def test_it_is_the_search_module_s_answer(
    client: TestClient, db: Database, settings: Settings, clips: list[int]
) -> None:
    direct = Search(db, settings, embedder=Model())

    def expected(*terms: Term) -> list[int]:
        return [hit.clip_id for hit in direct.run(Query(terms=terms, k=20)).hits]

    assert search(client, text="a lion", k=20) == expected(Term.text("a lion"))
    assert search(client, clip=clips[3], k=20) == expected(Term.clip(clips[3]))
    mixed = [{"text": "b", "weight": -0.5}, {"clip": clips[3]}]
    assert search(client, text="a", terms=mixed, k=20) == expected(
        Term.text("a"), Term.text("b", weight=-0.5), Term.clip(clips[3])
    )
    assert search(client, image=data_url(), k=20) == expected(Term.image(Image.new("RGB", (8, 8), (3, 4, 5))))


def test_pages_join_and_need_no_model(client: TestClient, clips: list[int]) -> None:
    whole = search(client, text="abc", k=120)
    assert sorted(whole) == clips
    found: list[int] = []
    cursor = None
    while True:
        answer = client.post("/v1/search", json={"text": "abc", "k": 50, "cursor": cursor}).json()
        found += [hit["clip_id"] for hit in answer["hits"]]
        if (cursor := answer["next"]) is None:
            break
    assert found == whole


def test_filters_narrow(client: TestClient, clips: list[int]) -> None:
    assert sorted(search(client, text="a", k=100, filters={"videos": [2]})) == clips[60:]
    assert search(client, text="a", filters={"states": ["review_skipped"]}) == []
    assert search(client, text="a", filters={"min_seconds": 1.5}) == []
    assert clips[5] not in search(client, text="a", k=120, exclude=[clips[5]])


def test_what_cannot_be_meant_is_a_400(client: TestClient, clips: list[int]) -> None:
    kind = {"content-type": "application/json"}
    for body, reason in IMPOSSIBLE:
        answer = client.post("/v1/search", content=json.dumps(body), headers=kind)
        assert answer.status_code == 400, (body, answer.text)
        assert reason in answer.json()["error"]["message"]


def test_before_anything_is_embedded_the_answer_is_empty_and_says_why(client: TestClient) -> None:
    answer = client.post("/v1/search", json={"text": "a"}).json()
    assert answer["hits"] == []
    assert "no clip has a vector" in answer["note"]


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back() -> None:
    answer = TestClient(endpoint(), base_url="http://localhost").post("/v1/search", json={"text": "a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "127.0.0.1" not in answer.text
