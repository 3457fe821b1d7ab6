"""Says that this driver is alive, from a thread of its own, so that a busy loop never loses its lease."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from psycopg.types.json import Jsonb

from heaters.store.db import Database
from heaters.store.queries import query


class Heartbeat:
    """Renews the driver's lease every third of it, and tells why its stages wait. Use as a context manager."""

    def __init__(
        self, database: Database, driver: str, *, lease_seconds: float, on_trouble: Callable[[str], None]
    ) -> None:
        self._database = database
        self._driver = driver
        self._lease_seconds = lease_seconds
        self._on_trouble = on_trouble
        self._limits: Mapping[str, str] = {}
        self._has_begun = False
        self._stop = threading.Event()
        self._thread = self._new_thread()

    def tell(self, limits: Mapping[str, str]) -> None:
        """Why each stage starts no more calls now: published with the next beat. The loop calls it all the time, so it
        also sees whether the thread still lives, and starts another one where it does not.
        """
        self._limits = dict(limits)
        if self._has_begun and not self._stop.is_set() and not self._thread.is_alive():
            self._thread = self._new_thread()
            self._thread.start()
            self._on_trouble("the heartbeat had ended by itself; it goes on")

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def beat(self) -> None:
        """Renew the lease. Raises StoreError."""
        given = {"driver": self._driver, "lease_seconds": self._lease_seconds, "limits": Jsonb(dict(self._limits))}
        with self._database.transaction() as tx:
            tx.execute(query("begin_driver"), given)

    def _run(self) -> None:
        while not self._stop.wait(self._lease_seconds / 3):
            try:
                self.beat()
            except Exception as error:
                # Whatever it was, the next beat is tried. If the lease runs out, others take the work, and fencing
                # drops ours.
                # Telling of it may fail as well, as where the disk of the log is full.
                with suppress(Exception):
                    self._on_trouble(f"heartbeat failed, trying again: {type(error).__name__}: {error}")

    def __enter__(self) -> "Heartbeat":
        self.beat()
        self._has_begun = True
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)
        try:
            with self._database.transaction() as tx:
                tx.execute(query("end_driver"), {"driver": self._driver})
        except Exception as error:  # the lease runs out by itself
            self._on_trouble(f"could not sign off: {error}")
        self._database.close()
