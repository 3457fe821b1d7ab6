"""`heaters cut`: lay cuts anew from what detection stored, in milliseconds, around everything a person decided."""

import getpass
import os
from dataclasses import asdict
from typing import Annotated, Any

import typer

from heaters.cli.naming import video_id
from heaters.cli.output import AsJson, Output, selected
from heaters.cli.session import opened
from heaters.core.layout import Rules
from heaters.core.timebase import TimeBase
from heaters.errors import RuleError, StageError, UsageError
from heaters.models.detectors import Footage, build
from heaters.models.raw_frames import RawFrames
from heaters.settings import DETECTORS, Settings
from heaters.stages.detect import evidence_key
from heaters.store.cache import Cache
from heaters.store.evidence import pack, pts_table, unpack
from heaters.store.objects import ObjectStore, store_of
from heaters.store.recut import Recut, Recuts, Seen

KEYS = (
    "video_id", "event", "created_by", "threshold", "min_clip_seconds", "max_clip_seconds", "cuts_before", "cuts",
    "cuts_added", "cuts_removed", "cuts_changed", "clips_before", "clips", "clips_new", "clips_kept", "milliseconds",
    "error",
)  # fmt: skip

Videos = Annotated[list[str] | None, typer.Argument(help="Videos, by number or source; none: all that have cuts.")]
Threshold = Annotated[
    float | None, typer.Option(help="A frame above this probability is a transition; else HEATERS_CUT_THRESHOLD.")
]
Shortest = Annotated[
    float | None,
    typer.Option(
        "--min-clip-seconds", help="Shorter shots are merged into a neighbour; else HEATERS_MIN_CLIP_SECONDS."
    ),
]
Longest = Annotated[
    float | None,
    typer.Option(
        "--max-clip-seconds",
        help="Longer shots are split at their most likely frame, 0: never; else HEATERS_MAX_CLIP_SECONDS.",
    ),
]
Which = Annotated[
    str | None,
    typer.Option(
        "--detector",
        help=f"Cuts of another detector ({', '.join(DETECTORS)}); it looks at the stored analysis frames, once.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
By = Annotated[str | None, typer.Option("--by", help="Who cuts, for the log; the login name if not given.")]


def cut_command(
    videos: Videos = None,
    threshold: Threshold = None,
    min_clip_seconds: Shortest = None,
    max_clip_seconds: Longest = None,
    detector: Which = None,
    dry_run: DryRun = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Cut videos anew from the stored probabilities: no decode, no GPU, milliseconds.

    Only what nobody has touched changes: stretches of pending clips. Decided clips, clips that a person split, merged
    or moved a cut of, and clips in a reviewer's hands stay exactly as they are.

    A hard cut lies on the first frame of the new shot; a gradual one (dissolve, fade, wipe) in the middle of its
    transition, whose first and last frames are kept with it. Lengths are seconds as shown, whatever the frame rate.

    `heaters review undo` takes a cut back, for the same name.
    """
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        rules = _rules(settings, threshold, min_clip_seconds, max_clip_seconds)
        ids = [video_id(database, name) for name in videos] if videos else None
        store = store_of(settings)
        recuts = Recuts(database, store)
        look = _Look(settings, store, detector, output) if detector else recuts.stored
        rows = []
        for video in recuts.videos(ids):
            row: dict[str, Any] = {**dict.fromkeys(KEYS), "video_id": video["id"], **asdict(rules)}
            try:
                done = recuts.recut(video, rules, look, reviewer=by or getpass.getuser(), dry_run=dry_run)
            except StageError as error:  # a video whose objects are gone does not keep the others
                row["error"] = f"{type(error).__name__}: {error}"
                output.say(f"video {video['id']}: {row['error']}", style="red")
            else:
                row |= asdict(done)
                output.say(_line(done, dry_run=dry_run))
            rows.append(selected(row, KEYS))
    if as_json:
        output.json(rows)
    elif not rows:
        output.say("no video has cuts yet; `heaters run` finds them")
    elif len(rows) > 1:
        failed = sum(row["error"] is not None for row in rows)
        changed = sum(bool(row["cuts_added"] or row["cuts_removed"] or row["cuts_changed"]) for row in rows)
        output.say(f"{len(rows)} videos: {changed} cut anew, {len(rows) - changed - failed} unchanged, {failed} failed")
    raise typer.Exit(1 if any(row["error"] for row in rows) else 0)


def _rules(settings: Settings, threshold: float | None, shortest: float | None, longest: float | None) -> Rules:
    """The rules that the settings name, but for what was given. Raises UsageError for ones that cannot be."""
    try:
        return Rules(
            threshold=settings.cut_threshold if threshold is None else threshold,
            min_clip_seconds=settings.min_clip_seconds if shortest is None else shortest,
            max_clip_seconds=settings.max_clip_seconds if longest is None else longest,
        )
    except RuleError as error:
        raise UsageError(str(error)) from None


class _Look:
    """Another detector than the one that detection ran: it looks once, and what it saw is kept beside the rest."""

    def __init__(self, settings: Settings, store: ObjectStore, name: str, output: Output) -> None:
        if name not in DETECTORS:
            raise UsageError(f"--detector must be one of {', '.join(DETECTORS)}; got {name!r}")
        self._detector = build(settings, name)
        self._cache = Cache.of(settings)
        self._store = store
        self._output = output

    def __call__(self, video: dict[str, Any]) -> Seen:
        key = evidence_key(video["content_hash"], self._detector)
        if self._store.stat(key) is not None:
            seen = unpack(self._store.read(key), video["frame_count"])
        else:
            self._output.say(f"video {video['id']}: {self._detector.signature} looks at {video['frame_count']} frames")
            base = TimeBase(num=video["time_base_num"], den=video["time_base_den"])
            table = pts_table(self._store.read(video["pts_key"]), base)
            with self._cache.hold(self._store, video["analysis_key"]) as held:
                footage = Footage(frames=RawFrames(held.path, video["frame_count"]), table=table)
                (seen,) = self._detector.look([footage], os.cpu_count() or 1)
            self._store.put_bytes(key, pack(seen))
        return Seen(evidence=seen, created_by=self._detector.signature)


def _line(done: Recut, *, dry_run: bool) -> str:
    """What became of one video, in a line."""
    if not (done.cuts_added or done.cuts_removed or done.cuts_changed):
        what = f"{done.cuts} cuts, {done.clips} clips: nothing changes"
    else:
        changed = f", {done.cuts_changed} changed" if done.cuts_changed else ""
        what = (
            f"{done.cuts_before} → {done.cuts} cuts (+{done.cuts_added} −{done.cuts_removed}{changed}), "
            f"{done.clips_before} → {done.clips} clips"
        )
    kept = f", {done.clips_kept} clips stay as a person left them" if done.clips_kept else ""
    end = "dry run, nothing written" if dry_run else f"event {done.event}" if done.event else "nothing written"
    return f"video {done.video_id}: {what}{kept}; {end} ({done.milliseconds:.0f} ms)"
