"""How the pools share a cluster: CPUs last stage first, GPUs by what is queued; idle models make room for others."""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from heaters.runner.balance import Want, shares
from heaters.runner.cluster import Cluster, free_cpus
from heaters.runner.ledger import Ledger

if TYPE_CHECKING:  # importing it imports Ray, which then has read how it authenticates
    from heaters.runner.pools import Pool

# An idle model is let go after this long, if no CPU is free.
IDLE_SECONDS = 1.0
# So much more work than there are CPUs is given to Ray, at least one call: one that falls free has its next call there.
AHEAD = 0.25
# A model without a whole batch to do is loaded all the same when it has waited so long, or a CPU is idle.
LOADS_AFTER_SECONDS = 20.0
# What waits for a GPU is counted up to so many calls.
MOST_CALLS = 500


class Sharing:
    """Between the pools of one runner."""

    def __init__(self, pools: "Sequence[Pool]", ledger: Ledger) -> None:
        self._pools = pools
        self._ledger = ledger
        self._refused_at: dict[str, float] = {}

    def is_worth_loading(self, cluster: Cluster, pool: "Pool") -> bool:
        """Whether a model may take a CPU that others could use: it is loaded already, or has a batch to do, or has been
        refused for long. Loading takes seconds of that CPU, and comes again whenever it had to make room.
        """
        name = pool.stage.name
        if pool.cpus or not pool.stage.resident or self._is_unbound(cluster, pool):
            return True
        refused_at = self._refused_at.setdefault(name, time.monotonic())
        if self._ledger.queued_calls(pool.stage, 1) < 1 and time.monotonic() - refused_at < LOADS_AFTER_SECONDS:
            return False
        self._refused_at.pop(name)
        return True

    def is_cpu_idle(self, cluster: Cluster) -> bool:
        """Whether there are CPUs that nobody has asked for."""
        return self._asked(cluster) < max(1.0, cluster.cpus)

    def spare_cpus(self, cluster: Cluster, pool: "Pool") -> float:
        """How many more CPUs a pool may ask for.

        Ray does not know which stage is the last one, and with fewer CPUs than stages that wait it leaves some out for
        as long as others have work: so it gets little more than fits. Downloads wait for networks and run ahead of
        all else; models on GPUs are bounded by these.
        """
        if self._is_unbound(cluster, pool):
            return math.inf
        cpus = max(1.0, cluster.cpus) * cluster.ahead
        return cpus + max(1.0, AHEAD * cpus) - self._asked(cluster)

    def _asked(self, cluster: Cluster) -> float:
        return sum(p.cpus for p in self._pools if not self._is_unbound(cluster, p))

    def _is_unbound(self, cluster: Cluster, pool: "Pool") -> bool:
        return pool.stage.by_host or (pool.stage.gpus > 0 and cluster.has_gpus)

    def make_room(self, cluster: Cluster) -> None:
        """Let idle models go when no CPU is free: another stage, or another driver, may wait for theirs. Of GPUs only
        when another stage waits: models there take long to load.
        """
        now = time.monotonic()
        for pool in self._pools:
            pool.shrink()
        idle = [p for p in self._pools if p.is_idle and now - p.idle_since > IDLE_SECONDS]
        if idle and (free_cpus() < 1 or any(p.is_kept_waiting for p in self._on_gpus(cluster))):
            for pool in idle:
                pool.let_go()

    def balance(self, cluster: Cluster) -> None:
        """Share the GPUs by what is queued."""
        pools = self._on_gpus(cluster)
        if len(pools) < 2:
            return
        wants = {
            p.stage.name: Want(calls=p.calls + self._ledger.queued_calls(p.stage, MOST_CALLS), gpus=p.stage.gpus)
            for p in pools
        }
        for pool in pools:
            pool.resize(cluster)
            pool.allot(shares(cluster.gpus * cluster.ahead, wants)[pool.stage.name])

    def _on_gpus(self, cluster: Cluster) -> "list[Pool]":
        return [p for p in self._pools if p.stage.gpus and cluster.gpus]
