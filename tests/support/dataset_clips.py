"""Clips that are exported, with stills and vectors: real small files in a real store, and their rows."""

import hashlib
import io
from functools import cache

import av
import numpy as np
from PIL import Image
from psycopg.types.json import Jsonb
from rows import add_clips, add_video
from spaces import MODEL, STRATEGY, add_vectors

from heaters.core import keys
from heaters.store.db import Database
from heaters.store.objects import ObjectStore
from heaters.store.queries import query

FRAMES = 10  # of each clip
TAGS = ("p25", "p50", "p75")
__all__ = ["FRAMES", "MODEL", "STRATEGY", "TAGS", "add_exported", "film", "still"]


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


def add_exported(
    db: Database, store: ObjectStore, name: str, count: int, *, model: str = MODEL, vectors: bool = True
) -> list[int]:
    """A video of `count` clips that have gone all the way; returns their ids in play order."""
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
        for n, clip in enumerate(clips):
            start = FRAMES * n
            key = keys.clip_export(content_hash, start, start + FRAMES, "source", "0" * 10)
            _put(tx, store, clip, "export", "source", "", key, film(seed + n), {"frames": FRAMES})
            tx.execute(query("record_export"), {"id": clip, "key": key, "profile": "source"})
            for tag in TAGS:
                key = keys.keyframe(content_hash, start, start + FRAMES, "multi", tag)
                _put(
                    tx,
                    store,
                    clip,
                    "keyframe",
                    "multi",
                    tag,
                    key,
                    still(seed + n),
                    {"frame": start + int(tag[1:]) // 10},
                )
        tx.execute("update clips set state = 'embedded' where video_id = %s", (video,))
    if vectors:
        add_vectors(db, clips, np.random.default_rng(seed).normal(size=(count, 16)), model=model)
    return clips


def _put(
    tx, store: ObjectStore, clip: int, kind: str, strategy: str, tag: str, key: str, data: bytes, facts: dict
) -> None:
    stored = store.put_bytes(key, data)
    row = {"clip_id": clip, "kind": kind, "strategy": strategy, "tag": tag, "key": key, "metadata": Jsonb(facts)}
    tx.execute(query("record_artifact"), {**row, "sha256": stored.sha256, "size_bytes": stored.size_bytes})
