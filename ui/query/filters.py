"""The filters of a listing as SQL: the condition of each, and the statement that reads the clips it lets through."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from heaters.core.states import ClipState
from heaters.search import Filters
from heaters.store.db import Cursor
from heaters.store.facts import facts_within, within
from heaters.store.queries import query

# So many clips are gathered and sorted in about 60 ms: those of whole videos lie together.
NARROW = 10_000
NARROW_VIDEOS = 15_000

ACTIVE = tuple(state for state in ClipState if state is not ClipState.RETIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter: its condition on a clip `c`, and the statement that gives the clips it lets through, up to `most`.
    Where these are `few` or less, they are gathered.
    """

    name: str
    condition: sql.Composable
    driver: sql.Composable
    few: int = NARROW


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """All filters of a listing, the states among which they choose, and the parameters of their SQL."""

    filters: tuple[Filter, ...]
    states: tuple[ClipState, ...]
    parameters: dict[str, Any]

    def but(self, *names: str) -> list[sql.Composable]:
        """The conditions of all filters but some."""
        return [f.condition for f in self.filters if f.name not in names]

    def only(self, name: str) -> list[sql.Composable]:
        """The condition of one filter, if it is set."""
        return [f.condition for f in self.filters if f.name == name]


def sieve(filters: Filters) -> Sieve:
    """The filters as SQL. Retired clips are never listed."""
    states = tuple(state for state in ACTIVE if filters.states is None or state in filters.states)
    return Sieve(filters=tuple(_each(filters)), states=states, parameters=_parameters(filters))


def _each(filters: Filters) -> list[Filter]:
    found = []
    if filters.states is not None:
        found.append(_on_clips("states", part("only_states")))
    if filters.videos is not None:
        found.append(_on_clips("videos", part("only_videos"), few=NARROW_VIDEOS))
    ends = {"only_min_seconds": filters.min_seconds, "only_max_seconds": filters.max_seconds}
    lengths = [part(name) for name, seconds in ends.items() if seconds is not None]
    if lengths:
        found.append(_on_clips("length", every(lengths)))
    for number, bound in enumerate(filters.facts):
        driver = part("driven_by_fact", filters=every(within(bound)))
        condition = facts_within([bound], sql.SQL("c.id"))
        found.append(Filter(name=f"fact {number}", condition=condition, driver=driver))
    return found


def _on_clips(name: str, condition: sql.Composable, *, few: int = NARROW) -> Filter:
    """A filter on columns of clips: its condition also gives the clips that it lets through."""
    return Filter(name=name, condition=condition, driver=part("driven_by_clips", filters=condition), few=few)


def _parameters(filters: Filters) -> dict[str, Any]:
    return {
        # As one literal, which PostgreSQL reads while it plans: of a cast array it would not know how many match.
        "states": None if filters.states is None else f"{{{','.join(filters.states)}}}",
        "videos": None if filters.videos is None else list(filters.videos),
        "min_seconds": filters.min_seconds,
        "max_seconds": filters.max_seconds,
    }


def narrow(tx: Cursor, asked: Sieve, in_states: int) -> Filter | None:
    """The first filter that lets few clips through by itself. `in_states`: how many clips are in the asked states."""
    for one in asked.filters:
        count = in_states if one.name == "states" else _count(tx, asked, one)
        if count <= one.few:
            return one
    return None


def _count(tx: Cursor, asked: Sieve, one: Filter) -> int:
    statement = part("count_driven", driver=one.driver)
    row = tx.execute(statement, asked.parameters | {"most": one.few + 1}).fetchone()
    return int(row["n"]) if row else 0


def part(name: str, **parts: sql.Composable) -> sql.Composed:
    """A fragment or statement of `sql/browse.sql` or `sql/search.sql` with its braces filled in."""
    return sql.SQL(query(name)).format(**parts)


def every(conditions: Sequence[sql.Composable]) -> sql.Composable:
    """All of some conditions; true for none."""
    return sql.SQL(" and ").join(conditions) if conditions else sql.SQL("true")
