"""Vectors in and out of PostgreSQL: loading in bulk, and composing the queries on them. It knows no model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from heaters.core.facts import Bound
from heaters.errors import ModelError
from heaters.store.facts import facts_within
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRow:
    """An embedding space: a model's identity `name@revision` and a strategy. `asked` is the variant of the stage
    `embed` whose settings led to it.
    """

    asked: int
    model: str
    name: str
    strategy: str
    dimension: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A clip's vector in a space, by the space's number: float [dimension], length 1, from so many stills."""

    clip_id: int
    variant: int
    vector: NDArray[np.floating]
    images: int


def statement(name: str, **parts: str | int | sql.Composable) -> sql.Composed:
    """A query of `sql/search.sql` or `sql/segments.sql` with its braces filled in: values as literals."""
    filled = {key: part if isinstance(part, sql.Composable) else sql.Literal(part) for key, part in parts.items()}
    return sql.SQL(query(name)).format(**filled)


def matching(filters: Mapping[str, Any], facts: Sequence[Bound] = (), *, listed: bool = False) -> sql.Composable:
    """The condition that a clip `c` may be found and passes filters: those of `only_…` in `sql/search.sql` that have a
    value, and bounds on its facts. `listed`: for statements that look at every clip that passes.
    """
    used = [f"only_{name}" for name, value in filters.items() if value is not None]
    conditions: list[sql.Composable] = [sql.SQL(query(name)) for name in ("may_be_found", *used)]
    if facts:
        conditions.append(facts_within(facts, sql.SQL("c.id"), form="facts_listed" if listed else "facts_within"))
    return sql.SQL(" and ").join(conditions)


def half(vector: NDArray[np.floating]) -> HalfVector:
    """A vector as a parameter of a query."""
    return HalfVector(vector.astype(np.float16))


def full(vector: HalfVector) -> NDArray[np.float32]:
    """A vector of a row, float32 [dimension]."""
    return np.asarray(vector.to_numpy(), dtype=np.float32)


def space_number(tx: Any, space: SpaceRow) -> int:
    """The number of a space, registered when it is new. `tx` is a psycopg cursor in a transaction.

    A new revision behind a name that is known makes a new space, and all clips are due again in it. The same model
    under another name (its folder was moved) keeps its space, which goes by the new name. Raises ModelError for a
    revision that is older than the newest: some node has other weights.
    """
    row = tx.execute(query("space"), asdict(space)).fetchone()
    if row is None:
        row = tx.execute(query("register_space"), asdict(space)).fetchone()
    elif row["asked"] != space.asked:
        row = tx.execute(query("rename_space"), asdict(space) | {"variant": row["variant"]}).fetchone()
    if row["newest"] != row["variant"]:
        raise ModelError(
            f"all nodes must have the same weights of {space.name}: a worker's are {space.model}, the newest vectors "
            "are of another revision"
        )
    return int(row["variant"])


def write_vectors(tx: Any, rows: Sequence[Row]) -> None:
    """Upsert vectors in one statement; of clips that are gone by now none. `tx` is a cursor in a transaction."""
    tx.execute(
        query("record_vectors"),
        {
            "clip_ids": [row.clip_id for row in rows],
            "variants": [row.variant for row in rows],
            "images": [row.images for row in rows],
            "vectors": [half(row.vector) for row in rows],
        },
    )
