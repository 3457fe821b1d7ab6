"""What `heaters status` tells of a run that is half done, failed, given up or left behind by a dead worker."""

from dataclasses import replace

import pytest
from rows import add_video, one

from heaters.core.pipeline import STAGES
from heaters.errors import MediaError, StoreError
from heaters.runner.ledger import Ledger
from heaters.settings import Settings
from heaters.status import Status, run_phrase, status
from heaters.store.db import Database

DOWNLOAD = STAGES["download"]


@pytest.fixture
def ledger(db: Database, settings: Settings) -> Ledger:
    return Ledger(db, replace(settings, lease_seconds=60), worker="host:1:abc", scope=None)


def phrases(found: Status) -> list[str]:
    return [run_phrase(run) for run in found.runs]


def counts(found: Status) -> dict[str, int]:
    row = next(s for s in found.stages if s.stage == "download")
    return {name: getattr(row, name) for name in ("waiting", "running", "retrying", "dead", "done")}


def test_nothing_submitted(db: Database, settings: Settings) -> None:
    assert status(db, settings).next_steps == ["nothing to do"]


def test_half_finished_run_tells_what_runs_and_what_waits(db: Database, settings: Settings, ledger: Ledger) -> None:
    add_video(db, "a")
    add_video(db, "b")
    ledger.claim(DOWNLOAD, 1)
    found = status(db, settings)
    assert counts(found) == {"waiting": 1, "running": 1, "retrying": 0, "dead": 0, "done": 0}
    assert phrases(found) == ["download running for 0 s on host:1:abc"]
    assert found.next_steps == [
        "something is running; an item whose worker dies comes back when its lease runs out",
        "`heaters run` does what waits: download",
    ]


def test_dead_worker_is_not_shown_as_running(db: Database, settings: Settings, ledger: Ledger) -> None:
    add_video(db, "a")
    ledger.claim(DOWNLOAD, 1)
    one(db, "update stage_runs set lease_expires_at = now() - interval '7 seconds' returning id")
    found = status(db, settings)
    assert phrases(found) == ["download: host:1:abc fell silent 7 s ago; taken back by the next run"]
    assert found.next_steps == ["`heaters run` takes back what silent workers held and goes on from there"]


def test_lost_item_waits_again_and_says_why(db: Database, settings: Settings, ledger: Ledger) -> None:
    add_video(db, "a")
    ledger.claim(DOWNLOAD, 1)
    one(db, "update stage_runs set lease_expires_at = now() - interval '7 seconds' returning id")
    assert ledger.expire() == 1
    found = status(db, settings)
    assert counts(found)["waiting"] == 1
    assert found.runs[0]["error"] == "worker host:1:abc was silent for longer than its lease"
    assert phrases(found) == ["download: its worker was lost, due now"]
    assert found.next_steps == ["`heaters run` does what waits: download"]


def test_failed_item_tells_its_error_and_when_it_is_tried_again(
    db: Database, settings: Settings, ledger: Ledger
) -> None:
    add_video(db, "a")
    (claim,) = ledger.claim(DOWNLOAD, 1)
    ledger.fail(DOWNLOAD, claim, StoreError("the disk is full"))
    found = status(db, settings)
    assert counts(found) == {"waiting": 0, "running": 0, "retrying": 1, "dead": 0, "done": 0}
    assert phrases(found)[0].startswith("download failed (1/5), retry in ")
    assert (found.runs[0]["error_type"], found.runs[0]["error"]) == ("StoreError", "the disk is full")
    assert found.next_steps == ["`heaters run` does what waits"]


def test_dead_item_tells_how_to_make_it_due_again(db: Database, settings: Settings, ledger: Ledger) -> None:
    add_video(db, "a")
    (claim,) = ledger.claim(DOWNLOAD, 1)
    ledger.fail(DOWNLOAD, claim, MediaError("page.mp4 is HTML"))
    found = status(db, settings)
    assert counts(found)["dead"] == 1
    assert phrases(found) == ["download gave up"]
    assert found.next_steps == ["mend the cause, then `heaters retry` makes what gave up due again"]


def test_scope_hides_other_videos(db: Database, settings: Settings, ledger: Ledger) -> None:
    first, second = add_video(db, "a"), add_video(db, "b")
    ledger.claim(DOWNLOAD, 2)
    found = status(db, settings, [second])
    assert [run["video_id"] for run in found.runs] == [second]
    assert [video["id"] for video in found.videos] == [second]
    assert first != second
