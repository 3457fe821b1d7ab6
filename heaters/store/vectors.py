"""Vectors in and out of PostgreSQL: loading in bulk, and composing those of `sql/search.sql`. It knows no model."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A clip's vector in one space: float [dimension], length 1, from so many stills."""

    clip_id: int
    model: str
    strategy: str
    vector: NDArray[np.floating]
    images: int


def statement(name: str, **parts: str | int | sql.Composable) -> sql.Composed:
    """A query of `sql/search.sql` with its braces filled in: values as literals; `matches` is always there."""
    filled = {key: part if isinstance(part, sql.Composable) else sql.Literal(part) for key, part in parts.items()}
    return sql.SQL(query(name)).format(matches=sql.SQL(query("matches")), **filled)


def half(vector: NDArray[np.floating]) -> HalfVector:
    """A vector as a parameter of a query."""
    return HalfVector(vector.astype(np.float16))


def full(vector: HalfVector) -> NDArray[np.float32]:
    """A vector of a row, float32 [dimension]."""
    return np.asarray(vector.to_numpy(), dtype=np.float32)


def write_vectors(tx: Any, rows: Iterable[Row]) -> None:
    """Upsert vectors: one binary COPY into a temporary table, one insert from it. `tx` is a psycopg cursor in a
    transaction. Their models must be registered and their clips exist.
    """
    tx.execute(query("incoming_table"))
    with tx.copy(query("copy_incoming")) as copy:
        copy.set_types(["int8", "text", "text", "halfvec", "int4"])
        for row in rows:
            copy.write_row((row.clip_id, row.model, row.strategy, half(row.vector), row.images))
    tx.execute(query("take_incoming"))
