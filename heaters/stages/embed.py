"""Stage `embed`: a clip's stills → one vector in the space of the model in use."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from PIL import Image

from heaters.errors import StageError
from heaters.models.batches import ahead
from heaters.models.embedder import load_embedder, pool
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageResult, Transaction, each, portable
from heaters.stages.still import read_still
from heaters.store.objects import store_of
from heaters.store.queries import query
from heaters.store.vectors import Row, write_vectors

INPUT = "input_embed"
MIDDLE = "p50"
# Decoded stills that wait for the model: 720p ones are 2.8 MB each.
READ_AHEAD = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """The keys of a clip's stills, by tag."""

    id: int
    tags: list[str]
    keys: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingResult(StageResult):
    """One L2-normalised vector of `dimension` numbers."""

    bulk: ClassVar[frozenset[str]] = frozenset({"vector"})

    model: str
    name: str  # of the model as in HEATERS_MODEL
    dimension: int
    strategy: str
    images: int
    device: str
    vector: tuple[float, ...]

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.dimension} numbers by {self.model} on {self.device}"


Result = EmbeddingResult


def chosen(tags: Sequence[str], names: Sequence[str], strategy: str) -> list[str]:
    """The keys of the stills that `strategy` uses: the middle one, or all."""
    if strategy == "single":
        return [name for tag, name in zip(tags, names, strict=True) if tag == MIDDLE]
    return list(names)


class Worker:
    """Holds the image tower; one call embeds the stills of many clips in shared batches."""

    def __init__(self, settings: Settings) -> None:
        self._store = store_of(settings)
        self._strategy = settings.embedding_strategy
        self._name = settings.model
        self._embedder = load_embedder(
            settings.model, device=settings.device, cache=settings.home / "models", towers="image"
        )

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[EmbeddingResult]]:
        begun = time.monotonic()
        torch.set_num_threads(context.threads)
        wanted = [(item, key) for item in items for key in chosen(item.tags, item.keys, self._strategy)]
        owners: list[int] = []  # of each picture that could be read
        failed: dict[int, StageError] = {}

        def pictures() -> Iterator[Image.Image]:
            loaded = ahead(self._picture, [key for _, key in wanted], threads=context.threads, most=READ_AHEAD)
            for (item, _), picture in zip(wanted, loaded, strict=True):
                if isinstance(picture, StageError):
                    failed.setdefault(item.id, portable(picture))
                else:
                    owners.append(item.id)
                    yield picture

        vectors = self._embedder.embed_images(pictures())

        def one(item: Input) -> EmbeddingResult:
            if item.id in failed:
                raise failed[item.id]
            mine = np.flatnonzero(np.array(owners) == item.id)
            vector = pool(vectors[mine], self._strategy)
            return EmbeddingResult(
                model=self._embedder.model,
                name=self._name,
                dimension=self._embedder.dimension,
                strategy=self._strategy,
                images=len(mine),
                device=self._embedder.device,
                vector=tuple(vector.tolist()),
                seconds=(time.monotonic() - begun) / len(items),
            )

        return each(items, one)

    def _picture(self, key: str) -> Image.Image | StageError:
        """The decoded still, or what is wrong with it: other clips' pictures go on."""
        try:
            return read_still(self._store, key)
        except StageError as error:
            return error


def record(tx: Transaction, item: Input, result: EmbeddingResult) -> None:
    """Write the vector into its space, registering the space first."""
    record_all(tx, [(item, result)])


def record_all(tx: Transaction, done: Sequence[tuple[Input, EmbeddingResult]]) -> None:
    """Write the vectors of a batch in one go."""
    for model, name, dimension in sorted({(r.model, r.name, r.dimension) for _, r in done}):
        tx.execute(query("record_model"), {"model": model, "name": name, "dimension": dimension})
    write_vectors(
        tx,
        (
            Row(
                clip_id=item.id,
                model=result.model,
                strategy=result.strategy,
                vector=np.array(result.vector, np.float32),
                images=result.images,
            )
            for item, result in done
        ),
    )
