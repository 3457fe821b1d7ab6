"""The heartbeat goes on whatever happens to it: a lease that runs out takes a driver's work away."""

import threading
from collections.abc import Iterator
from typing import LiteralString

import pytest
from rows import one
from waiting import wait_until

from heaters.runner.heartbeat import Heartbeat
from heaters.store.db import Database

LEASE_SECONDS = 1.5


@pytest.fixture
def other(database_url: str) -> Iterator[Database]:
    """What the heartbeat closes at its end."""
    database = Database(database_url, patience_seconds=1)
    yield database
    database.close()


def change(db: Database, statement: LiteralString) -> None:
    with db.transaction() as tx:
        tx.execute(statement)


def beats_on(db: Database) -> None:
    """Wait for a further beat."""
    until = one(db, "select expires_at from drivers")
    wait_until(lambda: one(db, "select expires_at from drivers") > until, "another beat")


def test_it_outlives_a_beat_that_fails_and_a_log_that_cannot_be_written(db: Database, other: Database) -> None:
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        raise OSError("no space left on the disk of the log")

    with Heartbeat(other, "a", lease_seconds=LEASE_SECONDS, on_trouble=tell):
        beats_on(db)
        change(db, "alter table drivers rename to elsewhere")
        wait_until(lambda: bool(told), "a beat to fail")
        change(db, "alter table elsewhere rename to drivers")
        beats_on(db)
    assert "heartbeat failed, trying again: UndefinedTable" in told[0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ended_is_seen_and_replaced(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    heartbeat = Heartbeat(other, "a", lease_seconds=LEASE_SECONDS, on_trouble=told.append)

    def end() -> None:
        raise SystemExit  # ends a thread without a word

    with heartbeat:
        monkeypatch.setattr(heartbeat, "beat", end)
        wait_until(lambda: not any(t.name == "heartbeat" for t in threading.enumerate()), "the thread to end")
        monkeypatch.undo()
        heartbeat.tell({"detect": "the CPUs are busy"})
        beats_on(db)
    assert told == ["the heartbeat had ended by itself; it goes on"]
