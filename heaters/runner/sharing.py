"""How pools of models share a cluster: GPUs by what is queued, and idle ones make room for others."""

import time
from collections.abc import Sequence

from heaters.runner.balance import Want, shares
from heaters.runner.cluster import Cluster, free_cpus
from heaters.runner.ledger import Ledger
from heaters.runner.pools import Pool

# An idle model is let go after this long, if no CPU is free.
IDLE_SECONDS = 1.0
# What waits for a GPU is counted up to so many calls.
MOST_CALLS = 500


class Sharing:
    """Between the pools of one runner."""

    def __init__(self, pools: Sequence[Pool], ledger: Ledger) -> None:
        self._pools = pools
        self._ledger = ledger

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

    def _on_gpus(self, cluster: Cluster) -> list[Pool]:
        return [p for p in self._pools if p.stage.gpus and cluster.gpus]
