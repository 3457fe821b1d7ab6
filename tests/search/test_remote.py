"""A model behind an endpoint, over real HTTP: vectors come exactly, and what goes wrong is named."""

import base64
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image
from spaces import Axes, add_embedded_clips, add_vectors

from heaters.errors import ConfigError, ModelError, UsageError
from heaters.search import Query, RemoteEmbedder, Search, Term
from heaters.settings import Settings
from heaters.store.db import Database


class Endpoint(ThreadingHTTPServer):
    """Answers as `POST /v1/embeddings` does, with the vectors of `Axes`, last entry first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.embedder, self.key, self.answer, self.requests = Axes(), "", None, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, body))
        if self.server.key and self.headers["Authorization"] != f"Bearer {self.server.key}":
            self.reply(401, {"error": {"message": "who are you?"}})
            return
        entries = []
        for index, one in enumerate(body["input"]):
            if isinstance(one, str):
                vector = self.server.embedder.embed_texts([one])[0]
            else:
                data = base64.b64decode(one["image"].removeprefix("data:image/jpeg;base64,"))
                vector = self.server.embedder.embed_images([Image.open(io.BytesIO(data))])[0]
            coded = base64.b64encode(vector.astype("<f4").tobytes()).decode()
            entries.insert(0, {"object": "embedding", "index": index, "embedding": coded})
        self.reply(200, self.server.answer or {"data": entries, "model": self.server.embedder.model})

    def reply(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.shutdown()
    server.server_close()


def test_vectors_come_as_the_model_made_them(endpoint: Endpoint) -> None:
    remote = RemoteEmbedder(f"{endpoint.url}/v1/")
    np.testing.assert_array_equal(remote.embed_texts(["a", "bc"]), Axes().embed_texts(["a", "bc"]))
    picture = Image.new("RGBA", (3000, 2000), (90, 90, 90, 255))
    np.testing.assert_array_equal(remote.embed_images([picture]), Axes().embed_images([picture.convert("RGB")]))
    assert remote.model == "axes@1"
    assert endpoint.requests[0] == (
        "/v1/embeddings",
        {"model": "default", "input": ["a", "bc"], "encoding_format": "base64"},
    )


def test_a_search_through_an_endpoint_is_the_same_search(db: Database, settings: Settings, endpoint: Endpoint) -> None:
    clips = add_embedded_clips(db, 50)
    add_vectors(db, clips, np.random.default_rng(1).normal(size=(50, 16)))
    query = Query(terms=(Term.text("abc"), Term.image(Image.new("RGB", (9, 9), (90, 90, 90)))))
    away = Search(db, replace(settings, endpoint=endpoint.url))
    assert away.run(query) == Search(db, settings, embedder=Axes()).run(query)
    assert "set by HEATERS_ENDPOINT" in away.note
    add_vectors(db, clips, np.ones((50, 16)), model="other@1")
    with pytest.raises(UsageError, match="never compared: the clips' are of other@1, the query's would be of axes@1"):
        away.run(replace(query, model="other@1"))


def test_the_key_is_sent_and_its_refusal_named(endpoint: Endpoint) -> None:
    endpoint.key = "secret"
    assert RemoteEmbedder(endpoint.url, key="secret").embed_texts(["a"]).shape == (1, 16)
    with pytest.raises(ConfigError, match="refuses HEATERS_ENDPOINT_KEY.*who are you") as error:
        RemoteEmbedder(endpoint.url, key="wrong").embed_texts(["a"])
    assert "wrong" not in str(error.value)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"data": [], "model": "m"}, "OpenAI's shape"),
        ({"data": [{"index": 0, "embedding": "AAA="}], "model": "m"}, "OpenAI's shape"),
        ({"vectors": []}, "OpenAI's shape"),
        ([1], "OpenAI's shape"),
        ({"data": [{"index": 0, "embedding": "AACAPwAAAAA="}] * 2, "model": "m"}, "must give 1 vectors; got 2"),
        ({"data": [{"index": 0, "embedding": "AAAAAAAAAAA="}], "model": "m"}, "finite and not zero"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(endpoint: Endpoint, answer: object, says: str) -> None:
    endpoint.answer = answer
    with pytest.raises(ModelError, match=says):
        RemoteEmbedder(endpoint.url).embed_texts(["a"])


def test_an_endpoint_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"HEATERS_ENDPOINT=http://127.0.0.1:9/v1 could not be asked"):
        RemoteEmbedder("http://127.0.0.1:9").embed_texts(["a"])
