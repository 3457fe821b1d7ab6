"""Near-duplicates: what looks almost like something before it belongs to that. Pure.

A clip belongs to the first kept one that it is near to, and only to kept ones: a slow change from clip to clip does not
chain a whole film together, and what comes later changes nothing for what was there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from heaters.models.embedder import Vectors
from heaters.search.results import Hit

_ROWS = 256  # compared with all that are kept at a time: 100 MB for 100,000 of them


def leaders(vectors: Vectors, threshold: float) -> NDArray[np.int64]:
    """For each row the first kept row at a cosine of at least `threshold`; itself where there is none: it is kept.

    `vectors` is float32 [n, d], in order of precedence. Time is n times the number of kept rows.
    """
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    owners = np.arange(len(units))
    kept_units = np.empty_like(units)
    kept: list[int] = []
    for start in range(0, len(units), _ROWS):
        rows = units[start : start + _ROWS]
        before = rows @ kept_units[: len(kept)].T >= threshold
        among = rows @ rows.T >= threshold
        fresh: list[int] = []  # rows of this block that are kept
        for row in range(len(rows)):
            near = np.flatnonzero(before[row])
            beside = [other for other in fresh if among[row, other]]
            if len(near):
                owners[start + row] = kept[near[0]]
            elif beside:
                owners[start + row] = start + beside[0]
            else:
                fresh.append(row)
        kept_units[len(kept) : len(kept) + len(fresh)] = rows[fresh]
        kept += [start + row for row in fresh]
    return owners


def fold(
    found: Sequence[tuple[Hit, float]], vectors: Mapping[int, Vectors], threshold: float
) -> list[tuple[Hit, float]]:
    """Hits in order, best first → those that no better one stands for, each with its `duplicates`.

    `vectors` are float32 [d]; a hit without one is kept.
    """
    have = [place for place, (hit, _) in enumerate(found) if hit.clip_id in vectors]
    owner = {place: place for place in range(len(found))}
    if have:
        owners = leaders(np.stack([vectors[found[place][0].clip_id] for place in have]), threshold)
        owner |= {place: have[first] for place, first in zip(have, owners, strict=True)}
    folded: dict[int, list[int]] = {}
    for place, first in owner.items():
        folded.setdefault(first, []).append(found[place][0].clip_id)
    return [
        (replace(found[first][0], duplicates=tuple(ids[1:])) if len(ids) > 1 else found[first][0], found[first][1])
        for first, ids in sorted(folded.items())
    ]
