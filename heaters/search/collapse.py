"""Near-duplicates: a hit that looks almost like a better one is folded into it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from heaters.models.embedder import Vectors
from heaters.search.results import Hit


def fold(
    found: Sequence[tuple[Hit, float]], vectors: Mapping[int, Vectors], threshold: float
) -> list[tuple[Hit, float]]:
    """Hits in order, best first → those that no better one stands for, each with its `duplicates`.

    A hit belongs to the first kept one whose vector is at a cosine of at least `threshold` to its own. `vectors` are
    float32 [d]; a hit without one is kept.
    """
    kept: list[tuple[Hit, float]] = []
    folded: list[list[int]] = []
    owners: list[int] = []
    dimension = len(next(iter(vectors.values()))) if vectors else 0
    units = np.zeros((len(found), dimension), np.float32)
    for hit, distance in found:
        vector = vectors.get(hit.clip_id)
        if vector is not None:
            unit = vector / max(float(np.linalg.norm(vector)), 1e-12)
            near = np.flatnonzero(units[: len(owners)] @ unit >= threshold)
            if len(near):
                folded[owners[near[0]]].append(hit.clip_id)
                continue
            units[len(owners)] = unit
            owners.append(len(kept))
        kept.append((hit, distance))
        folded.append([])
    return [
        (replace(hit, duplicates=tuple(ids)) if ids else hit, distance)
        for (hit, distance), ids in zip(kept, folded, strict=True)
    ]
