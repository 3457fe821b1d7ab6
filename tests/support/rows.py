"""Rows made for tests: videos at any milestone, without a file behind them."""

import hashlib
from itertools import pairwise
from typing import Any

from psycopg.types.json import Jsonb

from heaters.store.db import Cursor, Database
from heaters.store.queries import query

INSERT = """
    insert into videos (source, state, content_hash, size_bytes, frame_count, duration_seconds,
                        source_key, proxy_key, analysis_key, pts_key, time_base_num, time_base_den, has_audio)
    values (%(source)s, %(state)s::video_state, %(hash)s, 1000, %(frames)s, %(seconds)s,
            's', 'p', 'a', 't', 1, 25, false)
    returning id
"""


def add_video(db: Database, name: str, state: str = "new", frames: int | None = None) -> int:
    """A video in `state`; one past `downloaded` has 100 frames at 25 per second unless told otherwise."""
    count = frames or (None if state in ("new", "downloaded") else 100)
    with db.transaction() as tx:
        row = tx.execute(
            INSERT,
            {
                "source": f"/videos/{name}",
                "state": state,
                "hash": hashlib.sha256(name.encode()).hexdigest(),
                "frames": count,
                "seconds": None if count is None else count / 25,
            },
        ).fetchone()
        assert row is not None
        video = int(row["id"])
        if state != "cut":
            tx.execute(query("announce_videos"), {"kind": state, "ids": [video]})
        return video


def add_clips(db: Database, video: int, cuts: list[int], frames: int = 100) -> list[int]:
    """Cuts and the clips between them; returns the ids of the clips in order."""
    bounds = [0, *cuts, frames]
    clips = [{"start_frame": a, "end_frame": b, "start_pts": a, "end_pts": b} for a, b in pairwise(bounds)]
    rows = [{"frame": c, "pts": c, "kind": "hard", "confidence": 0.9, "metadata": {}} for c in cuts]
    with db.transaction() as tx:
        tx.execute(query("record_cuts"), {"id": video, "cuts": Jsonb(rows), "created_by": "test"})
        tx.execute(query("record_clips"), {"id": video, "clips": Jsonb(clips)})
        announce(tx, "clips", video)
        found = tx.execute(query("clips_of_video"), {"id": video}).fetchall()
    return [row["id"] for row in found]


def announce(tx: Cursor, kind: str, video: int) -> None:
    """Say that something happened to all stretches of a video."""
    tx.execute(
        "select announce(%s, array_agg(v.id), array_agg(s.stretch)) from videos v "
        "cross join lateral generate_series(0, stretch_of(v.frame_count - 1)) as s (stretch) where v.id = %s",
        (kind, video),
    )


def one(db: Database, statement: str, parameters: dict[str, Any] | None = None) -> Any:
    """The first column of the only row."""
    with db.transaction() as tx:
        row = tx.execute(statement, parameters or {}).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return next(iter(row.values()))


def rows(db: Database, statement: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """All rows of a query."""
    with db.transaction() as tx:
        return list(tx.execute(statement, parameters or {}).fetchall())  # type: ignore[call-overload]
