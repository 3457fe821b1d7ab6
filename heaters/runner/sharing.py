"""How the pools share a cluster: GPUs by what is queued, and idle models make room for others."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heaters.core.pipeline import Stage
from heaters.runner.cluster import Cluster, free_cpus

if TYPE_CHECKING:  # importing it imports Ray, which then has read how it authenticates
    from heaters.runner.pools import Pool

# An idle model is let go after this long, if no CPU is free.
IDLE_SECONDS = 1.0
# Work that waits for a GPU is counted up to so many calls.
MOST_CALLS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a stage could use now: calls that run or wait, each of which takes `gpus` of a GPU."""

    calls: float
    gpus: float


def shares(gpus: float, wants: Mapping[str, Want]) -> dict[str, int]:
    """How many calls of each stage may hold a part of `gpus` GPUs at once: in proportion, and at least one each.

    A stage with nothing to do keeps its one: what arrives for it need not wait for the next look.
    """
    total = sum(want.calls * want.gpus for want in wants.values())
    found = {}
    for name, want in wants.items():
        part = want.calls * want.gpus / total if total else 1 / len(wants)
        found[name] = max(1, int(gpus * part / want.gpus + 1e-9))
    return found


def balance(pools: "Sequence[Pool]", cluster: Cluster, waiting: Callable[[Stage, int], int]) -> None:
    """Share the GPUs by what is queued; `waiting` counts what a stage has before it, up to a number."""
    on_gpus = [p for p in pools if p.stage.gpus and cluster.gpus]
    if len(on_gpus) < 2:
        return
    wants = {p.stage.name: Want(calls=p.calls + waiting(p.stage, MOST_CALLS), gpus=p.stage.gpus) for p in on_gpus}
    for pool in on_gpus:
        pool.resize(cluster)
        pool.allot(shares(cluster.gpus * cluster.ahead, wants)[pool.stage.name])


def make_room(pools: "Sequence[Pool]", cluster: Cluster) -> None:
    """End processes with idle models when no CPU is free, because another stage or driver may wait for their CPU.

    Models on GPUs take long to load, so they end only when another stage waits for a GPU.
    """
    now = time.monotonic()
    for pool in pools:
        pool.shrink()
    idle = [p for p in pools if p.is_idle and now - p.idle_since > IDLE_SECONDS]
    if not idle:
        return
    is_wanted = any(p.is_kept_waiting for p in pools if p.stage.gpus and cluster.gpus)
    if is_wanted or free_cpus() < 1:
        for pool in idle:
            pool.let_go()
