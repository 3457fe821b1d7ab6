"""Room, size, time, keys and ids: what holds for every route, and that nothing private is logged."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from endpoint import endpoint, served
from starlette.testclient import TestClient

from deployments.keys import Keys
from deployments.limits import Limits
from deployments.log import open_log
from heaters.settings import Settings
from heaters.store.db import Database

KEY, OTHER = "a-key-of-sixteen-letters", "another-key-as-long-as-that"
BODY = {"input": "a lion"}


@pytest.fixture
def make() -> Callable[..., TestClient]:
    return lambda **more: TestClient(endpoint(**more), raise_server_exceptions=False, base_url="http://localhost")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/v1/embeddings", 405), ("PUT", "/v1/search", 405), ("POST", "/healthz", 405)],
)
def test_unknown_paths_and_methods_have_the_one_shape(
    make: Callable[..., TestClient], method: str, path: str, status: int
) -> None:
    answer = make().request(method, path, json={})
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b'{"input": "\\ud800"}', {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"input": ' + b"9" * 6000 + b"}", {}, 400),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-type": ""}, 415),
        (b"{}", {"content-encoding": "gzip"}, 415),
    ],
)
def test_bodies_that_are_none(
    make: Callable[..., TestClient], body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = make().post("/v1/embeddings", content=body, headers={"content-type": "application/json"} | headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_body_is_refused_while_it_is_read(make: Callable[..., TestClient]) -> None:
    client, sent = make(limits=Limits(body_bytes=1000)), []

    def endless() -> "object":
        for _ in range(10_000):
            sent.append(1)
            yield b"x" * 100

    kind = {"content-type": "application/json"}
    assert client.post("/v1/embeddings", content=b"x" * 1001, headers=kind).status_code == 413
    answer = client.post("/v1/embeddings", content=endless(), headers=kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
    assert client.post("/v1/embeddings", json=BODY).status_code == 200


@pytest.mark.parametrize("header", ["", KEY, f"Basic {KEY}", "Bearer ", "Bearer wrong-key-of-sixteen", "Bearer \xe4"])
def test_without_a_known_key_nothing_is_answered(make: Callable[..., TestClient], header: str) -> None:
    client = make(keys=Keys([KEY, OTHER]))
    headers = {"authorization": header.encode("latin-1")}
    for path in ("/v1/models", "/metrics", "/docs", "/openapi.json", "/nothing"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get("/healthz").status_code == 200


def test_ready_means_that_the_database_answers_too(
    make: Callable[..., TestClient], db: Database, settings: Settings
) -> None:
    assert make().get("/healthz").status_code == 200
    assert make().get("/readyz").status_code == 503
    assert TestClient(endpoint(db, settings, keys=Keys([KEY]))).get("/readyz").status_code == 200


def test_each_of_the_keys_opens(make: Callable[..., TestClient]) -> None:
    client = make(keys=Keys([KEY, OTHER]))
    for key in (KEY, OTHER):
        assert client.post("/v1/embeddings", json=BODY, headers={"authorization": f"Bearer {key}"}).status_code == 200


def test_more_than_there_is_room_for_is_told_to_come_back(make: Callable[..., TestClient]) -> None:
    gate = threading.Event()
    keys = Keys([KEY, OTHER])
    limits = Limits(in_flight=3, in_flight_per_key=2, retry_after_seconds=7)
    client = make(before=lambda _: gate.wait(10), limits=limits, keys=keys)
    mine, others = ({"authorization": f"Bearer {key}"} for key in (KEY, OTHER))

    def ask(headers: dict[str, str], text: str) -> httpx.Response:
        return client.post("/v1/embeddings", json={"input": text}, headers=headers)

    with ThreadPoolExecutor(4) as threads, client:
        accepted = [threads.submit(ask, mine, f"text {i}") for i in range(2)]
        _until(lambda: 'heaters_requests_in_flight{replica="local"} 2.0' in _figures(client, mine))
        refused = ask(mine, "third")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
        accepted.append(threads.submit(ask, others, "other"))
        _until(lambda: 'heaters_requests_in_flight{replica="local"} 3.0' in _figures(client, mine))
        refused = ask(others, "fourth")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "7")
        assert client.get("/healthz").status_code == 200
        gate.set()
        assert [one.result().status_code for one in accepted] == [200, 200, 200]
        assert ask(mine, "again").status_code == 200


def test_a_request_has_its_time_and_no_header_takes_it_away(make: Callable[..., TestClient]) -> None:
    gate = threading.Event()
    client = make(before=lambda _: gate.wait(10), limits=Limits(request_seconds=0.3))
    with client:
        for seconds in ("0", "-1", "1e9", "inf", "nan", "x", "0.05"):
            answer = client.post("/v1/embeddings", json=BODY, headers={"x-request-timeout-seconds": seconds})
            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout"), seconds
        gate.set()


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    head = b"POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\n"
    head += b"content-type: application/json\r\ncontent-length: 9\r\n\r\n{"
    with (
        served(endpoint(limits=Limits(request_seconds=0.3))) as url,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5) as line,
    ):
        line.sendall(head)
        assert line.recv(100).startswith(b"HTTP/1.1 408")


def test_request_ids_come_back_when_they_are_harmless(make: Callable[..., TestClient]) -> None:
    client = make()
    assert client.get("/healthz", headers={"x-request-id": "abc-1.2_3:4"}).headers["x-request-id"] == "abc-1.2_3:4"
    for bad in ("a b", "x" * 129, 'a"b', "ä".encode("latin-1")):
        assert len(client.get("/healthz", headers={"x-request-id": bad}).headers["x-request-id"]) == 32


def test_one_json_line_a_request_and_nothing_private_in_it(make: Callable[..., TestClient], tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    client = make(keys=Keys([KEY]), logger=open_log(log))
    headers = {"authorization": f"Bearer {KEY}", "x-request-id": "id-1"}
    client.post("/v1/embeddings?secret=1", json={"input": "my private words"}, headers=headers)
    client.post("/v1/embeddings", json={"input": "my private words", "model": "x"}, headers=headers)
    client.get("/secret/path", headers={"authorization": "Bearer wrong-key-of-sixteen"})
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["status"], line["route"]) for line in lines] == [
        (200, "/v1/embeddings"),
        (404, "/v1/embeddings"),
        (401, "unmatched"),
    ]
    assert (lines[0]["request_id"], lines[0]["inputs"], lines[0]["model"]) == ("id-1", 1, "axes@1")
    text = log.read_text()
    for private in ("secret", "private", KEY, "wrong-key"):
        assert private not in text
    logging.getLogger("heaters.serve").handlers.clear()


def test_a_bug_is_a_500_in_the_one_shape_with_its_trace_in_the_log_alone(
    make: Callable[..., TestClient], tmp_path: Path
) -> None:
    def fails(_: list[object]) -> None:
        raise KeyError("private detail")

    log = tmp_path / "log.jsonl"
    client = make(before=fails, logger=open_log(log))
    answer = client.post("/v1/embeddings", json=BODY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "private detail" not in answer.text
    assert "private detail" in json.loads(log.read_text())["trace"]
    logging.getLogger("heaters.serve").handlers.clear()


def _figures(client: TestClient, headers: dict[str, str]) -> str:
    return client.get("/metrics", headers=headers).text


def _until(true: Callable[[], bool], timeout_seconds: float = 10) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_without_keys_only_this_machine_s_own_names_are_answered(make: Callable[..., TestClient]) -> None:
    client = make()
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.nip.io", ""):
        assert client.post("/v1/embeddings", json=BODY, headers={"host": host}).status_code == 421, host
        assert client.get("/metrics", headers={"host": host}).status_code == 421, host
        assert client.get("/healthz", headers={"host": host}).status_code == 200, (
            host
        )  # asked by address; tells nothing
    for host in ("localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000"):
        assert client.post("/v1/embeddings", json=BODY, headers={"host": host}).status_code == 200, host
