"""Groups of near-duplicates in one space: every clip with the one that stands for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heaters.search.collapse import leaders
from heaters.search.query import Filters, check_threshold
from heaters.search.spaces import Chosen, registered
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.vectors import full, matching, statement

_AT_ONCE = 10_000  # vectors read at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Clips that look alike, by their ids, lowest first; the first stands for the others."""

    clips: tuple[int, ...]


def groups(database: Database, space: Chosen, threshold: float, filters: Filters | None = None) -> list[Group]:
    """The groups of at least two clips among those that pass the filters. Raises UsageError for the threshold.

    Compares every vector with every clip that is kept: 100,000 clips in minutes, held in memory as float32.
    """
    check_threshold(threshold)
    filters = filters or Filters()
    given = filters.parameters()
    asked = statement("clips_of_space", matches=matching(given, filters.facts))
    with database.transaction() as tx:
        rows = tx.execute(asked, {"variant": space.variant, **given}).fetchall()
    ids = [row["clip_id"] for row in rows]
    found: dict[int, list[int]] = {}
    for clip, first in _standing(database, space.variant, threshold, ids).items():
        found.setdefault(first, []).append(clip)
    return [Group(clips=tuple(clips)) for clips in found.values() if len(clips) > 1]


def standing(database: Database, model: str, strategy: str, threshold: float, ids: Sequence[int]) -> dict[int, int]:
    """For each clip that has a vector in the space, the first of `ids` that stands for it; itself where none does."""
    with database.transaction() as tx:
        spaces = [space for space in registered(tx) if (space.model, space.strategy) == (model, strategy)]
    return _standing(database, spaces[0].variant, threshold, ids) if spaces else {}


def _standing(database: Database, variant: int, threshold: float, ids: Sequence[int]) -> dict[int, int]:
    have: list[int] = []
    parts = []
    for at in range(0, len(ids), _AT_ONCE):
        some = list(ids[at : at + _AT_ONCE])
        with database.transaction() as tx:
            found = tx.execute(query("vectors_of"), {"ids": some, "variant": variant}).fetchall()
        rows = {row["clip_id"]: full(row["vector"]) for row in found}
        there = [clip for clip in some if clip in rows]
        have += there
        parts += [rows[clip] for clip in there]
    if not have:
        return {}
    owners = leaders(np.stack(parts), threshold)
    return {clip: have[first] for clip, first in zip(have, owners, strict=True)}
