"""Thousands of malformed and oversized requests against the application, made from its OpenAPI document.

python benchmarks/serve_fuzz.py 10000
"""

import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import openapi
from schemathesis.generation import GenerationMode
from starlette.testclient import TestClient

from deployments.app import create_app
from deployments.encoder import Encoder
from deployments.limits import Limits
from deployments.searching import Finder
from heaters.models.embedder import load_embedder
from heaters.settings import Settings
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
    """Send `count` requests: four fifths out of the document, valid and not, the rest raw or oversized bodies."""
    with TemporaryDirectory() as folder:
        chosen = Settings(home=Path(folder))
        model = load_embedder(chosen.model, cache=chosen.home, device="cpu")
        database = open_database(chosen)
        app = create_app(Encoder(chosen.model, lambda _: model), Finder(database, chosen), limits=LIMITS)
        try:
            with TestClient(app, raise_server_exceptions=False) as client:
                return _run(client, app, count)
        finally:
            database.close()


def _run(client: TestClient, app: Any, count: int) -> Fuzzed:
    statuses: Counter[int] = Counter()
    failures: list[str] = []
    warm, begun = 0, time.perf_counter()

    def note(response: Any, what: str) -> None:
        nonlocal warm
        statuses[response.status_code] += 1
        if response.status_code >= 500:
            failures.append(f"{response.status_code} {what[:300]}")
        if sum(statuses.values()) == count // 5:
            warm = psutil.Process().memory_info().rss

    generated = count * 4 // 5
    schema = openapi.from_asgi("/openapi.json", app)
    operations = [result.ok() for result in schema.get_all_operations()]
    weights = [6 if operation.path in PATHS else 1 for operation in operations]
    for operation, weight in zip(operations, weights, strict=True):
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
            examples = max(1, generated * weight // sum(weights) // 2)
            _generated(client, operation, mode, examples, note)
    while sum(statuses.values()) < count:
        for what, content, headers in _raw():
            note(client.post(random.choice(PATHS), content=content, headers=headers), what)
    return Fuzzed(
        statuses=statuses,
        failures=failures,
        warm_bytes=warm,
        end_bytes=psutil.Process().memory_info().rss,
        seconds=time.perf_counter() - begun,
    )


def _generated(client: TestClient, operation: Any, mode: GenerationMode, count: int, note: Any) -> None:
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
        note(case.call(session=client), f"{operation.method} {operation.path} {case.body!r}")

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
    found = fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    print(
        found.statuses, f"{found.seconds:.0f} s", f"{found.warm_bytes / 2**20:.0f} → {found.end_bytes / 2**20:.0f} MiB"
    )
    print("\n".join(found.failures[:20]))


if __name__ == "__main__":
    main()
