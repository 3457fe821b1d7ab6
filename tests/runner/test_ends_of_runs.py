"""Runs end, whatever was edited, failed, lost or interrupted: nothing is tried for ever, nothing is skipped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from rows import add_clips, add_video, one, rows
from working import Done, Driver, hurry

from heaters.core.pipeline import STAGES, Stage
from heaters.core.states import ReviewAction
from heaters.errors import DatabaseAway, MediaError, StageError, StoreError
from heaters.runner.claims import Ended
from heaters.runner.drained import is_anything_due
from heaters.runner.patience import Patience
from heaters.settings import Settings
from heaters.stages.archive import STAGE as ARCHIVE
from heaters.store.approval import Approver, approve_pending
from heaters.store.db import Database
from heaters.store.review import Reviews
from heaters.submit import submit

DOWNLOAD, PREPARE, KEYFRAMES, EXPORT = (STAGES[name] for name in ("download", "prepare", "keyframes", "export"))


@pytest.fixture
def driver(db: Database, settings: Settings) -> Driver:
    return Driver(db, settings)


def clips_of(db: Database, name: str = "x") -> list[int]:
    return add_clips(db, add_video(db, name, "cut"), list(range(10, 100, 10)))


def away(bad: int) -> Callable[[Any], Done | StoreError]:
    """The outcome of an item: one of them fails, and may be tried again."""
    return lambda item: StoreError("away") if item.id == bad else Done(seconds=0.1)


def ends(db: Database, driver: Driver, stage: Stage) -> bool:
    """Whether a stage is done after the next try, without another one."""
    hurry(db)
    claims = driver.claim(stage)
    driver.finish(stage, claims)
    return driver.claim(stage) == [] and driver.tasks.is_drained(stage)


def test_a_clip_that_was_archived_while_its_stills_waited(db: Database, driver: Driver) -> None:
    clips = clips_of(db)
    driver.finish(KEYFRAMES, driver.claim(KEYFRAMES), away(clips[3]))
    Reviews(db, None).act(ReviewAction.ARCHIVE, clips[3], reviewer="ann", request_key="1")  # type: ignore[arg-type]
    assert ends(db, driver, KEYFRAMES)
    assert rows(db, "select * from failures") == [], "nor does it count as failing"


def test_an_approval_that_was_undone_while_its_export_waited(db: Database, driver: Driver) -> None:
    clips = clips_of(db)
    driver.drain("keyframes")
    reviews = Reviews(db, None)  # type: ignore[arg-type]
    reviews.act(ReviewAction.APPROVE, clips[3], reviewer="ann", request_key="1")
    driver.finish(EXPORT, driver.claim(EXPORT), away(clips[3]))
    reviews.undo(reviewer="ann", request_key="2")
    assert ends(db, driver, EXPORT)


def test_a_clip_that_was_split_while_it_failed(db: Database, driver: Driver) -> None:
    clips = clips_of(db)
    claims = driver.claim(KEYFRAMES)
    items = driver.items(KEYFRAMES, claims)

    class Times:
        def pts(self, _: str) -> list[int]:
            return list(range(200))

    Reviews(db, Times()).act(ReviewAction.SPLIT, clips[3], reviewer="ann", request_key="1", frame=35)  # type: ignore[arg-type]
    outcome = away(clips[3])
    ended = [Ended(claim=c, items=items[c], outcomes=[outcome(item) for item in items[c]]) for c in claims]
    driver.recorder.finish(KEYFRAMES, driver.code(KEYFRAMES), ended)
    assert ends(db, driver, KEYFRAMES)
    assert one(db, "select count(*) from clips c where retired_at is null and not exists "
                   "(select from stills s where s.clip_id = c.id)") == 0  # fmt: skip


def test_a_retry_that_falls_due_while_its_stretch_is_at_work_is_not_forgotten(db: Database, driver: Driver) -> None:
    clips = clips_of(db)
    driver.finish(KEYFRAMES, driver.claim(KEYFRAMES), away(clips[3]))
    with db.transaction() as tx:
        tx.execute("update tasks set due_at = now()")  # something else brings the stretch back
    claims = driver.claim(KEYFRAMES)
    items = driver.items(KEYFRAMES, claims)
    assert [len(items[claim]) for claim in claims] == [0]
    with db.transaction() as tx:
        tx.execute("update failures set next_attempt_at = now()")
    driver.recorder.finish(KEYFRAMES, driver.code(KEYFRAMES), [Ended(claim=claim) for claim in claims])
    assert driver.drain("keyframes") == ["keyframes 1/0×1"]


def test_a_run_on_some_files_ends_though_others_were_submitted_later(
    db: Database, settings: Settings, tmp_path: Any
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
    first = int(submit(db, str(tmp_path / "a.mp4")).video_id or 0)
    driver = Driver(db, settings, scope=[first])
    driver.finish(DOWNLOAD, driver.claim(DOWNLOAD))
    submit(db, str(tmp_path / "b.mp4"))
    assert driver.claim(DOWNLOAD) == []
    assert driver.tasks.is_drained(DOWNLOAD)
    later = Driver(db, settings, "later", scope=[first])
    assert not is_anything_due(later.tasks, [DOWNLOAD], [])


def test_a_change_does_not_bring_the_next_try_of_a_video_forward(db: Database, driver: Driver) -> None:
    video = add_video(db, "x", "downloaded")
    failures: list[StageError] = [StoreError("away"), MediaError("broken")]
    for error, waiting in zip(failures, (1, 0), strict=True):
        hurry(db)
        claims = driver.claim(PREPARE)
        assert [claim.video_id for claim in claims] == [video]
        with db.transaction() as tx:  # it happened again while it was at work
            tx.execute("select announce('downloaded', array[%s::bigint], array[0])", [video])
        assert driver.claim(PREPARE) == []
        driver.finish(PREPARE, claims, lambda _, error=error: error)  # type: ignore[misc]
        assert driver.claim(PREPARE) == []
        assert one(db, "select count(*) from tasks") == waiting


def test_what_comes_back_counts_against_what_was_asked_for(db: Database, driver: Driver) -> None:
    for n in range(8):
        add_clips(db, add_video(db, str(n), "cut"), list(range(10, 100, 10)))
    driver.drain("keyframes")
    approve_pending(db, None, reviewer="ann")
    driver.finish(EXPORT, driver.claim(EXPORT), lambda item: StoreError("away"))
    hurry(db)
    assert len(driver.claim(EXPORT, 16, items=16)) == 2, "two stretches of ten clips"


def test_what_comes_back_says_how_much_of_it(db: Database, driver: Driver) -> None:
    clips = clips_of(db)
    driver.finish(KEYFRAMES, driver.claim(KEYFRAMES), away(clips[3]))
    hurry(db)
    driver.claim(KEYFRAMES)
    assert rows(db, "select items from tasks") == [{"items": 1}]


def test_some_outcomes_are_kept_where_a_claim_goes_on(db: Database, driver: Driver) -> None:
    clips = clips_of(db)
    (claim,) = driver.claim(KEYFRAMES)
    items = driver.items(KEYFRAMES, [claim])[claim]
    some = Ended(claim=claim, items=items[:6], outcomes=[away(clips[3])(i) for i in items[:6]], goes_on=True)
    (failure,) = driver.recorder.finish(KEYFRAMES, driver.code(KEYFRAMES), [some]).failures
    assert (failure.clip_id, failure.failures) == (clips[3], 1)
    assert one(db, "select count(*) from stills") == 5
    given = {"error": StoreError("x"), "is_alone": True, "delay_seconds": 0.0, "most": 10, "seconds": 1.0}
    assert driver.tasks.lose(KEYFRAMES, [claim], **given) == []  # type: ignore[arg-type]
    (again,) = driver.claim(KEYFRAMES)
    assert (again.losses, again.is_alone) == (1, True)
    assert [item.id for item in driver.items(KEYFRAMES, [again])[again]] == clips[6:], "the failed one waits"
    driver.finish(KEYFRAMES, [again])
    hurry(db)
    (last,) = driver.claim(KEYFRAMES)
    assert last.is_alone, "what may kill its process is not put among others"
    driver.finish(KEYFRAMES, [last])
    assert one(db, "select count(*) from stills") == 10


def test_stills_that_were_deleted_while_their_archiving_was_undone_are_made_again(db: Database, driver: Driver) -> None:
    clips = clips_of(db)
    driver.drain("keyframes")
    reviews = Reviews(db, None)  # type: ignore[arg-type]
    reviews.act(ReviewAction.ARCHIVE, clips[3], reviewer="ann", request_key="1")
    archive = STAGES["archive"]
    claims = driver.claim(archive)
    ended = [
        Ended(claim=c, items=i, outcomes=[Done(seconds=0.1)] * len(i)) for c, i in driver.items(archive, claims).items()
    ]
    reviews.undo(reviewer="ann", request_key="2")
    assert driver.drain("keyframes") == []
    driver.recorder.finish(archive, driver.code(archive, ARCHIVE.record), ended)
    assert driver.drain("keyframes") == ["keyframes 1/0×1"]


class Interrupted:
    """A database whose connection is lost once, when a change is to be announced."""

    def __init__(self, db: Database) -> None:
        self._db, self._is_due = db, True

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._db.transaction() as tx:
            self._tx = tx
            yield self

    def execute(self, statement: Any, *given: Any) -> Any:
        if self._is_due and b"select announce(" in (
            statement if isinstance(statement, bytes) else str(statement).encode()
        ):
            self._is_due = False
            raise DatabaseAway("the connection is lost")
        return self._tx.execute(statement, *given)


def test_approval_goes_on_where_the_database_was_lost(db: Database) -> None:
    for name in "abc":
        clips_of(db, name)
    approver = Approver(Interrupted(db), None, reviewer="rule")  # type: ignore[arg-type]
    said: list[str] = []
    patiently = Patience(Event(), said.append, after=lambda: None)
    while not patiently(approver.is_done):
        patiently(approver.look)
    assert said, "it was interrupted"
    assert one(db, "select count(*) from clips where state = 'review_approved'") == approver.total.clips == 30
