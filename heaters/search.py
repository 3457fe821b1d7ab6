"""Search: text, an image or a clip → the nearest clips by cosine, within one embedding space."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from heaters.errors import UsageError
from heaters.models.embedder import Embedder, Vectors, load_embedder
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_K = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A clip and how near it is: `score` is the cosine similarity in [-1, 1], 1 for the same direction."""

    clip_id: int
    video_id: int
    title: str
    score: float
    start_seconds: float
    end_seconds: float
    state: str


class Search:
    """Searches one space: that of the model and strategy in the settings. The model is loaded at the first query."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._embedder: Embedder | None = None

    @property
    def embedder(self) -> Embedder:
        """The model, loaded when first needed."""
        if self._embedder is None:
            cache = self._settings.home / "models"
            self._embedder = load_embedder(self._settings.model, device=self._settings.device, cache=cache)
        return self._embedder

    def by_text(self, text: str, *, k: int = 10, offset: int = 0, videos: Sequence[int] | None = None) -> list[Hit]:
        """The clips whose stills fit `text` best, best first."""
        if not text.strip():
            raise UsageError("a query must have at least one letter")
        return self._nearest(self.embedder.embed_texts([text])[0], k=k, offset=offset, videos=videos)

    def by_image(
        self, image: "Image | Path", *, k: int = 10, offset: int = 0, videos: Sequence[int] | None = None
    ) -> list[Hit]:
        """The clips that look most like a picture."""
        if isinstance(image, Path):
            from PIL import Image as Pictures

            try:
                image = Pictures.open(image).convert("RGB")
            except OSError as error:
                raise UsageError(f"{image} must be a picture: {error}") from error
        return self._nearest(self.embedder.embed_images([image])[0], k=k, offset=offset, videos=videos)

    def by_clip(self, clip_id: int, *, k: int = 10, offset: int = 0, videos: Sequence[int] | None = None) -> list[Hit]:
        """The clips most like a clip, itself excluded."""
        space = {"model": self.embedder.model, "strategy": self._settings.embedding_strategy}
        with self._database.transaction() as tx:
            row = tx.execute(query("clip_vector"), {"clip_id": clip_id, **space}).fetchone()
        if row is None:
            raise UsageError(f"clip {clip_id} has no vector of {space['model']}, strategy {space['strategy']}")
        return self._nearest(row["vector"], k=k, offset=offset, videos=videos, exclude=clip_id)

    def _nearest(
        self,
        vector: Vectors | list[float],
        *,
        k: int,
        offset: int,
        videos: Sequence[int] | None,
        exclude: int | None = None,
    ) -> list[Hit]:
        if not 1 <= k <= MAX_K or offset < 0:
            raise UsageError(f"k must be 1 to {MAX_K} and the offset 0 or more; got {k} and {offset}")
        parameters = {
            "model": self.embedder.model,
            "strategy": self._settings.embedding_strategy,
            "vector": [float(x) for x in vector],
            "videos": None if videos is None else list(videos),
            "exclude": exclude,
            "k": k,
            "offset": offset,
        }
        with self._database.transaction() as tx, tx.connection.cursor(row_factory=class_row(Hit)) as cursor:
            return cursor.execute(query("nearest_exact"), parameters).fetchall()
