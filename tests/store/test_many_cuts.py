"""A recut of a long film and its undo: exact, and the same few statements however many cuts there are."""

from functools import partial
from pathlib import Path

import pytest
from cut_video import active_rows, add_cut_video
from statements import statements

from heaters.core.layout import Rules
from heaters.store.db import Database
from heaters.store.objects import open_store
from heaters.store.queries import query
from heaters.store.recut import Recuts
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks

OTHERS = """
    with made as (insert into videos (source) select '/others/' || n from generate_series(1, 50) n returning id)
    insert into review_events (video_id, reviewer, action, request_key, clip_ids, before, after)
    select id, 'bob', 'approve', id || ' ' || n, array[1000000 + n], '{}', '{}'
    from made, generate_series(1, 100) n
"""


def test_however_many_cuts_it_takes_the_same_statements(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(str(tmp_path))
    counts, contents = [], []
    for cuts in (2, 1500):
        with db.transaction() as tx:
            tx.execute("delete from videos")
        video = add_cut_video(db, store, "film", [*[0.0] * 9, 0.9, *[0.0] * 9, 0.4] * cuts + [0.0])
        recuts, reviews = Recuts(db, store), Reviews(db, Tracks(store))
        (row,) = recuts.videos([video])
        before = active_rows(db)
        recut = partial(recuts.recut, row, Rules(threshold=0.3), recuts.stored, reviewer="ann")
        undo = partial(reviews.undo, reviewer="ann", request_key=f"undo {cuts}")
        redo = partial(reviews.redo, reviewer="ann", request_key=f"redo {cuts}")
        counts.append([statements(recut, monkeypatch)])
        after = active_rows(db)
        counts[-1].append(statements(undo, monkeypatch))
        contents.append((len(after[0]), active_rows(db) == before))
        counts[-1].append(statements(redo, monkeypatch))
        assert active_rows(db) == after
    assert contents == [(5, True), (3001, True)]
    assert counts[0] == counts[1]
    assert max(counts[1]) <= 20


def test_undo_reads_no_more_of_the_log_than_its_video_s(db: Database, tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    video = add_cut_video(db, store, "film", [*[0.0] * 9, 0.9] * 300 + [0.0])
    with db.transaction() as tx:
        tx.execute(OTHERS)
    with db.transaction() as tx:
        tx.execute("analyze review_events")
        ids = list(range(1, 301))
        asked = {"video_id": video, "id": 0, "clip_ids": ids, "ids": ids, "videos": [video]}
        for name in ("later_events", "clip_reviews"):
            plan = tx.execute(f"explain {query(name)}", asked).fetchall()  # type: ignore[call-overload]
            assert any("review_events_video" in row["QUERY PLAN"] for row in plan), plan
