"""How the spaces stand: which segments there are, and how many vectors none of them covers. It changes nothing."""

from dataclasses import dataclass

from heaters.search.segments import Cover, Range, Segment, cover, names_of, segment_of
from heaters.search.spaces import Chosen, registered
from heaters.store.db import Connection, Cursor, Database
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a space is searched, and how many vectors lie in each range that nothing covers."""

    space: Chosen
    cover: Cover
    fresh: tuple[int, ...]


def standing(database: Database, *, count_to: int) -> list[Standing]:
    """How every space stands; what is not covered is counted up to `count_to`. Takes as long with a hundred clips as
    with a hundred million.
    """
    found = []
    with database.transaction() as tx:
        for space in registered(tx):
            covered = cover(read_segments(tx, space.variant))
            fresh = tuple(count_arrivals(tx, space, within, count_to) for within in covered.ranges)
            found.append(Standing(space=space, cover=covered, fresh=fresh))
    return found


def read_segments(tx: Cursor | Connection, variant: int) -> list[Segment]:
    """The segments of a space that are whole; also those that others have taken the place of."""
    rows = tx.execute(query("segments"), names_of(variant)).fetchall()
    named = (segment_of(row["name"], vectors=row["vectors"], size_bytes=row["size_bytes"]) for row in rows)
    return [segment for segment in named if segment is not None]


def count_arrivals(tx: Cursor | Connection, space: Chosen, within: Range, most: int) -> int:
    """How many vectors of a space arrived in a range, counted up to `most`."""
    asked = {"variant": space.variant, "low": within.low, "high": within.high, "limit": most}
    row = tx.execute(query("count_arrivals"), asked).fetchone()
    return int(row["n"]) if row else 0
