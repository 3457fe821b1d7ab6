"""How many calls may start, and which limit says so."""

from dataclasses import dataclass, field, replace

import pytest

from heaters.core.pipeline import STAGES, Change, Stage
from heaters.runner import budget as module
from heaters.runner.budget import AGAIN_SECONDS, IN_FLIGHT_BYTES_PER_NODE, LOADS_AFTER_SECONDS, Budget
from heaters.runner.cluster import Cluster

TWO = Cluster(nodes=1, cpus=2, gpus=0, memory_bytes=2**33, node_cpus=2, owned=True)
MANY = Cluster(nodes=8, cpus=64, gpus=8, memory_bytes=2**33, node_cpus=8, owned=False, has_gpus=True)


@dataclass
class Asked:
    """A pool that has, or waits for, so many CPUs."""

    stage: Stage
    processes: int = 0
    slots: int = 100
    calls: int = 0
    is_loaded: bool = True
    cpus_per_call: float = 1.0
    unfit: set[str] = field(default_factory=set)

    def free(self, more: float) -> float:
        return min(self.slots - self.processes, more)


class Clock:
    now = 10.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    return clock


class World:
    def __init__(self, cluster: Cluster = TWO) -> None:
        self.pools = {name: Asked(STAGES[name]) for name in ("download", "prepare", "detect", "keyframes", "export")}
        self.has_batch = False
        self.budget = Budget(self.pools, cluster, lambda stage: self.has_batch)  # type: ignore[arg-type]

    def of(self, name: str) -> tuple[int, str]:
        found = self.budget.calls(STAGES[name])
        return found.calls, found.limit


def test_ray_has_one_call_more_than_fits_on_a_small_machine() -> None:
    world = World()
    assert world.of("export") == (3, "CPUs")
    world.pools["detect"].processes = 1  # a model there holds one, at work or not
    world.pools["export"].processes = 1
    assert world.of("export") == (1, "CPUs")
    world.pools["export"].processes = 2
    assert world.of("export") == (0, "CPUs")


def test_the_pool_s_own_slots_are_a_limit() -> None:
    world = World(MANY)
    world.pools["export"].slots = 5
    assert world.of("export") == (5, "slots")


def test_a_limit_that_an_operator_set_and_a_pause() -> None:
    world = World(MANY)
    two = replace(STAGES["export"], calls=2)
    assert (world.budget.calls(two).calls, world.budget.calls(two).limit) == (2, "setting")
    world.pools["export"].calls = 2
    assert (world.budget.calls(two).calls, world.budget.calls(two).limit) == (0, "setting")
    world.budget.paused = frozenset({"prepare"})
    world.budget.found_nothing(STAGES["prepare"])
    assert world.of("prepare") == (0, "paused")
    assert world.of("export")[0] > 0


def test_what_comes_first_is_found_in_vain_for_itself() -> None:
    world = World()
    world.budget.found_nothing(STAGES["prepare"], 0)
    assert world.budget.calls(STAGES["prepare"], 0).limit == "nothing due"
    assert world.of("prepare")[0] > 0
    assert world.budget.calls(STAGES["prepare"], 1).calls > 0
    world.budget.first_changed()
    assert world.budget.calls(STAGES["prepare"], 0).calls > 0
    world.budget.found_nothing(STAGES["prepare"], 0)
    world.budget.happened(Change.DOWNLOADED)
    assert world.budget.calls(STAGES["prepare"], 0).calls > 0


def test_downloads_and_models_on_gpus_take_nothing_from_the_rest() -> None:
    world = World(MANY)
    world.pools["download"].processes = world.pools["detect"].processes = 90
    assert world.of("download") == (10, "slots")
    assert world.of("detect") == (10, "slots")
    assert world.of("export") == (80, "CPUs")


def test_after_a_claim_in_vain_a_stage_waits_for_its_change_or_a_while(clock: Clock) -> None:
    world = World()
    world.budget.found_nothing(STAGES["keyframes"])
    assert world.of("keyframes") == (0, "nothing due")
    world.budget.happened(Change.DECISION)
    assert world.of("keyframes") == (0, "nothing due")
    world.budget.happened(Change.CLIPS)
    assert world.of("keyframes")[0] > 0
    world.budget.found_nothing(STAGES["keyframes"])
    clock.now += AGAIN_SECONDS
    assert world.of("keyframes")[0] > 0


def test_bytes_in_flight_bound_the_stages_that_read_sources_alone() -> None:
    world = World()
    for video in (1, 2):  # each counts for half of the room at most
        world.budget.begin_reading(video, 40 * IN_FLIGHT_BYTES_PER_NODE)
    assert world.of("prepare") == (0, "bytes in flight")
    assert world.of("detect")[0] > 0
    world.budget.begin_reading(1, 40 * IN_FLIGHT_BYTES_PER_NODE)  # a second stretch of the same source
    world.budget.end_reading(1)
    assert world.budget.room_bytes == 0
    world.budget.end_reading(1)
    assert world.budget.room_bytes == IN_FLIGHT_BYTES_PER_NODE // 2
    assert world.of("prepare")[0] > 0


def test_a_model_is_loaded_for_a_batch_for_an_idle_cpu_or_after_a_while(clock: Clock) -> None:
    world = World()
    world.pools["detect"].is_loaded = False
    assert world.of("detect")[0] > 0  # a CPU is idle
    world.pools["export"].processes = 2
    assert world.of("detect") == (0, "model not loaded")
    world.has_batch = True
    assert world.of("detect") == (1, "CPUs")
    world.has_batch = False
    assert world.of("detect") == (0, "model not loaded")
    clock.now += LOADS_AFTER_SECONDS
    assert world.of("detect") == (1, "CPUs")
    assert world.of("detect") == (0, "model not loaded")


def test_a_stage_that_can_be_built_nowhere_starts_nothing() -> None:
    world = World()
    world.pools["detect"].unfit = {"a"}
    assert world.of("detect") == (0, "configuration")
    world.budget.cluster = replace(TWO, nodes=2)
    assert world.of("detect")[0] > 0


def test_nothing_is_asked_past_the_limit_that_decides() -> None:
    world = World()
    world.pools["detect"].is_loaded = False
    world.pools["export"].processes = 5
    world.budget.found_nothing(STAGES["detect"])
    world.budget._has_batch = lambda stage: pytest.fail("a query was asked in vain")
    assert world.of("detect") == (0, "nothing due")
    assert world.of("export") == (0, "CPUs")
