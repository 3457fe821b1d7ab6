"""Bounds on facts as a condition of a query. It knows no fact: names come from `core/facts.py`."""

from collections.abc import Sequence

from psycopg import sql

from heaters.core.facts import ENDLESS, Bound
from heaters.store.queries import query


def facts_within(bounds: Sequence[Bound], clip_id: sql.Composable, *, form: str = "facts_within") -> sql.Composed:
    """The condition that the facts of clip `clip_id`, by the settings of the session, lie within all bounds: served by
    the index of a fact where that is the quicker way. A clip that was not measured so, or lacks a fact, is outside.
    """
    conditions = [condition for bound in bounds for condition in within(bound)]
    return sql.SQL(query(form)).format(clip_id=clip_id, bounds=sql.SQL(" and ").join(conditions))


def within(bound: Bound) -> list[sql.Composed]:
    """The conditions of a bound on a row `f` of facts. Numbers are kept in 32 bits, so they are compared in 32 bits:
    0.1 is not more than 0.1.
    """
    name = sql.Identifier(bound.name)
    parts = []
    if bound.low > -ENDLESS:
        parts.append(sql.SQL("f.{} >= {}::real").format(name, sql.Literal(bound.low)))
    if bound.high < ENDLESS:
        parts.append(sql.SQL("f.{} <= {}::real").format(name, sql.Literal(bound.high)))
    return parts or [sql.SQL("f.{} is not null").format(name)]
