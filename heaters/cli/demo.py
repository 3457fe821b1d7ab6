"""`heaters demo`: a sample reel with exactly known cuts through the whole pipeline, found beside true."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer

from heaters.cli.output import Output
from heaters.cli.run import run
from heaters.cli.session import opened
from heaters.core.facts import Bound
from heaters.core.states import ClipState
from heaters.sample import Reel, Shot, TrueCut, build_sample
from heaters.search import Filters, Query, Search, Term
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.submit import submit

# Half a gradual transition may lie on either side of its middle; a found cut nearer than this is the same one.
TOLERANCE_FRAMES = 2
QUERIES = ("a lion", "a cheetah", "a cup of coffee")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A true cut and the found one beside it, either of which may be missing."""

    truth: TrueCut | None
    found: dict[str, Any] | None


def matched(truth: Sequence[TrueCut], found: Sequence[dict[str, Any]]) -> list[Match]:
    """Pair each true cut with the nearest found one within its own transition or ±2 frames; in frame order."""
    left = {row["frame"]: row for row in found}
    pairs = []
    for cut in truth:
        low, high = cut.start_frame - TOLERANCE_FRAMES, cut.end_frame + TOLERANCE_FRAMES
        near = min((f for f in left if low <= f <= high), key=lambda f: abs(f - cut.frame), default=None)
        pairs.append(Match(truth=cut, found=None if near is None else left.pop(near)))
    pairs += [Match(truth=None, found=row) for row in left.values()]
    return sorted(pairs, key=lambda m: m.truth.frame if m.truth else m.found["frame"] if m.found else 0)


def demo_command() -> None:
    """Build a sample reel with known cuts, run everything on it, and show what was found."""
    output = Output(as_json=False)
    with opened() as (settings, database):
        output.say("building the sample reel from photos and footage inside the installed packages …")
        reel = build_sample(settings.home / "sample" / "reel.mp4")
        submission = submit(database, str(reel.path))
        if submission.video_id is None:
            output.say(f"the sample was refused: {submission.error}", style="red")
            return
        video = submission.video_id
        output.say(f"{reel.path}: {reel.frame_count} frames, {len(reel.shots)} shots, video {video}")
        _run(output, settings, database, video)
        _show_cuts(output, reel, _rows(database, "cuts_of_video", video))
        _show_searches(output, settings, database, reel, video)
        output.say("Now the clips are approved, as a reviewer or a rule would, and become files.")
        _run(output, settings, database, video, approve=())
        _show_clips(output, reel, _rows(database, "clips_of_video", video))
        _what_next(output, settings)


def _run(
    output: Output, settings: Settings, database: Database, video: int, approve: Sequence[Bound] | None = None
) -> None:
    if not run(output, settings, database, [video], approve=approve).drained:
        output.say("stopped; the same command goes on from here", style="yellow")
        raise typer.Exit(1)


def _rows(database: Database, name: str, video: int) -> list[dict[str, Any]]:
    with database.transaction() as tx:
        return list(tx.execute(query(name), {"id": video}).fetchall())


def _show_cuts(output: Output, reel: Reel, cuts: Sequence[dict[str, Any]]) -> None:
    rows = []
    pairs = matched(reel.cuts, cuts)
    for pair in pairs:
        truth, found = pair.truth, pair.found
        rows.append(
            (
                truth.frame if truth else None,
                str(truth.kind) if truth else None,
                found["frame"] if found else None,
                found["kind"] if found else None,
                round(found["confidence"], 2) if found else None,
                "ok" if truth and found else "MISSED" if truth else "FALSE",
            )
        )
    good = sum(bool(p.truth and p.found) for p in pairs)
    output.say()
    output.table(("true frame", "true kind", "found frame", "found kind", "confidence", ""), rows, title="Cuts")
    output.say(f"{good} of {len(reel.cuts)} true cuts found, {len(cuts) - good} false")


def label_of(shots: Sequence[Shot], start_frame: int, end_frame: int) -> str:
    """What a clip shows: the shot that holds its middle frame."""
    middle = (start_frame + end_frame) // 2
    return next((s.label for s in shots if s.start_frame <= middle < s.end_frame), "")


def _show_clips(output: Output, reel: Reel, clips: Sequence[dict[str, Any]]) -> None:
    output.say()
    output.table(
        ("clip", "frames", "from", "to", "state", "shows"),
        [
            (
                c["id"],
                f"[{c['start_frame']}, {c['end_frame']})",
                f"{c['start_seconds']:.2f} s",
                f"{c['end_seconds']:.2f} s",
                c["state"],
                label_of(reel.shots, c["start_frame"], c["end_frame"]),
            )
            for c in clips
        ],
        title="Clips",
    )


def _show_searches(output: Output, settings: Settings, database: Database, reel: Reel, video: int) -> None:
    clips = _rows(database, "clips_of_video", video)
    shows = {c["id"]: label_of(reel.shots, c["start_frame"], c["end_frame"]) for c in clips}
    undecided = sum(c["state"] == ClipState.PENDING_REVIEW for c in clips)
    search = Search(database, settings)
    rows = []
    for text in QUERIES:
        hits = search.run(Query(terms=(Term.text(text),), filters=Filters(videos=(video,)), k=3)).hits
        rows.append((text, *(f"{shows.get(h.clip_id, '?')} (clip {h.clip_id}, {h.score:.2f})" for h in hits)))
    output.say()
    output.table(
        ("search", "first", "second", "third"),
        rows,
        title=f"Searches, before review: {undecided} of {len(clips)} clips are undecided",
    )
    output.say(search.note, style="dim")
    output.say()


def _what_next(output: Output, settings: Settings) -> None:
    output.say()
    output.say(
        f"Everything of this demo lies in {settings.home}. To go on with it: export HEATERS_HOME={settings.home}"
    )
    for command, does in (
        ("heaters run YOUR_VIDEO.mp4", "your own file or URL through the same pipeline"),
        ("heaters ui", "review its clips, search, watch the pipeline, in the browser"),
        ('heaters search "a rocket"', "search what is there"),
        ("heaters status", "what ran, waits or failed, and what to do next"),
        ("heaters clips 1", "the clips of video 1, with their files"),
        ("heaters --help", "everything else"),
    ):
        output.say(f"  {command:<44} {does}")
