"""From a query's terms to one direction in a space: the weighted sum of unit vectors, scaled to length 1."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from heaters.errors import UsageError
from heaters.models.embedder import Towers, Vectors
from heaters.search.query import Kind, Term

if TYPE_CHECKING:
    from PIL.Image import Image

# Below this the terms cancel out, and what is left is rounding.
_SHORTEST = 1e-3


class QueryEmbedder(Protocol):
    """What search needs of a model: an `Embedder` is one, and so is an endpoint. `model` is its space's identity."""

    @property
    def model(self) -> str: ...
    def embed_texts(self, texts: Sequence[str]) -> Vectors: ...
    def embed_images(self, images: "Sequence[Image]") -> Vectors: ...


def direction(
    terms: Sequence[Term], embedder: Callable[[Towers], QueryEmbedder], clips: Mapping[int, Vectors], dimension: int
) -> Vectors:
    """The direction of the terms, float32 [dimension], length 1.

    `clips` holds the vector of every clip among the terms; `embedder` is asked for the tower of a kind that there is.
    Raises UsageError when the terms cancel out.
    """
    total = np.zeros(dimension, np.float64)
    for kind in ("text", "image", "clip"):
        chosen = [term for term in terms if term.kind == kind]
        if chosen:
            vectors = _vectors(kind, chosen, embedder, clips)
            if vectors.shape != (len(chosen), dimension):
                raise UsageError(f"the space has {dimension} dimensions; got vectors of shape {vectors.shape}")
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            weights = np.array([term.weight for term in chosen])
            total += weights @ (vectors / np.maximum(lengths, _SHORTEST))
    length = float(np.linalg.norm(total))
    if not length >= _SHORTEST * max(abs(term.weight) for term in terms):
        raise UsageError("the terms of the query cancel out: what is left of them has no direction")
    return (total / length).astype(np.float32)


def _vectors(
    kind: Kind, terms: Sequence[Term], embedder: Callable[[Towers], QueryEmbedder], clips: Mapping[int, Vectors]
) -> Vectors:
    values: list = [term.value for term in terms]  # type: ignore[type-arg]
    if kind == "clip":
        return np.stack([clips[clip] for clip in values])
    return embedder("text").embed_texts(values) if kind == "text" else embedder("image").embed_images(values)
