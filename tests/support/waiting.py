"""Waits for something to happen, without guessing how long it takes."""

import subprocess
import time
from collections.abc import Callable

from rows import rows

from heaters.store.db import Database

HELD = """
    select 1 from tasks t join variants v on v.id = t.variant
    where v.stage = %(s)s and t.driver is not null and t.driver <> all (%(before)s)
"""


def wait_for_stage(db: Database, stage: str, process: "subprocess.Popen[str]", timeout_seconds: float = 120) -> bool:
    """True as soon as a driver that was not there before works on `stage`; False when the process ended before that."""
    deadline = time.monotonic() + timeout_seconds
    before = [row["name"] for row in rows(db, "select name from drivers")]
    while time.monotonic() < deadline:
        if rows(db, HELD, {"s": stage, "before": before}):
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.005)
    raise AssertionError(f"{stage} never ran")


def wait_until(is_so: Callable[[], bool], what: str, timeout_seconds: float = 60) -> None:
    """Return as soon as `is_so`."""
    deadline = time.monotonic() + timeout_seconds
    while not is_so():
        assert time.monotonic() < deadline, f"waited {timeout_seconds:g} s in vain for {what}"
        time.sleep(0.005)
