"""A video that detection has cut, without a film behind it: evidence, PTS and frames in a store, and its rows."""

import io
from collections.abc import Iterable

import numpy as np
from psycopg.types.json import Jsonb
from rows import add_video

from heaters.core.layout import Evidence, Rules
from heaters.core.timebase import PtsTable, TimeBase
from heaters.stages import detect
from heaters.store.db import Database
from heaters.store.evidence import pack
from heaters.store.objects import ObjectStore
from heaters.store.queries import query

METHOD, MODEL = "transnetv2", "transnetv2@test"
KEYS = "update videos set pts_key = %(pts)s, probabilities_key = %(p)s, analysis_key = %(a)s where id = %(id)s"
RUN = """
    insert into stage_runs (stage, subject, subject_id, video_id, attempt, status, worker, result, finished_at)
    values ('detect', 'video', %(id)s, %(id)s, 1, 'done', 'test', %(result)s, now())
"""


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
        tx.execute(KEYS, {"id": video, **{word: f"{name}/{word}" for word in stored}})
        tx.execute(RUN, {"id": video, "result": Jsonb({"method": METHOD, "model": MODEL})})
        tx.execute(query("record_cuts"), {"id": video, "cuts": Jsonb(list(cuts)), "created_by": f"{METHOD} {MODEL}"})
        tx.execute(query("record_clips"), {"id": video, "clips": Jsonb(list(clips))})
    return video
