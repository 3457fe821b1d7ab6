"""Review on a real database: rows, log, leases of running stages, and the tiling that the database itself holds."""

import io
import threading
from pathlib import Path

import numpy as np
import psycopg
import pytest
from rows import add_clips, add_video, one, rows
from working import Driver

from heaters.core.pipeline import STAGES
from heaters.core.states import ReviewAction
from heaters.errors import RuleError, UsageError
from heaters.settings import Settings
from heaters.store.approval import approve_pending
from heaters.store.db import Database
from heaters.store.objects import open_store
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks

APPROVE, SPLIT, MERGE, MOVE = (ReviewAction(word) for word in ("approve", "split", "merge", "move"))


@pytest.fixture
def reviews(db: Database, tmp_path: Path) -> Reviews:
    store = open_store(str(tmp_path / "media"))
    buffer = io.BytesIO()
    np.save(buffer, np.arange(101, dtype=np.int64))
    store.put_bytes("t", buffer.getvalue())  # the PTS key of the videos that `rows` makes
    return Reviews(db, Tracks(store))


@pytest.fixture
def clips(db: Database) -> list[int]:
    return add_clips(db, add_video(db, "x", "cut"), [30, 60])


def active(db: Database) -> list[tuple[int, int, str]]:
    found = rows(
        db, "select start_frame, end_frame, state::text from clips where retired_at is null order by start_frame"
    )
    return [(r["start_frame"], r["end_frame"], r["state"]) for r in found]


def test_approve_records_who_and_when(db: Database, reviews: Reviews, clips: list[int]) -> None:
    reviews.act(APPROVE, clips[0], reviewer="ann", request_key="1")
    row = rows(
        db, "select state::text, reviewed_by, reviewed_at, version from clips where id = %(i)s", {"i": clips[0]}
    )[0]
    assert (row["state"], row["reviewed_by"], row["version"]) == ("review_approved", "ann", 2)
    assert row["reviewed_at"] is not None


def test_same_request_twice_is_one_event(db: Database, reviews: Reviews, clips: list[int]) -> None:
    first = reviews.act(APPROVE, clips[0], reviewer="ann", request_key="1")
    assert reviews.act(APPROVE, clips[0], reviewer="ann", request_key="1").id == first.id
    assert one(db, "select count(*) from review_events") == 1


def test_split_merge_and_move_keep_the_tiling(db: Database, reviews: Reviews, clips: list[int]) -> None:
    event = reviews.act(SPLIT, clips[1], reviewer="ann", request_key="1", frame=45)
    children = [c.id for c in event.change.after.clips if c.is_active]
    assert [(a, b) for a, b, _ in active(db)] == [(0, 30), (30, 45), (45, 60), (60, 100)]
    event = reviews.act(MOVE, children[1], reviewer="ann", request_key="2", frame=50)
    right = next(c.id for c in event.change.after.clips if c.is_active and c.start_frame == 50)
    assert [(a, b) for a, b, _ in active(db)] == [(0, 30), (30, 50), (50, 60), (60, 100)]
    reviews.act(MERGE, right, reviewer="ann", request_key="3")
    assert [(a, b) for a, b, _ in active(db)] == [(0, 30), (30, 60), (60, 100)]
    for number in range(3):
        reviews.undo(reviewer="ann", request_key=f"u{number}")
    assert active(db) == [(0, 30, "pending_review"), (30, 60, "pending_review"), (60, 100, "pending_review")]
    assert [r["id"] for r in rows(db, "select id from clips where retired_at is null order by id")] == clips
    cuts = rows(db, "select frame, kind::text, confidence from cuts order by frame")
    assert [(c["frame"], c["kind"]) for c in cuts] == [(30, "hard"), (60, "hard")]
    for number in range(3):
        reviews.redo(reviewer="ann", request_key=f"r{number}")
    assert [(a, b) for a, b, _ in active(db)] == [(0, 30), (30, 60), (60, 100)]
    with pytest.raises(RuleError, match="nothing to redo"):
        reviews.redo(reviewer="ann", request_key="r9")


def test_nothing_changes_while_export_holds_the_clip(
    db: Database, reviews: Reviews, clips: list[int], settings: Settings
) -> None:
    reviews.act(APPROVE, clips[0], reviewer="ann", request_key="1")
    driver = Driver(db, settings)
    claims = driver.claim(STAGES["export"])
    assert [item.id for items in driver.items(STAGES["export"], claims).values() for item in items] == clips[:1]
    with pytest.raises(RuleError, match="export of clip"):
        reviews.act(SPLIT, clips[0], reviewer="ann", request_key="2", frame=15)
    with pytest.raises(RuleError, match="undo is refused: export"):
        reviews.undo(reviewer="ann", request_key="3")
    reviews.act(APPROVE, clips[1], reviewer="ann", request_key="4")
    reviews.undo(reviewer="ann", request_key="5")  # approved after the export of its stretch began: not in it
    driver.finish(STAGES["export"], claims)
    with pytest.raises(RuleError, match="undo is refused: export"):
        reviews.undo(reviewer="ann", request_key="6")


def test_two_reviewers_at_once_decide_a_clip_once(db: Database, reviews: Reviews, clips: list[int]) -> None:
    outcomes: list[str] = []

    def decide(name: str) -> None:
        try:
            reviews.act(APPROVE, clips[0], reviewer=name, request_key=name)
            outcomes.append("done")
        except RuleError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=decide, args=(name,)) for name in ("ann", "ben", "cem", "dee")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("done") == 1
    assert sum("already review_approved by" in text for text in outcomes) == 3


def test_unknown_clip_is_a_clear_error(reviews: Reviews) -> None:
    with pytest.raises(UsageError, match="no clip 4711"):
        reviews.act(APPROVE, 4711, reviewer="ann", request_key="1")


def test_approving_all_leaves_events_that_can_be_undone(db: Database, reviews: Reviews, clips: list[int]) -> None:
    assert approve_pending(db, None, reviewer="auto") == 3
    assert approve_pending(db, None, reviewer="auto") == 0
    (event,) = rows(db, "select action::text, clip_ids, before, after from review_events")
    assert (event["action"], event["clip_ids"]) == ("approve", clips)
    assert event["before"] == {"decided": {"state": "pending_review", "reviewed_by": None, "reviewed_at": None}}
    assert event["after"]["decided"]["state"] == "review_approved"
    for number in range(2):
        reviews.undo(reviewer="auto", request_key=f"u{number}")
        assert {state for _, _, state in active(db)} == {"pending_review"}
        reviews.redo(reviewer="auto", request_key=f"r{number}")
        assert {state for _, _, state in active(db)} == {"review_approved"}


def test_undo_of_an_approval_of_many_leaves_out_nobody_s_later_act(
    db: Database, reviews: Reviews, clips: list[int]
) -> None:
    approve_pending(db, None, reviewer="auto")
    reviews.act(MERGE, clips[1], reviewer="ann", request_key="1")
    with pytest.raises(RuleError, match=r"undo is refused: ann has since changed clip \d+, \d+ \(merge\)"):
        reviews.undo(reviewer="auto", request_key="u")
    reviews.undo(reviewer="ann", request_key="2")
    reviews.undo(reviewer="auto", request_key="v")
    assert {state for _, _, state in active(db)} == {"pending_review"}


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("update clips set end_frame = 61, end_pts = 61 where end_frame = 60", "clips_do_not_overlap"),
        ("update clips set end_frame = 59, end_pts = 59 where end_frame = 60", "must tile"),
        ("delete from clips where start_frame = 30", "must tile"),
        ("delete from cuts where frame = 30", "must tile"),
        (
            "insert into cuts (video_id, frame, pts, kind, created_by) "
            "select video_id, 10, 10, 'manual', 'x' from cuts limit 1",
            "must tile",
        ),
        ("update clips set retired_at = now(), state = 'retired' where start_frame = 60", "must tile"),
    ],
)
def test_database_refuses_what_does_not_tile(db: Database, clips: list[int], statement: str, rule: str) -> None:
    with pytest.raises(psycopg.IntegrityError, match=rule), db.transaction() as tx:
        tx.execute(statement)  # type: ignore[call-overload]
    assert [(a, b) for a, b, _ in active(db)] == [(0, 30), (30, 60), (60, 100)]
    assert len(clips) == 3
