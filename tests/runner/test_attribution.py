"""A worker that died: alone, or with its node."""

from dataclasses import dataclass, field

import pytest

from heaters.errors import NodeLost, WorkerLost
from heaters.runner.attribution import FailureAttribution

ERROR = WorkerLost("the process that worked on it died")


@dataclass
class World:
    """A clock, the nodes that are dead, and whether another one is silent."""

    now: float = 100.0
    dead: list[str] = field(default_factory=list)
    silent: bool = False

    def attribution(self) -> "FailureAttribution[str]":
        return FailureAttribution(lambda: self.dead, lambda: self.silent, clock=lambda: self.now)


@pytest.fixture
def world() -> World:
    return World(dead=["long ago"])


def test_a_node_that_dies_after_its_worker_takes_the_blame(world: World) -> None:
    attribution = world.attribution()
    attribution.add("call", 101.0, ERROR)
    world.silent = True
    world.now = 110.0
    assert list(attribution.settled()) == []
    assert attribution.calls == ["call"]
    world.dead.append("node")
    ((call, error),) = attribution.settled()
    assert call == "call"
    assert isinstance(error, NodeLost)
    assert "the process that worked on it died" in str(error)
    assert attribution.calls == []


def test_a_node_that_was_seen_dead_before_its_worker_was_takes_it_too(world: World) -> None:
    attribution = world.attribution()
    world.now, world.dead = 105.0, ["long ago", "node"]
    attribution.look()
    attribution.add("on it", 101.0, ERROR)
    attribution.add("begun after", 106.0, ERROR)
    world.now = 107.0
    assert [(call, type(error)) for call, error in attribution.settled()] == [
        ("on it", NodeLost),
        ("begun after", WorkerLost),
    ]


def test_where_all_nodes_answer_the_worker_died_alone(world: World) -> None:
    attribution = world.attribution()
    attribution.add("call", 101.0, ERROR)
    world.now = 101.9
    assert list(attribution.settled()) == []
    world.now = 102.0
    assert list(attribution.settled()) == [("call", ERROR)]
    assert list(attribution.settled()) == []


def test_a_node_that_stays_silent_and_alive_is_not_waited_for_for_ever(world: World) -> None:
    attribution = world.attribution()
    attribution.add("call", 101.0, ERROR)
    world.silent = True
    world.now = 119.9
    assert list(attribution.settled()) == []
    world.now = 120.0
    assert list(attribution.settled()) == [("call", ERROR)]


def test_nodes_that_ray_forgot_are_forgotten(world: World) -> None:
    attribution = world.attribution()
    for n in range(5000):  # a cluster of spot machines, over months
        world.dead = [f"node {n}", f"node {n + 1}"]
        attribution.look()
    assert len(attribution._died) == 2
