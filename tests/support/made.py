"""What stages make of clips, as rows: stills, files and facts, with checksums of given bytes. It stores no object."""

import hashlib
from collections.abc import Mapping, Sequence

from psycopg.types.json import Jsonb

from heaters.core.stills import still_frames
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.variants import variant_number


def approve(db: Database, clips: Sequence[int], by: str | None = None) -> None:
    """Decide that clips are wanted, without a word in the log."""
    with db.transaction() as tx:
        tx.execute(
            "update clips set state = 'review_approved', reviewed_by = %s, reviewed_at = now() where id = any (%s)",
            (by, list(clips)),
        )


def add_stills(db: Database, clips: Sequence[int], strategy: str, stills: Sequence[Sequence[bytes]]) -> None:
    """The stills of each clip, in time order, as samples that lie exactly where the strategy has them."""
    with db.transaction() as tx:
        spans = "select id, start_frame, end_frame from clips where id = any (%s)"
        frames = {
            row["id"]: list(still_frames(row["start_frame"], row["end_frame"], strategy).values())
            for row in tx.execute(spans, (list(clips),)).fetchall()
        }
        given = {
            "variant": variant_number(tx, "keyframes", strategy),
            "clip_ids": list(clips),
            "sha256": [b"".join(hashlib.sha256(data).digest() for data in one) for one in stills],
            "sizes": [Jsonb([len(data) for data in one]) for one in stills],
            "origins": ["sample"] * len(clips),
            "frames": [Jsonb(frames[clip]) for clip in clips],
        }
        tx.execute(query("record_stills"), given)


def add_files(
    db: Database, clips: Sequence[int], profile: str, files: Sequence[bytes], *, params: str = "0" * 10, frames: int = 1
) -> None:
    """The file of each clip; those that are not approved get none."""
    with db.transaction() as tx:
        given = {
            "variant": variant_number(tx, "export", profile),
            "clip_ids": list(clips),
            "params": [params] * len(clips),
            "sha256": [hashlib.sha256(data).digest() for data in files],
            "size_bytes": [len(data) for data in files],
            "frames": [frames] * len(clips),
            "widths": [96] * len(clips),
            "heights": [64] * len(clips),
            "copied": [0] * len(clips),
            "rules": [""] * len(clips),
        }
        tx.execute(query("record_exports"), given)


def add_facts(db: Database, clips: Sequence[int], facts: Sequence[Mapping[str, float]], settings: str = "1") -> None:
    """What was measured of each clip, by settings with this word."""
    with db.transaction() as tx:
        rows = [{"id": clip, **measured} for clip, measured in zip(clips, facts, strict=True)]
        tx.execute(query("record_facts"), {"variant": variant_number(tx, "facts", settings), "facts": Jsonb(rows)})
