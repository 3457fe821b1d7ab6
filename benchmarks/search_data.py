"""A made-up collection of clips with vectors that are as unevenly spread as real ones, loaded in seconds.

Each video has 100 clips. What a clip is about is a point of 16 coordinates: 50 subjects, 5,000 topics around them
(some far more common than others), videos around those; a fixed smooth map (linear plus tanh of random projections)
takes the point to 512 numbers. To that comes the video's own look (noise of 0.5 against a signal of about 1.4) and the
clip's (0.5), Gaussian with variance falling as 1/rank, so that about 28 directions hold it. Rows come in order of
videos, as a pipeline makes them. Neighbours lie in the own video and in those of near topics: cosines of 0.9
(nearest), 0.76 (100th), 0.53 (1000th of 100,000). Queries are not stored: half are a clip plus noise of 0.5 ("like
this picture"), half a topic plus noise of 0.7 (a text).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import numpy as np
from numpy.typing import NDArray

from heaters.core.pipeline import STAGES
from heaters.settings import Settings
from heaters.store.db import Connection
from heaters.store.queries import parse
from heaters.store.variants import variant_number
from heaters.store.vectors import SpaceRow, space_number

DIMENSION, CLIPS_PER_VIDEO = 512, 100
LATENT, WAVES, SUBJECTS, TOPICS = 16, 256, 50, 5000
MODEL = "benchmark@1"
_CHUNK = 50_000

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """`count` vectors, float16 [count, 512], of clips 1 to count; clip n belongs to video (n - 1) // 100 + 1."""

    vectors: NDArray[np.float16]
    queries: Floats

    @staticmethod
    def make(count: int, queries: int, seed: int = 0) -> "Collection":
        """The same for the same arguments."""
        random = np.random.default_rng(seed)
        spectrum = (np.arange(1, DIMENSION + 1) ** -0.5).astype(np.float32)
        spectrum /= np.linalg.norm(spectrum)

        def normal(*shape: int) -> Floats:
            return random.standard_normal(shape, np.float32)

        def noise(n: int) -> Floats:
            return normal(n, DIMENSION) * spectrum

        straight, inner, outer = normal(LATENT, DIMENSION), normal(LATENT, WAVES), normal(WAVES, DIMENSION)

        def look(points: Floats) -> Floats:
            curved = np.tanh(points @ inner * (1.5 / LATENT**0.5)) @ outer / (WAVES * DIMENSION) ** 0.5
            return np.asarray(points @ straight / (LATENT * DIMENSION) ** 0.5 + curved, np.float32)

        topics = normal(SUBJECTS, LATENT)[random.integers(0, SUBJECTS, TOPICS)] + 0.6 * normal(TOPICS, LATENT)
        common = np.arange(1, TOPICS + 1) ** -0.7
        common /= common.sum()
        videos = count // CLIPS_PER_VIDEO
        points = topics[random.choice(TOPICS, videos, p=common)] + 0.3 * normal(videos, LATENT)
        centres = look(points) + 0.5 * noise(videos)
        vectors = np.empty((count, DIMENSION), np.float16)
        for start in range(0, count, _CHUNK):
            stop = min(start + _CHUNK, count)
            own = centres[np.arange(start, stop) // CLIPS_PER_VIDEO] + 0.5 * noise(stop - start)
            vectors[start:stop] = units(own)
        pictures, texts = random.integers(0, count, queries // 2), queries - queries // 2
        length = np.linalg.norm(centres[pictures // CLIPS_PER_VIDEO], axis=1, keepdims=True)
        alike = vectors[pictures] * length + 0.5 * noise(len(pictures))
        asked = look(topics[random.choice(TOPICS, texts, p=common)]) + 0.7 * noise(texts)
        return Collection(vectors=vectors, queries=units(np.concatenate([alike, asked])))

    def first(self, count: int) -> "Collection":
        """The first so many vectors, with the same queries."""
        return Collection(vectors=self.vectors[:count], queries=self.queries)

    def truth(self, k: int, clips: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """The ids of the `k` nearest of each query by cosine in float32, among `clips` (0-based) or all."""
        chosen = np.arange(len(self.vectors)) if clips is None else clips
        best = np.full((len(self.queries), k), -2.0, np.float32)
        ids = np.zeros((len(self.queries), k), np.int64)
        for start in range(0, len(chosen), _CHUNK):
            part = chosen[start : start + _CHUNK]
            block = units(self.vectors[part].astype(np.float32))
            scores = np.concatenate([best, self.queries @ block.T], axis=1)
            names = np.concatenate([ids, np.broadcast_to(part + 1, (len(self.queries), len(part)))], axis=1)
            order = np.argpartition(-scores, k, axis=1)[:, :k]
            best, ids = np.take_along_axis(scores, order, 1), np.take_along_axis(names, order, 1)
        return np.take_along_axis(ids, np.argsort(-best, axis=1), 1)


def named(name: str) -> LiteralString:
    """A query of `search.sql` beside this file."""
    return parse((Path(__file__).parent / "search.sql").read_text())[name].sql


def fill(connection: Connection, collection: Collection, spare: int = 0) -> None:
    """Videos and clips into a fresh migrated database, and vectors of all but the last `spare` clips.

    Clips are made by one statement and without triggers, which would check each video and count; everything else is the
    product's own schema.
    """
    count = len(collection.vectors) - spare
    connection.execute(named("quick_load"))
    connection.execute(named("add_videos"), {"videos": len(collection.vectors) // CLIPS_PER_VIDEO})
    connection.execute(named("add_clips"), {"clips": CLIPS_PER_VIDEO})
    add_vectors(connection, collection.vectors[:count], Settings())
    connection.execute(named("normal_load"))
    connection.execute(named("settle"))


def add_vectors(connection: Connection, vectors: NDArray[np.float16], settings: Settings) -> None:
    """Vectors [n, 512] of clips 1 to n, in the space that the settings ask for."""
    row = SpaceRow(
        asked=variant_number(connection, "embed", settings.variant(STAGES["embed"].variant)),
        model=MODEL,
        name=settings.model,
        strategy=settings.space_strategy,
        dimension=DIMENSION,
    )
    with connection.cursor() as cursor:
        number = space_number(cursor, row)
        with cursor.copy(named("copy_vectors")) as copy:
            for block in binary_rows(np.arange(1, len(vectors) + 1), vectors, number):
                copy.write(block)


def binary_rows(ids: NDArray[np.int64], vectors: NDArray[np.float16], variant: int) -> Iterator[bytes]:
    """PostgreSQL's binary COPY of (clip_id, variant, images, vector), in blocks: all rows are of one length."""
    layout = np.dtype(
        [
            ("fields", ">i2"),
            *(("id_size", ">i4"), ("id", ">i8"), ("variant_size", ">i4"), ("variant", ">i2")),
            *(("images_size", ">i4"), ("images", ">i2")),
            *(("vector_size", ">i4"), ("dimension", ">i2"), ("unused", ">i2"), ("vector", ">f2", (DIMENSION,))),
        ]
    )
    yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
    for start in range(0, len(ids), 10_000):
        part = slice(start, start + 10_000)
        rows = np.zeros(len(ids[part]), layout)
        rows["fields"], rows["id_size"], rows["id"] = 4, 8, ids[part]
        rows["variant_size"], rows["variant"], rows["images_size"], rows["images"] = 2, variant, 2, 3
        rows["vector_size"], rows["dimension"], rows["vector"] = 4 + 2 * DIMENSION, DIMENSION, vectors[part]
        yield rows.tobytes()
    yield b"\xff\xff"


def units(vectors: Floats) -> Floats:
    """Rows scaled to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
