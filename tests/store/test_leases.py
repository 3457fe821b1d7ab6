"""Leases on a real database: two reviewers never meet, what runs out returns, edits keep to their hands."""

import io
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rows import add_clips, add_video, one, rows

from heaters.core.states import ReviewAction
from heaters.errors import RuleError
from heaters.store.db import Database
from heaters.store.leases import Counts, Leases
from heaters.store.objects_local import LocalStore
from heaters.store.queries import query
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks


@pytest.fixture
def leases(db: Database) -> Leases:
    return Leases(db)


@pytest.fixture
def clips(db: Database) -> list[int]:
    """Ten clips of one video."""
    return add_clips(db, add_video(db, "x", "cut"), list(range(10, 100, 10)))


@pytest.fixture
def reviews(db: Database, tmp_path: Path) -> Reviews:
    store = LocalStore(tmp_path)
    buffer = io.BytesIO()
    np.save(buffer, np.arange(101, dtype=np.int64))
    store.put_bytes("t", buffer.getvalue())  # the PTS key of the videos that `rows` makes
    return Reviews(db, Tracks(store), lease_seconds=300)


def expire(db: Database) -> None:
    with db.transaction() as tx:
        tx.execute("update review_leases set expires_at = now() - interval '1 second'")


def holder(db: Database, clip: int) -> str | None:
    held = "select reviewer as by from review_leases where clip_id = %(i)s and expires_at > now()"
    return next((row["by"] for row in rows(db, held, {"i": clip})), None)


def test_clips_come_in_play_order_and_not_twice(leases: Leases, clips: list[int]) -> None:
    first = leases.take("ann", 3)
    assert first.ids == tuple(clips[:3])
    assert first.counts == Counts(pending=10, decided=0, held_by_others=0)
    assert leases.take("ann", 3, have=first.ids).ids == tuple(clips[3:6])
    assert leases.take("ann", 2).ids == tuple(clips[:2]), "a page that was reloaded gets its own again"


def test_two_reviewers_do_not_meet(db: Database, leases: Leases, clips: list[int]) -> None:
    mine = leases.take("ann", 3)
    hers = leases.take("ben", 3)
    assert hers.ids == tuple(clips[4:7]), "the neighbour of ann's last is ann's too"
    assert hers.counts.held_by_others == 4
    assert leases.take("ann", 9, have=mine.ids).ids == (clips[3], *clips[8:10])


def test_another_video_is_preferred_to_one_somebody_is_in(db: Database, leases: Leases, clips: list[int]) -> None:
    others = add_clips(db, add_video(db, "y", "cut"), [50])
    leases.take("ann", 2)
    assert leases.take("ben", 3).ids == (*others, clips[3])
    assert leases.take("ann", 2).ids == tuple(clips[:2])


def test_leases_run_out_are_renewed_or_return(db: Database, leases: Leases, clips: list[int]) -> None:
    leases.take("ann", 2)
    expire(db)
    assert leases.renew("ann", clips[:2]) == frozenset(clips[:2]), "nobody took them meanwhile"
    assert leases.take("ben", 1).ids == (clips[3],)
    expire(db)
    assert leases.take("ben", 2).ids == tuple(clips[:2])
    assert leases.renew("ann", clips[:2]) == frozenset()
    assert leases.renew("ben", clips[1:2]) == frozenset(clips[1:2])


def test_release_and_later(db: Database, leases: Leases, clips: list[int]) -> None:
    leases.take("ann", 3)
    assert leases.release("ben", clips) == 0
    assert leases.release("ann", clips[:1], later=True) == 1
    assert leases.take("ann", 1).ids == (clips[1],)
    assert leases.take("ann", 20).ids == (*clips[1:], clips[0])
    assert leases.release("ann") == 10


def test_one_clip_asked_for(leases: Leases, clips: list[int]) -> None:
    assert leases.take_one("ann", clips[6])
    assert not leases.take_one("ben", clips[6])
    assert not leases.take_one("ann", 4711)


def test_least_confident_cuts_first(db: Database, leases: Leases, clips: list[int]) -> None:
    with db.transaction() as tx:
        tx.execute("update cuts set confidence = 0.51 where frame = 70")
        tx.execute("update cuts set confidence = 0.6 where frame = 30")
        video = one(db, "select id from videos")
        tx.execute(query("refresh_confidence"), {"video_id": video, "frames": [30, 70]})
    assert leases.take("ann", 5, uncertain_first=True).ids == (clips[6], clips[7], clips[2], clips[3], clips[0])


def test_a_filter_by_video(db: Database, leases: Leases, clips: list[int]) -> None:
    video = add_video(db, "y", "cut")
    others = add_clips(db, video, [50])
    hand = leases.take("ann", 5, videos=[video])
    assert (hand.ids, hand.counts.pending) == (tuple(others), 2)
    assert len(clips) == 10


def test_acts_keep_to_their_hands(db: Database, leases: Leases, reviews: Reviews, clips: list[int]) -> None:
    leases.take("ann", 3)
    leases.take("ben", 2)
    with pytest.raises(RuleError, match=f"approve is refused: clip {clips[1]} is in ann's hands"):
        reviews.act(ReviewAction.APPROVE, clips[1], reviewer="ben", request_key="1")
    with pytest.raises(RuleError, match=f"clip {clips[3]} is in ann's hands"):
        reviews.act(ReviewAction.MERGE, clips[4], reviewer="ben", request_key="2")
    assert one(db, "select count(*) from review_events") == 0
    reviews.act(ReviewAction.APPROVE, clips[1], reviewer="ann", request_key="3")
    assert holder(db, clips[1]) is None
    reviews.undo(reviewer="ann", request_key="4")
    assert holder(db, clips[1]) == "ann", "what undo brings back is in hand again"
    reviews.act(ReviewAction.SKIP, clips[9], reviewer="ben", request_key="5")


def test_the_same_request_at_once_is_one_event(
    db: Database, leases: Leases, reviews: Reviews, clips: list[int]
) -> None:
    leases.take("ann", 3)
    answers: list[int] = []

    def send() -> None:
        answers.append(reviews.act(ReviewAction.APPROVE, clips[0], reviewer="ann", request_key="k").id)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert len(set(answers)) == 1
    for n in range(3):
        reviews.act(ReviewAction.SKIP, clips[n + 1], reviewer="ann", request_key=f"s{n}")
    undoing = [threading.Thread(target=reviews.undo, kwargs={"reviewer": "ann", "request_key": "u"}) for _ in range(4)]
    for thread in undoing:
        thread.start()
    for thread in undoing:
        thread.join()
    assert [r["action"] for r in rows(db, "select action::text from review_events order by id")] == [
        "approve", "skip", "skip", "skip", "undo",
    ]  # fmt: skip


def test_many_at_full_speed_share_nothing(db: Database, leases: Leases, clips: list[int]) -> None:
    for name in "abc":
        clips = clips + add_clips(db, add_video(db, name, "cut"), list(range(5, 100, 5)))
    taken: dict[str, list[int]] = {name: [] for name in ("ann", "ben", "cem", "dee")}

    def take(name: str) -> None:
        while ids := leases.take(name, 3, have=taken[name]).ids:
            taken[name] += ids

    def pick(name: str) -> None:
        taken[name] = [clip for clip in clips if leases.take_one(name, clip)]

    threads = [threading.Thread(target=take, args=(name,)) for name in list(taken)]
    threads.append(threading.Thread(target=pick, args=("fay",)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [clip for ids in taken.values() for clip in ids]
    assert len(everything) == len(set(everything))
    assert set(everything) <= set(clips)
    left = leases.take("eva", 20, have=[]).ids
    assert not left, "what is in nobody's hands was given to somebody"


def test_a_page_that_takes_renews_and_releases_at_once_meets_no_deadlock(db: Database, leases: Leases) -> None:
    video = add_video(db, "many", "cut", 2000)
    clips = add_clips(db, video, list(range(10, 2000, 10)), 2000)
    # Rows of leases lie in the reverse of their ids, so that who walks them meets who sorts them.
    with db.transaction() as tx:
        tx.execute(
            "insert into review_leases select id, video_id, 'ann', now() + interval '1 hour' from clips "
            "order by id desc"
        )
    errors: list[BaseException] = []
    ends = time.monotonic() + 3

    def work(do: Callable[[], object]) -> None:
        try:
            while time.monotonic() < ends:
                do()
        except BaseException as error:
            errors.append(error)

    def put_off() -> None:
        leases.release("ann", clips, later=True)
        with db.transaction() as tx:
            tx.execute(
                "insert into review_leases select id, video_id, 'ann', now() + interval '1 hour' from clips "
                "order by id on conflict do nothing"
            )

    tasks = [lambda: leases.renew("ann", clips), put_off, lambda: leases.renew("ann", clips), put_off]
    threads = [threading.Thread(target=work, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
