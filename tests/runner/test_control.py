"""Pauses and priorities: what running drivers start, and in which order."""

import json
from pathlib import Path

import pytest
from command import Heaters
from rows import add_clips, add_video, one, rows
from shots import write_film
from waiting import wait_until
from working import Driver

from heaters.core.pipeline import STAGES
from heaters.runner.control import read
from heaters.settings import Settings
from heaters.status import status
from heaters.store.db import Database
from heaters.store.pauses import LIBRARY, pause, resume
from heaters.store.queries import query
from heaters.submit import submit_all

DOWNLOAD, PREPARE, KEYFRAMES = (STAGES[name] for name in ("download", "prepare", "keyframes"))


def prioritise(db: Database, priority: int, *ids: int) -> None:
    with db.transaction() as tx:
        tx.execute(query("prioritise"), {"priority": priority, "ids": list(ids)})


def test_pauses_are_told_and_taken_back(db: Database, settings: Settings) -> None:
    before = read(db)
    assert pause(db, ["export"], by="anna", reason="disk full") == ["export"]
    found = read(db)
    assert [found.is_paused(STAGES[name]) for name in ("export", "prepare")] == [True, False]
    assert found.lines(before) == ["the stage export is paused by anna: disk full; `heaters resume` lets it go on"]
    pause(db, [LIBRARY], by="ben")
    assert read(db).is_paused(PREPARE)
    told = status(db, settings)
    assert {row.stage: row.limit for row in told.stages}["prepare"] == "paused"
    assert {row.stage: row.limit for row in told.stages}["review"] == ""
    assert told.next_steps[0] == "the library is paused by ben; `heaters resume` lets it go on"
    assert sorted(resume(db)) == ["", "export"]
    assert read(db).lines(found) == ["the stage export goes on"]


def test_videos_with_priority_are_claimed_before_older_ones(db: Database, settings: Settings) -> None:
    videos = [add_video(db, str(n), "downloaded") for n in range(6)]
    prioritise(db, 3, videos[4])
    prioritise(db, 9, videos[5], videos[3])
    assert read(db).first == ((videos[3], videos[5]), (videos[4],))
    assert read(db, scope=videos[:5]).first == ((videos[3],), (videos[4],))
    driver = Driver(db, settings)
    first = driver.tasks.claim(PREPARE, most=10, among=(videos[3], videos[5]))
    assert ([claim.video_id for claim in first.claims], first.at_end) == ([videos[3], videos[5]], True)
    assert driver.tasks.claim(PREPARE, most=10, among=(videos[3], videos[5])).claims == ()
    others = driver.claim(PREPARE, 10)
    assert [claim.video_id for claim in others] == [videos[n] for n in (0, 1, 2, 4)]  # nothing twice
    driver.finish(PREPARE, [*first.claims, *others])
    again = driver.claim(PREPARE)  # the shared watermark passed those that were held
    assert [driver.items(PREPARE, again)[claim] for claim in again] == [[], []]
    driver.finish(PREPARE, again)
    assert rows(db, "select from tasks") == []
    assert one(db, "select count(*) from stage_runs where status = 'done'") == 6


def test_the_clips_of_a_video_with_priority_come_first_too(db: Database, settings: Settings) -> None:
    videos = [add_video(db, str(n), "cut") for n in range(3)]
    for video in videos:
        add_clips(db, video, [50])
    prioritise(db, 1, videos[2])
    driver = Driver(db, settings)
    claimed = driver.tasks.claim(KEYFRAMES, most=16, items=64, among=(videos[2],))
    assert [claim.video_id for claim in claimed.claims] == [videos[2]]
    driver.finish(KEYFRAMES, claimed.claims)
    assert {claim.video_id for claim in driver.claim(KEYFRAMES)} == set(videos[:2])


def test_downloads_with_priority_keep_to_what_a_host_bears(db: Database, settings: Settings) -> None:
    sources = [f"http://one.example/{n}" for n in range(4)] + ["http://two.example/0"]
    ids = [found.video_id for found in submit_all(db, sources)]
    assert None not in ids
    list(submit_all(db, sources[3:], priority=5))
    assert [row["priority"] for row in rows(db, "select priority from videos order by id")] == [0, 0, 0, 5, 5]
    driver = Driver(db, settings)
    among = tuple(number for number in ids[3:] if number is not None)
    found = driver.tasks.claim(DOWNLOAD, most=10, among=among)
    assert sorted(claim.video_id for claim in found.claims) == sorted(among)
    assert driver.claim(DOWNLOAD) == []  # both hosts are kept to their distance in time


def test_a_priority_ends_a_day_after_the_last_change(db: Database, settings: Settings) -> None:
    old, new = add_video(db, "old"), add_video(db, "new")
    prioritise(db, 2, old, new)
    with db.transaction() as tx:
        tx.execute("update changes set since = now() - interval '2 days' where video_id = %s", (old,))
    assert read(db).first == ((new,),)
    Driver(db, settings).tasks.tend()
    assert [row["priority"] for row in rows(db, "select priority from videos order by id")] == [0, 2]


def test_a_driver_ends_when_the_database_is_migrated_past_it(heaters: Heaters, db: Database) -> None:
    process = heaters.start("run", "--forever")
    wait_until(lambda: one(db, "select count(*) from drivers") == 1, "the driver", 120)
    later = "insert into schema_migrations (version, name, sha256, drivers_go_on) values (%s, %s, 'x', %s)"
    with db.transaction() as tx:
        tx.execute(later, (900, "0900_index", True))
    assert read(db).migration == ""
    with db.transaction() as tx:
        tx.execute(later, (901, "0901_more", False))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "the database was changed to a later version of Heaters (0901_more): this driver ends" in err
    assert "Traceback" not in err
    assert one(db, "select count(*) from drivers") == 0


@pytest.mark.slow
def test_a_run_waits_at_a_paused_stage_and_goes_on(heaters: Heaters, tmp_path: Path, db: Database) -> None:
    write_film(tmp_path / "film.mp4", ("lion", "cat"))
    assert heaters("pause", "detect", "--reason", "new weights", "--json").json == {"paused": ["detect"]}
    wrong = heaters("pause", "review")
    assert (wrong.code, "one of download, prepare, detect" in wrong.err) == (2, True)
    process = heaters.start("run", tmp_path / "film.mp4", "--auto-approve", "--json")
    limits = "select coalesce(max(limits->>'detect'), '') from drivers"
    wait_until(lambda: one(db, "select count(*) from videos where state = 'prepared'") == 1, "a prepared video", 120)
    wait_until(lambda: one(db, limits) == "paused", "the limit", 60)
    assert process.poll() is None
    assert one(db, "select count(*) from tasks where driver is not null") == 0
    assert "paused" in heaters("status").out
    assert heaters("resume", "--json").json == {"resumed": ["detect"]}
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    (video,) = json.loads(out)["videos"]
    assert (video["state"], video["clips"] > 0) == ("cut", True)
    assert "the stage detect is paused by" in err
    assert "the stage detect goes on" in err


@pytest.mark.slow
def test_a_run_begins_with_what_was_submitted_with_priority(heaters: Heaters, tmp_path: Path) -> None:
    for number in range(6):
        write_film(tmp_path / f"{number}.mp4", ("lion", "cat"), frames_each=30 + number)
    names = [str(tmp_path / f"{number}.mp4") for number in range(6)]
    log = tmp_path / "log.jsonl"
    assert heaters("submit", *names).code == 0
    assert heaters("submit", "--priority", "9", names[5]).code == 0
    assert heaters("run", "--auto-approve", "--json", HEATERS_LOG=str(log)).code == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for stage in ("download", "prepare", "detect"):
        begun = [line["source"] for line in lines if line["event"] == "started" and line["stage"] == stage]
        assert names[5] in begun[:2], stage  # two run at a time, and the other may be ready before it
        assert sorted(begun) == sorted(names)
