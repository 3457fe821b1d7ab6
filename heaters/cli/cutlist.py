"""`heaters cuts VIDEO --format …`: a video's clips as a list that an editor opens at the right frames."""

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

from heaters.core.cutlists.cutlist import CutList, Media, Places, Shot, clock_of, described, places
from heaters.core.cutlists.edl import edl
from heaters.core.cutlists.fcpxml import fcpxml
from heaters.core.cutlists.otio import otio
from heaters.core.states import ClipState
from heaters.core.timebase import TimeBase
from heaters.core.timecode import rate_named
from heaters.errors import RuleError, UsageError
from heaters.media.fetch import is_url
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.evidence import pts_table
from heaters.store.files import beside
from heaters.store.objects import ObjectStore, store_of
from heaters.store.queries import query

FORMATS: dict[str, Callable[[CutList], str]] = {"edl": edl, "fcpxml": fcpxml, "otio": otio}
RECORD_HOUR = 1  # a programme begins at 01:00:00:00 by custom, so that there is room before it


def cut_list(
    settings: Settings,
    database: Database,
    video: int,
    *,
    states: list[str] | None = None,
    rate: str | None = None,
    drop: bool | None = None,
    media: str | None = None,
    source_start: str | None = None,
) -> tuple[CutList, Places, int]:
    """The list of a video's clips, how their frames were numbered, and how many clips no whole frame was left of.

    Raises UsageError for a video without clips (of these states), and for options that cannot be.
    """
    wrong = next((state for state in states or [] if state not in list(ClipState)), None)
    if wrong:
        raise UsageError(f"a state is one of {', '.join(ClipState)}; got {wrong!r}")
    with database.transaction() as tx:
        row = tx.execute(query("cutlist_video"), {"id": video}).fetchone()
        clips = tx.execute(query("cutlist_clips"), {"id": video, "states": states}).fetchall()
    if row is None or not clips:
        raise UsageError(f"video {video} has no clips{' in these states' if states else ''} to list")
    store = store_of(settings)
    table = pts_table(store.read(row["pts_key"]), TimeBase(num=row["time_base_num"], den=row["time_base_den"]))
    stated = Fraction(row["frame_rate_num"], row["frame_rate_den"]) if row["frame_rate_num"] else None
    try:
        bounds = sorted(
            {0, row["frame_count"], *(n for clip in clips for n in (clip["start_frame"], clip["end_frame"]))}
        )
        numbered = places(table, bounds, rate_named(rate) if rate else stated, fixed=rate is not None)
        clock = clock_of(numbered.rate, drop=drop)
        start = clock.frame(source_start) if source_start else 0
    except RuleError as error:
        raise UsageError(str(error)) from None
    at = dict(zip(bounds, numbered.frames, strict=True))
    shots = tuple(
        _shot(clip, at[clip["start_frame"]], at[clip["end_frame"]])
        for clip in clips
        if at[clip["start_frame"]] < at[clip["end_frame"]]
    )
    if not shots:
        raise UsageError(f"no clip of video {video} lasts a frame at this rate")
    url, name = _file(row, store, media)
    file = Media(
        url=url,
        name=name,
        frame_count=at[row["frame_count"]],
        width=row["width"] or 1,
        height=row["height"] or 1,
        has_audio=row["has_audio"],
        start_frame=start,
    )
    begin = clock.frame(f"{RECORD_HOUR:02d}:00:00{';' if clock.drop else ':'}00")
    made = CutList(title=row["title"] or name, clock=clock, media=file, shots=shots, record_frame=begin)
    return made, numbered, len(clips) - len(shots)


def written(text: str, out: Path | None) -> None:
    """The list on standard output, or in a file that appears whole."""
    if out is None:
        sys.stdout.write(text)
        return
    try:
        with beside(out) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
            partial.replace(out)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from error


def summary(cuts: CutList, numbered: Places, lost: int) -> str:
    """What became of the clips, in a line."""
    counting = "drop-frame" if cuts.clock.drop else "non-drop"
    missing = f"; {lost} clips shorter than half a frame are not in it" if lost else ""
    return f"{len(cuts.shots)} clips at {described(numbered)}, {counting} timecode{missing}"


def _shot(clip: dict[str, Any], start: int, end: int) -> Shot:
    facts = {
        name: clip[name] for name in ("id", "start_frame", "end_frame", "state", "kind", "confidence", "created_by")
    }
    return Shot(start_frame=start, end_frame=end, name=f"clip {clip['id']} {clip['state']}", facts=facts)


def _file(row: dict[str, Any], store: ObjectStore, given: str | None) -> tuple[str, str]:
    """Where an editor finds the file, as a URL, and its name: as given, the source, or the master in the store."""
    source = given or str(row["source"])
    if is_url(source) and not given:
        kept = row["source_key"] and store.local_path(row["source_key"])
        source = str(kept) if kept else source
    if is_url(source):
        return source, source.rstrip("/").rpartition("/")[2]
    path = Path(source).expanduser().absolute()
    return f"file://{quote(str(path))}", path.name
