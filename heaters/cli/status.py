"""`heaters status` and `heaters retry`: how it stands, and another try for what gave up."""

from dataclasses import asdict
from typing import Annotated

import typer

from heaters.cli.naming import video_id
from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.core.pipeline import STAGES
from heaters.errors import UsageError
from heaters.status import Status, failure_phrase, state_phrase, status, task_phrase
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
        _print(output, found, settings.stages)


def _print(output: Output, found: Status, limits: str) -> None:
    output.table(
        ("stage", "by", "waiting", "running", "retrying", "gave up", "done", "last hour", "limit"),
        [
            (s.stage, s.by, s.waiting, s.running, s.retrying, s.dead, s.done, s.done_last_hour, s.limit)
            for s in found.stages
        ],
    )
    output.say()
    output.table(
        ("video", "state", "frames", "clips", "source"),
        [
            (
                v["id"],
                state_phrase(v),
                v["frame_count"],
                v["clips"],
                v["source"],
            )
            for v in found.videos
        ],
    )
    if found.video_count > len(found.videos):
        output.say(
            f"the latest {len(found.videos)} of {found.video_count:,} videos; `heaters status VIDEO` tells of others"
        )
    if found.tasks or found.failures:
        output.say()
    for task in found.tasks:
        output.say(f"video {task['video_id']} ({task['source']}): {task_phrase(task)}")
    for failure in found.failures:
        style = "red" if failure["dead"] else "yellow"
        clip = f"clip {failure['clip_id']} of " if failure["clip_id"] else ""
        output.say(
            f"{clip}video {failure['video_id']} ({failure['source']}): {failure_phrase(failure, limits)}", style=style
        )
        output.say(f"    {failure['error_type']}: {failure['error']}", style="dim")
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
            given = {"stage": stage, "videos": ids, "ids": None, "error_type": None}
            rows = tx.execute(query("retry"), given).fetchall()
    items = sorted({(row["stage"], row["subject"], row["subject_id"]) for row in rows})
    if as_json:
        output.json([{"stage": s, "subject": kind, "id": number} for s, kind, number in items])
        return
    for name, kind, number in items:
        output.say(f"{name:<10} {kind} {number} is due again")
    output.say(f"{len(items)} items; `heaters run` does them" if items else "nothing had failed")
