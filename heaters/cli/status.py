"""`heaters status` and `heaters retry`: how it stands, and another try for what gave up."""

from dataclasses import asdict
from typing import Annotated

import typer

from heaters.cli.listing import video_id
from heaters.cli.output import Output
from heaters.cli.run import AsJson
from heaters.cli.session import opened
from heaters.core.pipeline import STAGES
from heaters.errors import UsageError
from heaters.status import Status, run_phrase, status
from heaters.store.queries import query

Videos = Annotated[list[str] | None, typer.Argument(help="Only these videos (numbers or sources).")]


def status_command(videos: Videos = None, as_json: AsJson = False) -> None:
    """Tell what is running, waiting, failed and why, and what to do next."""
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        scope = [video_id(database, name) for name in videos] if videos else None
        found = status(database, settings, scope)
    if as_json:
        output.json(asdict(found))
    else:
        _print(output, found)


def _print(output: Output, found: Status) -> None:
    output.table(
        ("stage", "by", "waiting", "running", "retrying", "gave up", "done", "last hour"),
        [(s.stage, s.by, s.waiting, s.running, s.retrying, s.dead, s.done, s.done_last_hour) for s in found.stages],
    )
    output.say()
    output.table(
        ("video", "state", "frames", "clips", "source"),
        [
            (
                v["id"],
                f"same as {v['duplicate_of']}" if v["duplicate_of"] else v["state"],
                v["frame_count"],
                v["clips"],
                v["source"],
            )
            for v in found.videos
        ],
    )
    if found.runs:
        output.say()
    for run in found.runs:
        style = {"dead": "red", "failed": "yellow", "lost": "yellow"}.get(run["status"])
        output.say(f"{run['subject']} {run['subject_id']} ({run['source']}): {run_phrase(run)}", style=style)
        if run["error"]:
            output.say(f"    {run['error_type']}: {run['error']}", style="dim")
    output.say()
    for step in found.next_steps:
        output.say(f"next: {step}")


def retry_command(
    videos: Videos = None,
    stage: Annotated[str | None, typer.Option(help="Only this stage.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make what failed or gave up due again, with all its attempts."""
    output = Output(as_json=as_json)
    if stage is not None and stage not in STAGES:
        raise UsageError(f"a stage is one of {', '.join(STAGES)}; got {stage!r}")
    with opened() as (_, database):
        ids = [video_id(database, name) for name in videos] if videos else None
        with database.transaction() as tx:
            rows = tx.execute(query("retry"), {"stage": stage, "videos": ids}).fetchall()
    items = sorted({(row["stage"], row["subject"], row["subject_id"]) for row in rows})
    if as_json:
        output.json([{"stage": s, "subject": kind, "id": number} for s, kind, number in items])
        return
    for name, kind, number in items:
        output.say(f"{name:<10} {kind} {number} is due again")
    output.say(f"{len(items)} items; `heaters run` does them" if items else "nothing had failed")
