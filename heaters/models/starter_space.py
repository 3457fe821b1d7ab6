"""The starter's shared space: what a text looks like to the image classifier, learnt from its 1000 class names.

DeViSE (Frome et al. 2013) without its training: the classifier's weight vector of a class is where its images
lie, so a regression from the class's name to that vector places any text among the images. It does not know
any image.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from heaters.errors import ModelError

Array = NDArray[np.float32]

# Chosen on held-out classes (benchmarks/RESULTS.md, "Retrieval"): kernel exp(-γ |x-y|²), ridge λ.
GAMMA = 2.0
RIDGE = 0.1
TEMPLATE = "a {}"
PARAMETERS = {"space": 1, "gamma": GAMMA, "ridge": RIDGE, "template": TEMPLATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The fit. `names` [classes, text] are the class names' vectors, `weights` [classes, d], `centre` [d]."""

    names: Array
    weights: Array
    centre: Array

    def place_texts(self, sentences: Array) -> Array:
        """Sentence vectors [n, text] → directions [n, d], not normalised."""
        return np.asarray(_kernel(sentences, self.names) @ self.weights, dtype=np.float32)

    def place_images(self, features: Array) -> Array:
        """Classifier features [n, d] → directions [n, d], not normalised."""
        return features - self.centre


def fit(names: Array, classes: Array) -> Space:
    """Fit name vectors [classes, text], rows of length 1, onto class vectors [classes, d]. Under a second."""
    centred = classes - classes.mean(axis=0)
    targets = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    system = _kernel(names, names).astype(np.float64) + RIDGE * np.eye(len(names))
    weights = np.linalg.solve(system, targets.astype(np.float64)).astype(np.float32)
    return Space(names=names, weights=weights, centre=np.zeros(classes.shape[1], np.float32))


def revision(checksums: Sequence[str]) -> str:
    """12 hexadecimal digits over the weights' checksums and everything the fit depends on."""
    text = json.dumps([list(checksums), PARAMETERS], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def cached(cache: Path, word: str, make: Callable[[], Space]) -> Space:
    """The fit of revision `word` from the folder `cache`, made and kept there if it is missing or damaged.

    Safe with several processes at once: each writes a file of its own and renames it; the contents are the
    same. Raises ModelError when the folder cannot be written.
    """
    path = cache / f"starter-{word}.npz"
    found = _read(path)
    if found is not None:
        return found
    space = make()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, suffix=".partial", delete=False) as file:
            np.savez(file, names=space.names, weights=space.weights, centre=space.centre)
        os.replace(file.name, path)  # noqa: PTH105 - pathlib's replace is the same call
    except OSError as error:
        raise ModelError(f"the starter keeps its fit in {cache}, which cannot be written: {error}") from error
    return space


def _read(path: Path) -> Space | None:
    """The stored fit; None if there is none or it is damaged (a zip's CRCs tell), which means: fit again."""
    try:
        with np.load(path) as stored:
            return Space(names=stored["names"], weights=stored["weights"], centre=stored["centre"])
    except (FileNotFoundError, BadZipFile, EOFError, KeyError, ValueError):
        return None


def _kernel(left: Array, right: Array) -> Array:
    """Radial basis function between unit vectors [n, t] and [m, t] → [n, m]."""
    return np.asarray(np.exp(2 * GAMMA * (left @ right.T - 1)), dtype=np.float32)
