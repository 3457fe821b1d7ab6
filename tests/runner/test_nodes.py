"""Nodes are tidied where their disks are: by a task on each, which sees the folders of its machine."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rows import add_video
from waiting import wait_until

from heaters.runner import nodes
from heaters.runner.nodes import Tidy
from heaters.settings import Settings
from heaters.stages.scratch import scratch
from heaters.store.db import Database
from heaters.store.objects import open_store
from heaters.store.withdrawals import Withdrawals

HASH = "c" * 64


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "REST_SECONDS", 0.0)
    monkeypatch.setattr(nodes, "FIRST_SECONDS", 0.0)


def until(tidy: Tidy, is_so: Callable[[], bool], what: str) -> None:
    def look() -> bool:
        tidy.look()
        time.sleep(0.05)
        return is_so()

    wait_until(look, what)


def leave(settings: Settings) -> Path:
    """What a worker that was killed leaves on a node's disk."""
    left = settings.scratch / "prepare-1"
    left.mkdir(parents=True)
    (left / "frames").write_bytes(b"x")
    return left


def test_leftovers_of_killed_workers_go_and_work_stays(
    ray_cluster: str, db: Database, settings: Settings, at_once: None
) -> None:
    told: list[str] = []
    tidy = Tidy(db, settings, told.append)
    left = leave(settings)
    with scratch(settings.scratch, "export-2") as busy:
        until(tidy, lambda: not left.exists() and bool(told), "the leftovers to go")
        assert busy.exists()
    assert "deleted 1 leftovers" in told[0]
    assert tidy.is_done()
    left = leave(settings)
    tidy.look()
    time.sleep(1)
    assert left.exists()  # not before an hour is over


def test_what_is_withdrawn_goes_from_the_caches_of_nodes_soon(
    ray_cluster: str, db: Database, settings: Settings, at_once: None, tmp_path: Path
) -> None:
    tidy = Tidy(db, settings, print)
    left = leave(settings)
    until(tidy, lambda: not left.exists(), "the first time")
    settings.cache.mkdir(parents=True)
    cached, other = settings.cache / f"{HASH}-{'1' * 64}.zip", settings.cache / f"{'2' * 64}-{'1' * 64}.zip"
    partial = settings.scratch / "download-1"
    partial.mkdir()
    for path in (cached, other):
        path.write_bytes(b"x")
    with db.transaction() as tx:
        tx.execute("insert into videos (source, content_hash) values ('https://x.org/film', %s)", (HASH,))
    assert add_video(db, "other") == 2
    list(Withdrawals(db, open_store(str(tmp_path / "store"))).withdraw([1], by="ann"))
    until(tidy, lambda: not cached.exists() and not partial.exists(), "the cached file to go")
    assert other.exists()
