"""Proxies on demand, in the database: what makes one due, and what waits for it."""

from dataclasses import replace

import pytest
from made import approve
from psycopg.errors import CheckViolation
from rows import add_clips, add_video, one, rows
from tallies import check_tallies
from working import Driver

from heaters.core.pipeline import STAGES
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.proxies import ForFiles, watch


@pytest.fixture
def video(db: Database) -> int:
    """A cut video with a sample track and no proxy, with three clips."""
    made = add_video(db, "a", "cut")
    with db.transaction() as tx:
        tx.execute("update videos set proxy_key = null, sample_key = 'z' where id = %s", (made,))
    return made


def test_a_prepared_video_has_pictures(db: Database, video: int) -> None:
    with pytest.raises(CheckViolation, match="videos_prepared"), db.transaction() as tx:
        tx.execute("update videos set sample_key = null where id = %s", (video,))
    check_tallies(db)


def test_a_video_that_is_watched_is_due_once(db: Database, settings: Settings, video: int) -> None:
    driver, stage = Driver(db, settings), STAGES["proxy"]
    assert driver.claim(stage) == []
    for _ in range(3):
        watch(db, video)
    (claim,) = driver.claim(stage)
    assert claim.video_id == video
    (item,) = driver.items(stage, [claim])[claim]
    assert (item.source_key, item.pts_key) == ("s", "t")
    watch(db, video)
    assert driver.claim(stage) == []
    assert rows(db, "select kind from changes where kind = 'watched'") == [{"kind": "watched"}]


def test_with_a_proxy_or_before_it_is_prepared_nothing_is_due(db: Database, settings: Settings) -> None:
    for number in (add_video(db, "b", "cut"), add_video(db, "c", "downloaded")):
        watch(db, number)
    assert rows(db, "select video_id from changes where kind = 'watched'") == []


def made(tx: object, variant: int, done: list) -> None:
    """What the stage's own record does."""
    del variant
    for item, _ in done:
        tx.execute("update videos set proxy_key = 'p' where id = %s", (item.id,))  # type: ignore[attr-defined]


def test_files_that_are_copied_from_a_proxy_wait_for_it(db: Database, settings: Settings, video: int) -> None:
    clips = add_clips(db, video, [30, 60])
    approve(db, clips[:2])
    driver = Driver(db, replace(settings, export_profile="proxy"))
    with db.transaction() as tx:
        tx.execute("select announce('decision', array[%s]::bigint[], array[0])", (video,))
    assert driver.claim(STAGES["export"]) == []
    side = ForFiles(db, None, whole=False)
    assert side.is_done()
    claims = driver.claim(STAGES["proxy"])
    assert [claim.video_id for claim in claims] == [video]
    driver.finish(STAGES["proxy"], claims, record=made)
    (export,) = driver.claim(STAGES["export"])
    assert [item.id for item in driver.items(STAGES["export"], [export])[export]] == clips[:2]
    assert one(db, "select tally('proxies')") == 1
    check_tallies(db)


def test_other_files_do_not_wait(db: Database, settings: Settings, video: int) -> None:
    approve(db, add_clips(db, video, [30]))
    with db.transaction() as tx:
        tx.execute("select announce('decision', array[%s]::bigint[], array[0])", (video,))
    assert len(Driver(db, settings).claim(STAGES["export"])) == 1


def test_a_run_that_approves_wants_the_proxies_of_all_its_videos(db: Database, settings: Settings, video: int) -> None:
    add_clips(db, video, [30])
    ForFiles(db, None, whole=False)
    driver = Driver(db, settings)
    assert driver.claim(STAGES["proxy"]) == []
    ForFiles(db, [video + 1], whole=True)
    assert driver.claim(STAGES["proxy"]) == []
    ForFiles(db, [video], whole=True)
    assert [claim.video_id for claim in driver.claim(STAGES["proxy"])] == [video]
