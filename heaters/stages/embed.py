"""Stage `embed`: a clip's stills → one vector in the space of the model in use."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from heaters.core.stills import MIDDLE, still_keys
from heaters.errors import StageError
from heaters.models.batches import ahead
from heaters.models.embedder import load_embedder, pool
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each, portable
from heaters.stages.still import read_still
from heaters.store.objects import store_of
from heaters.store.vectors import Row, SpaceRow, space_number, write_vectors

# Decoded stills that wait for the model: 720p ones are 2.8 MB each.
READ_AHEAD = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A clip that has its stills."""

    id: int
    video_id: int
    stretch: int
    content_hash: str
    start_frame: int
    end_frame: int


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
    vector: NDArray[np.float32]

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.dimension} numbers by {self.model} on {self.device}"


def chosen(keys: Mapping[str, str], strategy: str) -> list[str]:
    """The keys, by tag, of the stills that `strategy` uses: the middle one, or all."""
    return [keys[MIDDLE]] if strategy == "single" else list(keys.values())


class Worker:
    """Holds the image tower; one call embeds the stills of many clips in shared batches."""

    def __init__(self, settings: Settings) -> None:
        self._store = store_of(settings)
        self._keyframes = settings.keyframes
        self._strategy = settings.embedding_strategy
        self._space_strategy = settings.space_strategy
        self._name = settings.model
        self._embedder = load_embedder(
            settings.model, device=settings.device, cache=settings.home / "models", towers="image"
        )

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[EmbeddingResult]]:
        import torch  # not by the runner, which imports every stage for its record()

        begun = time.monotonic()
        torch.set_num_threads(context.threads)
        wanted = [(item, key) for item in items for key in self._keys(item)]
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
                strategy=self._space_strategy,
                images=len(mine),
                device=self._embedder.device,
                vector=vector,
                seconds=(time.monotonic() - begun) / len(items),
            )

        return each(items, one)

    def _keys(self, item: Input) -> list[str]:
        keys = still_keys(item.content_hash, item.start_frame, item.end_frame, self._keyframes)
        return chosen(keys, self._strategy)

    def _picture(self, key: str) -> Image.Image | StageError:
        """The decoded still, or what is wrong with it: other clips' pictures go on."""
        try:
            return read_still(self._store, key)
        except StageError as error:
            return error


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, EmbeddingResult]]) -> None:
    """Write the vectors into their space, which is registered when it is new."""
    spaces = {
        (r.model, r.strategy): SpaceRow(
            asked=variant, model=r.model, name=r.name, strategy=r.strategy, dimension=r.dimension
        )
        for _, r in done
    }
    numbers = {key: space_number(tx, row) for key, row in spaces.items()}
    write_vectors(
        tx,
        [
            Row(clip_id=item.id, variant=numbers[r.model, r.strategy], vector=r.vector, images=r.images)
            for item, r in done
        ],
    )


STAGE = StageCode(input=Input, worker=Worker, record=record)
