"""Keeps the leases of running items alive from a thread of its own, so that a busy loop never loses them."""

import threading
from collections.abc import Callable, Iterable

from heaters.errors import HeatersError
from heaters.runner.ledger import Ledger
from heaters.store.db import Database


class Heartbeat:
    """Renews every third of a lease. Use as a context manager."""

    def __init__(
        self, ledger: Ledger, database: Database, *, lease_seconds: float, on_trouble: Callable[[str], None]
    ) -> None:
        self._ledger = ledger
        self._database = database
        self._interval_seconds = lease_seconds / 3
        self._on_trouble = on_trouble
        self._held: set[int] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def hold(self, run_ids: Iterable[int]) -> None:
        """Start renewing these runs."""
        with self._lock:
            self._held.update(run_ids)

    def drop(self, run_ids: Iterable[int]) -> None:
        """Stop renewing these runs."""
        with self._lock:
            self._held.difference_update(run_ids)

    def _beat(self) -> None:
        while not self._stop.wait(self._interval_seconds):
            with self._lock:
                held = sorted(self._held)
            if not held:
                continue
            try:
                self._ledger.heartbeat(self._database, held)
            except HeatersError as error:
                # The leases may run out: then others take the items and fencing drops our results.
                self._on_trouble(f"heartbeat failed, trying again: {error}")

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)
        self._database.close()
