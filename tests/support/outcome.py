"""What a run left: everything that must be the same however often it was killed, and the rules that always hold."""

import hashlib
from pathlib import Path
from typing import Any

from rows import one, rows

from heaters.store.db import Database
from heaters.store.objects import open_store


def outcome(db: Database) -> dict[str, Any]:
    """Cuts, clips, files and vectors, without ids and times: equal for any two complete runs of one source."""
    return {
        "cuts": rows(db, "select frame, pts, kind::text, confidence, created_by from cuts order by frame"),
        "clips": rows(
            db,
            "select start_frame, end_frame, start_pts, end_pts, state::text, export_key from clips "
            "where retired_at is null order by start_frame",
        ),
        "files": rows(
            db,
            "select c.start_frame, a.kind, a.strategy, a.tag, a.key, a.metadata from artifacts a "
            "join clips c on c.id = a.clip_id order by 1, 2, 3, 4",
        ),
        "vectors": rows(
            db,
            "select c.start_frame, e.model, e.strategy, e.images, round((e.vector <-> e.vector)::numeric, 3) as same, "
            "vector_dims(e.vector::vector) as dimension from embeddings e join clips c on c.id = e.clip_id order by 1",
        ),
    }


def vectors(db: Database) -> list[list[float]]:
    """The vectors in play order."""
    found = rows(
        db,
        "select e.vector::real[] as vector from embeddings e join clips c on c.id = e.clip_id order by c.start_frame",
    )
    return [row["vector"] for row in found]


def check_rules(db: Database, media: Path) -> None:
    """Nothing runs, nothing was done twice, every object is one that the database knows, with the checksum it says."""
    assert one(db, "select count(*) from stage_runs where status = 'running'") == 0
    twice = rows(
        db,
        "select stage, subject_id, count(*) from stage_runs where status = 'done' group by stage, subject_id, variant "
        "having count(*) > 1",
    )
    assert twice == []
    for row in rows(db, "select key, sha256 from artifacts"):
        assert hashlib.sha256((media / row["key"]).read_bytes()).hexdigest() == row["sha256"], row["key"]
    known = {r["key"] for r in rows(db, "select key from artifacts")}
    names = ("source_key", "proxy_key", "analysis_key", "pts_key", "probabilities_key")
    for row in rows(db, f"select {', '.join(names)} from videos"):
        known |= set(row.values())
    assert {entry.key for entry in open_store(str(media)).list()} == known - {None}  # of videos that failed
