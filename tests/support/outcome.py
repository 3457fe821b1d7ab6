"""What a run left: everything that must be the same however often it was killed, and the rules that always hold."""

import hashlib
from pathlib import Path
from typing import Any

from objects_made import objects_made
from rows import one, rows
from tallies import check_tallies

from heaters.store.db import Database
from heaters.store.objects import open_store


def outcome(db: Database) -> dict[str, Any]:
    """Cuts, clips, files and vectors, without ids and times: equal for any two complete runs of one source."""
    return {
        "cuts": rows(db, "select frame, pts, kind::text, confidence, created_by from cuts order by frame"),
        "clips": rows(
            db,
            "select start_frame, end_frame, start_pts, end_pts, state::text from clips "
            "where retired_at is null order by start_frame",
        ),
        "facts": rows(
            db,
            "select c.start_frame, to_jsonb(f) - 'clip_id' - 'variant' as facts from facts f "
            "join clips c on c.id = f.clip_id order by 1",
        ),
        "files": [(file.start_frame, file.kind, file.variant, file.tag, file.key) for file in objects_made(db)],
        "vectors": rows(
            db,
            "select c.start_frame, s.model, s.strategy, e.images, round((e.vector <-> e.vector)::numeric, 3) as same, "
            "vector_dims(e.vector::vector) as dimension from embeddings e join spaces s on s.variant = e.variant "
            "join clips c on c.id = e.clip_id order by 1",
        ),
    }


def done_twice(db: Database) -> list[dict[str, Any]]:
    """Stages of whose history more items are done than there are: something was recorded twice."""
    return rows(
        db,
        "select n.stage, r.video_id, r.stretch, sum(r.items - r.failed_items) as items from stage_runs r "
        "join variants n on n.id = r.variant where r.status = 'done' group by 1, 2, 3 "
        "having sum(r.items - r.failed_items) > greatest(1, (select count(*) from clips c "
        "where c.video_id = r.video_id and stretch_of(c.start_frame) = r.stretch and c.retired_at is null))",
    )


def vectors(db: Database) -> list[list[float]]:
    """The vectors in play order."""
    found = rows(
        db,
        "select e.vector::real[] as vector from embeddings e join clips c on c.id = e.clip_id order by c.start_frame",
    )
    return [row["vector"] for row in found]


def check_tiles(db: Database) -> None:
    """The clips of each video have as many frames as the video."""
    uneven = rows(
        db,
        "select v.id from videos v join clips c on c.video_id = v.id and c.retired_at is null "
        "group by v.id, v.frame_count having sum(c.end_frame - c.start_frame) <> v.frame_count",
    )
    assert uneven == []


def check_rules(db: Database, media: Path, *, edited: bool = False) -> None:
    """Nothing runs, nothing was done twice, every object is one that the database knows, with the checksum it says.

    `edited`: clips were changed while they were worked on, so that the work on them began again.
    """
    check_tallies(db)
    assert one(db, "select count(*) from tasks") == 0
    assert edited or done_twice(db) == []
    there = objects_made(db)
    for file in there:
        assert hashlib.sha256((media / file.key).read_bytes()).hexdigest() == file.sha256, file.key
    known: set[str | None] = {file.key for file in there}
    names = ("source_key", "sample_key", "proxy_key", "analysis_key", "pts_key", "probabilities_key")
    for row in rows(db, f"select {', '.join(names)} from videos"):
        known |= set(row.values())
    assert {entry.key for entry in open_store(str(media)).list()} == known - {None}  # of videos that failed
