"""Vectors of a test's own in the space that the settings ask for, recorded as the stage records them."""

from collections.abc import Mapping, Sequence

import numpy as np

from heaters.core.pipeline import STAGES
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.variants import variant_number
from heaters.store.vectors import Row, SpaceRow, space_number, write_vectors


def make_searchable(db: Database, settings: Settings, vectors: Mapping[int, Sequence[float]]) -> None:
    """Give each clip its vector, scaled to length 1."""
    embed = STAGES["embed"]
    with db.transaction() as tx:
        space = SpaceRow(
            asked=variant_number(tx, embed.name, settings.variant(embed.variant)),
            model=f"{settings.model}@test",
            name=settings.model,
            strategy=settings.space_strategy,
            dimension=len(next(iter(vectors.values()))),
        )
        number = space_number(tx, space)
        unit = {clip: np.array(v, np.float32) / np.linalg.norm(v) for clip, v in vectors.items()}
        write_vectors(tx, [Row(clip_id=clip, variant=number, vector=v, images=3) for clip, v in unit.items()])
