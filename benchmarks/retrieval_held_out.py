"""What the starter makes of things it has no class for: classes are left out of its fit, then looked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from retrieval_photos import Concept

from heaters.models import starter, starter_fit, starter_space
from heaters.models.embedder import Vectors, normalised, pool

_FOLDS = 10
_PHOTO_FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """The classifier's weights [1000, f], the vectors of bare names and of names with definitions [1000, s]."""

    weights: Vectors
    bare: Vectors
    full: Vectors

    def fit(self, kept: np.ndarray) -> starter_space.Space:
        """The starter's own fit, on some of the classes."""
        return starter_fit.fit(self.full[kept], self.bare[kept].mean(axis=0), self.weights[kept])


def _classes() -> Classes:
    texts, encode = starter_fit.class_texts(), starter.sentences()
    shipped = starter_space.load(starter_fit.PATH, starter.SPACE_SHA256)
    weights = starter.classifier("cpu").classes[0].numpy()
    return Classes(weights=weights, bare=encode(texts.names), full=shipped.names)


def held_out_classes() -> str:
    """Fit on nine tenths of the classes; the rank of a left-out class's vector among all 1000, from its bare name."""
    classes, random = _classes(), np.random.default_rng(0)
    order, ranks, unseen = random.permutation(1000), [], []
    for fold in range(_FOLDS):
        out = order[fold::_FOLDS]
        kept = np.setdiff1d(order, out)
        space = classes.fit(kept)
        places = normalised((classes.weights - classes.weights[kept].mean(axis=0)) @ space.looks_axes)
        looks = starter_space.kernel(classes.bare[out], space.names) @ space.regression
        scores = normalised(looks) @ places.T
        own = scores[np.arange(len(out)), out]
        ranks += ((scores > own[:, None]).sum(axis=1) + 1).tolist()
        unseen += ((scores[:, out] > own[:, None]).sum(axis=1) + 1).tolist()
    found = np.array(ranks)
    return (
        f"Held-out classes ({_FOLDS} folds, 1000 candidates): median rank {np.median(found):g}, "
        f"in the top 5 {(found <= 5).mean():.0%}, in the top 20 {(found <= 20).mean():.0%}; "
        f"among the left-out ones alone first in {(np.array(unseen) == 1).mean():.0%}."
    )


def held_out_photos(
    concepts: Sequence[Concept],
    stills: Callable[[Image.Image], list[Image.Image]],
    rank: Callable[[Vectors, np.ndarray], int],
) -> str:
    """Fit without the classes of a fifth of the concepts; look for their photos by their labels among all."""
    classes, network, encode = _classes(), starter.classifier("cpu"), starter.sentences()
    pictures = [(concept, photo) for concept in concepts for photo in concept.photos()]
    seen = [
        starter.classify(network, np.stack([starter.cropped(still) for still in stills(photo)]), "cpu")
        for _, photo in pictures
    ]
    known = [concept for concept in concepts if concept.classes]
    ranks = []
    for fold in range(_PHOTO_FOLDS):
        out = known[fold::_PHOTO_FOLDS]
        kept = np.setdiff1d(np.arange(1000), [index for concept in out for index in concept.classes])
        space = classes.fit(kept)
        placed = [space.place_images(features, logits[:, kept]) for features, logits in seen]
        clips = np.stack([pool(vectors, "multi_average") for vectors in placed])
        for concept in out:
            scores = space.place_texts(encode([concept.name]))[0] @ clips.T
            ranks.append(rank(scores, np.array([other.name == concept.name for other, _ in pictures])))
    found = np.array(ranks)
    return (
        f"Photos whose class was left out ({len(found)} concepts, {len(pictures)} photos): "
        f"R@1 {(found <= 1).mean():.2f}, R@5 {(found <= 5).mean():.2f}, MRR {(1 / found).mean():.3f}."
    )
