"""In the proxy: its own answers get the one shape, the application's pass, and Serve's own headers never arrive."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from deployments.edge import Edge, callback


async def says(request: Request) -> Response:
    status, kind = int(request.path_params["status"]), request.path_params["kind"]
    made = JSONResponse({"own": 1}, status) if kind == "json" else PlainTextResponse("Ray's words", status)
    made.headers["x-request-id"] = request.headers["x-request-id"]
    return made


async def headers(request: Request) -> Response:
    return JSONResponse(dict(request.headers))


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/headers", headers), Route("/{kind}/{status}", says)])
    return TestClient(Edge(app))


@pytest.mark.parametrize(
    ("status", "becomes", "code"),
    [(503, 503, "overloaded"), (429, 429, "too_many_requests"), (408, 504, "timeout"), (404, 404, "not_found"),
     (500, 500, "internal_error")],
)  # fmt: skip
def test_the_proxy_s_own_answers_get_the_shape(client: TestClient, status: int, becomes: int, code: str) -> None:
    answer = client.get(f"/text/{status}", headers={"x-request-id": "abc"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (becomes, code)
    assert answer.headers["x-request-id"] == "abc"
    assert ("retry-after" in answer.headers) == (becomes in (429, 503, 504))
    assert "Ray" not in answer.text


def test_the_application_s_answers_pass(client: TestClient) -> None:
    assert client.get("/json/404").json() == {"own": 1}
    assert client.get("/text/200").text == "Ray's words"


def test_a_replica_that_died_is_an_error_not_silence() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    answer = TestClient(Edge(silent)).get("/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")


def test_what_steers_serve_does_not_arrive(client: TestClient) -> None:
    sent = {
        "x-request-timeout-seconds": "0",
        "X-Request-Disconnect-Disabled": "?1",
        "serve-multiplexed-model-id": "m",
        "serve_multiplexed_model_id": "m",
        "x-session-id": "s",
        "x_session_id": "s",
        "x-request-id": b"\xff bad",
        "x-other": b"caf\xe9",
    }
    arrived = client.get("/headers", headers=sent).json()  # type: ignore[arg-type]
    assert not {name.lower() for name in list(sent)[:6]} & arrived.keys()
    assert len(arrived["x-request-id"]) == 32
    assert arrived["x-other"] == "caf"


@pytest.mark.parametrize(("asked", "arrives"), [("5", "5"), ("1e9", None), ("-1", None), ("nan", None), ("x", None)])
def test_a_shorter_time_limit_arrives_and_no_other(client: TestClient, asked: str, arrives: str | None) -> None:
    assert client.get("/headers", headers={"x-request-timeout-seconds": asked}).json().get(
        "x-request-timeout-seconds"
    ) == (arrives)


def test_serve_finds_it() -> None:
    assert callback()[0].cls is Edge
