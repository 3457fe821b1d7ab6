"""Search gives the order that numpy gives over all vectors, never mixes spaces, and pages without gaps."""

from pathlib import Path

import numpy as np
import pytest
from rows import add_clips, add_video, rows

from heaters.errors import UsageError
from heaters.search import Search
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query


class Axes:
    """Stands for a model: 16 numbers, a text's vector drawn from its length. The order of hits is what is tested."""

    model, dimension, device, note = "axes@1", 16, "cpu", "axes"

    def embed_texts(self, texts: list[str]) -> np.ndarray:
        found = np.random.default_rng(len(texts[0])).normal(size=(1, 16))
        return (found / np.linalg.norm(found)).astype(np.float32)


@pytest.fixture
def search(db: Database, settings: Settings) -> Search:
    clips = add_clips(db, add_video(db, "a", "cut", 400), list(range(4, 400, 4)), 400)
    clips += add_clips(db, add_video(db, "b", "cut", 400), list(range(4, 400, 4)), 400)
    vectors = np.random.default_rng(7).normal(size=(len(clips), 16))
    with db.transaction() as tx:
        for model in ("axes@1", "other@1"):
            tx.execute(query("record_model"), {"model": model, "dimension": 16})
            for clip, vector in zip(clips, vectors if model == "axes@1" else -vectors, strict=True):
                parameters = {"clip_id": clip, "model": model, "strategy": "multi_average", "images": 3}
                unit = vector / np.linalg.norm(vector)
                tx.execute(query("record_embedding"), {**parameters, "vector": unit.tolist()})
    made = Search(db, settings)
    made._embedder = Axes()  # type: ignore[assignment]
    return made


def brute_force(db: Database, vector: np.ndarray) -> list[int]:
    """Clip ids by cosine over every stored vector of the space."""
    found = rows(db, "select clip_id, vector::real[] as v from embeddings where model = 'axes@1'")
    stored = np.array([row["v"] for row in found])
    scores = stored @ vector / np.linalg.norm(stored, axis=1) / np.linalg.norm(vector)
    return [found[i]["clip_id"] for i in np.argsort(-scores)]


def test_order_is_that_of_brute_force(db: Database, search: Search) -> None:
    for text in ("a", "ab", "abc", "abcd"):
        vector = np.float16(Axes().embed_texts([text])[0]).astype(np.float64)
        hits = search.by_text(text, k=50)
        assert [hit.clip_id for hit in hits] == brute_force(db, vector)[:50]
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_pages_join_without_gap_or_repeat(search: Search) -> None:
    whole = [hit.clip_id for hit in search.by_text("abc", k=60)]
    pages = [hit.clip_id for start in range(0, 60, 20) for hit in search.by_text("abc", k=20, offset=start)]
    assert pages == whole


def test_filter_never_returns_too_few(search: Search) -> None:
    hits = search.by_text("abc", k=100, videos=[2])
    assert len(hits) == 100
    assert {hit.video_id for hit in hits} == {2}


def test_clip_finds_others_not_itself(search: Search) -> None:
    hits = search.by_clip(5, k=10)
    assert len(hits) == 10
    assert 5 not in {hit.clip_id for hit in hits}


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_impossible_k_is_refused(search: Search, k: int) -> None:
    with pytest.raises(UsageError, match="k must be 1 to 1000"):
        search.by_text("abc", k=k)


def test_empty_text_and_unknown_clip_are_refused(search: Search, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one letter"):
        search.by_text("  ")
    with pytest.raises(UsageError, match="clip 4711 has no vector of axes@1"):
        search.by_clip(4711)
    (tmp_path / "x.jpg").write_text("no picture")
    with pytest.raises(UsageError, match="must be a picture"):
        search.by_image(tmp_path / "x.jpg")
