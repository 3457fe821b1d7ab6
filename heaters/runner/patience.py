"""What a run does while the database is away: it waits, and nothing in flight is given up."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from heaters.errors import DatabaseAway, StoreError

PAUSE_SECONDS = 0.5
# A deadlock or a statement that took too long may go through the next time; the same one for ever does not.
TRIES = 5

T = TypeVar("T")


class Patience:
    """Does work on the database again and again until it goes through, or the run is stopped."""

    def __init__(self, stop: threading.Event, notice: Callable[[str], object], *, after: Callable[[], object]) -> None:
        """`after` is called when the database is back, before anything else."""
        self._stop = stop
        self._notice = notice
        self._after = after

    def __call__(self, work: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """What `work` returns. Only for work that may be done twice. Raises DatabaseAway when the run is stopped, and
        StoreError for what fails `TRIES` times in a row although the database is there.
        """
        away_since: float | None = None
        tries = 0
        while True:
            try:
                if away_since is not None:
                    self._after()
                result = work(*arguments, **options)
            except DatabaseAway as error:
                if self._stop.is_set():
                    raise
                if away_since is None:
                    away_since = time.monotonic()
                    self._notice(f"waiting for the database: {error}")
                self._stop.wait(PAUSE_SECONDS)
            except StoreError as error:
                tries += 1
                if tries >= TRIES or self._stop.is_set():
                    raise
                self._notice(f"trying again: {error}")
                self._stop.wait(PAUSE_SECONDS * tries)
            else:
                if away_since is not None:
                    self._notice(f"the database is back after {time.monotonic() - away_since:.0f} s")
                return result
