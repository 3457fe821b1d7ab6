"""A driver's part in withdrawing videos: it lets go of their claims, and clears what a killed command left."""

import time

from heaters.core.pipeline import Change
from heaters.errors import DatabaseAway, StoreError
from heaters.runner.tasks import TaskStore
from heaters.store.objects import ObjectStore
from heaters.store.queries import query
from heaters.store.withdrawals import Withdrawals

REST_SECONDS = 2.0  # between looks whether claims were taken away
CLEAR_SECONDS = 10.0  # between looks for withdrawals that somebody left half done
CLEARED_AT_ONCE = 20  # the loop waits for them


class Withdrawing:
    """A side task of a run. `look` is called between the calls."""

    def __init__(self, store: ObjectStore, tasks: TaskStore) -> None:
        self._tasks = tasks
        self._withdrawals = Withdrawals(tasks.database, store)
        self._rests_until = 0.0
        self._clears_at = 0.0

    def look(self) -> Change | None:
        """Let go of claims that were taken away and whose work has ended; now and then clear. Raises StoreError."""
        now = time.monotonic()
        if now < self._rests_until:
            return None
        self._rests_until = now + REST_SECONDS
        self._let_go()
        if now >= self._clears_at:
            self._clears_at = now + CLEAR_SECONDS
            self._withdrawals.clear_some(CLEARED_AT_ONCE)
        return None

    def is_done(self) -> bool:
        """Always: a run may end. Before that it clears what it left itself, as far as the store lets it."""
        self._let_go()
        try:
            self._withdrawals.clear_some(CLEARED_AT_ONCE)
        except DatabaseAway:
            raise
        except StoreError:
            pass  # stays unfinished, as `heaters withdraw --list` says, for the next run or the command
        return True

    def _let_go(self) -> None:
        with self._tasks.database.transaction() as tx:
            noted = tx.execute(query("withdrawn_work_of"), {"driver": self._tasks.driver}).fetchall()
            over = [row for row in noted if (row["stage"], row["video_id"], row["stretch"]) not in self._tasks.held]
            if over:
                given = {
                    "driver": self._tasks.driver,
                    "video_ids": [row["video_id"] for row in over],
                    "variants": [row["variant"] for row in over],
                    "stretches": [row["stretch"] for row in over],
                }
                tx.execute(query("let_go_of_withdrawn"), given)
