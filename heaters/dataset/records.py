"""One clip as a sample: a record for its JSON, the stored files that go along, and its vector. It knows no form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from heaters.core import keys
from heaters.core.facts import FACTS
from heaters.core.stills import places, still_frames
from heaters.dataset.recipe import Recipe, Shard
from heaters.store.db import Database
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stored file of a sample: its bytes must have this SHA-256. `suffix` is its name behind the sample's."""

    suffix: str
    key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A clip of a dataset. The first part is the video. `vector` is as stored: float16 [dimension], length 1.

    `stills` are tags and frames of the source, in time order. Their files come out of the video (`bring.py`), which
    adds them to the parts and to the record.
    """

    clip_id: int
    name: str
    split: str
    record: dict[str, Any]
    parts: tuple[Part, ...]
    stills: tuple[tuple[str, int], ...]
    vector: NDArray[np.float16] | None

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)


def samples(database: Database, shard: Shard, recipe: Recipe, profile: str) -> list[Sample]:
    """The samples of a shard, in its order; a clip that is no longer what was planned is left out.

    Of a clip's files the one of `profile` is taken, else the latest.
    """
    ids = [clip.id for clip in shard.clips]
    statement = sql.SQL(query("clip_records")).format(file=sql.SQL(query("file_of_clip")))
    with database.transaction() as tx:
        rows = tx.execute(statement, {"ids": ids, "profile": profile, **recipe.asked()}).fetchall()
        videos = sorted({row["video_id"] for row in rows})
        events = tx.execute(query("clip_reviews"), {"ids": ids, "videos": videos}).fetchall()
    names = {clip.id: clip.sample for clip in shard.clips}
    acts: dict[int, list[dict[str, Any]]] = {}
    for event in events:
        acts.setdefault(event["clip_id"], []).append(_act(event))
    return [_sample(row, names[row["id"]], shard.split, acts.get(row["id"], []), recipe) for row in rows]


def _sample(row: dict[str, Any], name: str, split: str, acts: Sequence[dict[str, Any]], recipe: Recipe) -> Sample:
    vector = None if row["vector"] is None else np.asarray(row["vector"].to_numpy(), np.float16)
    video = _video(row)
    seconds = row["end_seconds"] - row["start_seconds"]
    frames = row["end_frame"] - row["start_frame"]
    record = {
        "sample": name,
        "split": split,
        "clip_id": row["id"],
        "video_id": row["video_id"],
        "start_frame": row["start_frame"],
        "end_frame": row["end_frame"],
        "frames": frames,
        "start_seconds": row["start_seconds"],
        "end_seconds": row["end_seconds"],
        "seconds": seconds,
        "frames_a_second": frames / seconds,
        "is_vfr": row["is_vfr"],
        "is_partial": row["is_partial"],
        "partial_reason": row["partial_reason"],
        "damaged_frames": row["concealed"],
        "width": row["width"],
        "height": row["height"],
        "has_audio": row["has_audio"],
        "state": row["state"],
        "reviewed_by": row["reviewed_by"] or "",
        "reviewed_at": row["reviewed_at"].isoformat() if row["reviewed_at"] else "",
        "parents": list(row["parents"]),
        "group": row["group_id"] or 0,  # ids begin at 1; a column of one type is what readers infer rightly
        "start_cut": _cut(row, "start"),
        "end_cut": _cut(row, "end"),
        "review": list(acts),
        "facts": {name: (row["facts"] or {}).get(name) for name in FACTS},
        "source": str(row["source"]),
        "source_title": row["title"],
        "source_sha256": row["content_hash"],
        "provenance": row["provenance"],
        "video": {"profile": row["export_profile"], "sha256": video.sha256, "size_bytes": video.size_bytes},
        "stills": [],
        "embedding": {
            "model": recipe.model,
            "strategy": recipe.strategy,
            "images": row["images"] or 0,
            "dimension": 0 if vector is None else len(vector),
        },
    }
    stills = _stills(row, recipe.stills)
    return Sample(
        clip_id=row["id"], name=name, split=split, record=record, parts=(video,), stills=stills, vector=vector
    )


def _video(row: dict[str, Any]) -> Part:
    """The clip's file."""
    span = (row["content_hash"], row["start_frame"], row["end_frame"])
    key = keys.clip_export(*span, row["export_profile"], row["export_params"])
    return Part(suffix="mp4", key=key, sha256=row["sha256"].hex(), size_bytes=row["size_bytes"])


def _stills(row: dict[str, Any], strategy: str) -> tuple[tuple[str, int], ...]:
    """Tag and frame of each still that facts and vectors were made of, in time order; of none by the recipe, none."""
    if not strategy:
        return ()
    # Stills that were taken from proxies lie exactly where the strategy has them.
    frames = row["stills_frames"] or still_frames(row["start_frame"], row["end_frame"], strategy).values()
    return tuple(zip(places(strategy), frames, strict=True))


def _cut(row: dict[str, Any], end: str) -> dict[str, Any]:
    """The cut at one end; kind "end" where the video itself begins or ends. A person's is sure."""
    kind = row[f"{end}_kind"]
    if kind is None:
        return {"kind": "end", "confidence": 1.0, "created_by": ""}
    confidence = row[f"{end}_confidence"]
    return {"kind": kind, "confidence": 1.0 if confidence is None else confidence, "created_by": row[f"{end}_by"]}


def _act(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "event": event["id"],
        "by": event["reviewer"],
        "action": event["action"],
        "undoes": event["undoes"] or 0,
        "at": event["created_at"].isoformat(),
    }
