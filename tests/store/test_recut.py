"""A recut on a real database: rows, log, undo, reviewers at work, the tiling that the database itself holds."""

import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cut_video import active_rows, add_cut_video, likely
from rows import add_video, one, rows
from working import Driver

from heaters.core.layout import Evidence, Rules
from heaters.core.pipeline import STAGES
from heaters.core.states import ReviewAction
from heaters.errors import IntegrityError, RuleError, StoreError, UsageError
from heaters.settings import Settings
from heaters.store.approval import approve_pending
from heaters.store.db import Database
from heaters.store.objects import ObjectStore, open_store
from heaters.store.recut import Recut, Recuts, Seen
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks

SINGLE = likely(100, f20=0.4, f40=0.9, f60=0.7, f80=0.45)
LEASE = """
    insert into review_leases (clip_id, video_id, reviewer, expires_at)
    select id, video_id, %(who)s, now() + interval '1 minute' from clips
    where start_frame = %(start)s and retired_at is null
    on conflict (clip_id) do update set reviewer = excluded.reviewer
"""


class Desk:
    """One video, and what may be done to it."""

    def __init__(self, db: Database, store: ObjectStore) -> None:
        self.db = db
        self.video = add_cut_video(db, store, "film", SINGLE)
        self.recuts = Recuts(db, store)
        self.reviews = Reviews(db, Tracks(store))
        self._keys = 0

    def cut(self, threshold: float = 0.5, *, by: str = "ann", dry_run: bool = False, **lengths: float) -> Recut:
        (video,) = self.recuts.videos([self.video])
        rules = Rules(threshold=threshold, **lengths)
        return self.recuts.recut(video, rules, self.recuts.stored, reviewer=by, dry_run=dry_run)

    def act(self, action: str, start_frame: int, by: str = "ann", **how: Any) -> None:
        clip = one(self.db, "select id from clips where start_frame = %(s)s and retired_at is null", {"s": start_frame})
        self._keys += 1
        self.reviews.act(ReviewAction(action), clip, reviewer=by, request_key=str(self._keys), **how)

    def undo(self, by: str = "ann") -> None:
        self._keys += 1
        self.reviews.undo(reviewer=by, request_key=str(self._keys))

    def redo(self, by: str = "ann") -> None:
        self._keys += 1
        self.reviews.redo(reviewer=by, request_key=str(self._keys))

    def lease(self, who: str, start_frame: int) -> None:
        with self.db.transaction() as tx:
            tx.execute(LEASE, {"who": who, "start": start_frame})

    def spans(self) -> list[tuple[int, int]]:
        found = rows(self.db, "select start_frame a, end_frame b from clips where retired_at is null order by 1")
        return [(row["a"], row["b"]) for row in found]

    def content(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return active_rows(self.db)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "media"))


@pytest.fixture
def desk(db: Database, store: ObjectStore) -> Desk:
    """Clips [0, 40), [40, 60), [60, 100); at threshold 0.3 there are cuts at 20 and 80 too."""
    return Desk(db, store)


def test_the_rules_of_detection_change_nothing_and_leave_no_event(desk: Desk) -> None:
    before = desk.content()
    done = desk.cut()
    assert (done.event, done.cuts, done.cuts_before, done.clips, done.clips_new, done.clips_kept) == (
        None,
        2,
        2,
        3,
        0,
        0,
    )
    assert desk.content() == before
    assert one(desk.db, "select count(*) from review_events") == 0


def test_a_lower_threshold_finds_more_and_is_logged(desk: Desk) -> None:
    done = desk.cut(0.3)
    assert desk.spans() == [(0, 20), (20, 40), (40, 60), (60, 80), (80, 100)]
    assert (done.cuts_before, done.cuts, done.cuts_added, done.cuts_removed, done.clips_new) == (2, 4, 2, 0, 4)
    event = rows(desk.db, "select id, reviewer, action::text, before, after from review_events")[0]
    assert (event["id"], event["reviewer"], event["action"]) == (done.event, "ann", "recut")
    assert [cut["frame"] for cut in event["after"]["cuts"]] == [20, 80]
    new = rows(desk.db, "select pts, kind::text, confidence::float8, created_by, metadata from cuts where frame = 20")[
        0
    ]
    assert new["confidence"] == pytest.approx(0.4)
    assert (new["pts"], new["created_by"]) == (20, "transnetv2 transnetv2@test")
    assert new["metadata"] == {"span": [20, 20], "threshold": 0.3}
    assert desk.cut(0.3).event is None, "and the same again is nothing"


def test_lengths_merge_and_split(desk: Desk) -> None:
    desk.cut(min_clip_seconds=1.0)
    assert desk.spans() == [(0, 40), (40, 100)]
    desk.cut(max_clip_seconds=1.0)
    assert max(b - a for a, b in desk.spans()) <= 25


def test_undo_and_redo_of_a_recut_are_exact(desk: Desk) -> None:
    states = [desk.content()]
    for threshold in (0.3, 0.8, 0.42):
        desk.cut(threshold)
        states.append(desk.content())
    for state in states[-2::-1]:
        desk.undo()
        assert desk.content() == state
    for state in states[1:]:
        desk.redo()
        assert desk.content() == state


def test_new_clips_have_ids_in_play_order_and_a_recut_in_vain_takes_none(desk: Desk) -> None:
    desk.cut(0.3)
    last = one(desk.db, "select max(id) from clips")
    assert [row["id"] for row in desk.content()[0]] == [last - 3, last - 2, 2, last - 1, last]
    desk.cut(0.3)
    desk.cut(0.9, dry_run=True)
    desk.act("split", 0, frame=10)
    assert one(desk.db, "select max(id) from clips") == last + 2


def test_what_people_and_machines_hold_stays(desk: Desk, settings: Settings) -> None:
    desk.cut(0.3)
    desk.act("approve", 0)
    desk.act("split", 60, frame=70)
    desk.lease("ben", 20)
    assert Driver(desk.db, settings).claim(STAGES["export"])
    done = desk.cut(0.95)
    assert desk.spans() == [(0, 20), (20, 40), (40, 60), (60, 70), (70, 80), (80, 100)]
    assert done.clips_kept == 4
    with desk.db.transaction() as tx:
        tx.execute("update review_leases set expires_at = now() - interval '1 second'")
    desk.cut(0.95)
    assert desk.spans() == [(0, 20), (20, 60), (60, 70), (70, 80), (80, 100)]


def test_an_earlier_act_is_undone_exactly_or_refused_with_the_reason(desk: Desk) -> None:
    desk.act("approve", 40)
    desk.cut(0.3, by="bob")
    desk.undo()
    assert [row["state"] for row in desk.content()[0]] == ["pending_review"] * 5
    desk.cut(0.95, by="bob")
    with pytest.raises(RuleError, match=r"redo is refused: bob has since changed clip \d+ \(recut\)"):
        desk.redo()


def test_a_recut_is_not_taken_from_under_another_reviewer(desk: Desk) -> None:
    desk.cut(0.3)
    desk.lease("ben", 20)
    with pytest.raises(RuleError, match=r"undo is refused: clip \d+ is in ben's hands"):
        desk.undo()
    desk.lease("ann", 20)
    desk.undo()
    desk.lease("ben", 0)
    with pytest.raises(RuleError, match=r"redo is refused: clip \d+ is in ben's hands"):
        desk.redo()


def test_a_dry_run_says_the_same_and_writes_nothing(desk: Desk) -> None:
    before = desk.content(), one(desk.db, "select count(*) from clips")
    told = desk.cut(0.3, dry_run=True)
    assert (desk.content(), one(desk.db, "select count(*) from clips")) == before
    done = desk.cut(0.3)
    assert replace(told, event=done.event, milliseconds=0) == replace(done, milliseconds=0)


def test_other_evidence_shows_in_created_by(desk: Desk) -> None:
    (video,) = desk.recuts.videos([desk.video])
    seen = Seen(evidence=Evidence.of([0.0] * 100, given=[25, 50, 75]), created_by="stride 1s")
    desk.recuts.recut(video, Rules(), lambda _: seen, reviewer="ann")
    assert desk.spans() == [(0, 25), (25, 50), (50, 75), (75, 100)]
    assert {row["created_by"] for row in desk.content()[1]} == {"stride 1s"}
    desk.undo()
    desk.cut()
    assert desk.spans() == [(0, 40), (40, 60), (60, 100)]


def test_clips_that_stay_know_how_certain_their_new_cuts_are(desk: Desk) -> None:
    before = desk.content()
    (video,) = desk.recuts.videos([desk.video])
    seen = Seen(evidence=Evidence.of(likely(100, f40=0.6, f60=0.95)), created_by="other")
    done = desk.recuts.recut(video, Rules(), lambda _: seen, reviewer="ann")
    assert (done.cuts_changed, done.clips_new) == (2, 0)
    clips, _ = desk.content()
    assert [clip["confidence"] for clip in clips] == pytest.approx([0.6, 0.6, 0.95])
    assert [clip["id"] for clip in clips] == [clip["id"] for clip in before[0]]
    desk.undo()
    assert desk.content() == before


def test_recuts_and_reviewers_at_once_keep_every_truth(desk: Desk) -> None:
    """The database would refuse a commit that does not tile; nobody may see that refusal."""
    strange: list[BaseException] = []

    def work(name: str) -> None:
        for number in range(12):
            try:
                if name.startswith("cut"):
                    desk.cut(0.3 + 0.1 * (number % 7), by=name.removeprefix("cut "))
                elif number % 4 == 3:
                    desk.reviews.undo(reviewer=name, request_key=f"{name} undo {number}")
                else:
                    clip = rows(desk.db, "select id from clips where retired_at is null order by random() limit 1")[0]
                    word = ReviewAction(("approve", "split", "merge")[number % 3])
                    frame = 10 + 7 * number if word is ReviewAction.SPLIT else None
                    key = f"{name} {number}"
                    desk.reviews.act(word, clip["id"], reviewer=name, request_key=key, frame=frame)
            except RuleError:
                pass
            except BaseException as error:
                strange.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("cut ann", "cut bob", "ann", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not strange
    spans = desk.spans()
    assert [a for a, _ in spans[1:]] == [b for _, b in spans[:-1]] == [row["frame"] for row in desk.content()[1]]
    refusals = []
    for name in ("ann", "bob", "ben"):  # nobody's log is damaged: each is taken back to where the others come in
        with suppress(RuleError):
            for number in range(100):
                try:
                    desk.reviews.undo(reviewer=name, request_key=f"{name} back {number}")
                except RuleError as refusal:
                    refusals.append(str(refusal))
                    raise
    assert len(refusals) == 3
    assert not [text for text in refusals if "damaged" in text or "reverses" in text]
    approve_pending(desk.db, None, reviewer="auto")
    assert {row["state"] for row in desk.content()[0]} <= {"review_approved"}


def test_a_video_without_cuts_is_named_and_left_out_of_all(desk: Desk) -> None:
    waiting = add_video(desk.db, "waiting", "prepared")
    with pytest.raises(UsageError, match=f"video {waiting} has no cuts yet, it is prepared"):
        desk.recuts.videos([waiting])
    assert [video["id"] for video in desk.recuts.videos(None)] == [desk.video]


def test_objects_that_are_gone_or_not_ours_are_said(desk: Desk, store: ObjectStore) -> None:
    store.put_bytes("film/p", b"PK\x03\x04 no archive")
    with pytest.raises(IntegrityError, match="no probabilities of a detector"):
        desk.cut()
    store.delete(["film/p"])
    with pytest.raises((StoreError, IntegrityError)):
        desk.cut()
