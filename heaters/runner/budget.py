"""How many calls of a stage may start now: named limits, of which the smallest counts. Knows no stage by name.

This is the only place that decides whether a stage starts work. Each limit answers one question, and the name of the
one that decides is what `heaters status` gives as the reason why a stage waits.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heaters.core.pipeline import Change, Stage
from heaters.runner.cluster import Cluster

if TYPE_CHECKING:  # importing it imports Ray, which then has read how it authenticates
    from heaters.runner.pools import Pool

# After a claim found less than it asked for, the stage is asked again after this time in any case: reviewers, other
# drivers and back-offs that end make work, too.
AGAIN_SECONDS = 0.5
# Queue 25 % more calls at Ray than there are CPUs, at least one, so that a freed CPU never idles.
QUEUE_AHEAD = 0.25
# Claim only when half of that is free, so that on a large cluster one statement claims several calls.
AT_ONCE = QUEUE_AHEAD / 2
# Load a model for less than a whole batch only after the batch has waited this long.
LOADS_AFTER_SECONDS = 20.0
# Source bytes in flight per node, which bounds what local caches and scratch hold at once.
IN_FLIGHT_BYTES_PER_NODE = 64 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """So many calls may start; `limit` is the name of the limit that allows no more."""

    calls: int
    limit: str


class Budget:
    """The limits of one driver. `has_batch` says whether a stage has a whole batch of work waiting."""

    def __init__(self, pools: "Mapping[str, Pool]", cluster: Cluster, has_batch: Callable[[Stage], bool]) -> None:
        self.cluster = cluster
        self._pools = pools
        self._has_batch = has_batch
        self.paused: frozenset[str] = frozenset()  # stages of which nothing more may start
        self._empty_until: dict[tuple[str, int | None], float] = {}
        self._refused_at: dict[str, float] = {}
        self._bytes: dict[int, int] = {}  # video → its bytes in flight
        self._uses: dict[int, int] = {}  # video → claims in flight that read its source
        # Where several limits allow the same, the first of them is named.
        self._limits: Mapping[str, Callable[[Stage], float]] = {
            "paused": lambda stage: 0.0 if stage.name in self.paused else math.inf,
            "configuration": self._fit,
            "bytes in flight": self._bytes_free,
            "setting": lambda stage: stage.calls - pools[stage.name].calls if stage.calls else math.inf,
            "slots": lambda stage: pools[stage.name].free(math.inf),
            "CPUs": lambda stage: pools[stage.name].free(self._processes_free(stage)),
            "model not loaded": self._worth_loading,
        }

    def calls(self, stage: Stage, rank: int | None = None) -> Allowance:
        """How many calls of `stage` may start now, and which limit says so. `rank`: of the videos that come first."""
        if stage.name not in self.paused and time.monotonic() < self._empty_until.get((stage.name, rank), 0.0):
            return Allowance(calls=0, limit="nothing due")
        most, limit = math.inf, ""
        for name, rule in self._limits.items():
            allowed = rule(stage)
            if allowed < most:
                most, limit = allowed, name
            if most <= 0:
                break  # later limits are not asked: some cost a query
        return Allowance(calls=max(0, int(most)), limit=limit)

    # -------------------------------------------------------------------------------------------- what changes limits

    def found_nothing(self, stage: Stage, rank: int | None = None) -> None:
        """A claim found less than it asked for: skip the stage for a while, or until a change makes work for it."""
        self._empty_until[stage.name, rank] = time.monotonic() + AGAIN_SECONDS

    def first_changed(self) -> None:
        """Other videos come first now: there may be work among them."""
        self._empty_until = {key: until for key, until in self._empty_until.items() if key[1] is None}

    def happened(self, change: Change) -> None:
        """There may be work again for the stages that take this change."""
        for pool in self._pools.values():
            if pool.stage.takes is change:
                self._look_again(pool.stage)

    def room_again(self, stage: Stage) -> None:
        """A call of a stage ended, which may free a host or bytes that its next one waited for."""
        if stage.by_host or stage.reads_source:
            self._look_again(stage)

    def _look_again(self, stage: Stage) -> None:
        self._empty_until = {key: until for key, until in self._empty_until.items() if key[0] != stage.name}

    def begin_reading(self, video_id: int, size_bytes: int) -> None:
        """A claim reads a video's source from here on; a source counts for half of the room at most."""
        self._bytes[video_id] = min(size_bytes, self.most_bytes)
        self._uses[video_id] = self._uses.get(video_id, 0) + 1

    def end_reading(self, video_id: int) -> None:
        """A claim does not read a video's source any more."""
        left = self._uses.get(video_id, 0) - 1
        if left > 0:
            self._uses[video_id] = left
        else:
            self._uses.pop(video_id, None)
            self._bytes.pop(video_id, None)

    # -------------------------------------------------------------------------------------------- limits

    @property
    def most_bytes(self) -> int:
        """What one source counts for at most: half the room, so that a huge one does not keep the others out."""
        return IN_FLIGHT_BYTES_PER_NODE * self.cluster.nodes // 2

    @property
    def room_bytes(self) -> int:
        """Source bytes that may still come in flight."""
        return IN_FLIGHT_BYTES_PER_NODE * self.cluster.nodes - sum(self._bytes.values())

    def _fit(self, stage: Stage) -> float:
        """0 where a worker could be built on no node."""
        return 0.0 if len(self._pools[stage.name].unfit) >= self.cluster.nodes else math.inf

    def _bytes_free(self, stage: Stage) -> float:
        return 0.0 if stage.reads_source and self.room_bytes <= 0 else math.inf

    def _processes_free(self, stage: Stage) -> float:
        """How many more processes may be started.

        Ray does not know that later stages should go first, and starves some stages when more calls wait than there are
        CPUs. So it is given little more than fits. Downloads are not counted: they wait for networks, and run ahead of
        everything else. Models on GPUs are not counted either: the GPUs limit them.
        """
        if self._is_unbound(stage):
            return math.inf
        cpus = max(1.0, self.cluster.cpus) * self.cluster.ahead
        free = cpus + max(1.0, QUEUE_AHEAD * cpus) - self._asked()
        return free // self._pools[stage.name].cpus_per_call if free >= AT_ONCE * cpus else 0.0

    def _worth_loading(self, stage: Stage) -> float:
        """Loading a model costs a CPU seconds, each time that it had to make room for others. So it is loaded only
        where a CPU is idle, for a whole batch, or after a while.
        """
        pool = self._pools[stage.name]
        if pool.is_loaded or self._is_unbound(stage) or self._asked() < max(1.0, self.cluster.cpus):
            return math.inf
        refused_at = self._refused_at.setdefault(stage.name, time.monotonic())
        if time.monotonic() - refused_at < LOADS_AFTER_SECONDS and not self._has_batch(stage):
            return 0.0
        self._refused_at.pop(stage.name)
        return math.inf

    def _asked(self) -> float:
        """CPUs that calls and models have, or wait for."""
        return sum(p.cpus_per_call * p.processes for p in self._pools.values() if not self._is_unbound(p.stage))

    def _is_unbound(self, stage: Stage) -> bool:
        return stage.by_host or (stage.gpus > 0 and self.cluster.has_gpus)
