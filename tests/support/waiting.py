"""Waits for something to happen, without guessing how long it takes."""

import subprocess
import time
from collections.abc import Callable

from rows import one, rows

from heaters.store.db import Database


def wait_for_stage(db: Database, stage: str, process: "subprocess.Popen[str]", timeout_seconds: float = 120) -> bool:
    """True as soon as a new run of `stage` is there; False when the process ended before that."""
    deadline = time.monotonic() + timeout_seconds
    before = one(db, "select coalesce(max(id), 0) from stage_runs")
    while time.monotonic() < deadline:
        if rows(db, "select 1 from stage_runs where stage = %(s)s and id > %(b)s", {"s": stage, "b": before}):
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
