"""`heaters cuts` and `heaters clips`: what there is."""

from typing import Annotated, Any

import typer

from heaters.cli.output import Output, selected
from heaters.cli.run import AsJson
from heaters.cli.session import opened
from heaters.errors import UsageError
from heaters.store.db import Database
from heaters.store.objects import open_store
from heaters.store.queries import query
from heaters.submit import normalised

CUT_KEYS = ("frame", "pts_seconds", "kind", "confidence")
CLIP_KEYS = ("id", "start_frame", "end_frame", "start_seconds", "end_seconds", "state", "export_path")

Video = Annotated[str, typer.Argument(help="A video: its number or its source.")]


def video_id(database: Database, video: str) -> int:
    """The id of a video given by number or source. Raises UsageError when there is none."""
    with database.transaction() as tx:
        if video.isdecimal():
            rows = tx.execute(query("videos"), {"ids": [int(video)]}).fetchall()
            found = rows[0] if rows else None
        else:
            found = tx.execute(query("find_video"), {"source": normalised(video), "content_hash": None}).fetchone()
    if found is None:
        raise UsageError(f"there is no video {video}; `heaters status` lists them")
    return int(found["duplicate_of"] or found["id"])


def cuts_command(video: Video, as_json: AsJson = False) -> None:
    """List the cuts of a video."""
    output = Output(as_json=as_json)
    with opened() as (_, database):
        rows = _rows(database, "cuts_of_video", video)
    if as_json:
        output.json([selected(row, CUT_KEYS) for row in rows])
        return
    output.table(
        ("frame", "seconds", "kind", "confidence", "by"),
        [(r["frame"], round(r["pts_seconds"], 3), r["kind"], _rounded(r["confidence"]), r["created_by"]) for r in rows],
    )
    output.say(f"{len(rows)} cuts")


def clips_command(video: Video, as_json: AsJson = False) -> None:
    """List the clips of a video."""
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        rows = _rows(database, "clips_of_video", video)
        store = open_store(settings.store_location, s3_endpoint=settings.s3_endpoint)
        for row in rows:
            key = row.pop("export_key")
            row["export_path"] = (
                None if key is None else str(store.local_path(key) or f"{settings.store_location}/{key}")
            )
    if as_json:
        output.json([selected(row, CLIP_KEYS) for row in rows])
        return
    output.table(
        ("clip", "frames", "from", "to", "state", "file"),
        [
            (
                r["id"],
                f"[{r['start_frame']}, {r['end_frame']})",
                round(r["start_seconds"], 3),
                round(r["end_seconds"], 3),
                r["state"],
                r["export_path"],
            )
            for r in rows
        ],
    )
    output.say(f"{len(rows)} clips")


def _rows(database: Database, name: str, video: str) -> list[dict[str, Any]]:
    number = video_id(database, video)
    with database.transaction() as tx:
        return list(tx.execute(query(name), {"id": number}).fetchall())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
