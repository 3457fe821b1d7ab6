"""Thousands of malformed and oversized requests against the application, made from its OpenAPI document.

python benchmarks/serve_fuzz.py 10000
"""

import logging
import os
import random
import socket
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import openapi
from schemathesis.generation import GenerationMode

from deployments.app import create_app
from deployments.encoder import Encoder
from deployments.limits import Limits
from deployments.searching import Finder
from heaters.models.embedder import load_embedder
from heaters.settings import load
from heaters.store.open import open_database

# Small, so that an oversized body costs the benchmark little.
LIMITS = Limits(body_bytes=200_000, picture_bytes=50_000, in_flight=64)
PATHS = ("/v1/embeddings", "/v1/search")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """How it went. Memory is the process's resident set after a fifth of the requests (caches warm) and at the end."""

    statuses: Counter[int]
    failures: list[str]
    warm_bytes: int
    end_bytes: int
    seconds: float


def fuzz(count: int) -> Fuzzed:
    """Send `count` requests: four fifths out of the document, valid and not, the rest raw or oversized bodies.

    The application runs under uvicorn in a process of its own: its memory is not that of what makes the requests.
    """
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        environment = os.environ | {"HEATERS_HOME": folder}
        command = [sys.executable, __file__, "--serve", str(listener.fileno())]
        server = subprocess.Popen(command, env=environment, pass_fds=[listener.fileno()])
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            with httpx.Client(base_url=url, timeout=60) as client:
                return _run(client, psutil.Process(server.pid), count)
        finally:
            server.terminate()
            server.wait()


def serve(descriptor: int) -> None:
    """The application on a socket that is open already."""
    chosen = load()
    model = load_embedder(chosen.model, cache=chosen.home, device="cpu")
    app = create_app(
        Encoder(chosen.model, lambda _: model), Finder(open_database(chosen), chosen), limits=LIMITS, logger=_quiet()
    )
    uvicorn.run(app, fd=descriptor, log_level="critical", access_log=False)


def _quiet() -> logging.Logger:
    logger = logging.getLogger("fuzzed")
    logger.setLevel(logging.CRITICAL)
    return logger


def _run(client: httpx.Client, server: psutil.Process, count: int) -> Fuzzed:
    statuses: Counter[int] = Counter()
    failures: list[str] = []
    warm, begun = 0, time.perf_counter()

    def note(response: Any, what: str) -> None:
        nonlocal warm
        statuses[response.status_code] += 1
        if response.status_code >= 500:
            failures.append(f"{response.status_code} {what[:300]}")
        if sum(statuses.values()) == count // 5:
            warm = server.memory_info().rss

    generated = count * 4 // 5
    client.get("/healthz")  # the socket is open before the application is there
    schema = openapi.from_dict(client.get("/openapi.json").json())
    schema.config.update(base_url=str(client.base_url))
    operations = [result.ok() for result in schema.get_all_operations()]
    weights = [6 if operation.path in PATHS else 1 for operation in operations]
    for operation, weight in zip(operations, weights, strict=True):
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
            _generated(operation, mode, max(1, generated * weight // sum(weights) // 2), note)
    while sum(statuses.values()) < count:
        for what, content, headers in _raw():
            try:
                note(client.post(random.choice(PATHS), content=content, headers=headers), what)
            except httpx.TransportError:  # refused in the middle of an oversized body, which the client still sends
                statuses[413] += 1
    return Fuzzed(
        statuses=statuses,
        failures=failures,
        warm_bytes=warm,
        end_bytes=server.memory_info().rss,
        seconds=time.perf_counter() - begun,
    )


def _generated(operation: Any, mode: GenerationMode, count: int, note: Any) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    def one(case: Any) -> None:
        if isinstance(case.body, dict) and random.random() < 0.5:
            case.body.pop("model", None)  # or nearly all would end at a model that is not served
        note(case.call(), f"{operation.method} {operation.path} {case.body!r}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            one()
        except Exception as error:
            if "Unsatisfiable" not in type(error).__name__ and "Unsatisfiable" not in str(error):
                raise


def _raw() -> Iterator[tuple[str, Any, dict[str, str]]]:
    kind = {"content-type": "application/json"}
    yield "bytes", random.randbytes(random.randrange(400)), kind
    yield "too large", b'{"input": "' + b"x" * 300_000 + b'"}', kind
    yield "too large, unannounced", iter([b"x" * 50_000] * 6), kind
    yield "deep", b"[" * random.randrange(1, 100_000), kind
    yield "picture", b'{"input": "data:image/png;base64,' + random.randbytes(300).hex().encode() + b'"}', kind
    yield "compressed", b"\x1f\x8b", kind | {"content-encoding": "gzip"}
    yield "form", b"input=a", {"content-type": "application/x-www-form-urlencoded"}
    valid = bytearray(b'{"input": ["a lion", "b"], "model": "starter", "encoding_format": "float", "k": 3}')
    valid[random.randrange(len(valid))] = random.randrange(256)
    yield "one byte changed", bytes(valid), kind


def main() -> None:
    """Run and print."""
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
        return
    found = fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    print(
        found.statuses, f"{found.seconds:.0f} s", f"{found.warm_bytes / 2**20:.0f} → {found.end_bytes / 2**20:.0f} MiB"
    )
    print("\n".join(found.failures[:20]))


if __name__ == "__main__":
    main()
