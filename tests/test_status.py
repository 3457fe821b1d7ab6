"""What `heaters status` tells of a run that is half done, failed, given up or left behind by a dead driver."""

from dataclasses import asdict, replace

import pytest
from psycopg.types.json import Jsonb
from review_at import act
from rows import add_clips, add_video, one
from working import Driver, hurry, silence

from heaters.core.pipeline import STAGES
from heaters.core.states import ReviewAction
from heaters.errors import MediaError, StoreError
from heaters.settings import Settings
from heaters.status import Status, failure_phrase, status, task_phrase
from heaters.store.approval import approve_pending
from heaters.store.db import Database
from heaters.store.queries import query

DOWNLOAD, KEYFRAMES = STAGES["download"], STAGES["keyframes"]


@pytest.fixture
def driver(db: Database, settings: Settings) -> Driver:
    return Driver(db, settings, "host:1:abc")


def phrases(found: Status) -> list[str]:
    return [*map(task_phrase, found.tasks), *map(failure_phrase, found.failures)]


def counts(found: Status, stage: str = "download") -> dict[str, int]:
    row = next(s for s in found.stages if s.stage == stage)
    return {name: getattr(row, name) for name in ("waiting", "running", "retrying", "dead", "done")}


def test_nothing_submitted(db: Database, settings: Settings) -> None:
    assert status(db, settings).next_steps == ["nothing to do"]


def test_half_finished_run_tells_what_runs_and_what_waits(db: Database, settings: Settings, driver: Driver) -> None:
    add_video(db, "a")
    add_video(db, "b")
    driver.claim(DOWNLOAD, 1)
    found = status(db, settings)
    assert counts(found) == {"waiting": 1, "running": 1, "retrying": 0, "dead": 0, "done": 0}
    assert phrases(found) == ["download running for 0 s on host:1:abc"]
    assert found.next_steps == [
        "something is running; an item whose driver dies comes back when its lease runs out",
        "`heaters run` does what waits: download",
    ]


def test_dead_driver_is_not_shown_as_running(db: Database, settings: Settings, driver: Driver) -> None:
    add_video(db, "a")
    driver.claim(DOWNLOAD)
    one(db, "update drivers set expires_at = now() - interval '7 seconds' returning 1")
    found = status(db, settings)
    assert phrases(found) == ["download: host:1:abc fell silent 7 s ago; taken back by the next run"]
    assert found.next_steps == ["`heaters run` takes back what silent drivers held and goes on from there"]


def test_lost_item_waits_again(db: Database, settings: Settings, driver: Driver) -> None:
    add_video(db, "a")
    driver.claim(DOWNLOAD)
    silence(db, "host:1:abc")
    # The server of the tests may have begun a moment ago; then drivers would be given time to say that they are there.
    assert Driver(db, replace(settings, lease_seconds=0.001), "other").tasks.expire() == 1
    found = status(db, settings)
    assert counts(found) == {"waiting": 1, "running": 0, "retrying": 0, "dead": 0, "done": 0}
    assert phrases(found) == []
    assert found.next_steps == ["`heaters run` does what waits: download"]


def test_failed_item_tells_its_error_and_when_it_is_tried_again(
    db: Database, settings: Settings, driver: Driver
) -> None:
    add_video(db, "a")
    driver.finish(DOWNLOAD, driver.claim(DOWNLOAD), lambda _: StoreError("the disk is full"))
    found = status(db, settings)
    assert counts(found) == {"waiting": 0, "running": 0, "retrying": 1, "dead": 0, "done": 0}
    assert phrases(found)[0].startswith("download failed (1/5), retry in ")
    assert (found.failures[0]["error_type"], found.failures[0]["error"]) == ("StoreError", "the disk is full")
    assert found.next_steps == ["`heaters run` does what waits"]
    hurry(db)
    assert phrases(status(db, settings)) == ["download failed (1/5), retry due now"]


def test_dead_item_tells_how_to_make_it_due_again(db: Database, settings: Settings, driver: Driver) -> None:
    add_video(db, "a")
    driver.finish(DOWNLOAD, driver.claim(DOWNLOAD), lambda _: MediaError("page.mp4 is HTML"))
    found = status(db, settings)
    assert counts(found)["dead"] == 1
    assert phrases(found) == ["download gave up"]
    assert found.next_steps == ["mend the cause, then `heaters retry` makes what gave up due again"]


def test_scope_hides_other_videos(db: Database, settings: Settings, driver: Driver) -> None:
    first, second = add_video(db, "a"), add_video(db, "b")
    driver.claim(DOWNLOAD)
    found = status(db, settings, [second])
    assert [task["video_id"] for task in found.tasks] == [second]
    assert [video["id"] for video in found.videos] == [second]
    assert first != second


def test_clips_are_counted_by_what_was_decided_and_made(db: Database, settings: Settings, driver: Driver) -> None:
    video = add_video(db, "a", "cut")
    clips = add_clips(db, video, [20, 40, 60])
    found = status(db, settings)
    assert counts(found, "review")["waiting"] == 4
    assert counts(found, "keyframes")["waiting"] == 4
    (claim,) = driver.claim(KEYFRAMES)
    found = status(db, settings)
    assert counts(found, "keyframes") == {"waiting": 0, "running": 4, "retrying": 0, "dead": 0, "done": 0}
    assert phrases(found) == ["keyframes of 4 clips running for 0 s on host:1:abc"]
    driver.finish(KEYFRAMES, [claim])
    act(db, ReviewAction.ARCHIVE, clips[3])
    act(db, ReviewAction.SKIP, clips[2])
    assert approve_pending(db, None, reviewer="auto-approve") == 2
    driver.drain("facts", "embed", "export")
    found = status(db, settings)
    done = {"waiting": 0, "running": 0, "retrying": 0, "dead": 0}
    assert counts(found, "keyframes") == done | {"done": 3}, "an archived clip's stills are nobody's output"
    assert counts(found, "facts") == counts(found, "embed") == done | {"done": 3}
    assert counts(found, "review") == done | {"done": 4}
    assert counts(found, "export") == done | {"done": 2}
    assert counts(found, "archive") == done | {"waiting": 1, "done": 0}
    assert found.next_steps == ["nothing to do"], "archiving waits for an operator"
    counted = [asdict(stage) for stage in status(db, settings, [video]).stages]
    assert counted == [asdict(stage) for stage in found.stages], "kept counts are what counting gives"


def test_a_changed_default_waits_for_all_and_no_files_are_wanted(
    db: Database, settings: Settings, driver: Driver
) -> None:
    add_clips(db, add_video(db, "a", "cut"), [50])
    approve_pending(db, None, reviewer="auto-approve")
    driver.drain("keyframes", "facts", "embed", "export")
    changed = replace(settings, keyframes="multi:5", export_profile="none")
    found = status(db, changed)
    assert counts(found, "keyframes")["waiting"] == 2
    assert counts(found, "export") == {"waiting": 0, "running": 0, "retrying": 0, "dead": 0, "done": 0}


def test_the_limit_of_a_driver_at_work_is_told(db: Database, settings: Settings, driver: Driver) -> None:
    limits = {"driver": "host:1:abc", "lease_seconds": 60, "limits": Jsonb({"download": "hosts"})}
    with db.transaction() as tx:
        tx.execute(query("begin_driver"), limits)
    assert next(stage.limit for stage in status(db, settings).stages if stage.stage == "download") == "hosts"
    silence(db, "host:1:abc")
    assert next(stage.limit for stage in status(db, settings).stages if stage.stage == "download") == ""
