"""The indexes over vectors, for people: which there are, and making those that should be there.

`builder.py` makes them, `keeper.py` does so during a run, `upkeep.py` says which.
"""

from dataclasses import dataclass

from heaters.search.builder import Builder
from heaters.search.segments import Method
from heaters.search.standing import standing
from heaters.store.db import Database

# A listing counts the vectors without an index up to here.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index over some vectors of a space. `size_bytes` is on disk, with the copies of the vectors that it is on.

    A space's vectors without an index are listed as one of no name, method and size: they are searched one by one,
    which is as quick while they are few. There are at least `vectors` of them.
    """

    model: str
    strategy: str
    name: str
    method: Method | None
    vectors: int
    size_bytes: int


def indexes(database: Database) -> list[Index]:
    """The indexes of every space, in the order of arrival of their vectors; last the vectors without one, if any."""
    found = []
    for stands in standing(database, count_to=MOST_COUNTED):
        space = {"model": stands.space.model, "strategy": stands.space.strategy}
        found += [
            Index(**space, name=s.name, method=s.method, vectors=s.vectors, size_bytes=s.size_bytes)
            for s in stands.cover.segments
        ]
        if any(stands.fresh):
            found.append(Index(**space, name="", method=None, vectors=sum(stands.fresh), size_bytes=0))
    return found


def ensure_indexes(database: Database, *, rebuild: bool = False) -> list[str]:
    """Make every index that a library at rest should have, or (`rebuild`) one graph of each space anew. Waits for
    others who are at it. Returns the names of those made. Raises StoreError when the database fails.
    """
    built: list[str] = []
    with Builder(database, is_quiet=True, waits=True) as builder:
        for space in builder.spaces():
            if rebuild:
                built += builder.rebuild(space)
            while made := builder.close(space) or builder.merge_lists(space) or builder.merge_graph(space):
                built.append(made)
    return built
