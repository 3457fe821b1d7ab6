"""The starter's shared space: two heads, each of which places an image and a text among the same 1000 classes.

    looks   image: the classifier's features; text: what they would be, by regression from the classes' names to
            the classifier's weight vectors (DeViSE, Frome et al. 2013). It generalises to what no class shows.
    names   image: the mean of the class names' vectors, weighted by the class probabilities (ConSE, Norouzi et al.
            2013); text: its own vector. It is exact where the classifier is sure.

Cosine in the concatenation is the weighted sum of both cosines. `starter_fit` makes it; it does not know any image.
"""

import hashlib
import io
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heaters.errors import ModelError

Array = NDArray[np.float32]

# Chosen on classes and photos left out of the fit; the alternatives stand in benchmarks/RESULTS.md, "Retrieval".
GAMMA = 2.0  # of the regression's kernel exp(-γ |x-y|²) between unit vectors
LOOKS_WEIGHT = 0.6  # the share of the first head in the cosine
LOOKS_DIMENSION = 320  # principal axes of the class vectors that are kept; all 1000 measure no better
NAMES_DIMENSION = 192  # principal axes of the names' vectors that are kept
DIMENSION = LOOKS_DIMENSION + NAMES_DIMENSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The fit, float32: c classes, s = 384 numbers a sentence, f = 1280 a feature, a and b axes kept.

    `names` [c, s] are the class names' unit vectors, `regression` [c, a] the kernel regression's coefficients,
    `looks_axes` [f, a], `names_axes` [s, b], `query_centre` [s] the mean vector of bare names.
    """

    names: Array
    regression: Array
    looks_axes: Array
    names_axes: Array
    query_centre: Array

    def place_images(self, features: Array, logits: Array) -> Array:
        """Features [n, f] and the logits of the fit's classes [n, c] → [n, a + b], length 1."""
        likely: Array = np.exp(logits - logits.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        places: Array = (self.names - self.names.mean(axis=0)) @ self.names_axes
        return _joined(features @ self.looks_axes, np.asarray(likely @ places, dtype=np.float32))

    def place_texts(self, sentences: Array) -> Array:
        """Sentence vectors [n, s] of length 1 → [n, a + b], length 1."""
        looks: Array = kernel(sentences, self.names) @ self.regression
        named = np.asarray((sentences - self.query_centre) @ self.names_axes, dtype=np.float32)
        return _joined(looks, named)


def kernel(left: Array, right: Array) -> Array:
    """The regression's radial basis function between unit vectors [n, s] and [m, s] → [n, m]."""
    return np.asarray(np.exp(2 * GAMMA * (left @ right.T - 1)), dtype=np.float32)


def save(space: Space, path: Path) -> str:
    """Write the fit in half precision. Returns the file's SHA-256."""
    buffer = io.BytesIO()
    np.savez(buffer, **{spec.name: getattr(space, spec.name).astype(np.float16) for spec in fields(Space)})
    path.write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def load(path: Path, sha256: str) -> Space:
    """Read a fit. Raises ModelError when the file is missing or its SHA-256 is another."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the starter's fit cannot be read: {error}; reinstall heaters") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ModelError(f"the starter's fit {path.name} must have SHA-256 {sha256}; got {found}; reinstall heaters")
    with np.load(io.BytesIO(data)) as stored:
        return Space(**{spec.name: stored[spec.name].astype(np.float32) for spec in fields(Space)})


def _joined(looks: Array, named: Array) -> Array:
    return np.concatenate(
        [_unit(looks) * np.float32(LOOKS_WEIGHT**0.5), _unit(named) * np.float32((1 - LOOKS_WEIGHT) ** 0.5)],
        axis=1,
    )


def _unit(vectors: Array) -> Array:
    # A head without an opinion (no norm) adds nothing, rather than noise blown up to full length.
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return np.asarray(vectors / lengths, dtype=np.float32)
