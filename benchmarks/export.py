"""How fast a dataset is written, against a plain tar loop: `python benchmarks/export.py HOME [--clips 2000] [--write]`.

HOME is a folder for a database and a store of its own; nothing else is touched. Clips are random bytes of the sizes of
real ones (1 MB, 512 numbers), so nothing is compressed away. They go without stills, which ffmpeg takes out of films.
The loop reads the same files and writes the same members with `tarfile`, checks nothing and does not wait for the disk;
the second loop also hashes what it copies. The lines of each shard go to standard error.
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
from pathlib import Path

import numpy as np
from psycopg.types.json import Jsonb
from results import machine, table, write_section

from heaters import embedded
from heaters.core import keys
from heaters.core.splits import Splits
from heaters.dataset.chosen import Chosen
from heaters.dataset.export import export
from heaters.dataset.recipe import Choice, Recipe, Shard
from heaters.dataset.records import Sample, samples
from heaters.settings import Settings
from heaters.store.approval import approve_pending
from heaters.store.db import Database, connect
from heaters.store.objects import ObjectStore, open_store
from heaters.store.open import open_database
from heaters.store.queries import parse, query
from heaters.store.variants import variant_number
from heaters.store.vectors import Row, SpaceRow, space_number, write_vectors

CLIP_BYTES, DIMENSION = 1_000_000, 512
CLIPS_PER_VIDEO, FRAMES = 100, 100
MODEL, STRATEGY = "random@1", "multi_average"
QUERIES = parse((Path(__file__).parent / "export.sql").read_text())


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
    with database.transaction() as tx:
        asked = variant_number(tx, "embed", f"random|{STRATEGY}")
        variants = {
            "export": variant_number(tx, "export", "copy"),
        }
        space = SpaceRow(asked=asked, model=MODEL, name="random", strategy=STRATEGY, dimension=DIMENSION)
        variants["space"] = space_number(tx, space)
    for begin in range(0, count, CLIPS_PER_VIDEO):
        content_hash = os.urandom(32).hex()
        clips = add_video(database, content_hash, min(CLIPS_PER_VIDEO, count - begin))
        approve_pending(database, None, reviewer="benchmark")
        spans = [(content_hash, FRAMES * n, FRAMES * (n + 1)) for n in range(len(clips))]
        files = [put(store, keys.clip_export(*span, "copy", "benchmark"), CLIP_BYTES) for span in spans]
        vectors = noise.normal(size=(len(clips), DIMENSION)) / DIMENSION**0.5
        rows = zip(clips, vectors, strict=True)
        with database.transaction() as tx:
            tx.execute(
                query("record_exports"),
                {
                    "variant": variants["export"],
                    "clip_ids": clips,
                    "params": ["benchmark"] * len(clips),
                    "sha256": files,
                    "size_bytes": [CLIP_BYTES] * len(clips),
                    "frames": [FRAMES] * len(clips),
                    "widths": [1280] * len(clips),
                    "heights": [720] * len(clips),
                    "copied": [FRAMES] * len(clips),
                    "rules": [""] * len(clips),
                    "done": [""] * len(clips),
                },
            )
            write_vectors(
                tx, [Row(clip_id=clip, variant=variants["space"], vector=vector, images=3) for clip, vector in rows]
            )


def add_video(database: Database, content_hash: str, count: int) -> list[int]:
    """A cut video of undecided clips; returns their ids."""
    with database.transaction() as tx:
        source = {"source": [f"/{content_hash}"], "title": [""], "content_hash": [content_hash], "size_bytes": [1]}
        row = tx.execute(query("submit_videos"), source).fetchone()
        assert row is not None
        video = row["id"]
        facts = {
            "sample_key": None,
            "proxy_key": "p",
            "is_playable": False,
            "analysis_key": "a",
            "pts_key": "t",
            "frame_count": FRAMES * count,
            "is_vfr": False,
        }
        more = {
            "duration_seconds": 4.0 * count,
            "time_base_num": 1,
            "time_base_den": 25,
            "is_partial": False,
            "partial_reason": "",
            "colour": "",
            "fields": "",
            "treatment": "",
            "concealed": 0,
            "shapes": Jsonb([]),
            "has_audio": False,
        }
        tx.execute(query("record_prepare"), {"id": video, **facts, **more})
        tx.execute(QUERIES["mark_cut"].sql, {"id": video})
        at = [FRAMES * n for n in range(count + 1)]
        cuts = [{"frame": f, "pts": f, "kind": "hard", "confidence": 0.9, "metadata": {}} for f in at[1:-1]]
        tx.execute(query("record_cuts"), {"id": video, "cuts": Jsonb(cuts), "created_by": "benchmark"})
        spans = [{"start_frame": f, "end_frame": f + FRAMES, "start_pts": f, "end_pts": f + FRAMES} for f in at[:-1]]
        tx.execute(query("record_clips"), {"id": video, "clips": Jsonb(spans)})
        return [row["id"] for row in tx.execute(query("clips_of_video"), {"id": video}).fetchall()]


def put(store: ObjectStore, key: str, size_bytes: int) -> bytes:
    """Random bytes in the store; their SHA-256."""
    return bytes.fromhex(store.put_bytes(key, os.urandom(size_bytes)).sha256)


def members(database: Database) -> list[Sample]:
    """Every clip with its files, as the product's own code gives them."""
    recipe = Recipe(form="webdataset", splits=Splits.parse("all"), model=MODEL, strategy=STRATEGY)
    with connect(database.url) as connection:
        chosen = Chosen(connection)
        chosen.choose(recipe, Choice(), "copy")
        candidates = tuple(chosen.new())
    return samples(database, Shard(split="all", clips=candidates), recipe, "copy")


def tar_loop(store: ObjectStore, rows: list[Sample], out: Path, *, hashed: bool) -> None:
    """What one would write by hand."""
    import hashlib

    with tarfile.open(out, "w") as tar:
        for row in rows:
            for part in row.parts:
                path = store.local_path(part.key)
                assert path is not None
                data = path.read_bytes()
                if hashed:
                    hashlib.sha256(data).hexdigest()
                add(tar, f"{row.clip_id}.{part.suffix}", data)
            buffer = io.BytesIO()
            assert row.vector is not None
            np.save(buffer, row.vector)
            add(tar, f"{row.clip_id}.npy", buffer.getvalue())
            add(tar, f"{row.clip_id}.json", json.dumps({"id": row.clip_id, "frames": FRAMES}).encode())


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """A member of these bytes."""
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def measure(database: Database, settings: Settings, store: ObjectStore, rows: list[Sample]) -> str:
    """The loops and the forms in turn, twice; the better of each counts."""
    out = settings.home / "out"

    def form(name: str) -> Callable[[], None]:
        recipe = Recipe(form=name, splits=Splits.parse("all"), model=MODEL, strategy=STRATEGY)

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
    return (
        f"{len(rows)} clips of {CLIP_BYTES / 1e6:.2f} MB with {DIMENSION} numbers each, from a local store "
        f"to a folder on the same disk; {machine()}. Exports check every file against the database's SHA-256, hash "
        "each shard, wait for the disk and read back what they wrote; the plain loop does none of it.\n\n"
        + table(("way", "seconds", "clips a second", "of the plain loop"), lines)
    )


if __name__ == "__main__":
    main()
