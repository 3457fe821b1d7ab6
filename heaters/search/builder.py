"""Makes segments: closed, merged, made anew. Searches and writers go on meanwhile.

A segment is copied, indexed and published in one transaction, on a connection of its own: a build that is cut off
leaves nothing. Closing takes a lock for each space; a merge holds its sources, so that no two builders merge the same
segment. Segments that others have taken the place of are dropped afterwards.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.errors import DiskFull, LockNotAvailable, OutOfMemory, UndefinedTable

from heaters.errors import StoreError
from heaters.machine import memory_bytes
from heaters.search import upkeep
from heaters.search.segments import ENDLESS, Cover, Method, Range, Segment, cover, names_of, segment_of
from heaters.search.spaces import Chosen, registered
from heaters.search.standing import count_arrivals, read_segments
from heaters.store.db import Database, connect
from heaters.store.queries import query
from heaters.store.vectors import statement

# Links of a vector in a graph, and the candidates looked at for them. With fewer candidates, searches get caught in
# clusters that lie apart, whatever the breadth of the search; links cost a tenth of the index's size each eight.
LINKS, BUILD_BREADTH = 16, 512
# A build whose graph does not fit in memory takes many times as long; a million vectors of 512 need 2 GB.
BUILD_MEMORY_SHARE = 0.25
MOST_BUILD_MEMORY_MIB = 8192
GRAPH_BYTES_PER_NUMBER = 4
MOST_WORKERS = 7
# Writers commit within seconds; a range whose writers do not is closed another time.
WRITERS_SECONDS = 30.0
_PAUSE_SECONDS = 0.02


class Builder:
    """Makes segments one at a time. `is_quiet`: no vectors arrive, so everything is merged that should be. `waits`:
    somebody waits for it, so all CPUs work, and what others are at is waited for instead of left to them. Methods raise
    StoreError when the database fails.
    """

    def __init__(self, database: Database, *, is_quiet: bool, waits: bool = False) -> None:
        self._database = database
        self._is_quiet = is_quiet
        self._waits = waits

    def __enter__(self) -> "Builder":
        self._memory_mib = min(int(memory_bytes() * BUILD_MEMORY_SHARE) // 2**20, MOST_BUILD_MEMORY_MIB)
        self._connection = connect(self._database.url, application_name="heaters index")
        with _failures():
            self._connection.execute(query("prepare_build"), {"memory": f"{self._memory_mib}MB"})
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def spaces(self) -> list[Chosen]:
        """Every space there is."""
        with _failures():
            return registered(self._connection)

    def close(self, space: Chosen, *, least: int | None = None) -> str | None:
        """Make a segment with lists of a range that nothing covers; None: none has so many vectors, or as many as it
        takes.
        """
        least = upkeep.CLOSE_VECTORS if least is None else least
        with _failures(), self._closing(space) as is_ours:
            if not is_ours:
                return None
            found = self._cover(space)
            fresh = [count_arrivals(self._connection, space, r, least) for r in found.ranges]
            uncovered = upkeep.next_range(found, fresh, least=least)
            if uncovered is None:
                return None
            high = self._end(space, uncovered)
            self._sweep(space)
            return self._make(space, Segment(variant=space.variant, low=uncovered.low, high=high, method="ivfflat"))

    def merge_lists(self, space: Chosen) -> str | None:
        """Merge segments with lists where there are many; None: there are not."""
        with _failures():
            return self._merge(space, upkeep.next_lists(self._cover(space), is_quiet=self._is_quiet))

    def merge_graph(self, space: Chosen) -> str | None:
        """Merge segments into one with a graph where there are enough vectors; None: there are not."""
        with _failures():
            most = self._most_vectors(space)
            return self._merge(space, upkeep.next_graph(self._cover(space), is_quiet=self._is_quiet, most=most))

    def rebuild(self, space: Chosen) -> list[str]:
        """One graph of all vectors of a space, or as few as the memory for builds allows."""
        while self.close(space, least=1):
            pass
        with _failures():
            segments = self._cover(space).segments
        if len(segments) == 1:  # the new segment must have bounds, and so a name, of its own
            self.close(space, least=0)
        with _failures():
            found = self._cover(space)
            made = [self._merge(space, merge) for merge in upkeep.graphs_of_all(found, most=self._most_vectors(space))]
        return [name for name in made if name is not None]

    # -------------------------------------------------------------------------------------------- how

    def _cover(self, space: Chosen) -> Cover:
        return cover(read_segments(self._connection, space.variant))

    def _most_vectors(self, space: Chosen) -> int:
        return self._memory_mib * 2**20 // (GRAPH_BYTES_PER_NUMBER * space.dimension)

    @contextmanager
    def _closing(self, space: Chosen) -> Iterator[bool]:
        """Be the only one who closes segments of a space."""
        asked = {"variant": space.variant}
        while not (is_ours := self._connection.execute(query("try_close_lock"), asked).fetchone()["held"]):  # type: ignore[index]
            if not self._waits:
                break
            time.sleep(_PAUSE_SECONDS)
        try:
            yield is_ours
        finally:
            if is_ours and not self._connection.closed:
                self._connection.execute(query("close_unlock"), asked)

    def _end(self, space: Chosen, uncovered: Range) -> int:
        """Where the new segment ends, after a full one at most. What is numbered below is visible afterwards."""
        asked = {"variant": space.variant, "low": uncovered.low, "high": uncovered.high, "count": upkeep.FULL_VECTORS}
        row = self._connection.execute(query("nth_arrival"), asked).fetchone()
        high = row["seq"] if row else None
        if high is None and uncovered.high < ENDLESS:
            high = uncovered.high
        if high is None:
            high = self._connection.execute(query("end_arrivals")).fetchone()["seq"]  # type: ignore[index]
        self._wait_for_writers()
        return int(high)

    def _wait_for_writers(self) -> None:
        """Wait until every transaction has ended that may have numbered vectors before now. Raises StoreError when one
        does not for long.
        """
        deadline = time.monotonic() + WRITERS_SECONDS
        earlier = self._writers()
        while earlier:
            if time.monotonic() > deadline:
                raise StoreError(f"a transaction has been writing vectors for {WRITERS_SECONDS:g} s")
            time.sleep(_PAUSE_SECONDS)
            earlier &= self._writers()

    def _writers(self) -> set[str]:
        return {row["writer"] for row in self._connection.execute(query("writers_of_vectors")).fetchall()}

    def _merge(self, space: Chosen, merge: upkeep.Merge | None) -> str | None:
        if merge is None:
            return None
        first, last = merge.sources[0], merge.sources[-1]
        method: Method = "hnsw" if merge.is_graph else "ivfflat"
        wanted = Segment(variant=space.variant, low=first.low, high=last.high, method=method)
        made = self._make(space, wanted, merge.sources)
        if made is not None:
            self._sweep(space)
        return made

    def _make(self, space: Chosen, segment: Segment, sources: Sequence[Segment] = ()) -> str | None:
        """Make a segment; None where somebody else has taken its sources."""
        workers = self._helpers()
        while True:
            try:
                with self._connection.transaction():
                    if sources and not self._hold(space, sources):
                        return None
                    self._connection.execute(query("set_workers"), {"workers": str(workers)})
                    self._build(space, segment)
                return segment.name
            except UndefinedTable:
                return None
            except LockNotAvailable:
                if not self._waits:
                    return None
            except (DiskFull, OutOfMemory):
                # Several processes share a graph through /dev/shm, which containers keep small: then one builds alone.
                if workers == 0:
                    raise
                workers = 0

    def _helpers(self) -> int:
        """How many processes help with an index. Searches keep a CPU unless somebody waits for the index."""
        if not self._is_quiet:
            return 0
        return min(max((os.cpu_count() or 1) - (1 if self._waits else 2), 0), MOST_WORKERS)

    def _hold(self, space: Chosen, sources: Sequence[Segment]) -> bool:
        """Whether the sources are ours to merge until the transaction ends."""
        names = sql.SQL(", ").join(sql.Identifier(source.name) for source in sources)
        self._connection.execute(statement("hold_segments", segments=names))
        return {source.name for source in sources} <= {segment.name for segment in self._cover(space).segments}

    def _build(self, space: Chosen, segment: Segment) -> None:
        table = sql.Identifier(segment.name)
        copy = statement(
            "copy_segment",
            segment=table,
            dimension=space.dimension,
            variant=space.variant,
            low=segment.low,
            high=segment.high,
        )
        copied = self._connection.execute(copy).rowcount
        if segment.method == "hnsw":
            index = statement("index_by_graph", segment=table, links=LINKS, breadth=BUILD_BREADTH)
        else:
            index = statement("index_by_lists", segment=table, lists=upkeep.lists_for(copied))
        self._connection.execute(index)

    def _sweep(self, space: Chosen) -> None:
        """Drop the tables that searches do not use. One that somebody reads for long is dropped another time."""
        used = {segment.name for segment in self._cover(space).segments}
        for row in self._connection.execute(query("segment_tables"), names_of(space.variant)).fetchall():
            if row["name"] not in used and segment_of(row["name"]) is not None:
                try:
                    self._connection.execute(statement("drop_segment", segment=sql.Identifier(row["name"])))
                except LockNotAvailable:
                    continue


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise StoreError(f"an index over vectors could not be built: {' '.join(str(error).split())}") from error
