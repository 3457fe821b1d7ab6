"""Keeps the nodes tidy: on each, leftovers of killed workers go, and what its disk keeps of withdrawn videos."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from heaters.core.pipeline import Change
from heaters.runner.cluster import our_nodes
from heaters.settings import Settings
from heaters.stages.tidy import tidy
from heaters.store.db import Database
from heaters.store.queries import query

REST_SECONDS = 5.0  # between looks at the nodes and at what was withdrawn
# A node is tidied once it was there for a while, so that short runs start no further process on it; then every hour.
FIRST_SECONDS = 30.0
AGAIN_SECONDS = 3600.0
EVER = datetime(1970, 1, 1, tzinfo=UTC)
OVERLAP = timedelta(minutes=10)  # a withdrawal has the time at which its transaction began


@dataclass(slots=True, kw_only=True)
class _Node:
    """What a node was told: of withdrawals up to `told`; None: it never answered. `due` is in monotonic seconds."""

    due: float
    told: datetime | None = None
    call: Any = None  # under way, by which it is told of those up to `telling`
    telling: datetime = EVER


class Tidy:
    """A side task of a run: `look` is called between the calls, on the loop's thread."""

    def __init__(self, database: Database, settings: Settings, notice: Callable[[str], object]) -> None:
        self._database = database
        self._settings = settings
        self._notice = notice
        self._nodes: dict[str, _Node] = {}
        self._rests_until = 0.0

    def look(self) -> Change | None:
        """Send those that are due to work; the loop does not wait for them."""
        now = time.monotonic()
        if now < self._rests_until:
            return None
        self._rests_until = now + REST_SECONDS
        there = our_nodes()
        self._nodes = {node: self._nodes.get(node) or _Node(due=now + FIRST_SECONDS) for node in there}
        for node, known in self._nodes.items():
            self._collect(node, known)
        with self._database.transaction() as tx:
            newest = tx.execute(query("last_withdrawal")).fetchone()["at"] or EVER  # type: ignore[index]
        for node, known in self._nodes.items():
            is_behind = known.told is not None and known.told < newest
            if known.call is None and (now >= known.due or is_behind):
                self._send(node, known, newest)
        return None

    def is_done(self) -> bool:
        """Always: the next run goes on with it."""
        return True

    def _send(self, node: str, known: _Node, newest: datetime) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        with self._database.transaction() as tx:
            after = (known.told or EVER) - OVERLAP
            rows = tx.execute(query("withdrawn_contents"), {"after": after}).fetchall()
        known.due, known.telling = time.monotonic() + AGAIN_SECONDS, newest
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        task = ray.remote(num_cpus=0, max_retries=0)(_tidy).options(scheduling_strategy=there)
        contents = [row["content_hash"] for row in rows if row["content_hash"]]
        known.call = task.remote(self._settings, contents, [row["video_id"] for row in rows])

    def _collect(self, node: str, known: _Node) -> None:
        import ray

        if known.call is None or not ray.wait([known.call], timeout=0)[0]:
            return
        call, known.call = known.call, None
        try:
            gone = ray.get(call)
        except Exception as error:  # whatever it is, work goes on, and the next hour comes
            self._notice(f"node {node[:8]} could not be tidied: {type(error).__name__}: {str(error).splitlines()[-1]}")
        else:
            known.told = known.telling  # from now on it is told of withdrawals as they happen
            if gone:
                self._notice(f"node {node[:8]}: deleted {gone} leftovers of killed workers or withdrawn videos")


def _tidy(settings: Settings, contents: Sequence[str], videos: Sequence[int]) -> int:
    return tidy(settings, contents=frozenset(contents), videos=frozenset(videos))
