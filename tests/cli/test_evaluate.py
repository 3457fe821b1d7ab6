"""`heaters evaluate` on decisions made through review itself, over stored evidence."""

import uuid
from pathlib import Path

import pytest
from command import Heaters
from cut_video import add_cut_video, likely
from rows import one, rows

from heaters.core.states import ReviewAction
from heaters.store.approval import approve_pending
from heaters.store.db import Database
from heaters.store.objects import ObjectStore, open_store
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks

# Cuts at 100 and 200 are true; the one at 300 is a flash that people merge away; the one at 400 is missed at 0.5.
SINGLE = likely(500, f100=0.9, f200=0.8, f300=0.6, f400=0.3)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "home" / "media"))


@pytest.fixture
def heaters(tmp_path: Path, database_url: str) -> Heaters:
    """The command on a database and home of the test's own, without a Ray."""
    return Heaters({"HEATERS_HOME": str(tmp_path / "home"), "HEATERS_DATABASE_URL": database_url})


class Person:
    """A reviewer of one video."""

    def __init__(self, db: Database, store: ObjectStore, video: int, name: str = "ann") -> None:
        self.db, self.video, self.name = db, video, name
        self.reviews = Reviews(db, Tracks(store))

    def clip(self, start: int) -> int:
        statement = "select id from clips where video_id = %(v)s and start_frame = %(s)s and retired_at is null"
        return int(one(self.db, statement, {"v": self.video, "s": start}))

    def act(self, action: str, start: int, frame: int | None = None) -> None:
        self.reviews.act(
            ReviewAction(action), self.clip(start), reviewer=self.name, request_key=uuid.uuid4().hex, frame=frame
        )

    def approve_all(self) -> None:
        pending = (
            "select start_frame from clips where video_id = %(v)s and state = 'pending_review' and retired_at is null"
        )
        for row in rows(self.db, pending, {"v": self.video}):
            self.act("approve", row["start_frame"])


@pytest.fixture
def video(db: Database, store: ObjectStore) -> int:
    """A video that a person put right: the wrong cut merged, the missed one made, everything approved."""
    video = add_cut_video(db, store, "a", SINGLE)
    ann = Person(db, store, video)
    ann.act("merge", 300)
    ann.act("split", 200, 400)
    ann.approve_all()
    return video


def test_counts_are_what_people_decided(heaters: Heaters, video: int) -> None:
    done = heaters("evaluate", "--json")
    assert done.code == 0, done.err
    found = done.json
    assert (found["videos"], found["clips"], found["cuts"]) == (1, 4, 3)
    (detector,) = found["detectors"]
    assert detector["detector"] == "transnetv2 transnetv2@test"
    assert detector["current"] == {
        "right": 2, "wrong": 1, "missed": 1, "precision": pytest.approx(2 / 3), "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
    }  # fmt: skip
    at = {row["threshold"]: (row["right"], row["wrong"], row["missed"]) for row in detector["thresholds"]}
    assert (at[0.2], at[0.7], at[0.86], at[0.94]) == ((3, 1, 0), (2, 0, 1), (1, 0, 2), (0, 0, 3))
    # 0.04 to 0.28 finds all three and one wrong: F1 6/7, more than the 4/5 without any wrong.
    assert 0.02 <= detector["suggested_threshold"] <= 0.28
    assert detector["suggested"]["f1"] == pytest.approx(6 / 7)
    assert detector["sources"][0]["video_id"] == video
    assert found["agreement"]["pairs"] == 0


def test_skipped_clips_and_machines_vouch_for_nothing(heaters: Heaters, db: Database, store: ObjectStore) -> None:
    machine = add_cut_video(db, store, "m", SINGLE)
    approve_pending(db, [machine], reviewer="auto-approve")
    video = add_cut_video(db, store, "s", SINGLE)
    ann = Person(db, store, video)
    ann.act("approve", 0)
    ann.act("skip", 100)
    ann.act("archive", 200)
    found = heaters("evaluate", "--json").json
    assert (found["videos"], found["clips"], found["cuts"]) == (1, 1, 1)
    current = found["detectors"][0]["current"]
    assert (current["right"], current["wrong"], current["missed"]) == (1, 0, 0)


def test_a_decision_on_many_clips_at_once_counts_for_each_of_them(
    heaters: Heaters, db: Database, store: ObjectStore
) -> None:
    """Such an event names its clips by id alone."""
    video = add_cut_video(db, store, "a", SINGLE)
    assert approve_pending(db, [video], reviewer="bob") == 4
    Person(db, store, video, "eve").act("merge", 300)
    other = add_cut_video(db, store, "b", SINGLE)
    assert approve_pending(db, [other], reviewer="auto-approve") == 4
    Person(db, store, other, "eve").act("merge", 300)
    found = heaters("evaluate", "--json").json
    assert (found["videos"], found["clips"], found["cuts"]) == (1, 2, 2), "a machine vouches for nothing"
    assert found["agreement"]["reviewers"] == [{"one": "bob", "other": "eve", "pairs": 2, "same": 0}]
    reviews = Reviews(db, Tracks(store))
    for name in ("eve", "eve", "bob"):
        reviews.undo(reviewer=name, request_key=uuid.uuid4().hex)
    assert heaters("evaluate", "--json").json["clips"] == 0


def test_another_detector_is_measured_once_it_has_looked(
    heaters: Heaters, video: int, db: Database, store: ObjectStore
) -> None:
    content_hash = one(db, "select content_hash from videos")
    # `cut_video` keeps its objects under names of its own; evidence of other detectors goes by the video's hash.
    assert not list(store.list(f"videos/{content_hash}/"))
    looked = heaters("cut", video, "--detector", "content", "--dry-run")
    assert looked.code == 0, looked.err
    found = heaters("evaluate", "--json").json
    names = [one["detector"].partition(" ")[0] for one in found["detectors"]]
    assert names == ["transnetv2", "content"]
    assert found["detectors"][1]["current"]["right"] == 0  # the frames are black: it sees nothing


def test_reviewers_who_judged_the_same_clip(heaters: Heaters, db: Database, store: ObjectStore, video: int) -> None:
    Person(db, store, video, "bob").act("group", 100)
    Person(db, store, video, "eve").act("merge", 400)
    found = heaters("evaluate", "--json").json["agreement"]
    assert {(r["one"], r["other"]): (r["pairs"], r["same"]) for r in found["reviewers"]} == {
        ("ann", "bob"): (2, 2),
        ("ann", "eve"): (2, 0),
    }
    assert found["share"] == 0.5


def test_the_plot_and_the_talk(heaters: Heaters, video: int, tmp_path: Path) -> None:
    done = heaters("evaluate", "/videos/a", "--plot", tmp_path / "plots" / "f1.svg", "--tolerance", "0")
    assert done.code == 0, done.err
    assert "4 clips of 1 videos were approved by people: 3 cuts, ±0 frames" in done.out
    assert "that is few" in done.out
    assert "suggested" in done.out
    text = (tmp_path / "plots" / "f1.svg").read_text()
    assert all(f"transnetv2 {name}" in text for name in ("precision", "recall", "f1"))


def test_a_video_whose_evidence_is_gone_fails_alone(
    heaters: Heaters, db: Database, store: ObjectStore, video: int
) -> None:
    other = add_cut_video(db, store, "b", SINGLE)
    Person(db, store, other).approve_all()
    store.delete(["b/p"])
    done = heaters("evaluate", "--json")
    assert done.code == 1
    assert done.json["videos"] == 1
    assert done.json["skipped"][0].startswith(f"video {other}: StoreError")


def test_nothing_reviewed_is_said(heaters: Heaters, db: Database, store: ObjectStore) -> None:
    add_cut_video(db, store, "a", SINGLE)
    done = heaters("evaluate")
    assert (done.code, "nothing to measure yet" in done.out) == (0, True), done.err
    assert heaters("evaluate", "--tolerance", "-1").code == 2
