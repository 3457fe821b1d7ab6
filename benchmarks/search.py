"""How fast and how right search is: `python benchmarks/search.py load --count 1000000 HOME`, then `… measure HOME`.

HOME is a folder for a PostgreSQL of its own; nothing else is touched. `load` fills it and builds the index, `measure`
asks one query after the other through the product's own search (the vector is given: no model runs) and compares with
exact search, with FAISS's HNSW in memory, and with truth by numpy. `load --spare 150000` also makes clips without
vectors: `ingest` writes these while it searches (`search_ingest.py`), once. Figures are kept in HOME/search.json.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from search_data import CLIPS_PER_VIDEO, DIMENSION, Collection, fill, named, units
from search_ingest import ingest

from heaters import embedded
from heaters.search import Filters, Query, Term
from heaters.search.builder import BUILD_BREADTH, LINKS
from heaters.search.indexes import ensure_indexes, indexes
from heaters.search.nearest import Nearest
from heaters.search.spaces import Chosen, registered
from heaters.store.db import Database, connect
from heaters.store.migrate import migrate
from heaters.store.vectors import Row, write_vectors

K = 10
QUERY = Query(terms=(Term.clip(2**62),), k=K)
FILTER_SHARE = 0.02


def main() -> None:
    """Load, measure, or write and search at once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("load", "measure", "ingest"))
    parser.add_argument("home", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--spare", type=int, default=0, help="clips without vectors besides (load)")
    parser.add_argument("--rate", type=int, default=2_200, help="vectors to write a second (ingest)")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--faiss", action="store_true", help="also FAISS's HNSW in memory (measure)")
    arguments = parser.parse_args()
    database = Database(embedded.ensure(arguments.home))
    with connect(database.url) as connection:
        migrate(connection)
    if arguments.what == "load":
        keep(arguments.home, load(database, arguments.count, arguments.spare))
        return
    loaded = json.loads((arguments.home / "search.json").read_text())
    collection = Collection.make(loaded["vectors"] + loaded["spare"], arguments.queries)
    if arguments.what == "ingest":
        found = ingest(database, space_of(database), collection, loaded["vectors"], arguments.rate)
        keep(arguments.home, {"ingest": found})
        return
    collection = collection.first(loaded["vectors"])
    keep(arguments.home, measure(database, collection))
    if arguments.faiss:
        keep(arguments.home, faiss_floor(collection))


def keep(home: Path, figures: dict[str, Any]) -> None:
    """Add figures to those of HOME and print them."""
    path = home / "search.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | figures, indent=1))
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    sys.stdout.flush()


def space_of(database: Database) -> Chosen:
    """The space of the vectors."""
    with database.transaction() as tx:
        return registered(tx)[0]


def load(database: Database, count: int, spare: int) -> dict[str, Any]:
    """Fill a fresh database and build the index."""
    collection = Collection.make(count + spare, 0)
    with connect(database.url) as connection:
        connection.execute(named("no_limit"))
        begun = time.perf_counter()
        fill(connection, collection, spare)
        loaded = time.perf_counter() - begun
    begun = time.perf_counter()
    ensure_indexes(database, rebuild=True)
    built = time.perf_counter() - begun
    with database.transaction() as tx:
        sizes = tx.execute(named("sizes")).fetchone() or {}
    return {
        "vectors": count,
        "spare": spare,
        "load_seconds": round(loaded, 1),
        "build_seconds": round(built, 1),
        "links": LINKS,
        "build_breadth": BUILD_BREADTH,
        "index_mb": round(indexes(database)[0].size_bytes / 1e6),
        "vectors_mb": round(sizes["vectors_bytes"] / 1e6),
    }


def measure(database: Database, collection: Collection) -> dict[str, Any]:
    """Recall and milliseconds of one client, by the planner's choice and exactly, without and with a 2 % filter; and
    what an upsert costs.
    """
    count, chance = len(collection.vectors), np.random.default_rng(1)
    videos = np.sort(
        chance.choice(count // CLIPS_PER_VIDEO, int(count / CLIPS_PER_VIDEO * FILTER_SHARE), replace=False)
    )
    clips = (videos[:, None] * CLIPS_PER_VIDEO + np.arange(CLIPS_PER_VIDEO)).ravel()
    narrow = Query(terms=QUERY.terms, k=K, filters=Filters(videos=tuple((videos + 1).tolist())))
    states = Query(terms=QUERY.terms, k=K, filters=Filters(states=("review_approved",)))
    approved = np.flatnonzero(np.arange(count) % CLIPS_PER_VIDEO % 50 == 7)
    truth, fewer = collection.truth(K), slice(0, len(collection.queries), 10)
    ask(database, collection.queries, QUERY, truth)  # the index comes into memory
    exact = Query(terms=QUERY.terms, k=K, exact=True)
    figures = {
        "search": ask(database, collection.queries, QUERY, truth),
        "exact": ask(database, collection.queries[fewer], exact, truth[fewer]),
        "videos_2_percent": ask(database, collection.queries[fewer], narrow, collection.truth(K, clips)[fewer]),
        "states_2_percent": ask(database, collection.queries[fewer], states, collection.truth(K, approved)[fewer]),
        "upsert_1000_seconds": upsert(database, collection, 1000),
    }
    figures["exact_to_search"] = round(figures["exact"]["p50_ms"] / figures["search"]["p50_ms"], 1)
    return figures


def ask(database: Database, vectors: np.ndarray, query: Query, truth: np.ndarray) -> dict[str, Any]:
    """Ask with each vector, one after the other."""
    space = space_of(database)
    seconds, recall, ways = [], [], set()
    for vector, right in zip(vectors, truth, strict=True):
        begun = time.perf_counter()
        answer = Nearest(database, space, vector.astype(np.float16), query).page(None)
        seconds.append(time.perf_counter() - begun)
        found = {hit.clip_id for hit, _ in answer.hits}
        if len(found) != K:
            raise SystemExit(f"a page must hold {K} hits; got {len(found)}")
        recall.append(len(found & set(right.tolist())) / K)
        ways.add(answer.how)
    return {"how": "/".join(sorted(ways)), "queries": len(vectors), **quality(recall, seconds)}


def quality(recall: Sequence[float], seconds: Sequence[float]) -> dict[str, float]:
    """Mean and worst recall, median and 95th percentile of the time."""
    p50, p95 = np.percentile(np.array(seconds) * 1e3, [50, 95])
    return {
        "recall": round(float(np.mean(recall)), 4),
        "worst": min(recall),
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
    }


def upsert(database: Database, collection: Collection, count: int) -> float:
    """Seconds to write `count` vectors over what clips have (the same, so that the truth stays), as the embed stage
    does.
    """
    clips = np.random.default_rng(2).choice(len(collection.vectors), count, replace=False)
    vectors = collection.vectors[clips]
    variant = space_of(database).variant
    begun = time.perf_counter()
    with database.transaction() as tx:
        found = zip(clips.tolist(), vectors, strict=True)
        write_vectors(tx, [Row(clip_id=c + 1, variant=variant, vector=v, images=3) for c, v in found])
    return round(time.perf_counter() - begun, 2)


def faiss_floor(collection: Collection) -> dict[str, Any]:
    """The same graph in memory, without a database: what a search costs at least."""
    import faiss

    index = faiss.IndexHNSWFlat(DIMENSION, LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = BUILD_BREADTH, 200
    begun = time.perf_counter()
    for start in range(0, len(collection.vectors), 50_000):
        index.add(units(collection.vectors[start : start + 50_000].astype(np.float32)))
    built = time.perf_counter() - begun
    seconds, recall = [], []
    for query, right in zip(collection.queries, collection.truth(K), strict=True):
        begun = time.perf_counter()
        found = index.search(query[None], K)[1][0]
        seconds.append(time.perf_counter() - begun)
        recall.append(len(set((found + 1).tolist()) & set(right.tolist())) / K)
    return {"faiss": {"build_seconds": round(built, 1), **quality(recall, seconds)}}


if __name__ == "__main__":
    main()
