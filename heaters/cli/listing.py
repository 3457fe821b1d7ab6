"""`heaters cuts` and `heaters clips`: what there is."""

from pathlib import Path
from typing import Annotated, Any

import typer

from heaters.cli import cutlist
from heaters.cli.naming import Video, video_id
from heaters.cli.output import AsJson, Output, selected
from heaters.cli.session import opened
from heaters.core import keys
from heaters.errors import UsageError
from heaters.media.streams import sound_phrase, stream_of
from heaters.store.db import Database
from heaters.store.objects import store_of
from heaters.store.queries import query

CUT_KEYS = ("frame", "pts_seconds", "kind", "confidence")
CLIP_KEYS = ("id", "start_frame", "end_frame", "start_seconds", "end_seconds", "state", "export_path", "export_profile",
             "export_frames", "export_copied", "export_rule", "export_width", "export_height")  # fmt: skip

_LIST = "A list for an editor"


def cuts_command(
    video: Video,
    as_json: AsJson = False,
    form: Annotated[
        str,
        typer.Option("--format", help=f"A list for an editor: {', '.join(cutlist.FORMATS)}.", rich_help_panel=_LIST),
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Write it to this file.", rich_help_panel=_LIST)] = None,
    state: Annotated[list[str] | None, typer.Option(help="Only clips in these states.", rich_help_panel=_LIST)] = None,
    rate: Annotated[str | None, typer.Option(help="Count at this rate: 23.976, 25.", rich_help_panel=_LIST)] = None,
    drop: Annotated[
        bool | None, typer.Option("--drop/--non-drop", help="Drop-frame: usual at 29.97.", rich_help_panel=_LIST)
    ] = None,
    media: Annotated[str | None, typer.Option(help="The editor's own path of the file.", rich_help_panel=_LIST)] = None,
    source_start: Annotated[
        str | None, typer.Option(help="Timecode of the first frame; else the file's own.", rich_help_panel=_LIST)
    ] = None,
) -> None:
    """List the cuts of a video, or write its clips as a cut list that an editor opens (--format).

    Frames are counted as the editor counts them: by the file's constant rate, from its first frame. Where the video's
    own rate varies, places follow time.
    """
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        if form or out:
            if form not in cutlist.FORMATS or as_json:
                raise UsageError(f"--format is one of {', '.join(cutlist.FORMATS)}, without --json; got {form!r}")
            found = cutlist.cut_list(
                settings,
                database,
                video_id(database, video),
                states=state,
                rate=rate,
                drop=drop,
                media=media,
                source_start=source_start,
            )
            cutlist.written(cutlist.FORMATS[form](found.cuts), out)
            Output(as_json=True).say(cutlist.summary(found))
            return
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
        sound = _sound(database, video)
        store = store_of(settings)
        for row in rows:
            key = _file_key(row)
            row["export_path"] = key and str(store.local_path(key) or f"{settings.store_location}/{key}")
    if as_json:
        output.json([selected(row, CLIP_KEYS) for row in rows])
        return
    output.table(
        ("clip", "frames", "from", "to", "decision", "made by", "file"),
        [
            (
                r["id"],
                f"[{r['start_frame']}, {r['end_frame']})",
                round(r["start_seconds"], 3),
                round(r["end_seconds"], 3),
                r["state"],
                _made_by(r),
                r["export_path"],
            )
            for r in rows
        ],
    )
    output.say(f"{len(rows)} clips{sound}")


def _sound(database: Database, video: str) -> str:
    """Which sound the clips have, where the file left a choice or none of its sound was decoded; and whether the video
    is partial. Else empty.
    """
    (row,) = _rows(database, "video_streams", video)
    streams = [stream_of(told) for told in row["streams"]]
    sounds = sum(stream.kind == "audio" for stream in streams)
    reason = row["partial_reason"].partition("\n")[0] or "damaged"
    partial = f"; the video is PARTIAL: {reason}" if row["is_partial"] else ""
    if not row["is_prepared"] or not sounds or (sounds == 1 and row["has_audio"]):
        return partial
    return f"; {sound_phrase(streams, has_audio=row['has_audio'])}{partial}"


def _file_key(row: dict[str, Any]) -> str | None:
    """Where a clip's file lies in the store, if it has one."""
    if row["export_profile"] is None:
        return None
    span = (row["content_hash"], row["start_frame"], row["end_frame"])
    return keys.clip_export(*span, row["export_profile"], row["export_params"])


def _made_by(row: dict[str, Any]) -> str | None:
    """The profile of a clip's file; of a copy also how much of it is one, or why none."""
    profile, copied, frames = row["export_profile"], row["export_copied"], row["export_frames"]
    if profile != "copy":
        return profile and str(profile)
    return f"copy, {copied} of {frames} frames" if copied else f"copy, encoded: {row['export_rule']}"


def _rows(database: Database, name: str, video: str) -> list[dict[str, Any]]:
    number = video_id(database, video)
    with database.transaction() as tx:
        return list(tx.execute(query(name), {"id": number}).fetchall())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
