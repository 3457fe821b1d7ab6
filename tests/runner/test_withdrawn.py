"""Drivers at work on videos that are withdrawn: their results are dropped, and what they put goes."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from rows import add_video, rows
from working import Done, Driver, hurry

from heaters.core.pipeline import STAGES, Stage
from heaters.runner.claims import Claim, Ended, Finished
from heaters.runner.withdrawn import Withdrawing
from heaters.settings import Settings
from heaters.stages.base import StageResult
from heaters.store.db import Database
from heaters.store.objects import ObjectStore, open_store
from heaters.store.withdrawals import Withdrawals

DOWNLOAD, PREPARE = STAGES["download"], STAGES["prepare"]


def content(name: str) -> str:
    """The content hash that `add_video` gives a video of this name."""
    return hashlib.sha256(name.encode()).hexdigest()


@pytest.fixture
def here(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def driver(db: Database, settings: Settings) -> Driver:
    return Driver(db, settings)


def keys(store: ObjectStore) -> list[str]:
    return [entry.key for entry in store.list()]


def take_out(withdrawals: Withdrawals, *videos: int) -> None:
    assert list(withdrawals.withdraw(videos, by="ann"))


def end(driver: Driver, stage: Stage, claim: Claim, result: StageResult) -> Finished:
    """End a claim although its input is gone, as a worker does that had it before."""
    ended = Ended(claim=claim, items=[object()], outcomes=[result])
    return driver.recorder.finish(stage, driver.code(stage), [ended])


def test_work_that_ends_afterwards_is_dropped_and_its_objects_go(
    db: Database, here: ObjectStore, settings: Settings, driver: Driver
) -> None:
    video = add_video(db, "film", "downloaded")
    add_video(db, "other", "downloaded")
    claims = driver.claim(PREPARE)
    withdrawals, withdrawing = Withdrawals(db, here), Withdrawing(here, driver.tasks)
    take_out(withdrawals, video)
    list(withdrawals.clear())
    (tombstone,) = withdrawals.tombstones()
    assert (tombstone.is_at_work, tombstone.finished_at) == (True, None)
    assert withdrawals.at_work([video]) == [{"video_id": video, "stage": "prepare", "driver": "a"}]
    withdrawing.look()  # it is at work still, so nothing is let go of
    assert withdrawals.at_work([video])

    here.put_bytes(f"videos/{content('film')}/samples-a.zip", b"late")
    (late,) = [claim for claim in claims if claim.video_id == video]
    finished = end(driver, PREPARE, late, Done(seconds=1))
    assert [claim.video_id for claim in finished.fenced] == [video]
    withdrawing.is_done()
    assert keys(here) == []
    (tombstone,) = withdrawals.tombstones()
    assert tombstone.finished_at is not None
    assert [row["video_id"] for row in rows(db, "select video_id from tasks")] == [video + 1]


class Brought(Done):
    """A download of some bytes."""

    @property
    def brought(self) -> str:
        return content("fetched")


@pytest.mark.parametrize("is_known", [False, True])
def test_a_download_that_ends_afterwards_tells_which_bytes_are_withdrawn(
    db: Database, here: ObjectStore, driver: Driver, is_known: bool
) -> None:
    """But not where they are another video's, which nobody withdrew."""
    with db.transaction() as tx:
        tx.execute("insert into videos (source) values ('https://x.org/film')")
        tx.execute("select announce('new', array[1], array[0])")
    (claim,) = driver.claim(DOWNLOAD)
    withdrawals = Withdrawals(db, here)
    take_out(withdrawals, claim.video_id)
    if is_known:
        add_video(db, "fetched")
    here.put_bytes(f"videos/{content('fetched')}/source.mp4", b"fetched")
    assert end(driver, DOWNLOAD, claim, Brought(seconds=1)).fenced == (claim,)
    Withdrawing(here, driver.tasks).is_done()
    (tombstone,) = withdrawals.tombstones()
    assert tombstone.finished_at is not None
    assert tombstone.content_hash == (None if is_known else content("fetched"))
    assert keys(here) == ([f"videos/{content('fetched')}/source.mp4"] if is_known else [])


def test_withdrawn_bytes_from_another_address_are_refused_and_deleted(
    db: Database, here: ObjectStore, driver: Driver
) -> None:
    withdrawals = Withdrawals(db, here)
    take_out(withdrawals, add_video(db, "fetched"))
    list(withdrawals.clear())
    with db.transaction() as tx:
        tx.execute("insert into videos (source) values ('https://x.org/copy')")
        tx.execute("select announce('new', array[2], array[0])")
    here.put_bytes(f"videos/{content('fetched')}/source.mp4", b"fetched")

    def record(tx: psycopg.Cursor, variant: int, done: object) -> None:
        tx.execute("update videos set content_hash = %s", (content("fetched"),))

    (failure,) = driver.finish(DOWNLOAD, driver.claim(DOWNLOAD), lambda item: Brought(seconds=1), record).failures
    assert (failure.error_type, failure.dead) == ("SourceRefused", True)
    assert "its bytes were withdrawn: video 1 was withdrawn" in failure.error
    Withdrawing(here, driver.tasks).is_done()
    assert keys(here) == []
    hurry(db)
    assert driver.claim(DOWNLOAD) == []


def test_a_driver_that_is_gone_keeps_nothing_open(db: Database, here: ObjectStore, driver: Driver) -> None:
    video = add_video(db, "film")
    driver.claim(DOWNLOAD)
    withdrawals = Withdrawals(db, here)
    take_out(withdrawals, video)
    with db.transaction() as tx:
        tx.execute("delete from drivers")
    list(withdrawals.clear())
    assert [one.finished_at is not None for one in withdrawals.tombstones()] == [True]


def test_a_claim_beside_it_never_fails(db: Database, here: ObjectStore, make_driver: Callable[[str], Driver]) -> None:
    """Whoever claims inserts rows that refer to videos; those may be gone by then."""
    videos = [add_video(db, f"film {n}") for n in range(300)]
    withdrawals = Withdrawals(db, here)
    drivers = [make_driver("a"), make_driver("b")]
    errors: list[BaseException] = []
    stop = threading.Event()

    def claim(driver: Driver) -> None:
        try:
            while not stop.is_set():
                driver.finish(DOWNLOAD, driver.claim(DOWNLOAD, most=3))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=claim, args=(driver,)) for driver in drivers]
    for thread in threads:
        thread.start()
    for video in videos:
        take_out(withdrawals, video)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert rows(db, "select from videos") == rows(db, "select from tasks") == rows(db, "select from changes") == []


@pytest.fixture
def make_driver(db: Database, settings: Settings) -> Callable[[str], Driver]:
    return lambda name: Driver(db, settings, name)
