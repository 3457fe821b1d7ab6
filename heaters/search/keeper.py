"""Sees to it, while vectors arrive, that every space has its index: nobody has to remember, nobody waits."""

import threading
import time
from collections.abc import Callable

from heaters.errors import HeatersError
from heaters.search.indexes import ensure_indexes, indexes
from heaters.store.db import Database

# A new space is seen this soon.
LOOK_SECONDS = 5.0


class Keeper:
    """Call `look()` now and then while vectors arrive, and `settle()` when no more do. Builds run on a thread of
    its own; one that is cut off with the process is cleared away by the next.
    """

    def __init__(self, database: Database, say: Callable[[str], object]) -> None:
        self._database = database
        self._say = say
        self._looked_at = float("-inf")
        self._thread: threading.Thread | None = None

    def is_done(self) -> bool:
        """A run does not wait for indexes: what has none yet is searched exactly."""
        return True

    def look(self, *, now: bool = False) -> None:
        """Start a build if an index is missing; cheap, and at most every few seconds unless `now`."""
        if self._thread is not None and self._thread.is_alive():
            return
        if not now and time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        if all(index.valid for index in indexes(self._database)):
            return
        self._thread = threading.Thread(target=self._build, name="index", daemon=True)
        self._thread.start()

    def _build(self) -> None:
        try:
            ensure_indexes(self._database, wait=False)
        except HeatersError as error:  # searches are exact meanwhile, and the next look tries again
            self._say(f"index not built yet: {error}")

    def settle(self) -> None:
        """Wait until every space there is now has its index."""
        if self._thread is not None:
            self._thread.join()
        self.look(now=True)
        if self._thread is not None:
            self._thread.join()
