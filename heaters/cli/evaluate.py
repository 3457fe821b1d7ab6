"""`heaters evaluate`: detectors and thresholds against what reviewers decided, and reviewers against each other."""

from pathlib import Path
from typing import Annotated, Any

import typer

from heaters.cli.cutlist import written
from heaters.cli.naming import video_id
from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.core.charts import lines
from heaters.core.evaluation import TOLERANCE_FRAMES, Counts
from heaters.errors import UsageError
from heaters.evaluate import Evaluation, Measured, evaluate
from heaters.store.objects import store_of

FEW = 30  # true cuts below which a threshold is little more than chance

Videos = Annotated[list[str] | None, typer.Argument(help="Videos, by number or source; none: all that were reviewed.")]


def evaluate_command(
    videos: Videos = None,
    tolerance: Annotated[int, typer.Option(help="Frames by which a cut may be off.")] = TOLERANCE_FRAMES,
    plot: Annotated[Path | None, typer.Option(help="Write precision, recall and F1 as an SVG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the cut detectors against what people decided, from stored probabilities: no decode, no GPU.

    A clip that a person approved has right ends, and no cut inside. Other detectors than the one that ran are measured
    once `heaters cut --detector NAME --dry-run` has let them look. People find a missed cut only where they split:
    recall is measured as well as they looked.
    """
    output = Output(as_json=as_json)
    if tolerance < 0:
        raise UsageError(f"a tolerance is 0 frames or more; got {tolerance}")
    with opened() as (settings, database):
        store = store_of(settings)
        ids = [video_id(database, name) for name in videos] if videos else None
        found = evaluate(
            database,
            store,
            settings,
            videos=ids,
            tolerance=tolerance,
            on_video=lambda n, of: output.say(f"video {n} of {of}", style="dim"),
        )
    if plot is not None and found.detectors:
        written(curves(found, settings.cut_threshold), plot)
    if as_json:
        output.json(plain(found, settings.cut_threshold))
    else:
        _say(output, found, settings.cut_threshold)
    for line in found.skipped:
        output.say(line, style="red")
    raise typer.Exit(1 if found.skipped else 0)


def plain(found: Evaluation, current: float) -> dict[str, Any]:
    """The evaluation as JSON."""
    seen = found.agreement
    return {
        "videos": found.videos,
        "clips": found.clips,
        "cuts": found.cuts,
        "tolerance_frames": found.tolerance_frames,
        "detectors": [
            {
                "detector": one.detector,
                "videos": len(one.sources),
                "threshold": current,
                "current": figures(one.at[current]),
                "suggested_threshold": one.suggested,
                "suggested": figures(one.at[one.suggested]),
                "thresholds": [{"threshold": t, **figures(counts)} for t, counts in one.at.items()],
                "sources": [
                    {
                        "video_id": source.video_id,
                        "source": source.source,
                        "current": figures(source.at[current]),
                        "suggested": figures(source.at[one.suggested]),
                    }
                    for source in one.sources
                ],
            }
            for one in found.detectors
        ],
        "agreement": {
            "clips": seen.clips,
            "pairs": seen.pairs,
            "same": seen.same,
            "share": seen.share,
            "beyond_chance": seen.beyond_chance,
            "verdicts": [{"one": a, "other": b, "pairs": n} for (a, b), n in seen.verdicts.items()],
            "reviewers": [
                {"one": a, "other": b, "pairs": pairs, "same": same} for (a, b), (pairs, same) in seen.reviewers.items()
            ],
        },
        "skipped": list(found.skipped),
    }


def figures(counts: Counts) -> dict[str, Any]:
    """Counts and shares."""
    names = ("right", "wrong", "missed", "precision", "recall", "f1")
    return {name: getattr(counts, name) for name in names}


def curves(found: Evaluation, current: float) -> str:
    """The plot: precision, recall and F1 of each detector over the threshold; the mark is the one in use."""
    series = {}
    for one in found.detectors:
        short = one.detector.partition(" ")[0]
        for name in ("precision", "recall", "f1"):
            points = [(t, value) for t, counts in one.at.items() if (value := getattr(counts, name)) is not None]
            series[f"{short} {name}"] = points
    return lines(f"{found.cuts} cuts that people vouched for", series, x="threshold", y="share", mark=current)


def _say(output: Output, found: Evaluation, current: float) -> None:
    output.say(
        f"{found.clips} clips of {found.videos} videos were approved by people: {found.cuts} cuts, "
        f"±{found.tolerance_frames} frames"
    )
    if not found.detectors:
        output.say("nothing to measure yet: review some clips first")
    elif found.cuts < FEW:
        output.say(f"that is few: below {FEW} cuts a threshold is little more than chance", style="yellow")
    output.table(
        ("detector", "threshold", "precision", "recall", "F1", "right", "wrong", "missed", "videos"),
        [
            row
            for one in found.detectors
            for row in (_row(one, current, ""), _row(one, one.suggested, " suggested"))
        ],
    )  # fmt: skip
    for one in found.detectors:
        output.say()
        best = [(s, s.at[one.suggested]) for s in one.sources]
        output.table(
            ("video", "precision", "recall", "F1", "wrong", "missed", "source"),
            [(s.video_id, *_shares(counts), counts.wrong, counts.missed, s.source) for s, counts in best],
            title=f"{one.detector} at {one.suggested:g}, by source",
        )  # fmt: skip
    seen = found.agreement
    if seen.pairs:
        beyond = "" if seen.beyond_chance is None else f", {seen.beyond_chance:.2f} beyond chance (Scott's π)"
        output.say()
        output.say(f"{seen.clips} clips were judged by two people or more: {seen.share:.0%} of verdicts equal{beyond}")
        for (a, b), (pairs, same) in seen.reviewers.items():
            output.say(f"  {a} and {b}: {same} of {pairs}")


def _row(one: Measured, threshold: float, word: str) -> tuple[Any, ...]:
    counts = one.at[threshold]
    return (
        one.detector,
        f"{threshold:g}{word}",
        *_shares(counts),
        *(counts.right, counts.wrong, counts.missed, len(one.sources)),
    )


def _shares(counts: Counts) -> tuple[float | None, ...]:
    return tuple(None if value is None else round(value, 3) for value in (counts.precision, counts.recall, counts.f1))
