"""The end of claims on a real database: results, failures, history, changes, and what the database refuses."""

import math

import pytest
from rows import add_clips, add_video, one, rows
from working import Done, Driver, hurry

from heaters.core.pipeline import STAGES
from heaters.errors import MediaError, RecordRefused, StoreError
from heaters.settings import Settings
from heaters.stages.base import StageResult
from heaters.store.db import Database

DOWNLOAD, PREPARE, DETECT, KEYFRAMES, FACTS = (
    STAGES[name] for name in ("download", "prepare", "detect", "keyframes", "facts")
)


@pytest.fixture
def driver(db: Database, settings: Settings) -> Driver:
    return Driver(db, settings)


@pytest.fixture
def clips(db: Database) -> list[int]:
    """Ten clips in one stretch."""
    return add_clips(db, add_video(db, "x", "cut"), list(range(10, 100, 10)))


def test_result_state_history_and_change_come_together(db: Database, driver: Driver) -> None:
    video = add_video(db, "x")
    claims = driver.claim(DOWNLOAD)
    driver.finish(DOWNLOAD, claims, lambda item: Done(seconds=1.0, figure=7))
    assert one(db, "select state::text from videos") == "downloaded"
    assert one(db, "select result->>'figure' from stage_runs") == "7"
    assert one(db, "select kind from changes order by at desc limit 1") == "downloaded"
    assert [claim.video_id for claim in driver.claim(PREPARE)] == [video]


def test_a_clip_fails_alone(db: Database, driver: Driver, clips: list[int]) -> None:
    def outcome(item: object) -> StageResult | StoreError:
        return StoreError("its picture\x00 is away") if item.id == clips[3] else Done(seconds=0.1)  # type: ignore[attr-defined]

    (failure,) = driver.finish(KEYFRAMES, driver.claim(KEYFRAMES), outcome).failures
    assert (failure.clip_id, failure.failures, failure.dead) == (clips[3], 1, False)
    assert 1.9 <= failure.delay_seconds <= 3.0
    assert one(db, "select count(*) from stills") == 9
    assert rows(db, "select clip_id, error from failures") == [{"clip_id": clips[3], "error": "its picture is away"}]
    assert rows(db, "select status::text, items, failed_items from stage_runs") == [
        {"status": "done", "items": 10, "failed_items": 1}
    ]
    assert driver.claim(KEYFRAMES) == []  # its back-off runs
    assert driver.drain("facts") == ["facts 1/0×9"]  # the others go on
    hurry(db)
    claims = driver.claim(KEYFRAMES)
    assert [item.id for item in driver.items(KEYFRAMES, claims)[claims[0]]] == [clips[3]]
    driver.finish(KEYFRAMES, claims)
    assert rows(db, "select from failures") == rows(db, "select from tasks") == []
    assert driver.drain("facts") == ["facts 1/0×1"]


def test_an_item_dies_of_its_last_failure_and_that_is_decided_once(db: Database, driver: Driver) -> None:
    add_video(db, "x")
    told = []
    for _ in range(DOWNLOAD.attempts):
        hurry(db)
        told += driver.finish(DOWNLOAD, driver.claim(DOWNLOAD), lambda item: StoreError("the disk is full")).failures
    assert [failure.dead for failure in told] == [False] * (DOWNLOAD.attempts - 1) + [True]
    assert [failure.failures for failure in told] == list(range(1, DOWNLOAD.attempts + 1))
    assert one(db, "select next_attempt_at is null from failures")
    hurry(db)
    assert driver.claim(DOWNLOAD) == []
    assert rows(db, "select from tasks") == []


def test_a_permanent_failure_is_final_at_once(db: Database, driver: Driver) -> None:
    add_video(db, "x")
    (failure,) = driver.finish(DOWNLOAD, driver.claim(DOWNLOAD), lambda item: MediaError("no video in it")).failures
    assert failure.dead
    assert driver.claim(DOWNLOAD) == []


def test_a_dead_clip_does_not_hold_up_the_new_ones_of_its_stretch(
    db: Database, driver: Driver, clips: list[int]
) -> None:
    from review_at import split_at

    driver.finish(KEYFRAMES, driver.claim(KEYFRAMES), lambda item: MediaError("all black"))
    assert driver.claim(KEYFRAMES) == []
    split_at(db, clips[0], 5)
    assert driver.drain("keyframes") == ["keyframes 1/0×2"]
    assert one(db, "select count(*) from failures") == 9  # the one that was split is gone


def test_what_cannot_be_recorded_fails_its_item_alone(db: Database, driver: Driver, clips: list[int]) -> None:
    """A unique violation, a value that no column holds, a failed check: the driver and the other clips go on."""

    def record(tx: object, variant: int, done: object) -> None:
        bad = {
            clips[1]: "insert into videos (source) values ('/videos/x')",
            clips[2]: "select 1 / 0",
            clips[4]: "select 'NaN'::int",
        }
        for item, _ in done:  # type: ignore[attr-defined]
            if item.id in bad:
                tx.execute(bad[item.id])  # type: ignore[attr-defined]
        from working import RECORDS

        RECORDS["keyframes"](tx, variant, done)  # type: ignore[arg-type]

    finished = driver.finish(KEYFRAMES, driver.claim(KEYFRAMES), record=record)
    assert sorted(failure.clip_id for failure in finished.failures) == [clips[1], clips[2], clips[4]]
    assert {failure.error_type for failure in finished.failures} == {RecordRefused.__name__}
    assert "UniqueViolation" in next(f.error for f in finished.failures if f.clip_id == clips[1])
    assert one(db, "select count(*) from stills") == 7


def test_a_statement_that_takes_too_long_fails_its_item(db: Database, driver: Driver, clips: list[int]) -> None:
    def record(tx: object, variant: int, done: object) -> None:
        tx.execute("set local statement_timeout = '50ms'")  # type: ignore[attr-defined]
        if any(item.id == clips[0] for item, _ in done):  # type: ignore[attr-defined]
            tx.execute("select pg_sleep(1)")  # type: ignore[attr-defined]

    (failure,) = driver.finish(KEYFRAMES, driver.claim(KEYFRAMES), record=record).failures
    assert (failure.clip_id, "QueryCanceled" in failure.error) == (clips[0], True)


def test_figures_that_json_cannot_hold_cost_nothing(db: Database, driver: Driver) -> None:
    add_video(db, "x")

    class Odd(Done):
        def figures(self) -> dict[str, object]:
            from heaters.stages.base import plain

            return {"rate": plain(math.nan), "name": plain("a\x00b"), "seconds": 1.0}

    finished = driver.finish(DOWNLOAD, driver.claim(DOWNLOAD), lambda item: Odd(seconds=1.0))
    assert finished.failures == ()
    assert one(db, "select result from stage_runs") == {"rate": None, "name": "ab", "seconds": 1.0}


def test_cuts_that_do_not_tile_fail_their_video_alone(db: Database, driver: Driver) -> None:
    good, bad = add_video(db, "good", "prepared"), add_video(db, "bad", "prepared")

    def record(tx: object, variant: int, done: object) -> None:
        from psycopg.types.json import Jsonb

        from heaters.store.queries import query

        for item, _ in done:  # type: ignore[attr-defined]
            end = 100 if item.id == good else 90
            clip = {"start_frame": 0, "end_frame": end, "start_pts": 0, "end_pts": end}
            tx.execute(query("record_clips"), {"id": item.id, "clips": Jsonb([clip])})  # type: ignore[attr-defined]

    finished = driver.finish(DETECT, driver.claim(DETECT), record=record)
    (failure,) = finished.failures
    assert (failure.video_id, "must tile [0, 100)" in failure.error) == (bad, True)
    assert rows(db, "select id, state::text from videos order by id") == [
        {"id": good, "state": "cut"},
        {"id": bad, "state": "prepared"},
    ]
    assert one(db, "select count(*) from clips") == 1


def test_a_deadlock_is_tried_again(db: Database, driver: Driver, clips: list[int]) -> None:
    calls: list[int] = []

    def record(tx: object, variant: int, done: object) -> None:
        calls.append(len(done))  # type: ignore[arg-type]
        if len(calls) == 1:
            tx.execute("do $$ begin raise exception 'x' using errcode = '40P01'; end $$")  # type: ignore[attr-defined]

    assert driver.finish(KEYFRAMES, driver.claim(KEYFRAMES), record=record).failures == ()
    assert calls == [10, 10]


def test_a_batch_that_was_partly_taken_back_keeps_the_rest(db: Database, driver: Driver) -> None:
    for n in range(4):
        add_video(db, str(n))
    claims = driver.claim(DOWNLOAD)
    with db.transaction() as tx:
        tx.execute("update tasks set driver = 'other' where video_id = %s", (claims[1].video_id,))
    finished = driver.finish(DOWNLOAD, claims)
    assert finished.fenced == (claims[1],)
    assert one(db, "select count(*) from videos where state = 'downloaded'") == 3


def test_an_approval_taken_back_while_its_file_is_written_stands(
    db: Database, driver: Driver, clips: list[int]
) -> None:
    from heaters.store.approval import approve_pending

    approve_pending(db, None, reviewer="anna")
    claims = driver.claim(STAGES["export"])
    items = driver.items(STAGES["export"], claims)
    with db.transaction() as tx:
        tx.execute("update clips set state = 'pending_review' where id = %s", (clips[0],))
    from heaters.runner.claims import Ended

    ended = Ended(claim=claims[0], items=items[claims[0]], outcomes=[Done(seconds=1.0)] * 10)
    driver.recorder.finish(STAGES["export"], driver.code(STAGES["export"]), [ended])
    assert one(db, "select count(*) from exports") == 9
