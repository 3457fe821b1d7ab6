"""Sees to it, while vectors arrive, that searches stay quick: nobody has to remember, nobody waits."""

import threading
import time
from collections.abc import Callable

import psycopg

from heaters.errors import HeatersError
from heaters.search import upkeep
from heaters.search.builder import Builder
from heaters.search.standing import standing
from heaters.store.db import Database
from heaters.store.queries import query

# New vectors are looked for this often, and whether segments should be merged.
LOOK_SECONDS, GRAPH_SECONDS = 1.0, 10.0
# When none arrived for so long, everything is merged.
QUIET_SECONDS = 60.0


class Keeper:
    """Call `look()` now and then while vectors arrive, and `settle()` when no more do.

    It works on threads of its own, so that what takes long never holds up what must be quick: closing takes a fraction
    of a second, merging lists takes seconds, a graph takes minutes. What is cut off with the process leaves nothing,
    and is made by the next.
    """

    def __init__(self, database: Database, say: Callable[[str], object]) -> None:
        self._database = database
        self._work = (
            _Work(self._close, say, LOOK_SECONDS),
            _Work(self._merge_lists, say, LOOK_SECONDS),
            _Work(self._merge_graphs, say, GRAPH_SECONDS),
        )
        self._last_arrival = -1
        self._arrived_at = time.monotonic()
        self._is_quiet = self._is_settling = False

    def is_done(self) -> bool:
        """A run does not wait for indexes: what has none yet is searched exactly."""
        return True

    def look(self) -> None:
        """Begin with what is due, unless it is being done; cheap."""
        for work in self._work:
            work.begin()

    def settle(self) -> None:
        """Wait until every space there is now has the indexes of a library at rest."""
        for work in self._work:
            work.wait()
        self._is_settling = True
        for work in self._work:
            work.begin(now=True)
            work.wait()

    def _close(self) -> None:
        self._notice_quiet()
        for stands in standing(self._database, count_to=upkeep.CLOSE_VECTORS):
            if upkeep.next_range(stands.cover, stands.fresh, least=upkeep.CLOSE_VECTORS):
                self._build(lambda builder, space=stands.space: builder.close(space))  # type: ignore[misc]

    def _merge_lists(self) -> None:
        for stands in standing(self._database, count_to=0):
            if upkeep.next_lists(stands.cover, is_quiet=self._is_quiet):
                self._build(lambda builder, space=stands.space: builder.merge_lists(space))  # type: ignore[misc]

    def _merge_graphs(self) -> None:
        for stands in standing(self._database, count_to=0):
            if upkeep.next_graph(stands.cover, is_quiet=self._is_quiet):
                self._build(lambda builder, space=stands.space: builder.merge_graph(space))  # type: ignore[misc]

    def _build(self, make: Callable[[Builder], str | None]) -> None:
        with Builder(self._database, is_quiet=self._is_quiet) as builder:
            while make(builder):
                pass

    def _notice_quiet(self) -> None:
        with self._database.transaction() as tx:
            last = int(tx.execute(query("last_arrival")).fetchone()["seq"])  # type: ignore[index]
        if last != self._last_arrival:
            self._last_arrival, self._arrived_at = last, time.monotonic()
        self._is_quiet = self._is_settling or time.monotonic() - self._arrived_at > QUIET_SECONDS


class _Work:
    """Something to do every so often, on a thread of its own."""

    def __init__(self, do: Callable[[], None], say: Callable[[str], object], seconds: float) -> None:
        self._do = do
        self._say = say
        self._seconds = seconds
        self._begun_at = float("-inf")
        self._thread: threading.Thread | None = None

    def begin(self, *, now: bool = False) -> None:
        """Do it, unless it is being done or was begun a moment ago."""
        if self._thread is not None and self._thread.is_alive():
            return
        if now or time.monotonic() - self._begun_at >= self._seconds:
            self._begun_at = time.monotonic()
            self._thread = threading.Thread(target=self._try, name="index", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Until it is not being done."""
        if self._thread is not None:
            self._thread.join()

    def _try(self) -> None:
        try:
            self._do()
        except (HeatersError, psycopg.Error) as error:  # searches are exact meanwhile, and the next look tries again
            self._say(f"index not built yet: {error}")
