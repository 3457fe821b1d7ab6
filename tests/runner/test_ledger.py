"""Claims, leases and fencing on a real database."""

import threading
from dataclasses import dataclass

import pytest
from rows import add_clips, add_video, one, rows

from heaters.core.pipeline import STAGES
from heaters.errors import MediaError, NodeFull, NodeLost, StoreError
from heaters.runner.ledger import MAX_LOST, NODE_FULL_SECONDS, Claim, Ledger, backoff_seconds
from heaters.settings import Settings
from heaters.stages.base import StageResult
from heaters.store.db import Database

DOWNLOAD, EXPORT, EMBED, KEYFRAMES = (STAGES[name] for name in ("download", "export", "embed", "keyframes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(StageResult):
    figure: int


class Module:
    """A stage module that records what it was asked to record."""

    def __init__(self, fail: bool = False) -> None:
        self.recorded: list[object] = []
        self.fail = fail

    def record(self, tx: object, item: object, result: object) -> None:
        if self.fail:
            raise RuntimeError("the record could not be written")
        self.recorded.append(result)


@pytest.fixture
def ledger(db: Database, settings: Settings) -> Ledger:
    return Ledger(db, settings, worker="a", scope=None)


def hurry(db: Database) -> None:
    with db.transaction() as tx:
        tx.execute("update stage_runs set next_attempt_at = now() where next_attempt_at is not null")


def finish(ledger: Ledger, stage: object, claim: Claim, module: Module | None = None) -> bool:
    return ledger.finish(stage, module or Module(), claim, None, Done(seconds=1.0, figure=7))  # type: ignore[arg-type]


def test_claims_each_due_item_once(db: Database, ledger: Ledger) -> None:
    videos = [add_video(db, str(n)) for n in range(3)]
    first = ledger.claim(DOWNLOAD, 2)
    assert [c.subject_id for c in first] == videos[:2]
    assert [c.subject_id for c in ledger.claim(DOWNLOAD, 9)] == videos[2:]
    assert ledger.claim(DOWNLOAD, 9) == []


def test_many_workers_at_once_never_share_an_item(db: Database, settings: Settings) -> None:
    for n in range(40):
        add_video(db, str(n))
    taken: list[int] = []

    def work(name: str) -> None:
        ledger = Ledger(db, settings, worker=name, scope=None)
        while claims := ledger.claim(DOWNLOAD, 3):
            taken.extend(c.subject_id for c in claims)
            for claim in claims:
                assert finish(ledger, DOWNLOAD, claim)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 40
    assert one(db, "select count(*) from stage_runs where status = 'done'") == 40


def test_scope_limits_claims(db: Database, settings: Settings) -> None:
    mine, _ = add_video(db, "mine"), add_video(db, "other")
    ledger = Ledger(db, settings, worker="a", scope=[mine])
    assert [c.subject_id for c in ledger.claim(DOWNLOAD, 9)] == [mine]


def test_finish_records_run_and_state_together(db: Database, ledger: Ledger) -> None:
    video = add_video(db, "x")
    (claim,) = ledger.claim(DOWNLOAD, 1)
    module = Module()
    assert finish(ledger, DOWNLOAD, claim, module)
    assert len(module.recorded) == 1
    assert one(db, "select state::text from videos where id = %(v)s", {"v": video}) == "downloaded"
    assert one(db, "select result->>'figure' from stage_runs") == "7"


def test_finish_that_cannot_record_changes_nothing(db: Database, ledger: Ledger) -> None:
    video = add_video(db, "x")
    (claim,) = ledger.claim(DOWNLOAD, 1)
    with pytest.raises(RuntimeError, match="could not be written"):
        finish(ledger, DOWNLOAD, claim, Module(fail=True))
    assert one(db, "select state::text from videos where id = %(v)s", {"v": video}) == "new"
    assert one(db, "select status::text from stage_runs") == "running"


def test_late_result_of_a_lost_worker_is_fenced_off(db: Database, settings: Settings, ledger: Ledger) -> None:
    add_video(db, "x")
    (late,) = ledger.claim(DOWNLOAD, 1)
    with db.transaction() as tx:
        tx.execute("update stage_runs set lease_expires_at = now() - interval '1 second'")
    other = Ledger(db, settings, worker="b", scope=None)
    assert other.expire() == 1
    (again,) = other.claim(DOWNLOAD, 1)
    assert again.attempt == 2
    module = Module()
    assert not finish(ledger, DOWNLOAD, late, module)
    assert module.recorded == []
    assert finish(other, DOWNLOAD, again)
    assert [r["status"] for r in rows(db, "select status::text from stage_runs order by id")] == ["lost", "done"]


def test_heartbeat_keeps_a_lease(db: Database, ledger: Ledger) -> None:
    add_video(db, "x")
    (claim,) = ledger.claim(DOWNLOAD, 1)
    with db.transaction() as tx:
        tx.execute("update stage_runs set lease_expires_at = now() - interval '1 second'")
    ledger.heartbeat(db, [claim.run_id])
    assert ledger.expire() == 0


def test_item_that_kills_its_workers_dies(db: Database, ledger: Ledger) -> None:
    add_video(db, "poison")
    for _ in range(MAX_LOST + 1):
        (_claim,) = ledger.claim(DOWNLOAD, 1)
        with db.transaction() as tx:
            tx.execute("update stage_runs set lease_expires_at = now() - interval '1 second' where status = 'running'")
        assert ledger.expire() == 1
    assert ledger.claim(DOWNLOAD, 1) == []
    assert one(db, "select count(*) from stage_runs where status = 'dead'") == 1


def test_failure_waits_then_dies(db: Database, ledger: Ledger) -> None:
    add_video(db, "x")
    for attempt in range(1, DOWNLOAD.attempts + 1):
        (claim,) = ledger.claim(DOWNLOAD, 1)
        assert claim.failures == attempt - 1
        failure = ledger.fail(DOWNLOAD, claim, StoreError("the disk is full"))
        assert failure.dead == (attempt == DOWNLOAD.attempts)
        assert ledger.claim(DOWNLOAD, 1) == []  # a back-off runs, or it is dead
        hurry(db)
    assert ledger.claim(DOWNLOAD, 1) == []


def test_permanent_failure_dies_at_once(db: Database, ledger: Ledger) -> None:
    add_video(db, "x")
    (claim,) = ledger.claim(DOWNLOAD, 1)
    assert ledger.fail(DOWNLOAD, claim, MediaError("no video in it\x00")).dead
    assert one(db, "select error from stage_runs") == "no video in it"


def test_released_work_is_due_at_once_and_no_attempt(db: Database, ledger: Ledger) -> None:
    add_video(db, "x")
    claims = ledger.claim(DOWNLOAD, 1)
    ledger.release(claims)
    (again,) = ledger.claim(DOWNLOAD, 1)
    assert (again.attempt, again.failures) == (1, 0)


def test_changed_default_makes_exactly_the_missing_variant_due(db: Database, settings: Settings) -> None:
    from dataclasses import replace

    clips = add_clips(db, add_video(db, "x", "cut"), [50])
    with db.transaction() as tx:
        tx.execute("update clips set state = 'exported'")
    ledger = Ledger(db, settings, worker="a", scope=None)
    assert ledger.claim(EMBED, 9) == []  # its stills are not there
    for stage in (KEYFRAMES, EMBED):
        claims = ledger.claim(stage, 9)
        assert [c.subject_id for c in claims] == clips
        assert all(finish(ledger, stage, claim) for claim in claims)
    assert [r["state"] for r in rows(db, "select state::text from clips")] == ["embedded"] * 2
    changed = Ledger(db, replace(settings, embedding_strategy="single"), worker="b", scope=None)
    assert changed.claim(KEYFRAMES, 9) == []
    (first, second) = changed.claim(EMBED, 9)
    assert finish(changed, EMBED, first)
    assert finish(changed, EMBED, second)
    assert changed.claim(EMBED, 9) == ledger.claim(EMBED, 9) == []
    assert [r["state"] for r in rows(db, "select state::text from clips")] == ["embedded"] * 2


def test_clip_under_a_reviewers_hands_is_not_claimed(db: Database, ledger: Ledger) -> None:
    clips = add_clips(db, add_video(db, "x", "cut"), [50])
    with db.transaction() as tx:
        tx.execute("update clips set state = 'review_approved'")
    with db.transaction() as tx:
        tx.execute("select from clips where id = %(id)s for update", {"id": clips[0]})
        assert [c.subject_id for c in ledger.claim(EXPORT, 9)] == clips[1:]


@pytest.mark.parametrize(("failures", "low", "high"), [(1, 2, 3), (2, 8, 12), (3, 32, 48), (20, 3600, 5400)])
def test_backoff_grows_to_a_ceiling(failures: int, low: float, high: float) -> None:
    assert backoff_seconds(failures, 0.0) == low
    assert low <= backoff_seconds(failures, 0.999) <= high


def test_a_batch_is_finished_together_and_only_what_is_still_ours(db: Database, ledger: Ledger) -> None:
    videos = [add_video(db, str(n)) for n in range(4)]
    claims = ledger.claim(DOWNLOAD, 4)
    with db.transaction() as tx:
        tx.execute(
            "update stage_runs set lease_expires_at = now() - interval '1 second' where id = %s", (claims[1].run_id,)
        )
    assert ledger.expire() == 1
    done = [(claim, n, Done(seconds=1.0, figure=n)) for n, claim in enumerate(claims)]
    module = Module()
    with db.transaction() as tx:
        tx.execute("alter table videos disable trigger all")
    assert ledger.finish_all(DOWNLOAD, module, done) == {claims[n].run_id for n in (0, 2, 3)}  # type: ignore[arg-type]
    assert [result.figure for result in module.recorded] == [0, 2, 3]  # type: ignore[attr-defined]
    assert [r["state"] for r in rows(db, "select state::text from videos order by id")] == [
        *("downloaded", "new", "downloaded", "downloaded")
    ]
    assert rows(db, "select (result->>'figure')::int as n from stage_runs where status = 'done' order by 1") == [
        {"n": 0}, {"n": 2}, {"n": 3}]  # fmt: skip
    assert len(videos) == 4
    assert ledger.finish_all(DOWNLOAD, module, done) == set()  # type: ignore[arg-type]


def test_a_batch_that_cannot_be_recorded_leaves_no_trace(db: Database, ledger: Ledger) -> None:
    for n in range(2):
        add_video(db, str(n))
    claims = ledger.claim(DOWNLOAD, 2)
    done = [(claim, None, Done(seconds=1.0, figure=1)) for claim in claims]
    with pytest.raises(RuntimeError):
        ledger.finish_all(DOWNLOAD, Module(fail=True), done)  # type: ignore[arg-type]
    assert {r["status"] for r in rows(db, "select status::text from stage_runs")} == {"running"}
    assert ledger.finish_all(DOWNLOAD, Module(), done) == {claim.run_id for claim in claims}  # type: ignore[arg-type]


def test_a_node_that_died_is_no_failure_of_the_item(db: Database, ledger: Ledger) -> None:
    add_video(db, "a")
    for _ in range(DOWNLOAD.attempts + 1):
        (claim,) = ledger.claim(DOWNLOAD, 1)
        failure = ledger.fail(DOWNLOAD, claim, NodeLost("the node died"))
        assert (failure.dead, failure.delay_seconds, claim.failures) == (False, 0.0, 0)
    assert {row["status"] for row in rows(db, "select status::text from stage_runs")} == {"lost"}
    for _ in range(MAX_LOST - DOWNLOAD.attempts):
        (claim,) = ledger.claim(DOWNLOAD, 1)
        ledger.fail(DOWNLOAD, claim, NodeLost("the node died"))
    assert ledger.claim(DOWNLOAD, 1) == []  # it may be what kills them
    assert one(db, "select count(*) from stage_runs where status = 'dead'") == 1


def test_a_full_node_is_no_failure_of_the_item_and_is_given_time(db: Database, ledger: Ledger) -> None:
    add_video(db, "a")
    (claim,) = ledger.claim(DOWNLOAD, 1)
    failure = ledger.fail(DOWNLOAD, claim, NodeFull("its node ran out of memory"))
    assert not failure.dead
    assert failure.delay_seconds >= NODE_FULL_SECONDS / 2
    assert ledger.claim(DOWNLOAD, 1) == []
    hurry(db)
    (again,) = ledger.claim(DOWNLOAD, 1)
    assert (again.attempt, again.failures) == (2, 0)


def test_claims_stop_where_their_bytes_fill_the_room(db: Database, ledger: Ledger) -> None:
    for name in "abcd":
        add_video(db, name)  # 1000 bytes each
    assert len(ledger.claim(DOWNLOAD, 9, room_bytes=1500)) == 2  # the second one begins within it
    assert len(ledger.claim(DOWNLOAD, 9, room_bytes=1500, most_bytes=10)) == 2
    assert ledger.claim(DOWNLOAD, 9) == []
