"""A made-up library of any size for `million.py`: clips with stills, facts, vectors, files, decisions and history."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from psycopg.types.json import Jsonb

from heaters.core.layout import Evidence, Rules
from heaters.core.pipeline import OF_VIDEOS, PIPELINE, STAGES, By, Change, announced
from heaters.core.timebase import PtsTable, TimeBase
from heaters.settings import Settings
from heaters.stages import detect
from heaters.store.db import Connection, Database
from heaters.store.evidence import pack
from heaters.store.objects import ObjectStore
from heaters.store.queries import parse, query
from heaters.store.variants import variant_number

QUERIES = parse((Path(__file__).parent / "million.sql").read_text())
CLIPS_PER_VIDEO = 100
STRETCHES = 3  # of a video: 10,000 frames
FILM_CUTS = 9000
FILM_CLIP_FRAMES = 30


def load(connection: Connection, settings: Settings, clips: int, vectors: Callable[[Connection], None]) -> None:
    """Fill a fresh database with a library in which no stage has work left."""

    def run(name: str, **parameters: object) -> None:
        connection.execute(QUERIES[name].sql, parameters)

    numbers = {stage.name: number(connection, settings, stage.name) for stage in PIPELINE if stage.by is not By.PERSON}
    run("quick_load")
    run("add_videos", videos=clips // CLIPS_PER_VIDEO)
    run("add_cuts")
    run("add_clips")
    run("add_stills", variant=numbers["keyframes"])
    run("add_facts", variant=numbers["facts"])
    run("add_exports", variant=numbers["export"])
    vectors(connection)
    run("add_events")
    for kind in Change:
        if kind in announced():
            run("add_video_changes" if kind in OF_VIDEOS else "add_changes", kind=str(kind))
    run("add_hosts")
    for name in ("download", "prepare", "detect", "keyframes", "facts", "embed", "export"):
        stretches = STRETCHES if name in ("keyframes", "facts", "embed", "export") else 1
        run("add_history", variant=numbers[name], stretches=stretches)
    run("read_changes")
    run("count_up")
    run("normal_load")
    run("settle")


def number(connection: Connection, settings: Settings, stage: str) -> int:
    """The number of the variant that the settings ask of a stage."""
    return variant_number(connection, stage, settings.variant(STAGES[stage].variant))


def add_film(database: Database, store: ObjectStore) -> int:
    """A video of 9,000 cuts as detection leaves it, with evidence in the store: two cuts in three are likely, one is
    less so. Returns its id.
    """
    frames = (FILM_CUTS + 1) * FILM_CLIP_FRAMES
    single = np.zeros(frames, np.float32)
    places = np.arange(1, FILM_CUTS + 1) * FILM_CLIP_FRAMES - 1
    single[places] = np.where(np.arange(FILM_CUTS) % 3 == 0, 0.6, 0.9)
    seen = Evidence.of(single.tolist())
    buffer = io.BytesIO()
    np.save(buffer, np.arange(frames + 1, dtype=np.int64))
    store.put_bytes("film/pts", buffer.getvalue())
    store.put_bytes("film/probabilities", pack(seen))
    table = PtsTable.of(range(frames), TimeBase(num=1, den=25), frames)
    cuts, clips = detect.kernel(seen, table, Rules())
    made_by = {"detector": "transnetv2", "detector_model": "benchmark", "probabilities_key": "film/probabilities"}
    with database.transaction() as tx:
        row = tx.execute(QUERIES["add_film"].sql, {"frames": frames}).fetchone()
        assert row is not None
        film = {"id": row["id"]}
        tx.execute(query("record_probabilities"), film | made_by)
        tx.execute(query("record_cuts"), film | {"cuts": Jsonb(list(cuts)), "created_by": "transnetv2 benchmark"})
        tx.execute(query("record_clips"), film | {"clips": Jsonb(list(clips))})
    return int(row["id"])


def sizes(database: Database) -> dict[str, int]:
    """The bytes on disk of each table with its indexes, the largest first."""
    with database.transaction() as tx:
        return {row["name"]: row["bytes"] for row in tx.execute(QUERIES["bytes_by_table"].sql).fetchall()}
