"""`heaters cuts VIDEO --format …`: a video's clips as a list that an editor opens at the right frames."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

from heaters.core.cutlists.cutlist import CutList, Media, Places, Shot, clock_of, described, places
from heaters.core.cutlists.edl import edl
from heaters.core.cutlists.fcpxml import fcpxml
from heaters.core.cutlists.otio import otio
from heaters.core.names import path_of, readable
from heaters.core.states import ClipState
from heaters.core.timebase import TimeBase
from heaters.core.timecode import Clock, can_drop, rate_named, start_frame
from heaters.errors import RuleError, UsageError
from heaters.media.fetch import is_url
from heaters.media.holes import hole_of, opened
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.evidence import pts_table
from heaters.store.files import beside
from heaters.store.objects import ObjectStore, store_of
from heaters.store.queries import query

FORMATS: dict[str, Callable[[CutList], str]] = {"edl": edl, "fcpxml": fcpxml, "otio": otio}
RECORD_HOUR = 1  # a programme begins at 01:00:00:00 by custom, so that there is room before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A cut list, how its frames were numbered, how many clips no whole frame was left of, and what else to tell."""

    cuts: CutList
    numbered: Places
    lost: int
    trouble: str = ""


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
) -> Listed:
    """The list of a video's clips. The file begins at `source_start`, else at its own timecode, else at 0.

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
    table = opened([hole_of(told) for told in row["holes"]], table)
    stated = Fraction(row["frame_rate_num"], row["frame_rate_den"]) if row["frame_rate_num"] else None
    try:
        bounds = sorted(
            {0, row["frame_count"], *(n for clip in clips for n in (clip["start_frame"], clip["end_frame"]))}
        )
        numbered = places(table, bounds, rate_named(rate) if rate else stated, fixed=rate is not None)
        clock, start, trouble = _start(row, numbered.rate, drop, source_start)
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
    return Listed(cuts=made, numbered=numbered, lost=len(clips) - len(shots), trouble=trouble)


def _start(row: dict[str, Any], rate: Fraction, drop: bool | None, source_start: str | None) -> tuple[Clock, int, str]:
    """How the list counts, and the frame at which the file begins: as given, else by the file's own timecode; and why
    that one does not count. Raises RuleError for a given start that cannot be.
    """
    own = "" if source_start else row["timecode"]
    if drop is None and (source_start or own) and can_drop(rate):
        drop = ";" in (source_start or own)
    clock = clock_of(rate, drop=drop)
    if source_start:
        return clock, clock.frame(source_start), ""
    if not own:
        return clock, 0, ""
    try:
        counted_at = Fraction(row["timecode_rate"]) if row["timecode_rate"] else None
        return clock, start_frame(own, clock, counted_at), ""
    except RuleError as error:
        return clock, 0, f"; its timecode {own} is left out: {error}"


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


def summary(found: Listed) -> str:
    """What became of the clips, in a line."""
    cuts = found.cuts
    counting = "drop-frame" if cuts.clock.drop else "non-drop"
    missing = f"; {found.lost} clips shorter than half a frame are not in it" if found.lost else ""
    begin = f" from {cuts.clock.timecode(cuts.media.start_frame)}"
    return f"{len(cuts.shots)} clips at {described(found.numbered)}, {counting} timecode{begin}{missing}{found.trouble}"


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
    path = Path(path_of(source)).expanduser().absolute()
    return f"file://{quote(os.fsencode(path))}", readable(path.name)
