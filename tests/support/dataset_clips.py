"""Clips that are exported, with stills and vectors: real small files in a real store, and their rows."""

import hashlib
import io
from functools import cache

import av
import numpy as np
from made import add_files, add_stills, approve
from PIL import Image
from psycopg.types.json import Jsonb
from rows import add_clips, add_video, rows
from spaces import MODEL, STRATEGY, add_vectors

from heaters.core import keys
from heaters.core.stills import still_keys
from heaters.store.db import Database
from heaters.store.objects import ObjectStore

FRAMES = 10  # of each clip
CLIP_SECONDS = FRAMES / 25
TAGS = ("p25", "p50", "p75")
PARAMS = "0" * 10
SPAN = """
    select v.content_hash, c.start_frame, c.end_frame
    from clips c join videos v on v.id = c.video_id where c.id = %(id)s
"""
__all__ = ["CLIP_SECONDS", "FRAMES", "MODEL", "PARAMS", "STRATEGY", "TAGS", "add_exported", "file_key", "film", "still"]


@cache
def film(seed: int) -> bytes:
    """An MP4 of ten frames of noise that no other seed gives."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        noise = np.random.default_rng(seed)
        for _ in range(FRAMES):
            picture = noise.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


@cache
def still(seed: int) -> bytes:
    """A JPEG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (seed % 256, seed * 7 % 256, seed * 13 % 256)).save(buffer, "JPEG")
    return buffer.getvalue()


def file_key(db: Database, clip: int, profile: str = "copy", params: str = PARAMS) -> str:
    """Where a clip's file lies in the store."""
    (found,) = rows(db, SPAN, {"id": clip})
    return keys.clip_export(*found.values(), profile, params)


def add_exported(
    db: Database, store: ObjectStore, name: str, count: int, *, model: str = MODEL, vectors: bool = True
) -> list[int]:
    """A video of `count` approved clips with file and stills, and vectors if wanted; their ids in play order."""
    frames = FRAMES * count
    video = add_video(db, name, "cut", frames)
    content_hash = hashlib.sha256(name.encode()).hexdigest()
    clips = add_clips(db, video, list(range(FRAMES, frames, FRAMES)), frames)
    seed = int(content_hash[:6], 16)
    with db.transaction() as tx:
        tx.execute(
            "update videos set width = 64, height = 48, title = %s, provenance = %s where id = %s",
            (f"Film {name}", Jsonb({"extractor": "generic", "license": "CC-BY"}), video),
        )
    approve(db, clips)
    add_stills(db, clips, "multi", [[still(seed + n)] * len(TAGS) for n in range(count)])
    add_files(db, clips, "copy", [film(seed + n) for n in range(count)], params=PARAMS, frames=FRAMES)
    for n in range(count):
        span = (content_hash, FRAMES * n, FRAMES * (n + 1))
        store.put_bytes(keys.clip_export(*span, "copy", PARAMS), film(seed + n))
        for key in still_keys(*span, "multi").values():
            store.put_bytes(key, still(seed + n))
    if vectors:
        add_vectors(db, clips, np.random.default_rng(seed).normal(size=(count, 16)), model=model)
    return clips
