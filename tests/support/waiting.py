"""Waits for a command to reach a stage."""

import subprocess
import time

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
