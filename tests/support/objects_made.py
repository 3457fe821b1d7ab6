"""The objects made from clips: their keys, and the checksums that the database has of them."""

from dataclasses import dataclass

from rows import rows

from heaters.core import keys
from heaters.core.stills import still_keys
from heaters.store.db import Database


@dataclass(frozen=True, order=True)
class MadeObject:
    start_frame: int
    kind: str  # "keyframe" or "clip"
    variant: str
    tag: str
    key: str
    sha256: str


def objects_made(db: Database) -> list[MadeObject]:
    """Of every clip, retired ones as well, in play order."""
    made = []
    for row in rows(
        db,
        "select v.content_hash, c.start_frame, c.end_frame, n.variant, s.sha256 from stills s "
        "join clips c on c.id = s.clip_id join videos v on v.id = c.video_id join variants n on n.id = s.variant",
    ):
        span = (row["content_hash"], row["start_frame"], row["end_frame"])
        for i, (tag, key) in enumerate(still_keys(*span, row["variant"]).items()):
            sha256 = bytes(row["sha256"])[32 * i : 32 * i + 32].hex()
            made.append(MadeObject(row["start_frame"], "keyframe", row["variant"], tag, key, sha256))
    for row in rows(
        db,
        "select v.content_hash, c.start_frame, c.end_frame, n.variant, x.params, x.sha256 from exports x "
        "join clips c on c.id = x.clip_id join videos v on v.id = c.video_id join variants n on n.id = x.variant",
    ):
        key = keys.clip_export(row["content_hash"], row["start_frame"], row["end_frame"], row["variant"], row["params"])
        made.append(MadeObject(row["start_frame"], "clip", row["variant"], "", key, bytes(row["sha256"]).hex()))
    return sorted(made)
