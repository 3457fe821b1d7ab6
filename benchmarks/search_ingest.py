"""Searches while vectors arrive: `python benchmarks/search.py ingest HOME`, in a library that `load --spare` made.

A process of its own writes vectors of clips that have none yet, at a set rate and as the stage `embed` does, with the
keeper that every run has. Meanwhile one client searches, one query after the other, and asks for what was just written.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from search_data import Collection

from heaters.search.indexes import indexes
from heaters.search.keeper import Keeper
from heaters.search.nearest import Nearest
from heaters.search.query import Query, Term
from heaters.search.spaces import Chosen
from heaters.store.db import Database
from heaters.store.vectors import Row, write_vectors

K = 10
QUERY = Query(terms=(Term.clip(2**62),), k=K)
# The embed stage records what its calls bring back, several at a time.
BATCH = 500
# Every so many searches one asks for a vector that was just written.
ASK_FRESH = 4
# Of so many nearest of all vectors, those that have arrived by a moment hold its ten nearest.
_DEEP = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One search: how long it took, what it found, and how many vectors had been committed before and after it."""

    query: int
    seconds: float
    found: frozenset[int]
    before: int
    after: int


def ingest(database: Database, space: Chosen, collection: Collection, count: int, rate: int) -> dict[str, Any]:
    """Write the vectors beyond the first `count`, so many a second; search meanwhile, and until all is merged."""
    context = multiprocessing.get_context("spawn")
    committed = context.Value("q", count)
    answers = context.SimpleQueue()
    asked: list[Asked] = []
    delays, parts, total = [], [0], len(collection.vectors)
    for turn in range(3 * len(collection.queries)):  # the indexes come into memory
        _ask(database, space, collection, turn, committed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, collection.vectors)
        given = (database.url, space.variant, path, count, rate, committed, answers)
        writer = context.Process(target=_write, args=given)
        writer.start()
        while writer.is_alive():
            asked.append(_ask(database, space, collection, len(asked), committed))
            if len(asked) % ASK_FRESH == 0 and count < committed.value < total:
                delays.append(_find(database, space, collection, committed.value))
            if len(asked) % 100 == 0:
                parts.append(sum(index.name != "" for index in indexes(database)))
        writer.join()
    nearest = collection.truth(_DEEP)
    meanwhile = [one for one in asked if count < one.after < total]
    return {
        "written": total - count,
        **answers.get(),
        "meanwhile": _told(meanwhile, nearest),
        "then": _told([one for one in asked if one.before == total], nearest),
        "asked_for_what_was_written_last": len(delays),
        "longest_ms_until_found": round(max(delays, default=0.0) * 1e3, 1),
        "most_segments": max(parts),
        "segments_at_rest": sum(index.name != "" for index in indexes(database)),
        "lost": _lost(database, space, collection, count),
    }


def _write(url: str, variant: int, path: Path, start: int, rate: int, committed: Any, answers: Any) -> None:
    """The vectors of the file from number `start` on, in batches, at the rate; then settle."""
    vectors = np.load(path, mmap_mode="r")
    database = Database(url)
    said: list[str] = []
    keeper = Keeper(database, said.append)
    took = []
    begun = time.monotonic()
    for first in range(start, len(vectors), BATCH):
        stop = min(first + BATCH, len(vectors))
        rows = [Row(clip_id=n + 1, variant=variant, vector=vectors[n], images=3) for n in range(first, stop)]
        at = time.monotonic()
        with database.transaction() as tx:
            write_vectors(tx, rows)
        took.append(time.monotonic() - at)
        committed.value = stop
        keeper.look()
        time.sleep(max(0.0, begun + (stop - start) / rate - time.monotonic()))
    wrote = time.monotonic() - begun
    at = time.monotonic()
    keeper.settle()
    answers.put(
        {
            "vectors_a_second": round((len(vectors) - start) / wrote),
            f"write_{BATCH}_p50_ms": round(float(np.median(took)) * 1e3, 1),
            f"write_{BATCH}_p95_ms": round(float(np.percentile(took, 95)) * 1e3, 1),
            "settle_seconds": round(time.monotonic() - at, 1),
            "said": said,
        }
    )


def _ask(database: Database, space: Chosen, collection: Collection, turn: int, committed: Any) -> Asked:
    number = turn % len(collection.queries)
    before = committed.value
    begun = time.perf_counter()
    answer = Nearest(database, space, collection.queries[number].astype(np.float16), QUERY).page(None)
    seconds = time.perf_counter() - begun
    found = frozenset(hit.clip_id for hit, _ in answer.hits)
    return Asked(query=number, seconds=seconds, found=found, before=before, after=committed.value)


def _find(database: Database, space: Chosen, collection: Collection, clip: int) -> float:
    """Seconds until a search for the vector of a clip finds it."""
    begun = time.perf_counter()
    while True:
        answer = Nearest(database, space, collection.vectors[clip - 1], QUERY).page(None)
        if clip in {hit.clip_id for hit, _ in answer.hits}:
            return time.perf_counter() - begun


def _lost(database: Database, space: Chosen, collection: Collection, count: int) -> int:
    """How many of 1,000 written vectors a search for them does not find."""
    sample = np.random.default_rng(3).choice(np.arange(count, len(collection.vectors)), 1000, replace=False)
    found = 0
    for n in sample.tolist():
        answer = Nearest(database, space, collection.vectors[n], QUERY).page(None)
        found += n + 1 in {hit.clip_id for hit, _ in answer.hits}
    return 1000 - found


def _told(asked: Sequence[Asked], nearest: np.ndarray) -> dict[str, Any]:
    """Milliseconds and recall of some searches."""
    if not asked:
        return {"searches": 0}
    p50, p95, p99 = np.percentile(np.array([one.seconds for one in asked]) * 1e3, [50, 95, 99])
    recall = [max(_recall(one, nearest, one.before), _recall(one, nearest, one.after)) for one in asked]
    times = {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2), "p99_ms": round(float(p99), 2)}
    return {"searches": len(asked), "recall": round(float(np.mean(recall)), 4), **times}


def _recall(asked: Asked, nearest: np.ndarray, committed: int) -> float:
    """Against the nearest of what had been committed at a moment: clips arrive in the order of their numbers."""
    there = [clip for clip in nearest[asked.query].tolist() if clip <= committed][:K]
    return len(asked.found & set(there)) / len(there)
