"""Calls at Ray: the parts of batches that are in flight, what came back, and what hangs. It knows no database."""

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ray

from heaters.core.pipeline import Subject
from heaters.errors import HeatersError, StageTimeout
from heaters.runner.batches import Batch, Part
from heaters.runner.cluster import Cluster
from heaters.runner.pools import Pool
from heaters.runner.words import Begun, Reply, Unfit
from heaters.stages.base import Context

# How long to wait for a word before the loop looks elsewhere.
TICK_SECONDS = 0.5
# Limits that a stage keeps by itself end first and name the item; this one is for workers that hang.
HANG_SECONDS = 60.0
MOST_PLACES = 10_000  # videos whose node is remembered


@dataclass(slots=True, kw_only=True)
class Call:
    """A part of a batch at Ray. `begun` is None while it waits there for resources. Monotonic seconds."""

    batch: Batch
    part: Part
    submitted: float
    begun: float | None = None

    @property
    def is_over_time(self) -> bool:
        """Whether its worker has been at it for longer than its stage allows."""
        stage = self.batch.stage
        count = len(self.part.items)
        units = count if stage.subject is Subject.VIDEO else -(-count // stage.batch)
        limit = stage.timeout_seconds * units + HANG_SECONDS
        return self.begun is not None and time.monotonic() - self.begun > limit


class Calls:
    """The calls of one driver."""

    def __init__(self, pools: Mapping[str, Pool], cluster: Cluster) -> None:
        self.cluster = cluster
        self._pools = pools
        self._calls: dict[Any, Call] = {}
        self._where: OrderedDict[int, str] = OrderedDict()  # video → the node whose cache holds its files

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls.values())

    def start(self, batch: Batch, at_once: int) -> Call | None:
        """Give the next part of a batch to Ray, one of `at_once` calls in flight; None where none may be called now."""
        part = batch.next_part()
        if part is None:
            return None
        # Whoever runs alone may use the whole node; many at once get one thread each.
        node_cpus = int(self.cluster.node_cpus)
        threads = min(max(1, node_cpus * self.cluster.nodes // at_once), node_cpus)
        context = Context(threads=threads, timeout_seconds=float(batch.stage.timeout_seconds))
        pool, node = self._pools[batch.stage.name], self._where.get(batch.claims[0].video_id)
        handle = pool.submit(part.items, context, node, is_alone=batch.is_alone)
        call = self._calls[handle] = Call(batch=batch, part=part, submitted=time.monotonic())
        return call

    def ends(self) -> list[tuple[Call, Reply | Unfit | HeatersError]]:
        """Wait for calls to end, but no longer than a tick; gives those that did. Those that only began are noted."""
        ends: list[tuple[Call, Reply | Unfit | HeatersError]] = []
        until = time.monotonic() + TICK_SECONDS
        while not ends and (left := until - time.monotonic()) > 0:
            ready, others = ray.wait(list(self._calls), num_returns=1, timeout=left, fetch_local=False)
            if ready and others:  # under load several are there by now, and one transaction serves them all
                ready += ray.wait(others, num_returns=len(others), timeout=0, fetch_local=False)[0]
            for handle in ready:
                call = self._calls[handle]
                word = self._pools[call.batch.stage.name].next(handle)
                if isinstance(word, Begun):
                    call.begun = time.monotonic()
                    self._remember(call, word.node)
                else:
                    del self._calls[handle]
                    ends.append((call, word))
        return ends

    def hanging(self) -> Iterable[tuple[Call, StageTimeout]]:
        """Cut off what has been at work for too long."""
        for handle, call in list(self._calls.items()):
            if call.is_over_time:
                del self._calls[handle]
                yield call, self._pools[call.batch.stage.name].cancel(handle)

    def cut_off(self) -> None:
        """End all calls by force."""
        for handle, call in list(self._calls.items()):
            self._pools[call.batch.stage.name].cancel(handle)
        self._calls.clear()

    def _remember(self, call: Call, node: str) -> None:
        for claim in call.batch.claims:
            self._where[claim.video_id] = node
            self._where.move_to_end(claim.video_id)
        while len(self._where) > MOST_PLACES:
            self._where.popitem(last=False)
