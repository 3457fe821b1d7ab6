"""Variants of stages by number: rows of work and of results name a stage and its settings by one small number."""

from heaters.store.db import Connection, Cursor
from heaters.store.queries import query


def variant_number(tx: Cursor | Connection, stage: str, variant: str) -> int:
    """The number of a stage's variant, such as ("keyframes", "multi"). A new one gets a number."""
    row = tx.execute(query("variant"), {"stage": stage, "variant": variant}).fetchone()
    assert row is not None  # the query returns a row for any stage and variant
    return int(row["id"])
