"""The typed client and the official OpenAI client against the endpoint over real HTTP."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import openai
import pytest
from endpoint import Model, data_url, endpoint, served
from PIL import Image
from spaces import add_embedded_clips, add_vectors
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.keys import Keys
from deployments.limits import Limits
from deployments.problems import Problem
from heaters.client import Client, Refused, Unavailable
from heaters.search import Query, RemoteEmbedder, Search, Term
from heaters.settings import Settings
from heaters.store.db import Database

KEY = "a-key-of-sixteen-letters"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(endpoint(keys=Keys([KEY]))) as url:
        yield url


@pytest.fixture
def official(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_the_official_client_gets_the_model_s_vectors(official: openai.OpenAI, encoding: str | None) -> None:
    more = {} if encoding is None else {"encoding_format": encoding}
    texts = ["a lion", "a dog in the snow"]
    answer = official.embeddings.create(model="axes", input=texts, **more)
    assert answer.model == "axes@1"
    assert answer.usage.total_tokens == 7
    expected = np.concatenate([Model().embed_texts([text]) for text in texts])
    if encoding == "base64":  # asked for by the caller it comes as it is
        assert all(isinstance(entry.embedding, str) for entry in answer.data)
    else:
        found = np.array([entry.embedding for entry in answer.data], dtype=np.float32)
        np.testing.assert_array_equal(found, expected)


def test_the_official_client_sends_pictures_as_data_urls(official: openai.OpenAI) -> None:
    answer = official.embeddings.create(model="axes", input=data_url())
    expected = Model().embed_images([Image.new("RGB", (8, 8), (3, 4, 5))])
    np.testing.assert_array_equal(np.array([answer.data[0].embedding], np.float32), expected)


def test_the_official_client_lists_models_and_knows_our_errors(official: openai.OpenAI, url: str) -> None:
    assert [model.id for model in official.models.list()] == ["axes@1"]
    assert official.models.retrieve("axes@1").id == "axes@1"
    with pytest.raises(openai.NotFoundError) as caught:
        official.embeddings.create(model="text-embedding-3-small", input="a")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError, match="token arrays are not supported"):
        official.embeddings.create(model="axes", input=[1, 2, 3])
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{url}/v1", api_key="wrong-key-of-sixteen").models.list()


def test_embeddings_and_models(url: str, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (3, 4, 5)).save(tmp_path / "x.png")
    with Client(url, key=KEY) as client:
        found = client.embed(["a lion", tmp_path / "x.png"])
        assert [(m.id, m.dimensions) for m in client.models()] == [("axes@1", 16)]
    assert found.model == "axes@1"
    np.testing.assert_array_equal(found.vectors[0], Model().embed_texts(["a lion"])[0])


def test_search_gives_the_search_module_s_own_page(db: Database, settings: Settings, tmp_path: Path) -> None:
    clips = add_embedded_clips(db, 60)
    add_vectors(db, clips, np.random.default_rng(7).normal(size=(60, 16)))
    Image.new("RGB", (8, 8), (3, 4, 5)).save(tmp_path / "x.png")
    direct = Search(db, settings, embedder=Model())
    with served(endpoint(db, settings)) as url, Client(url) as client:
        page = client.search("a lion", k=7)
        assert page == direct.run(Query(terms=(Term.text("a lion"),), k=7))
        more = client.search("a lion", k=7, cursor=page.next)
        assert not {hit.clip_id for hit in page.hits} & {hit.clip_id for hit in more.hits}
        by_image = client.search(image=tmp_path / "x.png", terms=[{"clip": clips[1], "weight": -0.5}], exact=True)
        assert by_image.hits
        assert clips[1] not in {hit.clip_id for hit in by_image.hits}
        assert client.search("a", filters={"states": ["review_archived"]}).hits == ()
        with pytest.raises(Refused, match="clip 4711 has no vector") as caught:
            client.search(clip=4711)
        assert (caught.value.status, len(caught.value.request_id)) == (400, 32)


def test_search_elsewhere_may_embed_through_the_endpoint(url: str) -> None:
    remote = RemoteEmbedder(url, key=KEY)
    np.testing.assert_allclose(remote.embed_texts(["a lion", "b"])[1:], Model().embed_texts(["b"]), atol=1e-6)
    assert remote.embed_images([Image.new("RGB", (40, 30), (3, 4, 5))]).shape == (1, 16)
    assert remote.model == "axes@1"


class Busy:
    """In front of an application: refuses the first `times` requests."""

    def __init__(self, app: ASGIApp, times: int) -> None:
        self._app, self.left = app, times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.left -= 1
        if self.left >= 0:
            await Problem(503, "busy", retry_after_seconds=0).response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def test_it_comes_back_to_a_busy_server_but_not_for_ever() -> None:
    with served(Busy(endpoint(), 2)) as url, Client(url, retries=2) as client:
        assert client.models()[0].id == "axes@1"
    with served(Busy(endpoint(), 9)) as url, Client(url, retries=1) as client:
        with pytest.raises(Unavailable, match="busy") as caught:
            client.models()
        assert (caught.value.status, caught.value.code) == (503, "overloaded")
    with Client("http://127.0.0.1:1", retries=1) as client, pytest.raises(Unavailable, match="was not reached"):
        client.models()


def test_what_breaks_a_rule_is_asked_once(url: str) -> None:
    with pytest.raises(Refused) as caught:
        Client(url, key="wrong-key-of-sixteen").models()
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")


def test_threads_share_one_client(url: str) -> None:
    with Client(url, key=KEY) as client:
        found: dict[int, np.ndarray] = {}

        def ask(number: int) -> Callable[[], None]:
            return lambda: found.update({number: client.embed([f"text {number}"]).vectors[0]})

        threads = [threading.Thread(target=ask(number)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(16):
        np.testing.assert_array_equal(found[number], Model().embed_texts([f"text {number}"])[0])


def test_limits_show_as_refusals() -> None:
    with served(endpoint(limits=Limits(inputs=1))) as url, Client(url) as client, pytest.raises(Refused) as caught:
        client.embed(["a", "b"])
    assert caught.value.param == "input"
