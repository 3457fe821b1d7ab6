"""How much each pool may ask Ray for."""

import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from heaters.core.pipeline import STAGES, Stage
from heaters.runner import sharing as module
from heaters.runner.cluster import Cluster
from heaters.runner.sharing import LOADS_AFTER_SECONDS, Sharing

TWO = Cluster(nodes=1, cpus=2, gpus=0, memory_bytes=2**33, node_cpus=2, owned=True)
MANY = Cluster(nodes=8, cpus=64, gpus=8, memory_bytes=2**33, node_cpus=8, owned=False, has_gpus=True)
GROWING = Cluster(nodes=1, cpus=0, gpus=0, memory_bytes=2**33, node_cpus=8, owned=False, grows=True, has_gpus=True)


@dataclass
class Asked:
    """A pool that has, or waits for, so many CPUs."""

    stage: Stage
    cpus: float = 0.0


@dataclass
class Pools:
    export: Asked = field(default_factory=lambda: Asked(STAGES["export"]))
    detect: Asked = field(default_factory=lambda: Asked(STAGES["detect"]))
    download: Asked = field(default_factory=lambda: Asked(STAGES["download"]))

    def spare(self, cluster: Cluster, pool: Asked) -> float:
        pools: Any = (self.export, self.detect, self.download)
        return Sharing(pools, None).spare_cpus(cluster, pool)  # type: ignore[arg-type]


def test_ray_has_one_call_more_than_fits_on_a_small_machine() -> None:
    pools = Pools()
    assert pools.spare(TWO, pools.export) == 3
    pools.detect.cpus = 1.0  # a model there holds one, at work or not
    pools.export.cpus = 1.0
    assert pools.spare(TWO, pools.export) == pools.spare(TWO, pools.detect) == 1
    pools.export.cpus = 2.0
    assert pools.spare(TWO, pools.export) == 0


def test_downloads_and_models_on_gpus_take_nothing_from_the_rest() -> None:
    pools = Pools()
    pools.download.cpus = pools.detect.cpus = 100.0
    assert pools.spare(MANY, pools.download) == pools.spare(MANY, pools.detect) == math.inf
    assert pools.spare(MANY, pools.export) == 80
    assert pools.spare(TWO, pools.detect) < 0  # without GPUs it is one of the rest


def test_a_cluster_that_grows_sees_work_before_it_has_cpus() -> None:
    pools = Pools()
    assert pools.spare(GROWING, pools.export) == 3


@dataclass
class Queue:
    """A ledger in which so many calls wait."""

    calls: float

    def queued_calls(self, stage: Stage, most: int) -> float:
        del stage
        return min(self.calls, most)


def test_a_model_is_loaded_for_a_batch_or_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 10.0
    monkeypatch.setattr(module.time, "monotonic", lambda: clock)
    queue, detect, export = Queue(0.75), Asked(STAGES["detect"]), Asked(STAGES["export"])
    sharing = Sharing((detect, export), queue)  # type: ignore[arg-type]

    def is_worth(pool: Asked, cluster: Cluster = TWO) -> bool:
        return sharing.is_worth_loading(cluster, pool)  # type: ignore[arg-type]

    assert is_worth(export)  # it has none
    assert is_worth(detect, MANY)  # a GPU has nothing better to do
    assert not is_worth(detect)
    queue.calls = 1.0
    assert is_worth(detect)
    queue.calls = 0.25
    assert not is_worth(detect)
    clock += LOADS_AFTER_SECONDS
    assert is_worth(detect)
    assert not is_worth(detect)
    detect.cpus = 1.0  # it is there
    assert is_worth(detect)


def test_a_cpu_is_idle_that_nobody_asked_for() -> None:
    pools = Pools()
    sharing = Sharing((pools.export, pools.detect, pools.download), None)  # type: ignore[arg-type]
    pools.download.cpus = 5.0
    pools.export.cpus = 1.0
    assert sharing.is_cpu_idle(TWO)
    pools.detect.cpus = 1.0
    assert not sharing.is_cpu_idle(TWO)
