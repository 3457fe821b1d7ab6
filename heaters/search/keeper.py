"""Sees to it, while vectors arrive, that every space has its index: nobody has to remember, nobody waits."""

import threading
import time
from collections.abc import Callable
from types import TracebackType

from heaters.errors import HeatersError
from heaters.search.indexes import ensure_indexes, indexes
from heaters.store.db import Database

# A new space is seen this soon.
LOOK_SECONDS = 5.0


class Keeper:
    """Call `look()` now and then; a missing index is built on a thread of its own. Use as a context manager: at its end
    a build that is under way is waited for.
    """

    def __init__(self, database: Database, say: Callable[[str], object]) -> None:
        self._database = database
        self._say = say
        self._looked_at = float("-inf")
        self._thread: threading.Thread | None = None

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

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            if self._thread is not None:
                self._thread.join()
            self.look(now=True)
        if self._thread is not None:
            self._thread.join()
