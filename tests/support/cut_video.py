"""A video that detection has cut, without a film behind it: evidence, PTS and frames in a store, and its rows."""

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb
from rows import add_video, rows

from heaters.core.layout import Evidence, Rules
from heaters.core.timebase import PtsTable, TimeBase
from heaters.stages import detect
from heaters.store.db import Database
from heaters.store.evidence import pack
from heaters.store.objects import ObjectStore
from heaters.store.queries import query

METHOD, MODEL = "transnetv2", "transnetv2@test"
KEYS = "update videos set pts_key = %(pts)s, analysis_key = %(a)s where id = %(id)s"


CLIPS = """
    select id, start_frame, end_frame, start_pts, end_pts, state, seconds, confidence, parents, group_id, reviewed_by
    from clips where retired_at is null order by start_frame
"""


def active_rows(db: Database) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All that a reader of active rows can see, but for versions."""
    return rows(db, CLIPS), rows(db, "select * from cuts order by frame")


def likely(count: int, **at: float) -> list[float]:
    """The single head's probabilities: `f30=0.9` is a hard cut at frame 30."""
    single = [0.0] * count
    for name, value in at.items():
        single[int(name[1:]) - 1] = value
    return single


def add_cut_video(
    db: Database, store: ObjectStore, name: str, single: Iterable[float], rules: Rules | None = None
) -> int:
    """Record a video of 25 frames a second as detection does; returns its id."""
    seen = Evidence.of(single)
    count = seen.frame_count
    video = add_video(db, name, "cut", count)
    table = PtsTable.of(range(count), TimeBase(num=1, den=25), count)
    buffer = io.BytesIO()
    np.save(buffer, np.arange(count + 1, dtype=np.int64))
    stored = {"pts": buffer.getvalue(), "p": pack(seen), "a": bytes(3888 * count)}
    for word, data in stored.items():
        store.put_bytes(f"{name}/{word}", data)
    cuts, clips = detect.kernel(seen, table, rules or Rules())
    with db.transaction() as tx:
        tx.execute(KEYS, {"id": video, "pts": f"{name}/pts", "a": f"{name}/a"})
        seen_by = {"detector": METHOD, "detector_model": MODEL, "probabilities_key": f"{name}/p"}
        tx.execute(query("record_probabilities"), {"id": video, **seen_by})
        tx.execute(query("record_cuts"), {"id": video, "cuts": Jsonb(list(cuts)), "created_by": f"{METHOD} {MODEL}"})
        tx.execute(query("record_clips"), {"id": video, "clips": Jsonb(list(clips))})
    return video
