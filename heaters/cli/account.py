"""The account that a long run gives: how far everything is, now and then, and at the end what failed and why."""

import time
from collections.abc import Sequence

from heaters.cli.output import Output
from heaters.core.states import ClipState, VideoState
from heaters.store.db import Database
from heaters.store.queries import query

TELL_SECONDS = 30.0
# So many failures are listed; `heaters status` and the board have the rest.
MOST_FAILURES = 100


class Account:
    """Counts from PostgreSQL, of everything or of the videos in `scope`."""

    def __init__(self, output: Output, database: Database, scope: Sequence[int] | None) -> None:
        self._output = output
        self._database = database
        self._scope = None if scope is None else list(scope)
        self._told_at = time.monotonic()

    def tell(self) -> None:
        """A line of progress, if the last one is half a minute old."""
        if time.monotonic() - self._told_at >= TELL_SECONDS:
            self._output.say(f"progress   {self._milestones()}")
            self._told_at = time.monotonic()

    def close(self) -> int:
        """The summary: milestones, and what gave up with its reason; returns how many items did."""
        with self._database.transaction() as tx:
            counts = tx.execute(query("run_counts"), {"scope": self._scope}).fetchall()
            parameters = {"scope": self._scope, "limit": MOST_FAILURES}
            runs = [r for r in tx.execute(query("open_runs"), parameters).fetchall() if r["status"] == "dead"]
        dead = sum(int(row["dead"]) for row in counts)
        self._output.say()
        self._output.say(f"summary    {self._milestones()}; {dead} gave up")
        for run in runs:
            what = f"{run['subject']} {run['subject_id']} ({run['source']})"
            self._output.say(f"gave up    {run['stage']} of {what}: {run['error_type']}: {run['error']}", style="red")
        if dead > len(runs):
            self._output.say(f"and {dead - len(runs)} more: `heaters status`")
        if dead:
            self._output.say("mend the cause, then `heaters retry` makes them due again")
        return dead

    def _milestones(self) -> str:
        with self._database.transaction() as tx:
            rows = tx.execute(query("milestones"), {"scope": self._scope}).fetchall()
        found = {(row["subject"], row["state"]): row["n"] for row in rows}
        parts = []
        for subject, states in (("video", VideoState), ("clip", ClipState)):
            counts = [f"{found[subject, state]} {state}" for state in states if (subject, state) in found]
            parts.append(f"{subject}s: {', '.join(counts) or 'none'}")
        return "; ".join(parts)
