"""POST /v1/embeddings: OpenAI's shape, the same vectors as the model gives, and a reason for every refusal."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from endpoint import Model, data_url, endpoint
from PIL import Image
from starlette.testclient import TestClient

from deployments.limits import Limits
from deployments.pictures import decoded

LIMITS = Limits(inputs=100, text_characters=50, pictures=2, picture_bytes=2000, picture_pixels=10_000, picture_aspect=5)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(endpoint(limits=LIMITS), base_url="http://localhost") as client:
        yield client


def embed(client: TestClient, value: object, **more: object) -> np.ndarray:
    answer = client.post("/v1/embeddings", json={"input": value, **more})
    assert answer.status_code == 200, answer.text
    assert [entry["index"] for entry in answer.json()["data"]] == list(range(len(answer.json()["data"])))
    return np.array([entry["embedding"] for entry in answer.json()["data"]], dtype=np.float32)


def test_a_text_a_list_and_base64_are_the_model_s_own_vectors(client: TestClient) -> None:
    expected = np.concatenate([Model().embed_texts([text]) for text in ("a lion", "a dog")])
    np.testing.assert_array_equal(embed(client, "a lion"), expected[:1])
    np.testing.assert_array_equal(embed(client, ["a lion", "a dog"], model="axes", user="me", dimensions=16), expected)
    answer = client.post("/v1/embeddings", json={"input": ["a lion", "a dog"], "encoding_format": "base64"}).json()
    rows = [np.frombuffer(base64.b64decode(entry["embedding"]), "<f4") for entry in answer["data"]]
    np.testing.assert_array_equal(rows, expected)
    assert answer["object"] == "list"
    assert answer["model"] == "axes@1"
    assert answer["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_long_lists_keep_their_order_whether_cached_or_not(client: TestClient) -> None:
    texts = [f"text {'x' * (i % 7)} {i % 40}" for i in range(100)]
    first = embed(client, texts)
    np.testing.assert_array_equal(embed(client, texts[::-1]), first[::-1])
    np.testing.assert_array_equal(first, np.concatenate([Model().embed_texts([text]) for text in texts]))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_pictures_are_embedded_in_both_spellings_and_beside_words(client: TestClient, kind: str) -> None:
    url = data_url(kind=kind)
    rows = embed(client, ["a lion", url, {"image": url}])
    np.testing.assert_array_equal(rows[1], rows[2])
    np.testing.assert_array_equal(rows[0], Model().embed_texts(["a lion"])[0])


def test_a_large_picture_is_made_smaller_not_refused() -> None:
    seen: list[Image.Image] = []
    with TestClient(endpoint(before=seen.extend), base_url="http://localhost") as client:
        embed(client, data_url(4200, 2100, kind="JPEG"))
    assert seen[0].size == (2100, 1050)


@pytest.mark.parametrize(
    ("body", "status", "param", "reason"),
    [
        ({"input": []}, 400, "input", "at least one input"),
        ({"input": ""}, 400, "input", "at least one letter"),
        ({"input": ["a", "  "]}, 400, "input.1", "at least one letter"),
        ({"input": [1, 2, 3]}, 400, "input", "token arrays are not supported"),
        ({"input": [[1, 2], [3]]}, 400, "input", "token arrays are not supported"),
        ({"input": None}, 400, "input", "must be a text"),
        ({"input": ["a", 1]}, 400, "input", "must be a text"),
        ({"input": {"text": "a"}}, 400, "input", "must be a text"),
        ({"input": "x" * 51}, 400, "input", "may have 50 characters; got 51"),
        ({"input": ["x"] * 101}, 400, "input", "may have 100 inputs; got 101"),
        ({"input": "a", "encoding_format": "hex"}, 400, "encoding_format", "'float' or 'base64'"),
        ({"input": "a", "dimensions": 8}, 400, "dimensions", "axes@1 has 16"),
        ({"input": "a", "model": "text-embedding-3-small"}, 404, "model", "not served here; axes@1 is"),
        ({"input": "a", "encodng_format": "float"}, 400, "encodng_format", "not permitted"),
        ({"input": data_url(200, 100)}, 413, "input", "may have 10000 pixels; got 200 × 100"),
        ({"input": data_url(60, 10)}, 400, "input", "may differ 5 times"),
        ({"input": [data_url()] * 3}, 400, "input", "may have 2 pictures"),
        ({"input": "data:image/png;base64," + "A" * 4000}, 413, "input", "may have 2000 bytes"),
        ({"input": "data:image/png;base64,AAAA"}, 400, "input", "not a picture that can be read"),
        ({"input": "data:image/png;base64,%%%"}, 400, "input", "must be base64"),
        ({"input": "data:image/png,x"}, 400, "input", "data:image/TYPE;base64,DATA"),
        ({"input": {"image": "https://example.org/x.png"}}, 400, "input", "data:image/TYPE;base64,DATA"),
        ({}, 400, "input", "required"),
        ([], 400, None, "dictionary"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    client: TestClient, body: object, status: int, param: str | None, reason: str
) -> None:
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert reason in error["message"]
    assert set(error) == {"message", "type", "param", "code"}
    if param is not None:
        assert error["param"] == param


def test_a_truncated_picture_fails_alone(client: TestClient) -> None:
    whole = base64.b64decode(data_url(20, 20, kind="BMP").partition(",")[2])
    broken = "data:image/bmp;base64," + base64.b64encode(whole[: len(whole) * 3 // 4]).decode()
    answer = client.post("/v1/embeddings", json={"input": [broken]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_image")


def test_models_are_listed_and_found_by_each_of_their_names(client: TestClient) -> None:
    listed = client.get("/v1/models").json()["data"]
    assert [(m["id"], m["dimensions"]) for m in listed] == [("axes@1", 16)]
    for name in ("axes@1", "axes", "default"):
        assert client.get(f"/v1/models/{name}").json()["id"] == "axes@1"
    assert client.get("/v1/models/openclip:ViT-B-32/x").status_code == 404


@pytest.mark.parametrize("size", [(1100, 22000), (22000, 1100), (4900, 4900)])
def test_a_long_picture_is_made_as_small_as_a_square_one(size: tuple[int, int]) -> None:
    for kind in ("PNG", "JPEG"):
        data = base64.b64decode(data_url(*size, kind=kind).partition(",")[2])
        small = decoded(data)
        assert small.width * small.height <= 4 * 1024**2
        assert small.width / small.height == pytest.approx(size[0] / size[1], rel=0.02)


def test_a_camera_s_picture_stays_upright() -> None:
    picture, memory = Image.new("RGB", (3000, 1500)), io.BytesIO()
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(memory, "JPEG", exif=exif)
    small = decoded(memory.getvalue())
    assert small.height > small.width


def test_the_pictures_of_a_request_have_a_bound_together() -> None:
    with TestClient(endpoint(limits=Limits(request_pixels=100)), base_url="http://localhost") as client:
        assert client.post("/v1/embeddings", json={"input": [data_url()]}).status_code == 200
        answer = client.post("/v1/embeddings", json={"input": [data_url()] * 2})
    assert (answer.status_code, answer.json()["error"]["param"]) == (413, "input")
