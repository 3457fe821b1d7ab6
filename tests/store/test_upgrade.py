"""A library that the release before made, as that release left it: its decisions, files and vectors are kept.

library_0_1.sql is a dump of one: a film approved, exported and embedded in two spaces; one with clips approved,
skipped, archived, split, merged and undone by two people; one that was cut anew; a broken file; an address never
fetched.
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from objects_made import objects_made
from review_at import FrameTracks
from rows import one, rows
from tallies import check_tallies
from working import Driver

from heaters.core.pipeline import STAGES
from heaters.settings import Settings
from heaters.store.db import Connection, Database, connect
from heaters.store.migrate import available, migrate
from heaters.store.review import Reviews

DUMP = Path(__file__).with_name("library_0_1.sql")
RELEASED = 12  # migrations of that release
KEPT = (
    *("video_id", "start_frame", "end_frame", "start_pts", "end_pts", "version", "parents"),
    *("reviewed_by", "reviewed_at", "retired_at", "group_id", "created_at"),
)


@pytest.fixture
def before(empty_database_url: str) -> Connection:
    connection = connect(empty_database_url)
    migrate(connection, available()[:RELEASED])
    with connection.transaction():
        connection.execute(DUMP.read_text().encode())
    return connection


@pytest.fixture
def upgrade(before: Connection, empty_database_url: str) -> Callable[[], Database]:
    """Bring it to the schema of today."""

    def run() -> Database:
        assert migrate(before) == [migration.name for migration in available()[RELEASED:]]
        before.close()
        return Database(empty_database_url, patience_seconds=5)

    return run


def all_of(connection: Connection, statement: str) -> list[dict[str, Any]]:
    return connection.execute(statement.encode()).fetchall()


def test_files_stills_facts_and_vectors_are_the_same(before: Connection, upgrade: Callable[[], Database]) -> None:
    objects = all_of(before, "select key, sha256 from artifacts where kind <> 'facts' order by key")
    facts = all_of(before, "select clip_id, metadata from artifacts where kind = 'facts' order by clip_id")
    vectors = all_of(before, "select clip_id, model, strategy, vector::text from embeddings order by 1, 2, 3")
    db = upgrade()
    there = sorted(((file.key, file.sha256) for file in objects_made(db)), key=lambda pair: pair[0])
    assert there == [(row["key"], row["sha256"]) for row in objects]
    assert len(there) == 7 * 4
    for row in facts:
        now = one(db, "select to_jsonb(f) from facts f where clip_id = %(id)s", {"id": row["clip_id"]})
        assert {name: now[name] for name in row["metadata"]} == pytest.approx(row["metadata"], rel=1e-6)
    statement = (
        "select e.clip_id, s.model, s.strategy, e.vector::text from embeddings e "
        "join spaces s on s.variant = e.variant order by 1, 2, 3"
    )
    assert rows(db, statement) == vectors
    check_tallies(db)
    db.close()


def test_decisions_are_kept_and_what_was_a_milestone_is_none(
    before: Connection, upgrade: Callable[[], Database]
) -> None:
    was = {row["id"]: row for row in all_of(before, "select * from clips order by id")}
    cuts = all_of(before, "select * from cuts order by video_id, frame")
    db = upgrade()
    now = {row["id"]: row for row in rows(db, "select * from clips order by id")}
    assert rows(db, "select * from cuts order by video_id, frame") == cuts
    assert now.keys() == was.keys()
    for number, clip in now.items():
        old = was[number]
        assert {name: clip[name] for name in KEPT} == {name: old[name] for name in KEPT}
        state = "retired" if old["retired_at"] else old["state"].replace("embedded", "review_approved")
        assert clip["state"] == state
        assert clip["seconds"] == pytest.approx((clip["end_pts"] - clip["start_pts"]) / 12800, rel=1e-6)
    assert {clip["state"] for clip in now.values()} == {
        *("pending_review", "review_approved", "review_skipped", "review_archived", "retired")
    }
    new = (
        "insert into clips (video_id, start_frame, end_frame, start_pts, end_pts, seconds, state, retired_at) "
        "values (1, 0, 1, 0, 1, 1, 'retired', now()) returning id"
    )
    assert one(db, new) == max(now) + 1
    db.close()


def test_what_was_open_is_open_and_what_is_due_is_exactly_what_is_missing(
    upgrade: Callable[[], Database], settings: Settings
) -> None:
    db = upgrade()
    assert rows(db, "select video_id, error_type, next_attempt_at from failures") == [
        {"video_id": 2, "error_type": "MediaError", "next_attempt_at": None}
    ]
    driver = Driver(db, replace(settings, export_profile="encode"))  # as the profile is called that was the default
    assert [claim.video_id for claim in driver.claim(STAGES["download"])] == [5]
    due = {}
    for name in ("keyframes", "facts", "embed", "export"):
        claims = driver.claim(STAGES[name])
        items = driver.items(STAGES[name], claims)
        due[name] = sorted(item.id for claim in claims for item in items[claim])
    lacking = "select id from clips where state in ('pending_review', 'review_skipped') or id = 11 order by id"
    undecided = [row["id"] for row in rows(db, lacking)]
    assert due == {"keyframes": undecided, "facts": [], "embed": [], "export": [11]}
    db.close()


def test_stills_are_still_the_proxys_and_new_ones_come_from_there_too(
    upgrade: Callable[[], Database], settings: Settings
) -> None:
    db = upgrade()
    assert rows(db, "select distinct origin::text, frames from stills") == [{"origin": "proxy", "frames": None}]
    has = "select proxy_key is not null as proxy, sample_key is not null as samples from videos where state = 'cut'"
    assert {tuple(row.values()) for row in rows(db, has)} == {(True, False)}
    driver = Driver(db, settings)
    assert driver.claim(STAGES["proxy"]) == driver.claim(STAGES["prepare"]) == []
    claims = driver.claim(STAGES["keyframes"])
    items = [item for found in driver.items(STAGES["keyframes"], claims).values() for item in found]
    assert items
    assert {(item.sample_key, item.proxy_key is not None) for item in items} == {(None, True)}
    check_tallies(db)
    db.close()


def test_undo_reaches_back_before_the_upgrade(upgrade: Callable[[], Database]) -> None:
    db = upgrade()
    reviews = Reviews(db, FrameTracks())  # type: ignore[arg-type]
    undone = []
    for _ in range(3):  # the skip of clip 10, the split of clip 7, the archiving of clip 9
        event = reviews.undo(reviewer="anna", request_key=uuid.uuid4().hex)
        undone.append([(clip.id, str(clip.state)) for clip in event.change.after.clips])
    assert undone == [
        [(10, "pending_review")],
        [(83, "retired"), (7, "pending_review"), (84, "retired")],
        [(9, "pending_review")],
    ]
    check_tallies(db)
    db.close()


def test_history_of_the_last_weeks_is_kept(before: Connection, upgrade: Callable[[], Database]) -> None:
    was = all_of(
        before, "select stage, count(*) as n from stage_runs where finished_at > now() - interval '90 days' group by 1"
    )
    db = upgrade()
    now = rows(
        db, "select v.stage, count(*) as n from stage_runs r join variants v on v.id = r.variant group by 1 order by 1"
    )
    assert now == sorted(was, key=lambda row: row["stage"])
    assert one(db, "select detector || ' ' || detector_model from videos where id = 1").startswith(
        "transnetv2 transnetv2@"
    )
    db.close()
