"""What is due is found without reading what is done, and what became due among it by and by."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from rows import one, rows

from heaters.core.pipeline import STAGES, Subject
from heaters.runner import sweep as module
from heaters.runner.ledger import Ledger
from heaters.runner.sweep import Sweep
from heaters.settings import Settings
from heaters.store.db import Database

DOWNLOAD, PREPARE, FACTS, EMBED = (STAGES[name] for name in ("download", "prepare", "facts", "embed"))
CLIPS = 10

VIDEOS = """
    insert into videos (source, state, content_hash, frame_count, source_key, proxy_key, analysis_key, pts_key,
                        time_base_num, time_base_den)
    select '/videos/' || n, 'cut', lpad(n::text, 64, '0'), 10 * %(clips)s, 's', 'p', 'a', 't', 1, 25
    from generate_series(1 + (select count(*) from videos), %(videos)s + (select count(*) from videos)) n returning id
"""
CUTS = """
    insert into cuts (video_id, frame, pts, kind, confidence, created_by)
    select v, 10 * k, 10 * k, 'hard', 0.9, 'test' from unnest(%(ids)s::bigint[]) v, generate_series(1, %(clips)s - 1) k
"""
EMBEDDED = """
    insert into clips (video_id, start_frame, end_frame, start_pts, end_pts, state)
    select v, 10 * k, 10 * k + 10, 10 * k, 10 * k + 10, 'embedded'
    from unnest(%(ids)s::bigint[]) v, generate_series(0, %(clips)s - 1) k
"""
DONE = """
    insert into stage_runs (stage, subject, subject_id, video_id, variant, attempt, worker, status, finished_at, result)
    select %(stage)s, s.subject::subject_kind, s.id, s.video_id, %(variant)s, 1, 'test', 'done', now(), '{}'
    from (select id, id as video_id, 'video' as subject from videos union all select id, video_id, 'clip' from clips) s
    where s.subject = %(subject)s::text and s.video_id = any (%(ids)s)
"""


class Reading:
    """A database that tells how many rows the last transaction read."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.rows = 0

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._db.transaction() as tx:
            tx.execute("select pg_stat_force_next_flush()")  # else what was read within the last second counts, too
        with self._db.transaction() as tx:
            tx.execute("set local enable_seqscan = off")  # tables this small are read whole, as larger ones are not
            yield tx
            read = "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as n from pg_stat_xact_user_tables"
            self.rows = tx.execute(read).fetchone()["n"]  # type: ignore[index]


@pytest.fixture
def ledger(db: Database, settings: Settings) -> Ledger:
    return Ledger(db, settings, worker="a", scope=None)


def add_done(db: Database, settings: Settings, videos: int) -> list[int]:
    """So many videos of ten clips, with all stages done."""
    with db.transaction() as tx:
        ids = [row["id"] for row in tx.execute(VIDEOS, {"videos": videos, "clips": CLIPS}).fetchall()]
        for statement in (CUTS, EMBEDDED):
            tx.execute(statement, {"ids": ids, "clips": CLIPS})
        for stage in (PREPARE, STAGES["keyframes"], FACTS, EMBED):
            variant = settings.variant(stage.variant)
            done = {"stage": stage.name, "subject": str(stage.subject), "variant": variant, "ids": ids}
            tx.execute(DONE, done)
    with db.transaction() as tx:
        tx.execute("analyze")
    return ids


def forget(db: Database, video: int) -> None:
    with db.transaction() as tx:
        tx.execute("delete from stage_runs where stage = 'embed' and video_id = %(id)s", {"id": video})


def clip_videos(ledger: Ledger) -> Iterator[int]:
    """The videos of claimed clips, claim by claim."""
    while not ledger.is_drained([EMBED]):
        claims = ledger.claim(EMBED, CLIPS)
        ledger.release(claims)
        with ledger._database.transaction() as tx:  # released is due again: here it is done
            tx.execute("update stage_runs set status = 'done', result = '{}' where status = 'released'")
        yield from (claim.video_id for claim in claims)


def make_due(db: Database, stage: Any, videos: list[int]) -> None:
    """Back into the state that `stage` takes, and not done."""
    table, column = ("videos", "id") if stage.subject is Subject.VIDEO else ("clips", "video_id")
    with db.transaction() as tx:
        tx.execute(f"update {table} set state = '{stage.takes}' where {column} = any (%(ids)s)", {"ids": videos})
        gone = {"stage": stage.name, "ids": videos}
        tx.execute("delete from stage_runs where stage = %(stage)s and video_id = any (%(ids)s)", gone)
        tx.execute("analyze")


@pytest.mark.parametrize("due", [0, 8])
@pytest.mark.parametrize("stage", [DOWNLOAD, PREPARE, FACTS, EMBED], ids=lambda stage: stage.name)
def test_a_claim_reads_as_much_among_many_as_among_few(db: Database, settings: Settings, stage: Any, due: int) -> None:
    read = []
    for more, waiting in ((200, 20), (800, due)):  # the first claim takes `due` of 20: before each as many wait
        # All in one state: of another the planner, which does not know it by then, thinks the same.
        ids = add_done(db, settings, more)
        if due:
            make_due(db, stage, ids[-waiting:])
        reading = Reading(db)
        ledger = Ledger(reading, settings, worker="a", scope=None)  # type: ignore[arg-type]
        found = ledger._take(stage, [stage.takes], 8, {"room_bytes": 2**40, "most_bytes": 2**40})
        assert len(found) == due
        read.append(reading.rows)
    assert read[1] <= read[0] + 50, read


def test_what_became_due_among_the_done_is_found_in_every_span(
    db: Database, ledger: Ledger, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REST_SECONDS", 0.0)
    monkeypatch.setattr(module, "SHARE", 1e9)
    ids = add_done(db, settings, 450)
    due = [ids[0], ids[99], ids[100], ids[333], ids[449]]
    for video in due:
        forget(db, video)
    found: list[int] = []
    for _ in range(12):  # five spans, and one more look for each that was full
        claims = ledger.claim(EMBED, 7)
        found += [claim.video_id for claim in claims]
    assert sorted(found) == sorted(CLIPS * due)


def test_all_of_a_changed_default_is_found_without_rest(db: Database, settings: Settings) -> None:
    ids = add_done(db, settings, 300)
    changed = Ledger(db, replace(settings, embedding_strategy="single"), worker="b", scope=None)
    found = [claim.video_id for _ in range(300 * CLIPS // 100 + 3) for claim in changed.claim(EMBED, 100)]
    assert sorted(found) == sorted(CLIPS * ids)


def test_the_end_of_a_run_finds_what_a_sweep_has_not_come_to(db: Database, ledger: Ledger, settings: Settings) -> None:
    ids = add_done(db, settings, 250)
    assert ledger.is_drained([FACTS, EMBED])
    assert ledger.claim(EMBED, 9) == []  # and rests
    forget(db, ids[-1])
    assert ledger.claim(EMBED, 9) == []
    assert set(clip_videos(ledger)) == {ids[-1]}
    assert one(db, "select count(*) from stage_runs where stage = 'embed' and worker = 'a'") == CLIPS


def test_a_scope_is_swept_alone(db: Database, settings: Settings) -> None:
    ids = add_done(db, settings, 250)
    forget(db, ids[7])
    forget(db, ids[220])
    scoped = Ledger(db, settings, worker="b", scope=[ids[220]])
    assert {claim.video_id for claim in scoped.claim(EMBED, 99)} == {ids[220]}
    assert len(rows(db, "select from stage_runs where worker = 'b'")) == CLIPS


def test_a_look_in_vain_is_followed_by_a_rest_of_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: clock)
    sweep = Sweep(5, span=10)
    sweep.go_on(18, found=True, took_seconds=3.0)
    assert (sweep.at, sweep.is_due, sweep.is_finding) == (15, True, True)
    sweep.stay(17)
    assert (sweep.at, sweep.until) == (17, 27)
    sweep.go_on(18, found=False, took_seconds=1.0)
    assert (sweep.at, sweep.is_due, sweep.is_finding) == (5, False, False)
    clock += 1.0 / module.SHARE - 0.1
    assert not sweep.is_due
    clock += 0.2
    assert sweep.is_due
