"""Inputs of a request → vectors in their order, all of one model: texts remembered, long lists in pieces."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from deployments.encoder import MOST_PICTURES, MOST_TEXTS, Embedded, Encoders
from deployments.metrics import Metrics
from deployments.problems import Problem

# Pieces of one request under way at a time, so that a long list leaves room for others between its pieces.
_PIECES_AT_ONCE = 2
_TRIES = 3


# Words, or a picture's encoded bytes.
Input: TypeAlias = str | bytes
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Vectors, float32 [n, dimension], in the order of the inputs; how many came from the cache."""

    model: str
    vectors: NDArray[np.float32]
    cached: int


class TextCache:
    """The last `most` texts' vectors, each under the model it was made with."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()

    def get(self, model: str, text: str) -> NDArray[np.float32] | None:
        """The vector, or None."""
        found = self._kept.get((model, text))
        if found is not None:
            self._kept.move_to_end((model, text))
        return found

    def put(self, model: str, text: str, vector: NDArray[np.float32]) -> None:
        """Remember; the one asked for longest ago goes."""
        # A copy: a row of a batch would keep the whole batch in memory.
        self._kept[model, text] = vector.copy()
        self._kept.move_to_end((model, text))
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Vectoriser:
    """Embeds whole requests through `encoders`."""

    def __init__(self, encoders: Encoders, *, cached_texts: int, metrics: Metrics) -> None:
        self.encoders = encoders
        self._cache = TextCache(cached_texts)
        self._metrics = metrics

    async def embed(self, inputs: Sequence[Input]) -> Result:
        """Vectors of all inputs, at least one; of one model even while it is being changed. Raises Problem."""
        for _ in range(_TRIES):
            result = await self._embed(inputs, (await self.encoders.served()).model)
            if result is not None:
                return result
        raise Problem(503, "the model is being changed", code="unavailable", retry_after_seconds=2)

    async def _embed(self, inputs: Sequence[Input], model: str) -> Result | None:
        """None: the model was changed on the way, and the vectors do not belong together."""
        found: dict[int, NDArray[np.float32]] = {}
        texts: dict[str, list[int]] = {}  # where each text that is not in the cache stands
        pictures: list[tuple[int, bytes]] = []
        for index, item in enumerate(inputs):
            if isinstance(item, bytes):
                pictures.append((index, item))
            elif (kept := self._cache.get(model, item)) is not None:
                found[index] = kept
            else:
                texts.setdefault(item, []).append(index)
        cached, models = len(found), {model} if found else set()
        for chunk, made in await _in_pieces(self.encoders.texts, list(texts), MOST_TEXTS):
            models.add(made.model)
            for text, vector in zip(chunk, made.vectors, strict=True):
                self._cache.put(made.model, text, vector)
                found.update(dict.fromkeys(texts[text], vector))
        places = iter([index for index, _ in pictures])
        for files, made in await _in_pieces(self.encoders.pictures, [data for _, data in pictures], MOST_PICTURES):
            models.add(made.model)
            found.update((next(places), made.vectors[row]) for row in range(len(files)))
        if len(models) != 1:
            return None
        self._metrics.looked_up(found=cached, missed=len(texts))
        self._metrics.embedded(text=len(inputs) - len(pictures), picture=len(pictures))
        return Result(model=models.pop(), vectors=np.stack([found[i] for i in range(len(inputs))]), cached=cached)


async def _in_pieces(
    encode: Callable[[Sequence[T]], Awaitable[Embedded]], items: list[T], size: int
) -> list[tuple[list[T], Embedded]]:
    """`encode` over `items`, at most `size` of them a call and two calls at a time."""
    places = asyncio.Semaphore(_PIECES_AT_ONCE)

    async def one(piece: list[T]) -> tuple[list[T], Embedded]:
        async with places:
            return piece, await encode(piece)

    pieces = [items[start : start + size] for start in range(0, len(items), size)]
    if len(pieces) == 1:
        return [await one(pieces[0])]
    async with asyncio.TaskGroup() as group:  # the first failure cancels the rest
        tasks = [group.create_task(one(piece)) for piece in pieces]
    return [task.result() for task in tasks]
