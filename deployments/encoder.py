"""A loaded model behind dynamic batching: texts and pictures → vectors that carry their model's identity.

The same class runs inside a Serve replica and, without Ray, inside the application itself.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from deployments.batcher import Batcher
from deployments.pictures import decoded
from heaters.models.embedder import Embedder

if TYPE_CHECKING:
    from PIL.Image import Image

# Items a forward pass takes. Beyond it a CPU gains nothing and others wait longer; a GPU has room.
TEXTS_A_BATCH = {"cpu": 32, "cuda": 256}
PICTURES_A_BATCH = {"cpu": 8, "cuda": 64}
# What a caller may send at a time: never more than a batch anywhere.
MOST_TEXTS, MOST_PICTURES = min(TEXTS_A_BATCH.values()), min(PICTURES_A_BATCH.values())
_DECODERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What is served: `model` is the identity of the space, `name@revision`; `name` what HEATERS_MODEL says."""

    model: str
    name: str
    dimension: int
    device: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors, float32 [n, dimension], rows of length 1, and the model whose space they lie in."""

    model: str
    vectors: NDArray[np.float32]


class Encoders(Protocol):
    """Who turns inputs into vectors: an `Encoder` here, or Serve deployments elsewhere."""

    async def served(self) -> Served:
        """The model in use; may be some seconds old. Raises Problem 503 where there is none."""
        ...

    async def texts(self, texts: Sequence[str]) -> Embedded:
        """At most MOST_TEXTS texts → their vectors. Raises Problem."""
        ...

    async def pictures(self, pictures: Sequence[bytes]) -> Embedded:
        """At most MOST_PICTURES encoded pictures → their vectors. Raises Problem."""
        ...


class Encoder:
    """A model. `load(name)` gives it, now and when it is changed; blocking work runs in threads of its own."""

    def __init__(self, name: str, load: Callable[[str], Embedder]) -> None:
        self._load = load
        self._name = name
        self._embedder = load(name)
        # One thread for the model: two forward passes at once only take each other's cores.
        self._model_thread = ThreadPoolExecutor(1, "model")
        self._decoders = ThreadPoolExecutor(_DECODERS, "decode")
        self._make_batchers()

    def _make_batchers(self) -> None:
        embedder = self._embedder

        def texts(items: list[str]) -> list[tuple[str, NDArray[np.float32]]]:
            return [(embedder.model, vector) for vector in embedder.embed_texts(items)]

        def pictures(items: "list[Image]") -> list[tuple[str, NDArray[np.float32]]]:
            return [(embedder.model, vector) for vector in embedder.embed_images(items)]

        device = "cuda" if embedder.device == "cuda" else "cpu"
        thread = self._model_thread
        self._texts = Batcher(texts, most=TEXTS_A_BATCH[device], executor=thread)
        self._pictures = Batcher(pictures, most=PICTURES_A_BATCH[device], executor=thread)

    async def served(self) -> Served:
        """See `Encoders`."""
        e = self._embedder
        return Served(model=e.model, name=self._name, dimension=e.dimension, device=e.device, note=e.note)

    async def texts(self, texts: Sequence[str]) -> Embedded:
        """See `Encoders`."""
        return _embedded(await self._texts(texts))

    async def pictures(self, pictures: Sequence[bytes]) -> Embedded:
        """See `Encoders`."""
        loop = asyncio.get_running_loop()
        images = await asyncio.gather(*(loop.run_in_executor(self._decoders, decoded, data) for data in pictures))
        return _embedded(await self._pictures(images))

    async def change(self, name: str) -> None:
        """Serve another model from the next batch on; batches under way end with the old one.

        Raises as `load_embedder`, and then nothing has changed.
        """
        if name == self._name:
            return
        loaded = await asyncio.to_thread(self._load, name)
        self._embedder, self._name = loaded, name
        self._make_batchers()


def _embedded(rows: Sequence[tuple[str, NDArray[np.float32]]]) -> Embedded:
    return Embedded(model=rows[0][0], vectors=np.stack([vector for _, vector in rows]))
