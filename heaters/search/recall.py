"""How many of the true nearest clips the indexes find: recall@k against looking at every vector."""

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from heaters.errors import UsageError
from heaters.search.nearest import Answer, Nearest
from heaters.search.query import Query, Term
from heaters.search.spaces import Chosen
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.vectors import full

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Over `queries` queries: the share of the `k` nearest that the indexes found, on average and at worst, and the
    median milliseconds of both ways. `indexed` is how many of them the indexes answered; the others are exact anyway.
    """

    model: str
    strategy: str
    k: int
    queries: int
    indexed: int
    mean: float
    worst: float
    indexed_ms: float
    exact_ms: float


def measure_recall(database: Database, space: Chosen, *, queries: int = 50, k: int = 10, seed: int = 0) -> Recall:
    """Ask with clips of the space, shaken by a fifth so that none is its own answer, both ways. Raises UsageError
    for a space without vectors.
    """
    asked = _sample(database, space, queries, random.Random(seed))
    if not asked:
        raise UsageError(f"no clip has a vector of {space.model}, strategy {space.strategy}")
    shares, fast, slow, indexed = [], [], [], 0
    noise = np.random.default_rng(seed)
    for clip, vector in asked:
        shaken = vector + 0.2 * noise.normal(size=len(vector)) * np.linalg.norm(vector) / np.sqrt(len(vector))
        query = Query(terms=(Term.clip(clip),), k=k)
        found, seconds = _timed(partial(_ask, database, space, shaken, query))
        truth, exact_seconds = _timed(partial(_ask, database, space, shaken, replace(query, exact=True)))
        right = {hit.clip_id for hit, _ in truth.hits}
        shares.append(len(right & {hit.clip_id for hit, _ in found.hits}) / max(len(right), 1))
        fast.append(seconds * 1e3)
        slow.append(exact_seconds * 1e3)
        indexed += found.how == "hnsw"
    return Recall(
        model=space.model,
        strategy=space.strategy,
        k=k,
        queries=len(asked),
        indexed=indexed,
        mean=statistics.mean(shares),
        worst=min(shares),
        indexed_ms=statistics.median(fast),
        exact_ms=statistics.median(slow),
    )


def _ask(database: Database, space: Chosen, vector: np.ndarray, query: Query) -> Answer:
    unit = vector / np.linalg.norm(vector)
    return Nearest(database, space, unit.astype(np.float16), query).page(None)


def _sample(database: Database, space: Chosen, count: int, chance: random.Random) -> list[tuple[int, np.ndarray]]:
    found: dict[int, np.ndarray] = {}
    of_space = {"variant": space.variant}
    with database.transaction() as tx:
        row = tx.execute(query("arrivals_range"), of_space).fetchone() or {"low": 0, "high": 0}
        for _ in range(count):
            start = chance.randint(row["low"], row["high"])
            rows = tx.execute(query("sample_vector"), of_space | {"start": start}).fetchall()
            found |= {one["clip_id"]: full(one["vector"]) for one in rows}
    return list(found.items())


def _timed(do: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    answer = do()
    return answer, time.perf_counter() - begun
