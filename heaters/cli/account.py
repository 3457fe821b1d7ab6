"""The account that a long run gives: how far everything is, now and then, and at the end what failed and why."""

import time
from collections.abc import Sequence

from heaters.cli.output import Output
from heaters.core.states import ClipState, VideoState
from heaters.settings import Settings
from heaters.status import counts
from heaters.store.db import Database
from heaters.store.queries import query

TELL_SECONDS = 30.0
# So many failures are listed; `heaters status` and the board have the rest.
MOST_FAILURES = 100


class Account:
    """Counts from PostgreSQL, of everything or of the videos in `scope`. A driver calls `look` between its calls."""

    def __init__(self, output: Output, settings: Settings, database: Database, scope: Sequence[int] | None) -> None:
        self._output = output
        self._settings = settings
        self._database = database
        self._scope = None if scope is None else list(scope)
        self._told_at = time.monotonic()

    def look(self) -> None:
        """A line of progress, if the last one is half a minute old."""
        if time.monotonic() - self._told_at >= TELL_SECONDS:
            self._output.say(f"progress   {self._milestones()}")
            self._told_at = time.monotonic()

    def is_done(self) -> bool:
        """No run waits for it."""
        return True

    def close(self) -> int:
        """The summary: milestones, and what gave up with its reason; returns how many items did."""
        given = {"scope": self._scope, "stage": None, "error_type": None, "dead": True, "before": None}
        with self._database.transaction() as tx:
            dead = int(tx.execute(query("is_failing"), {"scope": self._scope}).fetchone()["n"])  # type: ignore[index]
            failures = tx.execute(query("open_failures"), given | {"limit": MOST_FAILURES}).fetchall()
        self._output.say()
        self._output.say(f"summary    {self._milestones()}; {dead} gave up")
        for failure in failures:
            clip = f"clip {failure['clip_id']} of " if failure["clip_id"] else ""
            what = f"{clip}video {failure['video_id']} ({failure['source']})"
            reason = f"{failure['error_type']}: {failure['error']}"
            self._output.say(f"gave up    {failure['stage']} of {what}: {reason}", style="red")
        if dead > len(failures):
            self._output.say(f"and {dead - len(failures)} more: `heaters status`")
        if dead:
            self._output.say("mend the cause, then `heaters retry` makes them due again")
        return dead

    def _milestones(self) -> str:
        with self._database.transaction() as tx:
            found = counts(tx, self._settings, self._scope)
        parts = []
        for subject, states in (("videos", VideoState), ("clips", ClipState)):
            there = [f"{found.kept[f'{subject} {s}']} {s}" for s in states if f"{subject} {s}" in found.kept]
            parts.append(f"{subject}: {', '.join(there) or 'none'}")
        return "; ".join(parts)
