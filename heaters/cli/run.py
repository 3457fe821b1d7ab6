"""`heaters submit` and `heaters run`: sources in, the pipeline over them."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from heaters.cli.accept import Priority, Tally, accept, accept_from
from heaters.cli.observers import machines
from heaters.cli.output import AsJson, Output, selected
from heaters.cli.progress import Seen, Watch
from heaters.cli.session import opened
from heaters.core.facts import Bound, parsed
from heaters.core.limits import limited
from heaters.core.pipeline import Change, Stage, machine_stages
from heaters.core.states import ClipState
from heaters.errors import UsageError
from heaters.runner.claims import driver_name
from heaters.runner.drained import SideTask, is_anything_due
from heaters.runner.events import Several
from heaters.runner.origins import Origins
from heaters.runner.tasks import TaskStore
from heaters.runner.withdrawn import Withdrawing
from heaters.search.keeper import Keeper
from heaters.settings import Settings
from heaters.sources import Reach
from heaters.status import counts, state_phrase
from heaters.stopping import stopped_by_signals
from heaters.store.approval import Approver
from heaters.store.db import BY_INDEX, Database
from heaters.store.objects import store_of
from heaters.store.proxies import ForFiles
from heaters.store.queries import query
from heaters.submit import Submission

# How long a driver's statement waits for a database that is away, before the loop looks whether it should stop.
PATIENCE_SECONDS = 2.0
VIDEO_KEYS = ("id", "source", "state", "error", "frame_count", "clips", "is_partial", "partial_reason")

Sources = Annotated[
    list[str] | None,
    typer.Argument(help="URLs, files, s3:// objects and prefixes, or manifests (.txt, .csv, .jsonl) of them."),
]
Playlists = Annotated[bool, typer.Option("--playlist", help="A URL stands for all videos that it names.")]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Approve clips without a person.")]
ApproveWhere = Annotated[
    list[str] | None,
    typer.Option(
        "--approve-where", help="Only those whose facts are so, such as 'motion>=0.01'; all of them must hold."
    ),
]


def submit_command(
    sources: Sources = None,
    playlist: Playlists = False,
    watched: Annotated[
        Path | None, typer.Option("--watch", help="Also every video that comes into this folder, until stopped.")
    ] = None,
    priority: Priority = None,
    as_json: AsJson = False,
) -> None:
    """Add sources to the pipeline without running it."""
    output = Output(as_json=as_json)
    if not sources and watched is None:
        raise UsageError("submit takes sources or --watch; got neither")
    tally = Tally()
    with opened() as (settings, database):
        reach = Reach(settings=settings, playlists=playlist)
        answers = accept(output, reach, database, sources or [], tally, priority)
        if watched is not None:
            answers = chain(answers, accept_from(output, reach, database, watched, tally, priority))
        rows = ({"id": s.video_id, "source": s.source, "new": s.is_new, "error": s.error} for s in answers)
        if as_json:
            output.json_rows(rows)
        else:
            deque(rows, maxlen=0)
    output.say(tally.line())
    raise typer.Exit(1 if tally.refused else 0)


def run_command(
    sources: Annotated[list[str] | None, typer.Argument(help="What to run; nothing: all that is due.")] = None,
    playlist: Playlists = False,
    auto_approve: AutoApprove = False,
    approve_where: ApproveWhere = None,
    forever: Annotated[bool, typer.Option("--forever", help="Wait for new work instead of ending.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the pipeline on sources (or on all that is due) until nothing is left to do."""
    output = Output(as_json=as_json)
    rule = approval_rule(auto_approve, approve_where)
    with opened(meanwhile=_import_ray if sources else None) as (settings, database):
        reach = Reach(settings=settings, playlists=playlist)
        submissions = list(accept(output, reach, database, sources or [], Tally()))
        scope = None if not sources else sorted({s.video_id for s in submissions if s.video_id is not None})
        refused = [s for s in submissions if s.error]
        ran = Ran(drained=True)
        if scope is None or scope:
            ran = run(output, settings, database, scope, approve=rule, forever=forever)
        rows = _rows(database, sorted(ran.videos) if scope is None else scope)
        code = _report(output, settings, database, rows, refused, drained=ran.drained, rule=rule)
    raise typer.Exit(code)


def approval_rule(auto_approve: bool, approve_where: Sequence[str] | None) -> tuple[Bound, ...] | None:
    """What is approved without a person: all clips (no bounds), those whose facts lie within bounds, or none (None).
    Raises UsageError for a bound that is none, and for bounds without --auto-approve.
    """
    if approve_where and not auto_approve:
        raise UsageError("--approve-where narrows --auto-approve; give both")
    return parsed(approve_where or ()) if auto_approve else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run did: `drained` when nothing is left to do, else it was stopped; the videos that it worked on."""

    drained: bool
    videos: frozenset[int] = frozenset()


def run(
    output: Output,
    settings: Settings,
    database: Database,
    scope: Sequence[int] | None,
    *,
    stages: Sequence[Stage] = machine_stages(),
    approve: Sequence[Bound] | None = None,
    forever: bool = False,
    side_tasks: Sequence[SideTask] = (),
) -> Ran:
    """Run stages over `scope`. `approve`: bounds within which clips are approved without a person; None: none are."""
    if approve is not None and settings.proxies == "auto":
        settings = replace(settings, proxies="demand")  # nobody is to watch
    stages = _asked(stages, settings)
    ours = database.like(
        application_name="heaters run", max_size=4, patience_seconds=PATIENCE_SECONDS, options=BY_INDEX
    )
    tasks = TaskStore(ours, settings, driver=driver_name(), scope=scope)
    side_tasks = [*_own_side_tasks(tasks, settings, scope, approve), *side_tasks]
    if not forever and not is_anything_due(tasks, stages, side_tasks):
        return Ran(drained=True)
    # Ray takes seconds to import and start: commands that find nothing to do go without. `cluster` must come first.
    from heaters.runner.cluster import connect

    cluster = connect(settings)
    from heaters.runner.heartbeat import Heartbeat
    from heaters.runner.loop import Runner
    from heaters.runner.nodes import Tidy

    watch = Watch(output, stages, (origins := Origins(database)).name)
    size = f"{cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs; embedding with {settings.model}"
    output.say(f"running on {settings.ray_address or 'this machine'}: {size}")
    keeper, seen = Keeper(database, watch.noticed), Seen()
    beats = database.like(application_name="heaters heartbeat", max_size=1, patience_seconds=PATIENCE_SECONDS)
    with ExitStack() as stack:
        stack.callback(ours.close)
        observer = Several(
            seen,
            stack.enter_context(watch),
            *machines(stack, output, settings, database, stages, origins, tasks.driver, lambda: seen.drained),
        )
        heartbeat = stack.enter_context(
            Heartbeat(beats, tasks.driver, lease_seconds=settings.lease_seconds, on_trouble=observer.noticed)
        )
        runner = Runner(
            settings=settings,
            tasks=tasks,
            heartbeat=heartbeat,
            cluster=cluster,
            stages=stages,
            observer=observer,
            side_tasks=[*side_tasks, keeper, Tidy(ours, settings, observer.noticed)],
            forever=forever,
        )
        with stopped_by_signals(runner.stop):
            seen.drained = runner.run()
    if seen.drained:
        keeper.settle()
    return Ran(drained=seen.drained, videos=frozenset(seen.videos))


def _asked(stages: Sequence[Stage], settings: Settings) -> list[Stage]:
    """The stages that the settings want, with the limits that these set."""
    wanted = [stage for stage in stages if stage.gives is not Change.FILES or settings.export_profile != "none"]
    return [limited(stage, settings.stages) for stage in wanted]


def _import_ray(settings: Settings) -> None:
    from heaters.runner.cluster import import_soon

    import_soon(settings)


def _own_side_tasks(
    tasks: TaskStore, settings: Settings, scope: Sequence[int] | None, bounds: Sequence[Bound] | None
) -> Iterator[SideTask]:
    """Proxies for files that are copied from one, approval by a rule, and what withdrawn videos leave to be done."""
    database = tasks.database
    yield Withdrawing(store_of(settings), tasks)
    if settings.export_profile == "proxy":
        yield ForFiles(database, scope, whole=bounds is not None)
    if bounds is not None:
        yield Approver(database, scope, bounds=bounds, reviewer="auto-approve")


def _rows(database: Database, ids: Sequence[int]) -> list[dict[str, Any]]:
    with database.transaction() as tx:
        return list(tx.execute(query("videos"), {"ids": list(ids)}).fetchall())


def _report(
    output: Output,
    settings: Settings,
    database: Database,
    rows: list[dict[str, Any]],
    refused: list[Submission],
    *,
    drained: bool,
    rule: Sequence[Bound] | None,
) -> int:
    """Say how every video stands; returns the exit code."""
    failed = [row for row in rows if row["error"]]
    videos = [selected(row, VIDEO_KEYS) for row in rows] + [
        {**dict.fromkeys(VIDEO_KEYS), "source": s.source, "state": "refused", "error": s.error, "clips": 0}
        for s in refused
    ]
    count = len(failed) + len(refused)
    if output.as_json:
        output.json({"videos": videos, "failed": count})
    else:
        if rows:
            output.say()
            output.table(
                ("video", "state", "frames", "clips", "source"),
                [(r["id"], state_phrase(r), r["frame_count"], r["clips"], r["source"]) for r in rows],
            )
        elif drained and not refused:
            output.say("nothing is due; `heaters status` shows what there is")
        for row in failed:
            output.say(f"video {row['id']} failed: {row['error']}", style="red")
        for submission in refused:
            output.say(f"refused: {submission.error}", style="red")
        if failed:
            output.say("`heaters status` tells more; `heaters retry` tries again what gave up.")
        _next_step(output, settings, database, rows, rule)
    if not drained:
        output.say("stopped; what was running was given back. The same command goes on from here.", style="yellow")
    return 1 if count or not drained else 0


def _next_step(
    output: Output,
    settings: Settings,
    database: Database,
    rows: list[dict[str, Any]],
    rule: Sequence[Bound] | None,
) -> None:
    with database.transaction() as tx:
        found = counts(tx, settings, [row["id"] for row in rows])
    waiting = found.clips(ClipState.PENDING_REVIEW)
    if not waiting:
        return
    clips = f"{waiting} clip{'s'[: waiting != 1]}"
    how = "`heaters clips VIDEO`, then `heaters review approve CLIP…`"
    if rule:
        approved = found.clips(ClipState.REVIEW_APPROVED)
        output.say(f"{approved} are approved; {clips} did not pass the rule, and wait for a person: {how}")
    else:
        output.say(f"{clips} wait for review: {how} (or run again with --auto-approve).")
