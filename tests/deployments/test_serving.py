"""One real Serve for all of these: it answers as the model does, outlives killed replicas, changes its model in place.

Ray is imported in the tests alone: see test_serve_yaml.py.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import yaml
from PIL import Image
from processes import descendants
from spaces import add_embedded_clips, add_vectors
from tiny_openclip import DIMENSION, make_model

import deployments
from deployments.limits import Limits
from heaters.client import Client, ServerError, Unavailable
from heaters.errors import ConfigError
from heaters.models.embedder import load_embedder
from heaters.search import Query, Search, Term
from heaters.settings import Settings
from heaters.store.db import Database

pytestmark = [pytest.mark.slow, pytest.mark.faults]
KEY = "a-key-of-sixteen-letters"
LIMITS = Limits(request_seconds=60)
TEXTS = ["a lion", "a dog in the snow", "a red bus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running endpoint, its settings and what is in its database."""

    url: str
    settings: Settings
    db: Database
    clips: list[int]
    log: Path


@pytest.fixture(scope="module")
def running(ray_cluster: str, module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    from deployments import local

    home = tmp_path_factory.mktemp("serve")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(home=home, database_url=module_database_url, serve_port=port, device="cpu")
    db = Database(settings.database_url)
    clips = add_embedded_clips(db, 40)
    model = load_embedder("starter", cache=home, device="cpu", towers="text")
    add_vectors(db, clips, np.random.default_rng(7).normal(size=(40, model.dimension)), model=model.model)
    local.start(settings, limits=LIMITS, log_file=home / "serve.jsonl")
    yield Running(url=f"http://127.0.0.1:{port}", settings=settings, db=db, clips=clips, log=home / "serve.jsonl")
    local.stop(ray_too=False)
    db.close()


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """The starter's own vectors of TEXTS."""
    return load_embedder("starter", cache=Path("unused"), device="cpu", towers="text").embed_texts(TEXTS)


def test_the_official_client_embeds(running: Running, vectors: np.ndarray) -> None:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="none needed") as client:
        answer = client.embeddings.create(model="starter", input=TEXTS)
    np.testing.assert_allclose([entry.embedding for entry in answer.data], vectors, atol=1e-6)


def test_search_is_the_search_module_s(running: Running) -> None:
    model = load_embedder("starter", cache=running.settings.home, device="cpu", towers="text")
    expected = Search(running.db, running.settings, embedder=model).run(Query(terms=(Term.text("a lion"),), k=9))
    with Client(running.url) as client:
        found = client.search("a lion", k=9)
        assert [hit.clip_id for hit in found.hits] == [hit.clip_id for hit in expected.hits]
        assert len(client.search(clip=running.clips[3], k=40).hits) == 39
        assert httpx.get(f"{running.url}/readyz").json() == {"status": "ok"}


def test_the_examples_of_the_document_work(running: Running) -> None:
    text = (Path(deployments.__file__).parents[1] / "docs/serve.md").read_text()
    examples = re.findall(r"^    (curl .*?)(?=\n\n|\n    curl)", text, re.MULTILINE | re.DOTALL)
    assert len(examples) == 5
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    for example in examples:
        command = example.replace("localhost:8000", running.url)
        answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
        assert "error" not in json.loads(answer), (command, answer)


def test_the_proxy_s_and_the_application_s_answers_are_one(running: Running) -> None:
    headers = {"x-request-id": "my-id", "x-request-timeout-seconds": "-1", "serve_multiplexed_model_id": "x"}
    answer = httpx.get(f"{running.url}/nothing", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert answer.headers.get_list("x-request-id") == ["my-id"]
    assert httpx.get(f"{running.url}/healthz", headers={"x-request-id": b"\xff\xfe"}).status_code == 200
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert [line["status"] for line in lines if line["request_id"] == "my-id"] == [404]
    assert 'replica="' in httpx.get(f"{running.url}/metrics").text


def test_the_proxy_bounds_what_connections_send(running: Running) -> None:
    port = int(running.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        link.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: " + b"y" * 100_000)
        assert link.recv(100).startswith(b"HTTP/1.1 431")


def replicas(deployment: str) -> set[int]:
    """The processes of a deployment."""
    return {pid for pid, command in descendants() if f"ServeReplica:heaters:{deployment}" in command}


def until(true: Callable[[], bool], timeout_seconds: float = 60) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ask_until(stop: Callable[[], bool], url: str, worker: int) -> list[Any]:
    """Ask in a loop without retrying; what came of each request: the row of the text asked for, or the refusal."""
    found: list[Any] = []
    with Client(url, key=KEY, retries=0, timeout_seconds=70) as client:
        while not stop():
            text = f"{TEXTS[len(found) % 3]}{' ' * (1 + worker)}{len(found)}"  # no two alike: nothing from the cache
            try:
                found.append((text, client.embed([text]).vectors[0]))
            except Unavailable as error:
                found.append(error)
                time.sleep(0.2)
    return found


@pytest.mark.parametrize("deployment", ["text", "ingress"])
def test_a_replica_killed_under_load_loses_nothing_silently(running: Running, deployment: str) -> None:
    before = replicas(deployment)
    assert before
    done = False
    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask_until, lambda: done, running.url, number) for number in range(4)]
        time.sleep(1)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: bool(replicas(deployment) - before))
        with Client(running.url, retries=20) as client:
            client.embed(["back again"])
        time.sleep(1)
        done = True
        found = [one for task in asking for one in task.result()]
    answers = [one for one in found if not isinstance(one, Unavailable)]
    refused = [one for one in found if isinstance(one, Unavailable)]
    # Each request was answered, or refused with a reason; nobody got a vector of another text.
    assert all(error.status in (0, 500, 503) for error in refused), [str(error) for error in refused]
    if deployment == "text":  # the ingress asks again by itself
        assert not refused
    model = load_embedder("starter", cache=running.settings.home, device="cpu", towers="text")
    expected = model.embed_texts([text for text, _ in answers])
    assert len(answers) > 8
    np.testing.assert_allclose([vector for _, vector in answers], expected, atol=1e-4)


def test_a_replica_that_is_replaced_finishes_what_it_has_in_work(running: Running) -> None:
    from deployments import local

    before = replicas("ingress")
    done = False
    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask_until, lambda: done, running.url, number) for number in range(4)]
        time.sleep(1)
        local.start(running.settings, limits=replace(LIMITS, request_seconds=59), log_file=running.log)
        until(lambda: bool(replicas("ingress")) and not replicas("ingress") & before)
        done = True
        found = [one for task in asking for one in task.result()]
    assert len(found) > 8
    assert not [str(one) for one in found if isinstance(one, Unavailable)]


def deploy(running: Running, model: str) -> None:
    """The production file as `serve deploy` applies it, for one small machine: one replica each, this model."""
    from ray.serve.context import _get_global_client
    from ray.serve.schema import ServeDeploySchema

    file = yaml.safe_load((Path(deployments.__file__).parent / "serve.yaml").read_text())
    del file["http_options"], file["proxy_location"]  # Serve runs already
    application = file["applications"][0]
    application["args"]["request_seconds"] = 60
    application["runtime_env"] = {
        "env_vars": {
            "HEATERS_HOME": str(running.settings.home),
            "HEATERS_DATABASE_URL": running.settings.database_url,
            "HEATERS_API_KEYS": KEY,
        }
    }
    for deployment in application["deployments"]:
        deployment["autoscaling_config"] |= {"min_replicas": 1, "max_replicas": 1}
        if "user_config" in deployment:
            deployment["user_config"] = {"model": model}
    _get_global_client().deploy_apps(ServeDeploySchema.model_validate(file), _blocking=True)


def test_the_production_file_runs_and_changes_its_model_in_place(running: Running, tmp_path: Path) -> None:
    deploy(running, "starter")
    with Client(running.url, key=KEY, retries=20) as client:
        until(lambda: served(client) == 512)
        assert httpx.get(f"{running.url}/v1/models").status_code == 401
        before = {name: replicas(name) for name in ("text", "image", "ingress")}
        done = False
        with ThreadPoolExecutor(2) as threads:
            asking = [threads.submit(ask_until, lambda: done, running.url, number) for number in range(2)]
            deploy(running, f"openclip:local-dir:{make_model(tmp_path / 'tiny')}")
            until(lambda: served(client) == DIMENSION)
            picture = tmp_path / "x.png"
            Image.new("RGB", (40, 40), (200, 100, 0)).save(picture)
            assert client.embed(["a lion", picture]).vectors.shape == (2, DIMENSION)
            assert "no clip has a vector of openclip:local-dir" in client.search("a lion").note
            done = True
            found = [one for task in asking for one in task.result()]
    assert not [str(one) for one in found if isinstance(one, Unavailable)]
    assert {len(vector) for _, vector in found} == {512, DIMENSION}
    assert before == {name: replicas(name) for name in before}, "nothing was restarted"


def served(client: Client) -> int | None:
    """The dimension of the model that is served; None while nothing answers."""
    try:
        return client.models()[0].dimensions
    except ServerError:
        return None


def test_a_tower_takes_no_other_config() -> None:
    from deployments.serving import Tower

    tower = Tower("text", "cpu", Path("unused"))
    with pytest.raises(ConfigError, match="user_config is"):
        asyncio.run(tower.reconfigure({"modle": "starter"}))
