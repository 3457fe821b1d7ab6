"""How fast a dataset is written, against a plain tar loop: `python benchmarks/export.py HOME [--clips 2000] [--write]`.

HOME is a folder for a database and a store of its own; nothing else is touched. Clips are random bytes of the sizes of
real ones (1 MB, three stills of 60 kB, 512 numbers), so nothing is compressed away. The loop reads the same files
and writes the same members with `tarfile`, checks nothing and does not wait for the disk; the second loop also hashes
what it copies. The lines of each shard go to standard error.
"""

import argparse
import io
import json
import os
import shutil
import sys
import tarfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb
from results import machine, table, write_section

from heaters import embedded
from heaters.core import keys
from heaters.core.splits import Splits
from heaters.dataset.export import export
from heaters.dataset.recipe import Choice, Recipe
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.objects import ObjectStore, open_store
from heaters.store.open import open_database
from heaters.store.queries import query
from heaters.store.vectors import Row, write_vectors

CLIP_BYTES, STILL_BYTES, DIMENSION = 1_000_000, 60_000, 512
CLIPS_PER_VIDEO, FRAMES = 100, 100
TAGS = ("p25", "p50", "p75")
MODEL, STRATEGY = "random@1", "multi_average"
LADDER = ("pending_review", "review_approved", "exported", "keyframed", "embedded")


def main() -> None:
    """Fill the store if it is not, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--write", action="store_true", help="put the figures into RESULTS.md")
    arguments = parser.parse_args()
    settings = Settings(home=arguments.home.absolute())
    settings.home.mkdir(parents=True, exist_ok=True)
    database = open_database(settings)
    store = open_store(settings.store_location)
    try:
        rows = members(database)
        if len(rows) < arguments.clips:
            fill(database, store, arguments.clips - len(rows))
            rows = members(database)
        text = measure(database, settings, store, rows)
    finally:
        database.close()
        embedded.release(settings.home)
    sys.stdout.write(text)
    if arguments.write:
        write_section("Datasets out", text)


def fill(database: Database, store: ObjectStore, count: int) -> None:
    """Videos of 100 clips each, with the rows and objects that the pipeline leaves."""
    noise = np.random.default_rng()
    for begin in range(0, count, CLIPS_PER_VIDEO):
        content_hash = os.urandom(32).hex()
        clips = add_video(database, content_hash, min(CLIPS_PER_VIDEO, count - begin))
        with database.transaction() as tx:
            for n, clip in enumerate(clips):
                start, end = FRAMES * n, FRAMES * (n + 1)
                key = keys.clip_export(content_hash, start, end, "source", "benchmark")
                artifact(tx, store, clip, ("export", "source", ""), key, CLIP_BYTES)
                tx.execute(query("record_export"), {"id": clip, "key": key, "profile": "source"})
                for tag in TAGS:
                    key = keys.keyframe(content_hash, start, end, "multi", tag)
                    artifact(tx, store, clip, ("keyframe", "multi", tag), key, STILL_BYTES)
            tx.execute(query("record_model"), {"model": MODEL, "dimension": DIMENSION, "name": "random"})
            vectors = noise.normal(size=(len(clips), DIMENSION)) / DIMENSION**0.5
            write_vectors(
                tx,
                [
                    Row(clip_id=clip, model=MODEL, strategy=STRATEGY, vector=vector, images=3)
                    for clip, vector in zip(clips, vectors, strict=True)
                ],
            )


def add_video(database: Database, content_hash: str, count: int) -> list[int]:
    """A cut video whose clips have gone all the way; returns their ids."""
    with database.transaction() as tx:
        source = {"source": [f"/{content_hash}"], "title": [""], "content_hash": [content_hash], "size_bytes": [1]}
        row = tx.execute(query("submit_videos"), source).fetchone()
        assert row is not None
        video = row["id"]
        facts = {"proxy_key": "p", "analysis_key": "a", "pts_key": "t", "frame_count": FRAMES * count, "is_vfr": False}
        more = {
            "duration_seconds": 4.0 * count,
            "time_base_num": 1,
            "time_base_den": 25,
            "is_partial": False,
            "audio_dropped": "",
        }
        tx.execute(query("record_prepare"), {"id": video, **facts, **more})
        for takes, gives in (("new", "downloaded"), ("downloaded", "prepared"), ("prepared", "cut")):
            tx.execute(query("advance_videos"), {"ids": [video], "takes": takes, "gives": gives})
        at = [FRAMES * n for n in range(count + 1)]
        cuts = [{"frame": f, "pts": f, "kind": "hard", "confidence": 0.9, "metadata": {}} for f in at[1:-1]]
        tx.execute(query("record_cuts"), {"id": video, "cuts": Jsonb(cuts), "created_by": "benchmark"})
        spans = [{"start_frame": f, "end_frame": f + FRAMES, "start_pts": f, "end_pts": f + FRAMES} for f in at[:-1]]
        tx.execute(query("record_clips"), {"id": video, "clips": Jsonb(spans)})
        clips = [row["id"] for row in tx.execute(query("clips_of_video"), {"id": video}).fetchall()]
        for takes, gives in pairwise(LADDER):
            tx.execute(query("advance_clips"), {"ids": clips, "takes": takes, "gives": gives})
        return clips


def artifact(tx: Any, store: ObjectStore, clip: int, what: tuple[str, str, str], key: str, size_bytes: int) -> None:
    """Random bytes in the store, and their row."""
    stored = store.put_bytes(key, os.urandom(size_bytes))
    kind, strategy, tag = what
    row = {"clip_id": clip, "kind": kind, "strategy": strategy, "tag": tag, "key": key, "metadata": Jsonb({"frame": 0})}
    tx.execute(query("record_artifact"), {**row, "sha256": stored.sha256, "size_bytes": stored.size_bytes})


def members(database: Database) -> list[dict[str, Any]]:
    """Every clip with its files, as the product's own query gives them."""
    everything = {"videos": None, "states": None, "min_seconds": None, "max_seconds": None, "facts": None}
    space = {"stills": "multi", "model": None, "strategy": None}
    with database.transaction() as tx:
        chosen = tx.execute(query("chosen_clips"), {**everything, **space}).fetchall()
        ids = [row["id"] for row in chosen]
        return list(tx.execute(query("clip_records"), {"ids": ids, **space, "model": MODEL, "strategy": STRATEGY}))


def tar_loop(store: ObjectStore, rows: list[dict[str, Any]], out: Path, *, hashed: bool) -> None:
    """What one would write by hand."""
    import hashlib

    with tarfile.open(out, "w") as tar:
        for row in rows:
            parts = [("mp4", row["key"]), *((f"{still['tag']}.jpg", still["key"]) for still in row["stills"])]
            for suffix, key in parts:
                path = store.local_path(key)
                assert path is not None
                data = path.read_bytes()
                if hashed:
                    hashlib.sha256(data).hexdigest()
                add(tar, f"{row['id']}.{suffix}", data)
            buffer = io.BytesIO()
            np.save(buffer, row["vector"].to_numpy())
            add(tar, f"{row['id']}.npy", buffer.getvalue())
            add(tar, f"{row['id']}.json", json.dumps({"id": row["id"], "frames": FRAMES}).encode())


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """A member of these bytes."""
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def measure(database: Database, settings: Settings, store: ObjectStore, rows: list[dict[str, Any]]) -> str:
    """The loops and the forms in turn, twice; the better of each counts."""
    out = settings.home / "out"

    def form(name: str) -> Callable[[], None]:
        recipe = Recipe(form=name, splits=Splits.parse("all"), stills="multi", model=MODEL, strategy=STRATEGY)

        def run() -> None:
            report = export(
                database, settings, str(out / "set"), recipe, Choice(),
                on_shard=lambda *at: print(f"{name}: {at[1]}/{at[2]}", file=sys.stderr),
            )  # fmt: skip
            assert report.clips == len(rows), report

        return run

    ways: dict[str, Callable[[], None]] = {
        "a plain tar loop": lambda: tar_loop(store, rows, out / "plain.tar", hashed=False),
        "the same, hashing what it copies": lambda: tar_loop(store, rows, out / "plain.tar", hashed=True),
        "webdataset": form("webdataset"),
        "webdataset, nothing new": form("webdataset"),
        "parquet and files": form("parquet"),
        "lance": form("lance"),
    }
    best: dict[str, float] = {}
    for _ in range(2):
        for name, run in ways.items():
            if "nothing" not in name:
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
            begun = time.perf_counter()
            run()
            best[name] = min(best.get(name, 1e9), time.perf_counter() - begun)
    shutil.rmtree(out, ignore_errors=True)
    plain = best["a plain tar loop"]
    lines = [
        (name, f"{seconds:.2f}", f"{len(rows) / seconds:.0f}", f"{plain / seconds:.2f}")
        for name, seconds in best.items()
    ]
    size = (CLIP_BYTES + len(TAGS) * STILL_BYTES) / 1e6
    return (
        f"{len(rows)} clips of {size:.2f} MB with {len(TAGS)} stills and {DIMENSION} numbers each, from a local store "
        f"to a folder on the same disk; {machine()}. Exports check every file against the database's SHA-256, hash "
        "each shard, wait for the disk and read back what they wrote; the plain loop does none of it.\n\n"
        + table(("way", "seconds", "clips a second", "of the plain loop"), lines)
    )


if __name__ == "__main__":
    main()
