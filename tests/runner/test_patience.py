"""A database that is away is waited for; one that refuses the same thing again and again is not."""

import threading

import pytest

from heaters.errors import DatabaseAway, StoreError
from heaters.runner import patience as module
from heaters.runner.patience import TRIES, Patience


class World:
    """Fails so often by one error, then works."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times = error, times
        self.told: list[str] = []
        self.afterwards = 0
        self.stop = threading.Event()
        self.patiently = Patience(self.stop, self.told.append, after=self.after)

    def after(self) -> None:
        self.afterwards += 1

    def work(self, answer: str) -> str:
        if self.times:
            self.times -= 1
            raise self.error
        return answer


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)


def test_a_database_that_is_away_is_waited_for_and_told_of_once() -> None:
    world = World(DatabaseAway("nobody answers"), 50)
    assert world.patiently(world.work, "done") == "done"
    assert world.told == ["waiting for the database: nobody answers", "the database is back after 0 s"]
    assert world.afterwards == 50


def test_a_stopped_run_waits_no_longer() -> None:
    world = World(DatabaseAway("nobody answers"), 50)
    world.stop.set()
    with pytest.raises(DatabaseAway):
        world.patiently(world.work, "done")


@pytest.mark.parametrize("times", [1, TRIES - 1])
def test_a_deadlock_is_tried_again(times: int) -> None:
    world = World(StoreError("deadlock detected"), times)
    assert world.patiently(world.work, "done") == "done"
    assert world.told == ["trying again: deadlock detected"] * times
    assert world.afterwards == 0


def test_what_never_goes_through_is_told() -> None:
    world = World(StoreError("statement timeout"), TRIES)
    with pytest.raises(StoreError, match="statement timeout"):
        world.patiently(world.work, "done")
