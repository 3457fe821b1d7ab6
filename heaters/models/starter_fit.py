"""Fit the starter's space and write `starter.npz` beside this file: `python -m heaters.models.starter_fit`.

The file is part of the package, so that every machine has the same space to the bit and none spends a minute on it.
What a class is called comes from open_clip (curated names) and from timm (WordNet's synonyms and definitions).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heaters.models import starter_space
from heaters.models.starter_space import Array, Space

PATH = Path(__file__).with_name("starter.npz")
_RIDGE = 0.1
# Weights of a class's name, synonyms and definition in its vector. Definitions let a paraphrase find its class.
_NAME, _SYNONYMS, _DEFINITION = 0.4, 0.2, 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTexts:
    """What the 1000 classes are called, in the classifier's order."""

    names: list[str]
    synonyms: list[str]
    definitions: list[str]


def class_texts() -> ClassTexts:
    """The classes' texts, such as `a lion`, `lion, king of beasts, Panthera leo`, `large gregarious predatory …`."""
    from open_clip import IMAGENET_CLASSNAMES
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    synonyms = [info.index_to_description(index) for index in range(len(IMAGENET_CLASSNAMES))]
    full = [info.index_to_description(index, detailed=True) for index in range(len(IMAGENET_CLASSNAMES))]
    return ClassTexts(
        names=[f"a {name}" for name in IMAGENET_CLASSNAMES],
        synonyms=synonyms,
        definitions=[text[len(start) :].lstrip(": ") for text, start in zip(full, synonyms, strict=True)],
    )


def class_name_vectors(names: Array, synonyms: Array, definitions: Array) -> Array:
    """Sentence vectors of the three texts, [c, s] each → one vector a class, [c, s], length 1."""
    mixed = _NAME * names + _SYNONYMS * synonyms + _DEFINITION * definitions
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def fit(names: Array, query_centre: Array, classes: Array) -> Space:
    """Class name vectors [c, s] and the classifier's weights [c, f] → the space.

    Kernel ridge regression onto the directions of the class vectors, then both heads reduced to their principal
    axes. A second of work.
    """
    centred = classes - classes.mean(axis=0)
    directions = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    looks_axes = _principal_axes(directions, starter_space.LOOKS_DIMENSION)
    system = starter_space.kernel(names, names).astype(np.float64) + _RIDGE * np.eye(len(names))
    return Space(
        names=names,
        regression=np.linalg.solve(system, (directions @ looks_axes).astype(np.float64)).astype(np.float32),
        looks_axes=looks_axes,
        names_axes=_principal_axes(names - names.mean(axis=0), starter_space.NAMES_DIMENSION),
        query_centre=query_centre,
    )


def _principal_axes(rows: Array, count: int) -> Array:
    """The first right singular vectors of `rows` [n, d] → [d, count]."""
    return np.asarray(np.linalg.svd(rows, full_matrices=False)[2][:count].T, dtype=np.float32)


def main() -> None:
    """Fit on all classes and write the file."""
    from heaters.models.starter import classifier, sentences

    texts, encode = class_texts(), sentences()
    names = encode(texts.names)
    classes = classifier("cpu").classes[0].numpy()
    vectors = class_name_vectors(names, encode(texts.synonyms), encode(texts.definitions))
    sha256 = starter_space.save(fit(vectors, names.mean(axis=0), classes), PATH)
    sys.stdout.write(f"{PATH}: {PATH.stat().st_size} bytes; set SPACE_SHA256 in starter.py to {sha256}\n")


if __name__ == "__main__":
    main()
