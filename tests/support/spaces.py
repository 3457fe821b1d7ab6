"""Spaces made for tests: many clips with known vectors, loaded in bulk, and what numpy finds in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rows import add_video, rows

from heaters.search.spaces import Chosen
from heaters.store.db import Database
from heaters.store.variants import variant_number
from heaters.store.vectors import Row, SpaceRow, space_number, write_vectors

MODEL, STRATEGY = "axes@1", "multi_average"
CLIPS = """
    insert into clips (video_id, start_frame, end_frame, start_pts, end_pts, seconds)
    select %(video)s, n * 4, n * 4 + 4, n * 4, n * 4 + 4, 4 / 25.0 from generate_series(0, %(count)s - 1) n
    returning id
"""
CUTS = """
    insert into cuts (video_id, frame, pts, kind, confidence, created_by)
    select %(video)s, n * 4, n * 4, 'hard', 0.9, 'test' from generate_series(1, %(count)s - 1) n
"""


class Axes:
    """Stands for a model: a text's vector is drawn from its letters, an image's from its first pixel."""

    device, note = "cpu", "axes"

    def __init__(self, model: str = MODEL, dimension: int = 16) -> None:
        self.model, self.dimension, self.calls = model, dimension, 0

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.calls += 1
        return units(np.stack([self._vector(sum(map(ord, text))) for text in texts]))

    def embed_images(self, images: Sequence) -> np.ndarray:
        self.calls += 1
        return units(np.stack([self._vector(sum(image.getpixel((0, 0)))) for image in images]))

    def _vector(self, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).normal(size=self.dimension)


def units(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float32."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def add_embedded_clips(db: Database, count: int, name: str = "a") -> list[int]:
    """The ids of the clips of a new video, 4 frames each, nobody decided; their vectors are to come."""
    video = add_video(db, name, "cut", 4 * count)
    with db.transaction() as tx:
        tx.execute(CUTS, {"video": video, "count": count})
        return [row["id"] for row in tx.execute(CLIPS, {"video": video, "count": count}).fetchall()]


def space(db: Database, model: str = MODEL, strategy: str = STRATEGY, dimension: int = 16) -> Chosen:
    """A space, registered where it is new."""
    name = model.partition("@")[0]
    with db.transaction() as tx:
        asked = variant_number(tx, "embed", f"{name}|{strategy}")
        number = space_number(tx, SpaceRow(asked=asked, model=model, name=name, strategy=strategy, dimension=dimension))
    return Chosen(variant=number, model=model, name=name, dimension=dimension, strategy=strategy)


def add_vectors(
    db: Database, clips: Sequence[int], vectors: np.ndarray, *, model: str = MODEL, strategy: str = STRATEGY
) -> Chosen:
    """Load a vector for each clip, into a space that is registered where it is new."""
    found = space(db, model, strategy, vectors.shape[1])
    rows = zip(clips, units(vectors), strict=True)
    with db.transaction() as tx:
        write_vectors(tx, [Row(clip_id=c, variant=found.variant, vector=vector, images=3) for c, vector in rows])
    return found


def decide(db: Database, clips: Sequence[int], state: str) -> None:
    """Decide clips, without the act of a reviewer."""
    with db.transaction() as tx:
        tx.execute("update clips set state = %s::clip_state where id = any (%s)", (state, list(clips)))


def retire(db: Database, clips: Sequence[int]) -> None:
    """Retire clips, without those that take their place."""
    with db.transaction() as tx:
        tx.execute("alter table clips disable trigger user")
        tx.execute("update clips set state = 'retired', retired_at = now() where id = any (%s)", (list(clips),))
        tx.execute("alter table clips enable trigger user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Every stored vector of a space, in float64: what exact search must agree with."""

    ids: np.ndarray
    vectors: np.ndarray

    def order(self, vector: np.ndarray, allowed: Sequence[int] | None = None) -> list[int]:
        """Clip ids by cosine to the vector rounded to half precision, ties by id."""
        chosen = np.isin(self.ids, allowed) if allowed is not None else np.ones(len(self.ids), bool)
        asked = np.float16(vector).astype(np.float64)
        scores = self.vectors @ asked / np.linalg.norm(self.vectors, axis=1) / np.linalg.norm(asked)
        order = np.lexsort((self.ids, -scores))
        return [int(self.ids[i]) for i in order if chosen[i]]


def truth(db: Database, model: str = MODEL, strategy: str = STRATEGY) -> Truth:
    """What is stored of a space."""
    found = rows(
        db,
        "select e.clip_id, e.vector from embeddings e join spaces s on s.variant = e.variant "
        "where s.model = %(model)s and s.strategy = %(strategy)s order by e.clip_id",
        {"model": model, "strategy": strategy},
    )
    return Truth(
        ids=np.array([row["clip_id"] for row in found]),
        vectors=np.array([row["vector"].to_numpy() for row in found], np.float64),
    )
