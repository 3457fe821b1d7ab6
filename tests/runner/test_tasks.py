"""Claims by watermarks on a real database: what is due, once, in order, also when several ask."""

import threading
from dataclasses import replace

import pytest
from rows import add_clips, add_video, one, rows
from working import Done, Driver, hurry, silence

from heaters.core.pipeline import STAGES
from heaters.core.stretches import STRETCH_FRAMES
from heaters.errors import StoreError
from heaters.settings import Settings
from heaters.store.approval import approve_pending
from heaters.store.db import Database

DOWNLOAD, PREPARE, KEYFRAMES, EMBED, FACTS, EXPORT = (
    STAGES[name] for name in ("download", "prepare", "keyframes", "embed", "facts", "export")
)


@pytest.fixture
def driver(db: Database, settings: Settings) -> Driver:
    return Driver(db, settings)


def video_ids(claims: list) -> list[int]:  # type: ignore[type-arg]
    return [claim.video_id for claim in claims]


def test_claims_are_disjoint_and_in_order(db: Database, driver: Driver) -> None:
    videos = [add_video(db, str(n), "downloaded") for n in range(5)]
    assert video_ids(driver.claim(PREPARE, 2)) == videos[:2]
    assert video_ids(driver.claim(PREPARE, 9)) == videos[2:]
    assert driver.claim(PREPARE, 9) == []


def test_many_drivers_at_once_never_share_an_item(db: Database, settings: Settings) -> None:
    videos = [add_video(db, str(n)) for n in range(40)]
    taken: list[int] = []

    def work(name: str) -> None:
        driver = Driver(db, settings, name)
        while claims := driver.claim(DOWNLOAD, 3):
            taken.extend(video_ids(claims))
            assert driver.finish(DOWNLOAD, claims).fenced == ()

    threads = [threading.Thread(target=work, args=(f"d{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == videos
    assert one(db, "select count(*) from stage_runs where status = 'done'") == 40
    assert rows(db, "select from tasks") == []


def test_a_stretch_is_claimed_whole_and_leaves_no_row(db: Database, driver: Driver) -> None:
    frames = 2 * STRETCH_FRAMES + 10
    cuts = [100, STRETCH_FRAMES - 5, STRETCH_FRAMES + 50, 2 * STRETCH_FRAMES + 5]
    video = add_video(db, "x", "cut", frames)
    add_clips(db, video, cuts, frames)
    claims = driver.claim(KEYFRAMES)
    assert [(claim.stretch, len(items)) for claim, items in driver.items(KEYFRAMES, claims).items()] == [
        (0, 3),  # the third begins in it and ends in the next
        (1, 1),
        (2, 1),
    ]
    assert len(driver.finish(KEYFRAMES, claims).recorded) == 3
    assert (driver.claim(KEYFRAMES), rows(db, "select from tasks")) == ([], [])
    assert one(db, "select count(*) from stills") == 5
    assert rows(db, "select items from stage_runs order by stretch") == [{"items": 3}, {"items": 1}, {"items": 1}]


def test_clips_are_described_before_anybody_decides(db: Database, driver: Driver) -> None:
    video = add_video(db, "x", "cut")
    add_clips(db, video, [50])
    found = driver.drain("keyframes", "facts", "embed", "export")
    assert found == [f"{name} {video}/0×2" for name in ("keyframes", "facts", "embed")]
    assert approve_pending(db, None, reviewer="anna") == 2
    assert driver.drain("keyframes", "facts", "embed", "export") == [f"export {video}/0×2"]


def test_claims_stop_at_enough_items_and_go_on_there(db: Database, driver: Driver) -> None:
    for n in range(4):
        add_clips(db, add_video(db, str(n), "cut"), [20, 40, 60, 80])  # five clips each
    first = driver.tasks.claim(KEYFRAMES, most=100, items=8)
    assert (len(first.claims), first.at_end) == (2, False)  # the second one reaches the eighth clip
    assert len(driver.claim(KEYFRAMES)) == 2


def test_claims_stop_where_their_bytes_fill_the_room(db: Database, driver: Driver) -> None:
    for name in "abcd":
        add_video(db, name, "downloaded")  # 1000 bytes each
    assert len(driver.claim(PREPARE, room_bytes=1500)) == 2  # the second one begins within it
    assert len(driver.claim(PREPARE, room_bytes=1500, most_bytes=10)) == 2
    assert driver.claim(PREPARE) == []


def test_a_changed_default_makes_exactly_the_missing_variant_due(db: Database, settings: Settings) -> None:
    add_clips(db, add_video(db, "x", "cut"), [50])
    driver = Driver(db, settings)
    assert driver.claim(EMBED) == []  # its stills are not there
    driver.drain("keyframes", "embed")
    changed = Driver(db, replace(settings, keyframes="multi:5"), "b")
    assert len(changed.claim(EMBED)) == 0  # its own stills are not there yet
    assert [line.split()[0] for line in changed.drain("keyframes")] == ["keyframes"]
    assert one(db, "select count(*) from stills") == 4
    assert driver.drain("keyframes", "embed") == changed.drain("keyframes") == []


def test_what_is_there_already_is_passed_over(db: Database, settings: Settings) -> None:
    for n in range(30):
        add_clips(db, add_video(db, str(n), "cut"), [50])
    Driver(db, settings, "a", scope=range(1, 1000)).drain("keyframes")  # with a watermark of its own
    driver = Driver(db, settings, "b")
    claimed = driver.tasks.claim(KEYFRAMES, most=5)
    assert (claimed.claims, claimed.at_end) == ((), True)
    place = one(db, "select at from watermarks w join variants v on v.id = w.variant where v.stage = 'keyframes'")
    assert place == one(db, "select max(at) from changes where kind = 'clips'")


def test_a_scope_limits_claims_and_moves_no_watermark(db: Database, settings: Settings) -> None:
    other, mine = add_video(db, "other"), add_video(db, "mine")
    scoped = Driver(db, settings, "a", scope=[mine])
    assert video_ids(scoped.claim(DOWNLOAD)) == [mine]
    assert video_ids(Driver(db, settings, "b").claim(DOWNLOAD)) == [other]


def test_an_edit_makes_exactly_the_changed_clips_due(db: Database, driver: Driver) -> None:
    video = add_video(db, "x", "cut", 1000)
    clips = add_clips(db, video, list(range(100, 1000, 100)), 1000)
    driver.drain("keyframes", "facts", "embed")
    split(db, video, clips[3], 350)
    claims = driver.claim(KEYFRAMES)
    assert [(item.start_frame, item.end_frame) for item in driver.items(KEYFRAMES, claims)[claims[0]]] == [
        (300, 350),
        (350, 400),
    ]


def test_a_stretch_edited_while_it_is_at_work_comes_again(db: Database, driver: Driver) -> None:
    video = add_video(db, "x", "cut", 1000)
    clips = add_clips(db, video, list(range(100, 1000, 100)), 1000)
    claims = driver.claim(KEYFRAMES)
    assert len(driver.items(KEYFRAMES, claims)[claims[0]]) == 10
    items = driver.items(KEYFRAMES, claims)
    split(db, video, clips[3], 350)
    assert driver.claim(KEYFRAMES) == []  # it is held: noted there instead
    from heaters.runner.claims import Ended

    outcomes = [Done(seconds=0.1)] * 10
    driver.recorder.finish(
        KEYFRAMES, driver.code(KEYFRAMES), [Ended(claim=claims[0], items=items[claims[0]], outcomes=outcomes)]
    )
    assert driver.drain("keyframes") == [f"keyframes {video}/0×2"]
    lacking = (
        "select count(*) from clips c where retired_at is null "
        "and not exists (select from stills s where s.clip_id = c.id)"
    )
    assert one(db, lacking) == 0


def test_a_driver_that_fell_silent_is_taken_back_and_fenced_off(db: Database, settings: Settings) -> None:
    add_video(db, "x")
    settings = replace(settings, lease_seconds=1.0)
    late, other = Driver(db, settings, "late"), Driver(db, settings, "other")
    (claim,) = late.claim(DOWNLOAD)
    assert other.tasks.expire() == 0
    silence(db, "late")
    assert other.tasks.expire() == 1
    (again,) = other.claim(DOWNLOAD)
    assert (again.attempt, again.losses) == (2, 1)
    assert late.finish(DOWNLOAD, [claim]).fenced == (claim,)
    assert len(other.finish(DOWNLOAD, [again]).recorded) == 1
    assert [row["status"] for row in rows(db, "select status::text from stage_runs order by id")] == ["lost", "done"]


def test_released_work_is_due_at_once_and_no_attempt(db: Database, driver: Driver) -> None:
    add_video(db, "x")
    claims = driver.claim(DOWNLOAD)
    driver.tasks.release([(DOWNLOAD, claim) for claim in claims])
    (again,) = driver.claim(DOWNLOAD)
    assert (again.attempt, again.losses) == (1, 0)
    driver.tasks.release()  # all that it holds
    assert len(driver.claim(DOWNLOAD)) == 1


def test_a_claim_whose_answer_was_lost_is_given_back(db: Database, settings: Settings) -> None:
    for n in range(3):
        add_video(db, str(n))
    driver = Driver(db, settings)
    known = driver.claim(DOWNLOAD, 1)
    Driver(db, settings).claim(DOWNLOAD, 1)  # the same driver's name: as if the connection had broken after the commit
    driver.tasks.release_unknown()
    assert len(rows(db, "select from tasks where driver is not null")) == 1
    assert len(driver.claim(DOWNLOAD)) == 2
    assert driver.finish(DOWNLOAD, known).fenced == ()


def test_what_waits_behind_the_watermark_is_taken_first(db: Database, driver: Driver) -> None:
    first = add_video(db, "first")
    claims = driver.claim(DOWNLOAD)
    driver.finish(DOWNLOAD, claims, lambda item: StoreError("the disk is full"))
    second = add_video(db, "second")
    assert video_ids(driver.claim(DOWNLOAD)) == [second]  # a back-off runs
    hurry(db)
    assert video_ids(driver.claim(DOWNLOAD)) == [first]


def test_of_what_runs_alone_no_more_is_held_than_there_are_nodes(db: Database, settings: Settings) -> None:
    for n in range(5):
        add_video(db, str(n), "downloaded")
    one_, two = Driver(db, settings, "one"), Driver(db, settings, "two")
    claims = one_.claim(PREPARE)
    one_.tasks.lose(PREPARE, claims, error=StoreError("full"), is_alone=True, delay_seconds=0.0, most=10, seconds=1.0)
    held = one_.claim(PREPARE, nodes=2)
    assert [claim.is_alone for claim in held] == [True, True]
    assert two.claim(PREPARE, nodes=2) == []  # known to all drivers
    one_.finish(PREPARE, held[:1])
    assert len(two.claim(PREPARE, nodes=2)) == 1


def test_the_horizon_bounds_claims(db: Database, driver: Driver) -> None:
    old = add_video(db, "old")
    until = driver.tasks.last_change()
    add_video(db, "new")
    claimed = driver.tasks.claim(DOWNLOAD, most=9, until=until)
    assert (video_ids(list(claimed.claims)), driver.tasks.claim(DOWNLOAD, most=9, until=until).at_end) == ([old], True)
    assert not driver.tasks.is_drained(DOWNLOAD, until)
    driver.finish(DOWNLOAD, list(claimed.claims))
    assert driver.tasks.is_drained(DOWNLOAD, until)


def split(db: Database, video: int, clip: int, frame: int) -> None:
    """A reviewer's cut."""
    from review_at import split_at

    split_at(db, clip, frame)
